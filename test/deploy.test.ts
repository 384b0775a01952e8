import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { parseCommandLine } from '#src/cli/options.js'
import { serveIndex } from './helpers/index-server.js'
import { execute } from './helpers/python-clients.js'
import { temporaryDirectory } from './helpers/temporary.js'
import { unusedPort } from './helpers/unused-port.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, 'examples/deploy')
const names = readdirSync(folder)
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
/** A line of a shell, or of a unit, that runs the command. */
const lineArguments = (text: string): readonly string[] => {
  const [, line = ''] = /(?:ExecStart|command)=\S*\/pypi-server run (.*)$/m.exec(text) ?? []
  return line.split(' ')
}
/** A JSON list after this word. */
const listAfter = (word: string, text: string): readonly string[] => {
  const [, list = '[]'] = new RegExp(`${word} ?(\\[.*\\])$`, 'm').exec(text) ?? []
  return JSON.parse(list) as readonly string[]
}

const commandLines: Readonly<Record<string, (text: string) => readonly string[]>> = {
  Dockerfile: (text) => listAfter('^CMD', text),
  'compose.yaml': (text) => listAfter('command:', text),
  'kubernetes.yaml': (text) => listAfter('args:', text),
  'pypi-server.service': lineArguments,
  'supervisord.conf': lineArguments,
}

test('every deployment file has its line in the documentation, and no other has', () => {
  const page = readFileSync(join(root, 'docs/deployment.md'), 'utf8')
  const listed = [...page.matchAll(/^\| \[`([^`]+)`\]\(\.\.\/examples\/deploy\/([^)]+)\)/gm)].map(([, name]) => name)
  assert.deepEqual(listed.sort(), names.filter((name) => !name.endsWith('ignore')).sort())
})

test('every deployment file runs the command as the command takes it', (t) => {
  t.mock.method(process, 'exit', (code: number) => {
    throw new Error(`exit ${code}`)
  })
  for (const [name, argumentsOf] of Object.entries(commandLines)) {
    const words = argumentsOf(read(name))
    assert.ok(words.length > 1, name)
    assert.doesNotThrow(() => parseCommandLine(['run', ...words]), name)
  }
  for (const name of names.filter((other) => !(other in commandLines)))
    assert.doesNotMatch(read(name), /pypi-server run/, name)
})

test('every option that a deployment file speaks of is one of the command', () => {
  const { stdout } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'run', '--help'], {
    encoding: 'utf8',
  })
  for (const name of Object.keys(commandLines).concat('nginx.conf', 'apache.conf', 'traefik.yaml')) {
    // Docker, npm and others have options of their own, in comments and in RUN.
    const text = read(name).replaceAll(/^.*\b(?:docker|npm|kubectl|useradd|node",|HEALTHCHECK)\b.*$|^COPY.*$/gm, '')
    for (const [option] of text.matchAll(/--[a-z][a-z-]+/g)) assert.match(stdout, new RegExp(`${option}\\b`), name)
  }
})

test('every path that a deployment file asks for its health is answered', async (t) => {
  const { request } = await serveIndex(t)
  const paths = names.flatMap((name) => [...read(name).matchAll(/\/health[\w?]*/g)].map(([path]) => path))
  assert.ok(paths.length >= 4)
  for (const path of new Set(paths)) assert.equal((await request(path)).status, 200, path)
})

test("the image's health check says whether the index is ready", async (t) => {
  const { url } = await serveIndex(t)
  const [, , script = ''] = listAfter('^HEALTHCHECK .* CMD', read('Dockerfile'))
  for (const [host, expected] of [
    [new URL(url).host, 0],
    [`127.0.0.1:${await unusedPort()}`, 1],
  ] as const) {
    const command = [process.execPath, '-e', script.replace('127.0.0.1:8080', host)]
    assert.equal((await execute(command, { env: process.env })).code, expected)
  }
})

test('the image is made of what its first stage copies, and the package that this makes is whole', async (t) => {
  const source = temporaryDirectory(t)
  const [first = ''] = read('Dockerfile').split(/^FROM node\S+$/m)
  const copied = [...first.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, words = '']) => words.split(' '))
  assert.ok(copied.length > 5)
  for (const path of copied) cpSync(join(root, path), join(source, path), { recursive: true })
  const ignored = read('Dockerfile.dockerignore').split('\n')
  assert.deepEqual(
    copied.filter((path) => !ignored.includes(`!${path}`)),
    [],
  )
  // In the place of `npm ci`.
  symlinkSync(join(root, 'node_modules'), join(source, 'node_modules'))
  const env = { ...process.env, HOME: source }
  const { code, output } = await execute(['npm', 'pack', '--json', '--pack-destination', source], { cwd: source, env })
  assert.equal(code, 0, output)
  assert.ok(existsSync(join(source, 'dist/cli/main.js')) && readdirSync(source).some((name) => name.endsWith('.tgz')))
})

test('every YAML file of the deployments is YAML, without a key twice', () => {
  for (const name of names.filter((other) => other.endsWith('.yaml'))) {
    const documents = parseAllDocuments(read(name))
    assert.deepEqual(
      [...documents].flatMap(({ errors, warnings }) => [...errors, ...warnings]),
      [],
      name,
    )
  }
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

test('the unit is one that systemd takes, and leaves the service little', {
  skip: !hasSystemd && 'systemd-analyze is not here: apt-get install systemd',
}, (t) => {
  const path = join(temporaryDirectory(t), 'pypi-server.service')
  // Neither the command nor the user are on this machine.
  const unit = read('pypi-server.service').replace('/usr/local/bin/pypi-server', process.execPath)
  writeFileSync(path, unit.replace('User=pypi-server', 'User=daemon'))
  const verified = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
  assert.deepEqual([verified.status, verified.stderr], [0, ''])
  const judged = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', '--no-pager', path])
  assert.equal(judged.status, 0, String(judged.stdout))
})
