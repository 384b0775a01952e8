import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHtpasswd } from '#src/auth/htpasswd-table.js'
import { hashOf, slowHash } from './fixtures.js'

const x = hashOf('sha1', 'x')

function parsed(text: string) {
  const table = parseHtpasswd(text)
  if (typeof table === 'number') assert.fail(`malformed at line ${table}`)
  return table
}

test('blank lines, comments, CRLF, trailing blanks and further fields are fine', () => {
  const { hashes, warnings } = parsed(`# users\r\n\r\n  \n  # more\na:${x}\r\nb:${x}  \nc:${x}:Carol:more\nd:${x}`)
  assert.deepEqual(
    [...hashes],
    ['a', 'b', 'c', 'd'].map((user) => [user, x]),
  )
  assert.deepEqual(warnings, [])
})

test('an empty text is a table without users', () => {
  for (const text of ['', '\n', '# nobody']) assert.equal(parsed(text).hashes.size, 0)
})

test('a line that is not user:hash makes the text malformed and is answered by its number', () => {
  for (const line of ['alice', `:${x}`, ':', 'a b c', '{SHA}', '\0\0\0']) {
    assert.equal(parseHtpasswd(`a:${x}\n\n${line}\nb:${x}`), 3)
  }
})

test('the first line of a user counts, even one that can never match', () => {
  const { hashes, warnings } = parsed(`a:${x}\na:other\nb:plain\nb:${x}`)
  assert.deepEqual(hashes.get('a'), x)
  assert.deepEqual(hashes.get('b'), undefined)
  assert.deepEqual(
    warnings.map(({ line, user }) => [line, user]),
    [
      [2, 'a'],
      [3, 'b'],
      [4, 'b'],
    ],
  )
})

test('warnings name users that can never log in, and nothing of what is stored', () => {
  const { warnings } = parsed('a:hunter2\nb:\nc:$y$j9T$hunter2\n')
  assert.deepEqual(
    warnings.map(({ user }) => user),
    ['a', 'b', 'c'],
  )
  assert.doesNotMatch(JSON.stringify(warnings), /hunter2|j9T/)
})

test('the slowest hash is the slowest that can match at all', () => {
  const tooExpensive = slowHash.replace('$12$', '$31$')
  assert.equal(parsed(`a:${x}\nb:${slowHash}\nc:${tooExpensive}\nd:${hashOf('bcrypt', 'x')}`).slowest, slowHash)
  assert.equal(parsed('a:plain').slowest, undefined)
})
