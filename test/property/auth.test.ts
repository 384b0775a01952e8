import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseHtpasswd } from '#src/auth/htpasswd-table.js'
import { parseRules } from '#src/auth/rules-format.js'
import { isUndamagedToken, newToken, tokenPrefix } from '#src/auth/token-format.js'
import { formatTokenRecords, parseTokenRecords } from '#src/auth/token-records.js'
import { PypiServerError } from '#src/errors.js'
import { matchesGlob } from '#src/util/glob.js'
import { holds, hostileText } from '../helpers/property.js'

const sha1 = '{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M='
const user = fc.stringMatching(/^[a-z]{1,8}$/)

holds(
  'every user of a well-formed password file is known, the first line counting',
  fc.property(fc.array(user, { maxLength: 6 }), fc.constantFrom('\n', '\r\n'), (users, lineEnd) => {
    const table = parseHtpasswd(users.map((name) => `${name}:${sha1}${lineEnd}`).join(''))
    assert.ok(typeof table === 'object')
    assert.deepEqual(
      [...table.hashes],
      [...new Set(users)].map((name) => [name, sha1]),
    )
  }),
)

holds(
  'a password file is read whole or not at all, and only hashes that can be verified count',
  fc.property(hostileText('bob', ':', sha1, '\n', '\r', '#', ' ', '$apr1$', '$2y$05$', '\0'), (text) => {
    const table = parseHtpasswd(text)
    if (typeof table === 'number') return assert.ok(table >= 1 && table <= text.split('\n').length)
    for (const hash of table.hashes.values()) assert.ok(hash === undefined || hash.length > 12)
  }),
)

holds(
  'a token with one character changed, lost or added is damaged',
  fc.property(fc.nat({ max: 45 }), fc.constantFrom('', 'a', '-', 'zz'), (offset, replacement) => {
    const made = newToken()
    const at = tokenPrefix.length + offset
    assert.ok(isUndamagedToken(made))
    const changed = made.slice(0, at) + replacement + made.slice(at + 1)
    assert.equal(isUndamagedToken(changed), changed === made)
  }),
)

holds(
  'token records are read back as they were written',
  fc.property(
    fc.uniqueArray(fc.nat(), { maxLength: 4 }),
    fc.constantFrom('all' as const, ['upload'] as const, ['list', 'yank'] as const),
    (numbers, actions) => {
      const records = numbers.map((number) => ({
        id: number.toString(16).padStart(12, '0'),
        name: `t${number}`,
        sha256: number.toString(16).padStart(64, '0'),
        actions,
        projects: ['acme-*'],
        createdMs: number,
      }))
      assert.deepEqual(parseTokenRecords(formatTokenRecords(records)), records)
    },
  ),
)

const jsonLike = fc.oneof(
  fc.json(),
  hostileText(
    '{',
    '}',
    '"rules"',
    '"who"',
    '"may"',
    ':',
    '[',
    ']',
    ',',
    '"anyone"',
    '"all"',
    '"tokens"',
    '"format"',
    '1',
  ),
  fc
    .record({
      groups: fc.oneof(fc.constant(undefined), fc.dictionary(user, fc.oneof(user, fc.array(user)))),
      rules: fc.array(
        fc.record({
          who: fc.oneof(user, fc.constantFrom('anyone', '@ci', ''), fc.nat(), fc.array(user)),
          may: fc.oneof(fc.constantFrom('all', 'list', 'explode'), fc.array(fc.constantFrom('list', 'upload'))),
          projects: fc.oneof(fc.constant(undefined), fc.constantFrom('*', 'a-*', '[a]', ''), fc.array(user)),
        }),
        { maxLength: 3 },
      ),
    })
    .map((value) => JSON.stringify(value)),
)

holds(
  'any text is a file of rules and of tokens or refused, with a message of one line',
  fc.property(jsonLike, (text) => {
    for (const parse of [parseRules, parseTokenRecords]) {
      try {
        parse(text)
      } catch (error) {
        if (!(error instanceof PypiServerError)) throw error
        assert.equal(error.code, 'ERR_PYPI_CONFIG')
        assert.doesNotMatch(error.message, /[\r\n]/)
      }
    }
  }),
)

holds(
  'a glob matches what the regular expression that it stands for matches',
  fc.property(
    fc.array(fc.constantFrom('a', 'b', '*', '?', '-', '.'), { maxLength: 8 }),
    fc.array(fc.constantFrom('a', 'b', '-', '.'), { maxLength: 10 }),
    (glob, text) => {
      const pattern = glob.map((part) => (part === '*' ? '.*' : part === '?' ? '.' : part.replace('.', '\\.'))).join('')
      assert.equal(matchesGlob(glob.join(''), text.join('')), new RegExp(`^${pattern}$`, 's').test(text.join('')))
    },
  ),
)
