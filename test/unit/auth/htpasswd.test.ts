import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Auther } from '#src/auth/auther.js'
import { type HtpasswdOptions, htpasswd } from '#src/auth/htpasswd.js'
import { passwordWorker } from '#src/auth/password-worker.js'
import { eventually } from '../../helpers/eventually.js'
import { context, fixtures, hashOf, recordingLogger, slowHash, temporaryPath } from './fixtures.js'

const [x, horse] = [hashOf('apr1', 'x'), hashOf('apr1', 'correct horse')]
const unavailable = { code: 'ERR_PYPI_AUTH_UNAVAILABLE' }
const users = fileURLToPath(new URL('users.htpasswd', fixtures))

/** An auther over a file of its own, with all that can be observed. */
async function open(t: TestContext, content?: string | Uint8Array, options: HtpasswdOptions = {}) {
  const path = await temporaryPath(t)
  if (content !== undefined) await writeFile(path, content)
  const { verifier = passwordWorker() } = options
  const logger = recordingLogger()
  const raw = htpasswd(path, { ...options, verifier, logger })
  // It answers at once where it can; a test that waits does not care.
  const auther = Object.assign(async (user: string, password: string) => await raw(user, password), {
    close: raw.close,
  })
  t.after(() => verifier.close())
  return { path, auther, logger, verifier, write: (text: string) => writeFile(path, text) }
}

test('every user of a file made by other programs logs in, with the right password only', async (t) => {
  const closable = htpasswd(users)
  t.after(closable.close)
  const auther: Auther = closable
  const passwords = {
    alice: 'correct horse',
    bob: 'pa:ss:word',
    carol: 'pässwörd-žluťoučký',
    dave: 'x',
    erin: '密码🔑',
    Žofie: 'correct horse',
    frank: 'slow',
  }
  for (const [user, password] of Object.entries(passwords)) {
    assert.equal(await auther(user, password, context), true, user)
    assert.equal(await auther(user, `~${password}`, context), false, user)
  }
  assert.equal(await auther('Alice', 'correct horse', context), false)
})

test('the file is not touched before the first login', async (t) => {
  const { auther, write } = await open(t)
  await write(`a:${x}`)
  assert.equal(await auther('a', 'x'), true)
})

test('an added user, a changed password and a removed user count with the next login', async (t) => {
  const { path, auther, write } = await open(t, `a:${x}\n`)
  assert.equal(await auther('b', 'x'), false)
  await appendFile(path, `b:${x}\n`)
  assert.equal(await auther('b', 'x'), true)
  await write(`a:${x}\nb:${horse}\n`)
  assert.equal(await auther('b', 'x'), false)
  assert.equal(await auther('b', 'correct horse'), true)
  await write(`a:${x}\n`)
  assert.equal(await auther('b', 'correct horse'), false)
})

test('a change of the same size counts at once', async (t) => {
  const { auther, write } = await open(t, `a:${x}\n`)
  for (const [hash, good, bad] of [
    [horse, 'correct horse', 'x'],
    [x, 'x', 'correct horse'],
  ] as const) {
    await write(`a:${hash}\n`)
    assert.equal(await auther('a', bad), false)
    assert.equal(await auther('a', good), true)
  }
})

test('a file that has not changed for long is read again when it changes or is replaced', async (t) => {
  const { path, auther, write } = await open(t, `a:${x}\n`)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  assert.equal(await auther('a', 'x'), true)
  await write(`a:${horse}\nb:${x}`)
  assert.deepEqual([await auther('a', 'x'), await auther('a', 'correct horse')], [false, true])
  await writeFile(`${path}.new`, `c:${x}\nb:${horse}`)
  await rename(`${path}.new`, path)
  assert.deepEqual([await auther('b', 'x'), await auther('b', 'correct horse')], [false, true])
})

test('logins reject while the file is missing and work once it is there', async (t) => {
  const { path, auther, write } = await open(t)
  await assert.rejects(auther('a', 'x'), unavailable)
  await write(`a:${x}`)
  assert.equal(await auther('a', 'x'), true)
  await rm(path)
  await assert.rejects(auther('a', 'x'), unavailable)
  await write(`a:${x}`)
  assert.equal(await auther('a', 'x'), true)
})

test('logins reject while a line is malformed, also for users above that line and for remembered ones', async (t) => {
  const { auther, write } = await open(t, `a:${x}\n`)
  assert.equal(await auther('a', 'x'), true)
  await write(`a:${x}\nhalf-a-li`)
  await assert.rejects(auther('a', 'x'), unavailable)
  await assert.rejects(auther('nobody', 'x'), unavailable)
  await write(`a:${x}\nhalf-a-line:${x}`)
  assert.equal(await auther('half-a-line', 'x'), true)
})

test('logins reject while the file is no UTF-8, larger than 1 MiB or a directory', async (t) => {
  const latin1 = await open(t, Buffer.from(`a:${x}\nJos\xe9:${x}\n`, 'latin1'))
  await assert.rejects(latin1.auther('a', 'x'), unavailable)
  const large = await open(t, `a:${x}\n${'#'.repeat(1024 * 1024)}`)
  await assert.rejects(large.auther('a', 'x'), unavailable)
  const folder = await open(t)
  await mkdir(folder.path)
  await assert.rejects(folder.auther('a', 'x'), unavailable)
})

test('nobody logs in while the file is empty', async (t) => {
  const { auther, write } = await open(t, `a:${x}`)
  assert.equal(await auther('a', 'x'), true)
  await write('')
  assert.equal(await auther('a', 'x'), false)
  assert.equal(await auther('', ''), false)
})

test('a file cut off anywhere never grants with another password and never grants the user who is cut', async (t) => {
  const sha1 = hashOf('sha1', 'x')
  const whole = `a:${sha1}\nb:${sha1}\n`
  const { auther, write } = await open(t)
  for (let end = 0; end < whole.length - 1; end += 3) {
    await write(whole.slice(0, end))
    assert.notEqual(await auther('b', 'x').catch(() => 'unavailable'), true)
    assert.notEqual(await auther('a', '').catch(() => 'unavailable'), true)
  }
})

test('a byte order mark does not belong to the first user', async (t) => {
  const { auther } = await open(t, `\ufeffa:${x}\r\nb:${x}\r\n`)
  assert.equal(await auther('a', 'x'), true)
})

test('plain text and unknown hashes never match, and are logged once by user without what is stored', async (t) => {
  const { auther, logger } = await open(t, `a:hunter2\nb:$y$j9T$hunter2\nc:\nd:${x}\n`)
  for (const [user, password] of [
    ['a', 'hunter2'],
    ['b', '$y$j9T$hunter2'],
    ['c', ''],
    ['a', ''],
  ] as const) {
    assert.equal(await auther(user, password), false)
  }
  assert.deepEqual(
    logger.records.map(({ level }) => level),
    ['warn'],
  )
  const entries = logger.records[0]?.details['entries'] as readonly { readonly user: string }[]
  assert.deepEqual(
    entries.map(({ user }) => user),
    ['a', 'b', 'c'],
  )
  assert.doesNotMatch(JSON.stringify(logger.records), /hunter2/)
})

test('of two lines for one user the first counts and the second is logged', async (t) => {
  const { auther, logger } = await open(t, `a:${x}\na:${horse}\n`)
  assert.deepEqual([await auther('a', 'x'), await auther('a', 'correct horse')], [true, false])
  assert.equal(logger.records.length, 1)
})

test('a problem and its end are logged once each, not once per login', async (t) => {
  const { path, auther, logger, write } = await open(t)
  const login = async () => {
    for (const _ of [1, 2, 3]) await auther('a', 'x').catch(() => false)
  }
  await login()
  await write('garbage')
  await login()
  await write(`a:${x}`)
  await login()
  await rm(path)
  await login()
  assert.deepEqual(
    logger.records.map(({ level }) => level),
    ['error', 'error', 'info', 'error'],
  )
})

test('equal credentials that arrive together are verified once', async (t) => {
  const { auther, verifier } = await open(t, `a:${horse}\n`)
  const results = await Promise.all(Array.from({ length: 20 }, () => auther('a', 'correct horse')))
  assert.deepEqual(results, Array(20).fill(true))
  assert.equal(verifier.statistics().verified, 1)
})

test('a success is remembered until the file changes, a failure is not', async (t) => {
  const { path, auther, verifier } = await open(t, `a:${x}\n`)
  for (const _ of [1, 2]) assert.equal(await auther('a', 'x'), true)
  assert.equal(verifier.statistics().verified, 1)
  for (const _ of [1, 2]) assert.equal(await auther('a', 'wrong'), false)
  assert.equal(verifier.statistics().verified, 3)
  await appendFile(path, '# changed\n')
  assert.equal(await auther('a', 'x'), true)
  assert.equal(verifier.statistics().verified, 4)
})

test('a login that was verified is answered at once while the file is as it was read, and any other is not', {
  skip: process.platform !== 'linux' && 'only on Linux is it known which files are local',
}, async (t) => {
  const path = await temporaryPath(t)
  await writeFile(path, `a:${x}\n`)
  const auther = htpasswd(path)
  t.after(auther.close)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  await eventually(async () => {
    const answer = auther('a', 'x')
    assert.equal(await answer, true)
    return answer === true
  })
  assert.notEqual(auther('a', 'wrong'), true)
  await writeFile(path, `a:${horse}\n`)
  assert.equal(await auther('a', 'x'), false)
  await rm(path)
  await assert.rejects(async () => auther('a', 'x'), unavailable)
})

test('an unknown user costs one verification and gets nothing, even with the password of the slowest hash', async (t) => {
  const { auther, verifier } = await open(t, `a:${x}\nb:plain\n`)
  for (const user of ['nobody', 'nobody', 'b', 'constructor']) assert.equal(await auther(user, 'x'), false)
  assert.equal(verifier.statistics().verified, 4)
})

test('credentials that are empty, hold a NUL or exceed 4 KiB belong to nobody and cost nothing', async (t) => {
  const { auther, verifier } = await open(t, `a:${x}\n`)
  const refused = [
    ['', 'x'],
    ['a\0', 'x'],
    ['a', 'x\0'],
    ['a', 'x'.repeat(4096)],
    ['ž'.repeat(2048), 'x'],
  ] as const
  for (const [user, password] of refused) assert.equal(await auther(user, password), false)
  assert.equal(verifier.statistics().verified, 0)
  assert.equal(await auther('a', 'x'.repeat(4095)), false)
  assert.equal(verifier.statistics().verified, 1)
})

test('a login above the queue limit rejects as overload while a remembered one goes through', async (t) => {
  const { auther } = await open(t, `a:${x}\nb:${slowHash}\n`, { verifier: passwordWorker({ maxWaiting: 0 }) })
  assert.equal(await auther('a', 'x'), true)
  const settled = await Promise.allSettled([auther('b', '1'), auther('b', '2'), auther('a', 'x')])
  const outcomes = settled.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code))
  assert.equal(outcomes[2], true)
  assert.deepEqual(outcomes.slice(0, 2).sort(), ['ERR_PYPI_OVERLOADED', false])
})

test('a closed auther refuses logins that were remembered, too', async (t) => {
  const path = await temporaryPath(t)
  await writeFile(path, `a:${x}\n`)
  const auther = htpasswd(path)
  assert.equal(await auther('a', 'x'), true)
  await auther.close()
  await auther.close()
  await assert.rejects(async () => auther('a', 'x'), { code: 'ERR_PYPI_CLOSED' })
})

test('closing an auther leaves the verifier that it was given open', async (t) => {
  const { path, auther, verifier } = await open(t, `a:${x}\n`)
  await auther.close()
  assert.equal(await htpasswd(path, { verifier })('a', 'x'), true)
})

test('a process exits with an auther that was used and not closed', async () => {
  const script = `
    import { htpasswd } from ${JSON.stringify(import.meta.resolve('#src/auth/htpasswd.js'))}
    console.log(await htpasswd(${JSON.stringify(users)})('alice', 'correct horse'))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 60_000,
  })
  assert.equal(stdout, 'true\n')
})

test('limits that are no positive whole number are refused', () => {
  assert.throws(() => htpasswd(users, { maxCached: 0 }), { code: 'ERR_PYPI_CONFIG' })
  assert.throws(() => htpasswd(users, { cacheTtlMs: Number.NaN }), { code: 'ERR_PYPI_CONFIG' })
})
