import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDoors } from '#src/cli/open-doors.js'
import { parseCommandLine } from '#src/cli/options.js'
import type { RunOptions } from '#src/cli/run-options.js'

function doors(...args: readonly string[]): readonly string[] {
  const line = parseCommandLine(['run', ...args])
  return openDoors(line.options as RunOptions)
}

const open = ['-P', '.', '-a', '.']
const fallback = /^names that are not here yet lead to https:\/\/pypi\.org\/simple\/, .*--disable-fallback.*--private/

test('without users nothing can be uploaded, and nothing is warned of', () => {
  assert.deepEqual(doors(), [])
})

for (const users of [
  ['-P', 'htpasswd'],
  ['-P', '.', '--tokens', 'tokens.json'],
])
  test(`with ${users.join(' ')} and the fallback one line warns that names can be taken there`, () => {
    const [line = '', ...others] = doors(...users)
    assert.match(line, fallback)
    assert.deepEqual(others, [])
    assert.deepEqual(doors(...users, '--disable-fallback'), [])
    assert.deepEqual(doors(...users, '--private', 'acme-*'), [])
  })

test('uploads without a login are warned of, and who can reach them', () => {
  const [uploads = '', names = '', ...others] = doors(...open)
  assert.match(uploads, /^everybody who reaches 0\.0\.0\.0 may upload and delete without a login: -P FILE .*-i 127/)
  assert.match(names, fallback)
  assert.deepEqual(others, [])
  assert.equal(doors('-P', 'htpasswd', '-a', 'list', '--disable-fallback').length, 1)
})

for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost'])
  test(`uploads without a login at ${host} are told as open to this machine only`, () => {
    const [line = ''] = doors(...open, '-i', host)
    assert.equal(
      line,
      'everybody on this machine may upload and delete without a login: -P FILE -a update asks for one',
    )
  })

test('where rules decide who may upload nothing is told about logins', () => {
  assert.deepEqual(doors(...open, '--rules', 'rules.json', '--disable-fallback'), [])
})
