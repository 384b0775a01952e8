import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { isOwnerDead, newOwnerName } from '#src/util/owner-name.js'

const hourMs = 60 * 60 * 1000
const [host = '', namespace = '', , random = ''] = newOwnerName().split('.')

/** The name that somebody would have made. */
function nameOf(owner: { readonly host?: string; readonly namespace?: string; readonly pid: number }): string {
  return [owner.host ?? host, owner.namespace ?? namespace, owner.pid, random].join('.')
}

function isDead(owner: Parameters<typeof nameOf>[0], ageMs = 0): boolean {
  return isOwnerDead(nameOf(owner), Date.now() - ageMs)
}

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  assert.ok(child.pid !== undefined)
  return child.pid
}

test('owner names never repeat and are fit for file names', () => {
  assert.match(newOwnerName(), /^[A-Za-z0-9-]+\.\d+\.\d+\.[0-9a-f]{16}$/)
  assert.notEqual(newOwnerName(), newOwnerName())
})

test('a process of this machine that has ended is dead at once', async () => {
  assert.equal(isDead({ pid: await deadPid() }), true)
})

test('a live process is alive for a day', () => {
  assert.equal(isDead({ pid: process.ppid }, 23 * hourMs), false)
  assert.equal(isDead({ pid: process.ppid }, 25 * hourMs), true)
})

test('the process of another host is alive for a day, whoever has its number here', async () => {
  const pid = await deadPid()
  assert.equal(isDead({ host: `other-${host}`, pid }, 23 * hourMs), false)
  assert.equal(isDead({ host: `other-${host}`, pid: process.ppid }, 25 * hourMs), true)
})

test('the process of another container of the same host name is alive for an hour', async () => {
  const pid = await deadPid()
  assert.equal(isDead({ namespace: '1', pid }, 0.9 * hourMs), false)
  assert.equal(isDead({ namespace: '1', pid }, 1.1 * hourMs), true)
})

test('this process is alive, and a predecessor of the same number is dead', () => {
  assert.equal(isDead({ pid: process.pid }), false)
  assert.equal(isDead({ pid: process.pid }, performance.now() + 10_000), true)
})

test('a name that nobody here made is dead after a day', () => {
  assert.equal(isOwnerDead('README', Date.now() - 23 * hourMs), false)
  assert.equal(isOwnerDead('README', Date.now() - 25 * hourMs), true)
})
