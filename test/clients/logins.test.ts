import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { type Environment, type Example, exampleFile, startExample } from '../helpers/example.js'
import { basic, uploadForm } from '../helpers/index-server.js'
import { execute, findClients, isolatedEnv } from '../helpers/python-clients.js'
import { slapdMissing, startSlapd } from '../helpers/slapd.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const pip = (await findClients()).newestPip()
const demo = wheel({ name: 'demo', version: '1.0' })
const fresh = wheel({ name: 'fresh', version: '2.0' })

/** Without the program these are skipped, and where `CI` is set they fail. */
function loginTest(missing: string | undefined, title: string, body: (t: TestContext) => Promise<void>): void {
  test(title, { skip: missing !== undefined && !process.env['CI'] && missing }, async (t) => {
    assert.equal(missing, undefined)
    await body(t)
  })
}

interface Login extends Example {
  /** Status of a listing, and of an upload, with these credentials. */
  readonly statuses: (username: string, password: string) => Promise<readonly number[]>
}

/** Starts an example over a directory that holds `demo`, or the program that runs it. */
async function start(
  t: TestContext,
  args: readonly string[],
  environment: Environment,
  program?: string,
): Promise<Login> {
  const ROOT = temporaryDirectory(t)
  writeFileSync(join(ROOT, demo.filename), demo.bytes)
  const example = await startExample(t, args, { ROOT, ...environment }, program)
  const statuses: Login['statuses'] = async (username, password) => {
    const headers = basic(username, password)
    const list = await fetch(`${example.url}simple/`, { headers })
    const upload = await fetch(example.url, { method: 'POST', body: uploadForm(fresh), headers })
    return [list.status, upload.status]
  }
  return { ...example, statuses }
}

async function assertPipDownloads(t: TestContext, url: string): Promise<void> {
  const work = temporaryDirectory(t)
  const index = url.replace('http://', 'http://ann:secret@')
  const command = [...pip.command, 'download', '--index-url', `${index}simple/`, '--dest', 'got', 'demo']
  const { code, output } = await execute(command, { cwd: work, env: isolatedEnv(work) })
  assert.equal(code, 0, output)
  assert.deepEqual(readFileSync(join(work, 'got', demo.filename)), Buffer.from(demo.bytes))
}

loginTest(
  slapdMissing ?? pip.missing,
  'examples/ldap.ts takes logins from OpenLDAP, and uploads of a group',
  async (t) => {
    const slapd = await startSlapd()
    t.after(slapd.stop)
    const { url, statuses, end } = await start(t, [exampleFile('ldap')], slapd.environment)
    await assertPipDownloads(t, url)
    assert.deepEqual(await statuses('bob', 'hunter2'), [200, 403])
    assert.deepEqual(await statuses('ann', 'secret'), [200, 200])
    assert.deepEqual(await statuses('ann', 'hunter2'), [401, 401])
    assert.deepEqual(await statuses('nobody', 'secret'), [401, 401])
    assert.deepEqual(await end(), [0, null])
  },
)

loginTest(
  slapdMissing,
  'examples/ldap.ts takes no empty password, and a name for a name whatever is in it',
  async (t) => {
    const slapd = await startSlapd()
    t.after(slapd.stop)
    const { statuses } = await start(t, [exampleFile('ldap')], slapd.environment)
    for (const name of ['ann', 'reader', '']) assert.deepEqual(await statuses(name, ''), [401, 401], name)
    for (const name of ['*', 'an*', 'ann)(uid=*', 'ann)(|(uid=*', 'a\\6en', 'ann,ou=people'])
      assert.deepEqual(await statuses(name, 'secret'), [401, 401], name)
  },
)

loginTest(slapdMissing, 'examples/ldap.ts cannot tell who somebody is while the directory is away', async (t) => {
  const slapd = await startSlapd()
  t.after(slapd.stop)
  const file = [exampleFile('ldap')]
  const mistaken = await start(t, file, { ...slapd.environment, LDAP_READER_PASSWORD: 'outdated' })
  assert.deepEqual(await mistaken.statuses('ann', 'secret'), [503, 503])
  const { statuses } = await start(t, file, slapd.environment)
  assert.deepEqual(await statuses('bob', 'hunter2'), [200, 403])
  await slapd.stop()
  assert.deepEqual(await statuses('ann', 'secret'), [503, 503])
})

const pwauth = '/usr/sbin/pwauth'
const separate = spawnSync('unshare', ['--mount', 'true']).status === 0
const pwauthMissing = !existsSync(pwauth)
  ? 'pwauth is not here: apt-get install pwauth'
  : separate
    ? undefined
    : 'the accounts of this machine cannot be replaced for a test: run as root'

/** Runs the example where the machine has one more account, `ann`, whom nobody else sees. */
function withAccount(t: TestContext): readonly string[] {
  const folder = temporaryDirectory(t)
  const hash = spawnSync('openssl', ['passwd', '-6', 'secret'], { encoding: 'utf8' }).stdout.trim()
  const lines = { passwd: 'ann:x:20001:20001::/nonexistent:/bin/sh', shadow: `ann:${hash}:19000:0:99999:7:::` }
  for (const [name, line] of Object.entries(lines))
    writeFileSync(join(folder, name), `${readFileSync(`/etc/${name}`, 'utf8')}${line}\n`, { mode: 0o600 })
  chmodSync(join(folder, 'passwd'), 0o644)
  const mounts = Object.keys(lines).map((name) => `mount --bind ${folder}/${name} /etc/${name}`)
  const script = `${mounts.join(' && ')} && exec "$0" "$1"`
  return ['--mount', 'sh', '-c', script, process.execPath, exampleFile('pam')]
}

loginTest(pwauthMissing ?? pip.missing, "examples/pam.ts takes logins of the machine's accounts", async (t) => {
  const { url, statuses, end } = await start(t, withAccount(t), {}, 'unshare')
  await assertPipDownloads(t, url)
  assert.deepEqual(await statuses('ann', 'secret'), [200, 200])
  assert.deepEqual(await statuses('ann', 'guess'), [401, 401])
  assert.deepEqual(await statuses('ann', ''), [401, 401])
  assert.deepEqual(await statuses('ann\nsecret', 'guess'), [401, 401])
  assert.deepEqual(await end(), [0, null])
})

test('examples/pam.ts cannot tell who somebody is while its helper is not there or cannot ask', async (t) => {
  const failing = join(temporaryDirectory(t), 'pwauth')
  writeFileSync(failing, '#!/bin/sh\nexit 52\n', { mode: 0o755 })
  for (const PWAUTH of [failing, '/nonexistent/pwauth']) {
    const { statuses } = await start(t, [exampleFile('pam')], { PWAUTH })
    assert.deepEqual(await statuses('ann', 'secret'), [503, 503])
  }
})
