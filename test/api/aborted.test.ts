import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { serveIndex, uploadForm } from '../helpers/index-server.js'
import { fileHead, formHead, rawClient } from '../helpers/raw-client.js'

const big = { filename: 'big-1.0.tar.gz', bytes: Buffer.alloc(4 * 1024 ** 2) }
const demo = wheel({ name: 'demo', version: '1.0' })
const descriptors = '/proc/self/fd'
const skip = existsSync(descriptors) ? false : 'only Linux tells what is open'

test('a thousand requests that break off leave no descriptor and no file behind', { skip }, async (t) => {
  const { root, url, request, post } = await serveIndex(t)
  writeFileSync(join(root, big.filename), big.bytes)
  const unhandled: unknown[] = []
  const hear = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', hear)
  t.after(() => process.off('unhandledRejection', hear))

  async function breakOff(round: number): Promise<void> {
    const client = await rawClient(t, url)
    const half = [fileHead(demo.filename), demo.bytes.subarray(0, 100)] as const
    const parts = [
      [formHead(100_000), ...half],
      [formHead(100_000)],
      [`GET /packages/${big.filename} HTTP/1.1\r\nHost: x\r\n\r\n`],
      ['GET /simple/ HTTP/1.1\r\nHo'],
    ]
    client.send(...(parts[round % parts.length] ?? []))
    // Some are gone before they are read, some while they are.
    if (round % 3 === 0) await request('/health')
    client.socket.destroy()
  }
  const breakOffMany = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, offset) => breakOff(round + offset)))
    }
  }
  const spooled = (): number => readdirSync(join(root, '.pypi-server', 'spool')).length
  const open = (): number => readdirSync(descriptors).length

  // The folder for uploads is made with the first of them that is read.
  assert.equal((await post(uploadForm(wheel({ name: 'first', version: '1.0' })))).status, 200)
  await breakOffMany(40)
  await eventually(() => spooled() === 0)
  const before = open()
  await breakOffMany(1000)
  await eventually(() => spooled() === 0)
  // Connections of the client that sends the rest are kept for a while.
  await eventually(() => open() <= before + 25)
  assert.equal((await post(uploadForm(demo))).status, 200)
  assert.deepEqual(unhandled, [])
})
