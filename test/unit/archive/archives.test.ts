import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { memorySource } from '#src/archive/byte-source.js'
import { readZipDirectory, readZipMember } from '#src/archive/zip.js'
import { sdist, wheel } from '../../helpers/archives.js'

test('the same input builds the same bytes', () => {
  const options = { name: 'demo', version: '1.0', files: { 'demo/a.py': 'a = 1\n' } }
  assert.deepEqual(wheel(options), wheel(options))
  assert.deepEqual(sdist(options), sdist(options))
})

test('file names are normalized as PEP 427 and PEP 625 ask', () => {
  assert.equal(wheel({ name: 'My.Demo-x', version: '1.0' }).filename, 'my_demo_x-1.0-py3-none-any.whl')
  assert.equal(
    wheel({ name: 'a', version: '1', tag: 'py2.py3-none-any', build: '2' }).filename,
    'a-1-2-py2.py3-none-any.whl',
  )
  assert.equal(sdist({ name: 'My.Demo-x', version: '1.0' }).filename, 'my_demo_x-1.0.tar.gz')
})

test('the RECORD of a wheel lists every member with its digest', () => {
  const source = memorySource(wheel({ name: 'demo', version: '1.0' }).bytes)
  const { members } = readZipDirectory(source)
  const lines = members.map((member) => {
    const data = readZipMember(source, member)
    const digest = createHash('sha256').update(data).digest('base64url')
    return member.name.endsWith('/RECORD') ? `${member.name},,\n` : `${member.name},sha256=${digest},${data.length}\n`
  })
  const record = members.find((member) => member.name.endsWith('/RECORD'))
  assert.ok(record)
  assert.equal(Buffer.from(readZipMember(source, record)).toString(), lines.join(''))
})
