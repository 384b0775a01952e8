import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { serveIndex, uploadForm } from '../helpers/index-server.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const visible = (root: string): readonly string[] => readdirSync(root).filter((name) => !name.startsWith('.'))
const spooled = (root: string): readonly string[] => readdirSync(join(root, '.pypi-server', 'spool'))

test('a second content part is refused and leaves nothing, however fast it follows', async (t) => {
  const { root, post } = await serveIndex(t)
  const form = uploadForm(demo)
  const other = wheel({ name: 'demo', version: '2.0' })
  form.append('content', new Blob([other.bytes as Uint8Array<ArrayBuffer>]), other.filename)
  const response = await post(form)
  assert.deepEqual([response.status, await response.text()], [400, 'more than one content part\n'])
  assert.deepEqual([visible(root), spooled(root)], [[], []])
})
