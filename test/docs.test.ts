import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { configKeys } from '#src/cli/config-keys.js'
import { parseCommandLine } from '#src/cli/options.js'
import { defaultLimits } from '#src/limits.js'
import { routeTable } from '#src/routes/table.js'
import { wheel } from './helpers/archives.js'
import { eventually } from './helpers/eventually.js'
import { freePort } from './helpers/free-port.js'
import { serveIndex } from './helpers/index-server.js'
import { temporaryDirectory } from './helpers/temporary.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const documents = ['README.md', ...markdownBelow('docs')]

function markdownBelow(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return markdownBelow(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

interface Block {
  readonly language: string
  readonly code: string
  /** Document and line, for titles and file names. */
  readonly at: string
}

/** The fenced blocks of a document. */
function blocksOf(document: string): readonly Block[] {
  const content = read(document)
  return [...content.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ 1: language = '', 2: code = '', index }) => {
    return { language, code, at: `${document}:${content.slice(0, index).split('\n').length + 1}` }
  })
}

const blocks = documents.flatMap(blocksOf)
const programs = blocks.filter(({ language }) => language === 'ts')
const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ code, at }) => code.split('\n').map((line) => ({ line, at })))
  .filter(({ line }) => line !== '')

/** Where the programs are compiled: inside the package, so that they import it by its name. */
const folder = join(root, '.build', 'documents')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const { code, at } of programs) writeFileSync(fileOf(at), code)

function fileOf(at: string): string {
  return join(folder, `${at.replace(/[^A-Za-z0-9-]+/g, '-')}.mts`)
}

test('every fenced block says what it is', () => {
  // `typescript` marks fragments, which a test of their own finds in code that runs.
  const known = ['ts', 'typescript', 'sh', 'conf', 'dockerfile', 'json', 'yaml', '']
  assert.deepEqual(
    blocks.filter(({ language }) => !known.includes(language)).map(({ at }) => at),
    [],
  )
  assert.ok(programs.length > 15 && commands.length > 15)
})

test('every configuration in the documentation has the form of its kind', () => {
  const ofKind = (kind: string) => blocks.filter(({ language }) => language === kind)
  for (const { code } of ofKind('json')) JSON.parse(code)
  for (const { code, at } of ofKind('yaml')) assert.doesNotMatch(code, /\t|^(?: {2})* \S/m, at)
  for (const { code, at } of ofKind('conf')) {
    const odd = code.split('\n').filter((line) => !/^ *(?:|\[\w+\]|\w+=.+|[\w/ ]+\{|\}|.+;|#.*)$/.test(line))
    assert.deepEqual(odd, [], at)
    assert.equal(code.split('{').length, code.split('}').length, at)
  }
})

test('every program in the documentation compiles under the strict settings of this package', () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ compilerOptions: config.compilerOptions }, ts.sys, root)
  const { rootDir, outDir, tsBuildInfoFile, composite, noPropertyAccessFromIndexSignature, ...strict } = options
  const program = ts.createProgram(
    programs.map(({ at }) => fileOf(at)),
    { ...strict, noEmit: true },
  )
  const problems = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    return `${file && relative(folder, file.fileName)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
  assert.deepEqual(problems, [])
})

const demo = wheel({ name: 'demo', version: '1.0' })

/** Starts a program in a directory with what the documentation takes for granted. */
function start(t: TestContext, { code, at }: Block): ChildProcess {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  })
  const path = fileOf(at).replace(/\.mts$/, '.mjs')
  writeFileSync(path, outputText)
  const cwd = temporaryDirectory(t)
  for (const name of ['packages', 'archive']) mkdirSync(join(cwd, name))
  writeFileSync(join(cwd, 'packages', demo.filename), demo.bytes)
  writeFileSync(join(cwd, 'htpasswd'), 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n')
  const child = spawn(process.execPath, ['--import', freePort, path], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

for (const block of programs) {
  const { code, at } = block
  if (code.includes('listen(')) {
    test(`the program at ${at} serves its directory`, async (t) => {
      const port = await portOf(start(t, block))
      const url = `http://localhost:${port}${code.includes("'/pypi'") ? '/pypi/' : '/'}`
      const getPage = code.includes('node:http2') ? getOverHttp2 : get
      // A busy machine may need more than the second for which a first page waits for files that were copied in just now.
      await eventually(async () => (await getPage(url, 'simple/')).includes('href="demo/"'))
    })
  } else {
    test(`the program at ${at} runs to its end`, async (t) => {
      const child = start(t, block)
      assert.deepEqual(await once(child, 'exit'), [0, null])
    })
  }
}

async function portOf(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout)
  const printed = once(createInterface(child.stdout), 'line')
  const [line] = (await Promise.race([printed, once(child, 'exit')])) as unknown[]
  const [, port] = /^port (\d+)$/.exec(String(line)) ?? []
  assert.ok(port, `it listens on no port: ${line}`)
  return port
}

async function get(url: string, path: string): Promise<string> {
  return await (await fetch(new URL(path, url))).text()
}

async function getOverHttp2(url: string, path: string): Promise<string> {
  const session = connect(url)
  try {
    return await text(session.request({ ':path': `/${path}` }))
  } finally {
    session.destroy()
  }
}

/** The configuration file that the documentation shows. */
const [, documentedConfig = ''] =
  /^## A configuration file$[\s\S]*?^```json\n([\s\S]*?)^```$/m.exec(read('docs/cli.md')) ?? []

test('every command line in the documentation is one that its program takes', async (t) => {
  const config = join(temporaryDirectory(t), 'pypi-server.json')
  writeFileSync(config, documentedConfig)
  t.mock.method(process, 'exit', (code: number) => {
    throw new Error(`exit ${code}`)
  })
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
  for (const { line, at } of commands) {
    const [, ours] = /^(?:npx )?pypi-server (.*)$/.exec(line.replace(/^npm start --/, 'pypi-server run')) ?? []
    const [, script] = /^npm (?:run )?(\w+)/.exec(line) ?? []
    if (ours !== undefined) assert.doesNotThrow(() => parseCommandLine(words(ours, config)), `${at}: ${line}`)
    else if (script !== undefined)
      assert.ok(['install', 'init'].includes(script) || scripts[script] !== undefined, `${at}: ${line}`)
    else assert.match(line, /^(?:pip|uv pip|twine|htpasswd|mkdir|node) /, at)
  }
})

/** As a shell splits them, as far as the documentation needs; the configuration file is where it is. */
function words(line: string, config: string): readonly string[] {
  const all = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain = '']) => quoted ?? plain)
  return all.map((word) => (word === 'pypi-server.json' ? config : word))
}

test('every address in a command line is one that the index answers', async (t) => {
  const { root: served, request } = await serveIndex(t)
  writeFileSync(join(served, demo.filename), demo.bytes)
  for (const { line, at } of commands) {
    const [, option = '', path = ''] = /(--[a-z-]+) http:\/\/localhost:8080(\S*)/.exec(line) ?? []
    if (option === '') continue
    assert.equal(path, option === '--index-url' ? '/simple/' : '/', `${at}: ${line}`)
    assert.equal((await request(path)).status, 200, `${at}: ${line}`)
  }
})

/** The code spans in headings of one level, in the order of the document. */
function headings(document: string, level: string): readonly string[] {
  return [...read(document).matchAll(/^(#+) (.*)$/gm)]
    .filter(([, marks]) => marks === level)
    .flatMap(([, , title = '']) => [...title.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code))
}

test('every configuration key has its heading, and no other has', () => {
  const [, table = ''] = /const knownKeys[^{]*\{([^}]*)\}/.exec(read('src/settings.ts')) ?? []
  const keys = [...table.matchAll(/(\w+): true/g)].map(([, key = '']) => key)
  assert.ok(keys.length > 0)
  assert.deepEqual([...headings('docs/configuration.md', '###')].sort(), keys.sort())
})

test('every key of a configuration file is named in its chapter', () => {
  const [, chapter = ''] = /^## A configuration file$([\s\S]*?)^## /m.exec(read('docs/cli.md')) ?? []
  assert.deepEqual(
    configKeys.filter((key) => !chapter.includes(`\`${key}\``)),
    [],
  )
})

test('every limit has its line in the documentation, with its default, and no other has', () => {
  const rows = [...read('docs/configuration.md').matchAll(/^\| `(\w+)` +\| ([\d.]+)(?: (\w+))? +\|/gm)]
  const documented = rows.map(([, name = '', number, unit = '']) => [
    name,
    Number(number) * (units[unit] ?? Number.NaN),
  ])
  assert.deepEqual(Object.fromEntries(documented), { ...defaultLimits })
  const source = read('src/limits.ts')
  for (const [, name, number, unit = ''] of rows) {
    const comment = new RegExp(`@default ${number}${unit && ` ${unit}`} \\*/\\n  readonly ${name}: number`)
    assert.match(source, comment, name)
  }
})

const units: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  s: 1000,
  h: 3_600_000,
  '/s': 1,
}

test('every option of the commands has its heading, as their help shows it, and no other has', () => {
  const run = optionsOf('run')
  const updateOnly = optionsOf('update').filter((option) => !run.includes(option))
  assert.ok(run.length > 0 && updateOnly.length > 0)
  assert.deepEqual([...headings('docs/cli.md', '###')].sort(), [...run].sort())
  assert.deepEqual([...headings('docs/cli.md', '####')].sort(), updateOnly.sort())
})

test('every option of the other commands has its line, as their help shows it', () => {
  const document = read('docs/cli.md')
  for (const command of [
    'yank',
    'unyank',
    'delete',
    'status',
    'doctor',
    'token create',
    'token list',
    'token revoke',
  ]) {
    const missing = optionsOf(command).filter((option) => {
      return option !== '-h, --help' && !document.includes(`\n- \`${option}\``)
    })
    assert.deepEqual(missing, [], command)
  }
})

test('every kind of finding has its line in the table of doctor, and no other has', () => {
  const [, union = ''] = /type FindingKind =([\s\S]*?)\n\n/.exec(read('src/backends/directory/finding.ts')) ?? []
  const kinds = [...union.matchAll(/'([\w-]+)'/g)].map(([, kind = '']) => kind)
  const [, table = ''] = /### What doctor tells\n([\s\S]*?)\n## /.exec(read('docs/cli.md')) ?? []
  const documented = [...table.matchAll(/^\| .*? \| `([\w-]+)` +\|/gm)].map(([, kind = '']) => kind)
  assert.ok(kinds.length > 0)
  assert.deepEqual(documented.sort(), kinds.sort())
})

test('options that are said to be those of both commands are', () => {
  const [, section = ''] = /^## Options of both commands\n([\s\S]*?)^## /m.exec(read('docs/cli.md')) ?? []
  const documented = [...section.matchAll(/^### `(.*)`$/gm)].map(([, option = '']) => option)
  const [run, update] = [optionsOf('run'), optionsOf('update')]
  assert.ok(documented.length > 0)
  assert.deepEqual(
    documented.filter((option) => !run.includes(option) || !update.includes(option)),
    [],
  )
})

/** The options in the help of a command. */
function optionsOf(command: string): readonly string[] {
  const args = [join(root, 'dist', 'cli', 'main.js'), ...command.split(' '), '--help']
  const help = execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, COLUMNS: '200' } })
  return [...help.matchAll(/^ {2}(-\S.*?)(?: {2,}|$)/gm)].map(([, option = '']) => option)
}

test('every event and every hook is in the documentation of the configuration', () => {
  const names = (path: string, type: string) => {
    const [, body = ''] = new RegExp(`interface ${type} \\{([\\s\\S]*?)\\n\\}`).exec(read(path)) ?? []
    return [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name = '']) => name)
  }
  const all = [...names('src/events.ts', 'EventMap'), ...names('src/domain/publishing.ts', 'Hooks')]
  assert.ok(all.length > 3)
  const text = read('docs/configuration.md')
  assert.deepEqual(
    all.filter((name) => !text.includes(`\`${name}(`)),
    [],
  )
})

test('every route has its heading, and no other has', () => {
  const routes = routeTable('/health', '/metrics').map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual([...headings('docs/http-api.md', '###')].sort(), routes.sort())
})

test('every error code has its heading and its status, and no other has', () => {
  const statuses = [...read('src/edge/problems.ts').matchAll(/^ {2}(ERR_PYPI_\w+): (\d+),$/gm)]
  const documented = [...read('docs/errors.md').matchAll(/^## `(\w+)`\n\nStatus (\d+)/gm)]
  const pairs = (matches: readonly RegExpExecArray[]) => matches.map(([, code, status]) => `${code} ${status}`).sort()
  assert.ok(statuses.length > 0)
  assert.deepEqual(pairs(documented), pairs(statuses))
  const [, union = ''] = /type PypiServerErrorCode =([\s\S]*?)\n\n/.exec(read('src/errors.ts')) ?? []
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code = '']) => code)
  assert.deepEqual([...headings('docs/errors.md', '##')].sort(), codes.sort())
})

test('every dependency has its line with a reason, and no other has', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { readonly dependencies: object }
  const explained = [...read('docs/decisions/dependencies.md').matchAll(/^- \*\*([\w-]+)\*\*: \w/gm)]
  assert.deepEqual(explained.map(([, name]) => name).sort(), Object.keys(dependencies).sort())
})

test('every link inside the documentation leads to a file and a heading that exist', () => {
  const broken = [...documents, 'CHANGELOG.md'].flatMap((document) =>
    [...read(document).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^https?:/.test(link) && !leadsSomewhere(document, link))
      .map((link) => `${document}: ${link}`),
  )
  assert.deepEqual(broken, [])
})

function leadsSomewhere(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? document : join(dirname(document), path)
  if (!existsSync(join(root, target))) return false
  return anchor === undefined || anchors(target).includes(anchor)
}

/** As GitHub makes them of headings. */
function anchors(document: string): readonly string[] {
  return [...read(document).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

test('the README is shorter than 200 lines', () => {
  assert.ok(read('README.md').split('\n').length <= 200)
})

test('every promise names tests that exist', () => {
  const sources = testSources('test').map(read).join('')
  const sections = read('docs/security.md').split('## Promises')[1]?.split('\n## ')[0]?.split('\n### ').slice(1) ?? []
  assert.ok(sections.length >= 10)
  for (const section of sections) {
    const named = [...section.matchAll(/^- «(.+)»$/gm)].map(([, title = '']) => title)
    assert.ok(named.length > 0, section)
    assert.deepEqual(
      named.filter((title) => !sources.includes(`'${title}'`)),
      [],
    )
  }
})

function testSources(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return testSources(path)
    return entry.name.endsWith('.test.ts') ? [path] : []
  })
}

test('the changelog is grouped by kinds of changes and themes, and tells nothing twice', () => {
  const changelog = read('CHANGELOG.md')
  const kinds = [...changelog.matchAll(/^### (.*)$/gm)].map(([, kind = '']) => kind)
  const known = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']
  assert.deepEqual(
    kinds.filter((kind) => !known.includes(kind)),
    [],
  )
  const lines = changelog.split('\n').filter((line) => line.startsWith('- ') || line.startsWith('#'))
  assert.deepEqual(
    lines.filter((line, index) => lines.indexOf(line) !== index),
    [],
  )
})
