import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeHash } from '#src/auth/hash-formats.js'
import { verifyPassword } from '#src/auth/password-hashes.js'
import { hashOf, storedPasswords } from './fixtures.js'

const formats = ['bcrypt', 'apr1', 'md5crypt', 'sha1', 'sha256crypt', 'sha512crypt', 'descrypt']

for (const format of formats) {
  const rows = storedPasswords().filter((row) => row.format === format)

  test(`every ${format} hash made by other programs is recognized and matches its password`, () => {
    assert.ok(rows.length > 3)
    for (const { stored, password } of rows) {
      assert.equal(describeHash(stored).format, format)
      assert.equal(verifyPassword(password, stored), true, `${stored} and ${password}`)
    }
  })

  test(`a password that differs in its first character does not match a ${format} hash`, () => {
    for (const { stored, password } of rows) assert.equal(verifyPassword(`~${password.slice(1)}`, stored), false)
  })

  test(`a ${format} hash that is cut short anywhere matches nothing`, () => {
    const { stored, password } = rows[0] ?? assert.fail()
    for (let end = 0; end < stored.length; end += 1) {
      assert.equal(verifyPassword(password, stored.slice(0, end)), false)
    }
  })
}

test('bcrypt looks at the first 72 bytes of a password only', () => {
  const long = storedPasswords().find((row) => row.format === 'bcrypt' && row.password.length > 72) ?? assert.fail()
  assert.equal(verifyPassword(long.password.slice(0, 72), long.stored), true)
  assert.equal(verifyPassword(long.password.slice(0, 71), long.stored), false)
})

test('text that is no hash never matches, not even itself', () => {
  const texts = [
    '',
    '!',
    '*',
    'secret',
    'x',
    '$',
    '$$$',
    '$2y$',
    '$1$$',
    '{SHA}',
    '{SSHA}abc',
    '\0',
    '\ud800',
    '$6$rounds=',
  ]
  for (const text of [...texts, 'a'.repeat(100_000), '$apr1$x$!!!!!!!!!!!!!!!!!!!!!!', 'thirteen.char']) {
    assert.equal(verifyPassword(text, text), false)
    assert.equal(verifyPassword('', text), false)
  }
})

test('a hash with a line break behind it never matches', () => {
  assert.equal(verifyPassword('x', `${hashOf('sha1', 'x')}\n`), false)
})

test('a password with a NUL never matches, neither as it is nor up to the NUL', () => {
  for (const format of formats) assert.equal(verifyPassword('x\0y', hashOf(format, 'x')), false)
})

test('hashes which would take longer than seconds are called too expensive and never match', () => {
  const bcrypt = hashOf('bcrypt', 'x')
  const sha = hashOf('sha512crypt', 'x').replace(/^\$6\$(?:rounds=\d+\$)?/, '')
  const costly = [bcrypt.replace('$05$', '$16$'), bcrypt.replace('$05$', '$31$'), `$6$rounds=1000001$${sha}`]
  for (const stored of costly) {
    assert.match(describeHash(stored).issue ?? '', /^too expensive/)
    assert.equal(verifyPassword('x', stored), false)
  }
  assert.equal(describeHash(bcrypt.replace('$05$', '$15$')).issue, undefined)
  assert.equal(describeHash(`$6$rounds=1000000$${sha}`).issue, undefined)
})

test('costs and rounds outside of what the formats define are no hashes', () => {
  const bcrypt = hashOf('bcrypt', 'x')
  const sha = hashOf('sha256crypt', 'x').replace(/^\$5\$/, '')
  for (const stored of [
    bcrypt.replace('$05$', '$03$'),
    bcrypt.replace('$05$', '$32$'),
    `$5$rounds=999$${sha}`,
    `$5$rounds=999$${'x'.repeat(43)}`,
  ]) {
    assert.equal(describeHash(stored).format, undefined)
  }
})

test('the issue names formats that others support without repeating the stored text', () => {
  const cases = [
    ['$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o', /yescrypt/],
    ['$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA', /argon2/],
    ['{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr', /salted SHA/],
    ['hunter2', /plain text/],
    ['', /empty/],
  ] as const
  for (const [stored, expected] of cases) {
    const { format, issue = '' } = describeHash(stored)
    assert.equal(format, undefined)
    assert.match(issue, expected)
    assert.ok(stored === '' || !issue.includes(stored))
  }
})

test('effort orders hashes by the time that they take', () => {
  const effort = (stored: string) => describeHash(stored).effort
  const bcrypt = hashOf('bcrypt', 'x')
  const ordered = [
    hashOf('sha1', 'x'),
    hashOf('apr1', 'x'),
    bcrypt.replace('$05$', '$10$'),
    bcrypt.replace('$05$', '$12$'),
  ]
  assert.deepEqual(
    [...ordered].sort((a, b) => effort(a) - effort(b)),
    ordered,
  )
})
