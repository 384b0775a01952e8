import assert from 'node:assert/strict'
import { statfsSync } from 'node:fs'
import { test } from 'node:test'
import { createFreeSpace } from '#src/domain/free-space.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

test('what is let in counts until it is looked at again: not all who come at once are promised the same room', async (t) => {
  const directory = temporaryDirectory(t)
  const { bavail, bsize } = statfsSync(directory)
  const freeSpace = createFreeSpace(0)
  // Half of what is there, as far as others leave it alone, and as much twice again.
  const half = Math.floor((bavail * bsize) / 2)
  await freeSpace.check(directory, half)
  await assert.rejects(freeSpace.check(directory, 3 * half), { code: 'ERR_PYPI_STORE_FULL' })
})

test('a refusal is not remembered: less may fit', async (t) => {
  const directory = temporaryDirectory(t)
  const freeSpace = createFreeSpace(0)
  await assert.rejects(freeSpace.check(directory, Number.MAX_SAFE_INTEGER), { code: 'ERR_PYPI_STORE_FULL' })
  await freeSpace.check(directory, 1)
})

test('a directory that is gone is an unavailable store, also right after it was there', async (t) => {
  const freeSpace = createFreeSpace(0)
  await freeSpace.check(temporaryDirectory(t), 1)
  await assert.rejects(freeSpace.check(`${temporaryDirectory(t)}/gone`, 1), { code: 'ERR_PYPI_STORE_UNAVAILABLE' })
})
