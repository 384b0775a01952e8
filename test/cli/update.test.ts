import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { ArgumentParser } from 'argparse'
import { type UpdateIo, update } from '#src/cli/update.js'
import { addUpdateArguments, type UpdateOptions } from '#src/cli/update-options.js'
import { wheel } from '../helpers/archives.js'
import { listen, serveIndex, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface RunOptions extends Omit<UpdateIo, 'stdout' | 'stderr'> {
  readonly isTTY?: boolean
}

function parse(...args: readonly string[]): UpdateOptions {
  const parser = new ArgumentParser({ prog: 'pypi-server update' })
  addUpdateArguments(parser)
  return parser.parse_args([...args]) as unknown as UpdateOptions
}

async function run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { isTTY = false, ...io } = options
  const stdout = new PassThrough({ encoding: 'utf8' })
  const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 80 })
  const code = await update(parse(...args), { ...io, stdout, stderr })
  return { code, out: stdout.read() ?? '', err: stderr.read() ?? '' }
}

/** A directory with empty files: `update` goes by names. */
function packages(t: TestContext, ...names: readonly string[]): string {
  const folder = temporaryDirectory(t)
  for (const name of names) writeFileSync(join(folder, name), '')
  return folder
}

/** Address of an index of our own that holds these wheels. */
async function upstream(t: TestContext, ...releases: readonly string[]): Promise<string> {
  const { url, root } = await serveIndex(t)
  for (const release of releases) {
    const [name = '', version = ''] = release.split('==')
    const { filename, bytes } = wheel({ name, version })
    writeFileSync(join(root, filename), bytes)
  }
  return `${url}simple`
}

/** The name of the project that a request asks for. */
function askedName({ url = '' }: IncomingMessage): string {
  return url.split('/').at(-2) ?? ''
}

function answerVersion(response: ServerResponse, name: string, version: string): void {
  response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json')
  const files = [{ filename: `${name}-${version}-py3-none-any.whl`, yanked: false }]
  response.end(JSON.stringify({ meta: { 'api-version': '1.1' }, versions: [version], files }))
}

/** An environment whose pip writes down how it is called. */
function fakePip(t: TestContext, script: string): { readonly env: NodeJS.ProcessEnv; readonly log: () => string } {
  const folder = temporaryDirectory(t)
  const log = join(folder, 'log')
  writeFileSync(join(folder, 'pip'), `#!/bin/sh\nprintf '[%s]' "$@" >> '${log}'\necho >> '${log}'\n${script}\n`)
  chmodSync(join(folder, 'pip'), 0o755)
  return { env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` }, log: () => readFileSync(log, 'utf8') }
}

test('updates are told as pypiserver tells them', async (t) => {
  const index = await upstream(t, 'raven==1.4.4', 'raven==1.4.3', 'current==1.0', 'Zed==2.0')
  const folder = packages(t, 'raven-1.4.3.tar.gz', 'current-1.0.tar.gz', 'Zed-1.0.zip', 'fresh-1.0.zip', 'gone-2.zip')
  assert.deepEqual(await run(['--index-url', `${index}/`, folder]), {
    code: 0,
    out:
      'checking 5 packages for newer version\n\nu.eeu\n\n' +
      `no releases found on ${index} for fresh, gone\n\n` +
      '# update Zed from 1.0 to 2.0\n' +
      `pip -q download --no-deps -i ${index} -d ${folder} Zed==2.0\n\n` +
      '# update raven from 1.4.3 to 1.4.4\n' +
      `pip -q download --no-deps -i ${index} -d ${folder} raven==1.4.4\n\n`,
    err: '',
  })
})

test('an empty directory has nothing to check', async (t) => {
  assert.deepEqual(await run(['--index-url', 'http://127.0.0.1:9/', packages(t)]), {
    code: 0,
    out: 'checking 0 packages for newer version\n\n\n',
    err: '',
  })
})

test('every line has 40 marks, in the order of names, however late the answers are', async (t) => {
  const held: (() => void)[] = []
  const index = await listen(t, (request, response) => {
    const name = askedName(request)
    const answer = (): void => {
      if (name === 'p00') response.writeHead(404).end()
      else answerVersion(response, name, name === 'p41' ? '2.0' : '1.0')
    }
    // The first project is answered after all others.
    if (name === 'p00') held.push(answer)
    else answer()
    if (name === 'p44') for (const late of held) late()
  })
  const names = Array.from({ length: 45 }, (_, at) => `p${String(at).padStart(2, '0')}-1.0.zip`)
  const { out } = await run(['--index-url', index, packages(t, ...names)])
  assert.match(out, new RegExp(`^checking 45 .*\n\ne${'\\.'.repeat(39)}\n\\.u\\.\\.\\.\n\nno releases found `))
})

test('not more than ten projects are asked about at a time', async (t) => {
  const held: (() => void)[] = []
  let most = 0
  let left = 25
  const index = await listen(t, (request, response) => {
    held.push(() => answerVersion(response, askedName(request), '1.0'))
    most = Math.max(most, held.length)
    if (held.length < Math.min(10, left)) return
    left -= held.length
    for (const answer of held.splice(0)) answer()
  })
  const names = Array.from({ length: 25 }, (_, at) => `p${at}-1.0.zip`)
  assert.equal((await run(['--index-url', index, packages(t, ...names)])).code, 0)
  assert.deepEqual([most, left], [10, 0])
})

test('stable releases are proposed, with -u pre-releases as well', async (t) => {
  const index = await upstream(t, 'demo==1.1', 'demo==2.0rc1')
  const folder = packages(t, 'demo-1.0.zip')
  assert.match((await run(['--index-url', index, folder])).out, /^# update demo from 1\.0 to 1\.1$/m)
  assert.match((await run(['-u', '--index-url', index, folder])).out, /^# update demo from 1\.0 to 2\.0rc1$/m)
})

test('ignored and private projects are never asked about, in whatever spelling', async (t) => {
  const asked: string[] = []
  const index = await listen(t, (request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(404).end()
  })
  const folder = packages(
    t,
    'my_private-1.0.zip',
    'Acme.Tool-1.0.zip',
    'secret-1.0.zip',
    'public-1.0.zip',
    'acme_x.zip',
  )
  const list = join(temporaryDirectory(t), 'ignored')
  writeFileSync(list, 'My-Private # ours\n')
  const args = ['--blacklist-file', list, '--private', 'acme-*', '--private', 'SECRET', '--index-url', index, folder]
  const { code, out, err } = await run(args)
  assert.deepEqual([code, asked, err], [0, ['/public/'], ''])
  assert.match(out, /^checking 1 packages/)
})

test('projects that were uploaded here are never asked about', async (t) => {
  const { root, post } = await serveIndex(t)
  await post(uploadForm(wheel({ name: 'ours', version: '1.0' })))
  writeFileSync(join(root, 'theirs-1.0.zip'), '')
  const { code, out } = await run(['--index-url', await upstream(t, 'ours==2.0', 'theirs==2.0'), root])
  assert.equal(code, 0)
  assert.match(out, /^checking 1 packages/)
  assert.doesNotMatch(out, /ours/)
})

test('when it cannot be told what was uploaded here, nothing is asked', async (t) => {
  const root = packages(t, 'theirs-1.0.zip')
  mkdirSync(join(root, '.pypi-server', 'projects'), { recursive: true })
  writeFileSync(join(root, '.pypi-server', 'projects', 'ours.json'), '{')
  const { code, out, err } = await run(['--index-url', await upstream(t, 'theirs==2.0'), root])
  assert.deepEqual([code, out], [2, ''])
  assert.match(err, /^pypi-server: error: cannot tell which projects were uploaded to [^\n]+\n$/)
})

test('files without a version or a proper name are skipped with the reason and not asked about', async (t) => {
  const folder = packages(t, 'noversion.zip', 'odd-1.x.y.zip', '--index-url=evil-1.0.zip')
  const { code, out, err } = await run(['--index-url', 'http://127.0.0.1:9/', folder])
  assert.deepEqual([code, out], [0, 'checking 0 packages for newer version\n\n\n'])
  assert.deepEqual(err.trimEnd().split('\n'), [
    'skipped --index-url=evil-1.0.zip: "--index-url=evil" is no project name',
    'skipped noversion.zip: there is no version in its name',
    'skipped odd-1.x.y.zip: "1.x.y" is no version',
  ])
})

test('what could not be checked is told by name after the marks, and the exit code is 1', async (t) => {
  const index = await listen(t, (request, response) => {
    const name = askedName(request)
    if (name === 'broken') response.writeHead(500).end()
    else if (name === 'page') response.setHeader('content-type', 'text/html').end('<html>')
    else answerVersion(response, name, '2.0')
  })
  const folder = packages(t, 'broken-1.0.zip', 'good-1.0.zip', 'page-1.0.zip')
  const { code, out, err } = await run(['--index-url', index, folder])
  assert.equal(code, 1)
  assert.match(out, /^checking 3 packages for newer version\n\neue\n\n# update good from 1\.0 to 2\.0\n/)
  assert.deepEqual(err.trimEnd().split('\n'), [
    'error: broken: the index answers 500',
    'error: page: the index answers HTML, not the JSON of PEP 691',
  ])
})

test('an index that does not answer in time is a failure of the project', async (t) => {
  const index = await listen(t, () => {})
  const { code, err } = await run(['--index-url', index, packages(t, 'slow-1.0.zip')], { timeoutMs: 50 })
  assert.deepEqual([code, err], [1, 'error: slow: no complete answer within 0.05 s\n'])
})

test('the password of the index is sent, and shown nowhere', async (t) => {
  const asked: (string | undefined)[] = []
  const index = await listen(t, (request, response) => {
    asked.push(request.headers.authorization)
    if (askedName(request) === 'demo') answerVersion(response, 'demo', '2.0')
    else response.writeHead(askedName(request) === 'gone' ? 404 : 403).end()
  })
  const folder = packages(t, 'demo-1.0.zip', 'gone-1.0.zip', 'shut-1.0.zip')
  const { code, out, err } = await run(['--index-url', index.replace('//', '//ann:s3cret@'), folder])
  const basic = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`
  assert.deepEqual([code, asked], [1, [basic, basic, basic]])
  assert.doesNotMatch(out + err, /s3cret|ann/)
  assert.ok(out.includes(` -i ${index} `))
})

test('-x runs every printed command without a shell and passes on what pip says', async (t) => {
  const index = await upstream(t, 'one==2.0', 'two==2.0')
  const folder = join(packages(t), 'a b; $(touch x)')
  mkdirSync(folder)
  for (const name of ['one-1.0.zip', 'two-1.0.zip']) writeFileSync(join(folder, name), '')
  const pip = fakePip(t, 'echo said; echo complained >&2')
  const { code, out, err } = await run(['-x', '--index-url', index, folder], { env: pip.env })
  const call = (name: string): string => `[-q][download][--no-deps][-i][${index}][-d][${folder}][${name}==2.0]\n`
  assert.deepEqual([code, pip.log(), err], [0, call('one') + call('two'), 'complained\n'.repeat(2)])
  assert.match(out, /one==2\.0\n\nsaid\n# update two from 1\.0 to 2\.0\npip .*\n\nsaid\n$/)
})

test('without -x pip is not run', async (t) => {
  const pip = fakePip(t, '')
  const index = await upstream(t, 'one==2.0')
  await run(['--index-url', index, packages(t, 'one-1.0.zip')], { env: pip.env })
  assert.throws(pip.log, { code: 'ENOENT' })
})

test('a failing pip does not keep the next command from running, and the exit code is 1', async (t) => {
  const index = await upstream(t, 'one==2.0', 'two==2.0')
  const pip = fakePip(t, 'case "$*" in *one*) exit 3;; esac')
  const { code, err } = await run(['-x', '--index-url', index, packages(t, 'one-1.0.zip', 'two-1.0.zip')], pip)
  assert.deepEqual([code, err], [1, 'error: one: pip ended with 3\nerror: 1 of 2 pip commands failed\n'])
  assert.equal(pip.log().trimEnd().split('\n').length, 2)
})

test('a missing pip is told', async (t) => {
  const index = await upstream(t, 'one==2.0')
  const env = { PATH: temporaryDirectory(t) }
  const { code, err } = await run(['-x', '--index-url', index, packages(t, 'one-1.0.zip')], { env })
  assert.equal(code, 1)
  assert.match(err, /^error: one: there is no pip on PATH$/m)
})

test('pip gets the password of the index in its environment, not among its arguments', async (t) => {
  const index = await upstream(t, 'one==2.0')
  const secret = index.replace('//', '//ann:s3cret@')
  const pip = fakePip(t, 'echo "url=$PIP_INDEX_URL"')
  const { code, out } = await run(['-x', '--index-url', secret, packages(t, 'one-1.0.zip')], pip)
  assert.equal(code, 0)
  assert.doesNotMatch(pip.log(), /s3cret|\[-i\]/)
  assert.match(out, new RegExp(`^url=${secret}$`, 'm'))
})

test('-d says where everything is downloaded to, as it is written', async (t) => {
  const index = await upstream(t, 'demo==2.0')
  const target = `${temporaryDirectory(t)}/./`
  const { out } = await run(['-d', target, '--index-url', index, packages(t, 'demo-1.0.zip')])
  assert.ok(out.includes(` -d ${target} demo==2.0\n`))
})

test('a terminal gets a bar on stderr in place of the marks', async (t) => {
  const index = await upstream(t, 'demo==2.0')
  const { out, err } = await run(['--index-url', index, packages(t, 'demo-1.0.zip')], { isTTY: true })
  assert.match(out, /^checking 1 packages for newer version\n# update demo from 1\.0 to 2\.0\n/)
  assert.match(err, /\[=+\] 1\/1/)
})

test('a signal ends outstanding requests and the command, with 1', async (t) => {
  const stop = new AbortController()
  const closed: Promise<unknown>[] = []
  const index = await listen(t, (_request, response) => {
    closed.push(once(response, 'close'))
    if (closed.length === 10) stop.abort()
  })
  const names = Array.from({ length: 12 }, (_, at) => `p${at}-1.0.zip`)
  const { code, out, err } = await run(['--index-url', index, packages(t, ...names)], { signal: stop.signal })
  assert.deepEqual([code, out, err], [1, 'checking 12 packages for newer version\n\n\n\n', 'error: stopped\n'])
  assert.equal((await Promise.all(closed)).length, 10)
})

test('a signal ends a running pip', async (t) => {
  const stop = new AbortController()
  const index = await upstream(t, 'one==2.0', 'two==2.0')
  const pip = fakePip(t, 'echo ready; exec sleep 60')
  const stdout = new PassThrough({ encoding: 'utf8' }).on('data', (text: string) => {
    if (text.includes('ready')) stop.abort()
  })
  const options = parse('-x', '--index-url', index, packages(t, 'one-1.0.zip', 'two-1.0.zip'))
  assert.equal(await update(options, { stdout, stderr: new PassThrough(), env: pip.env, signal: stop.signal }), 1)
  assert.equal(pip.log().trimEnd().split('\n').length, 1)
})

for (const [title, args, text] of [
  [
    'a missing ignore list',
    ['--ignorelist-file', 'missing'],
    /^pypi-server: error: No such ignorelist-file 'missing'$/,
  ],
  ['a missing download directory', ['-d', 'missing'], /--download-directory: cannot use missing: ENOENT$/],
  ['an index that is no address', ['--index-url', 'pypi'], /argument --index-url: /],
  ['a missing directory', ['missing'], /cannot read the directory \S+missing: ENOENT$/],
] as const) {
  test(`${title} is told in one line, with 2, before anything is asked`, async () => {
    const { code, out, err } = await run(args)
    assert.deepEqual([code, out, err.split('\n').length], [2, '', 2])
    assert.match(err.trimEnd(), text)
  })
}
