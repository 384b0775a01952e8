import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type IgnoreRule, ignoreRule } from '#src/cli/update-ignores.js'
import { normalizeName } from '#src/packaging/name.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

function listed(t: TestContext, content: string | Uint8Array): Promise<IgnoreRule> {
  const path = join(temporaryDirectory(t), 'ignored')
  writeFileSync(path, content)
  return ignoreRule({ ignorelist_file: path, private: [] })
}

test('names of the ignore list are compared normalized, comments and blanks do not count', async (t) => {
  const isIgnored = await listed(t, '\ufeff# all of ours\n\n  My_Private  # inline\r\nother.one#close\n')
  assert.deepEqual(
    ['my-private', 'other-one', 'my', 'inline', 'all'].map((name) => isIgnored(normalizeName(name))),
    [true, true, false, false, false],
  )
})

test('a star in a private name stands for any characters, everything else for itself', async () => {
  const isPrivate = await ignoreRule({ ignorelist_file: undefined, private: ['Acme_*', '*-internal', 'ex.act', 'one'] })
  assert.deepEqual(
    ['acme-x', 'acme.y', 'acme', 'tool-internal', 'one', 'ones', 'ex-act', 'exxact'].map((name) =>
      isPrivate(normalizeName(name)),
    ),
    [true, true, false, true, true, false, true, false],
  )
})

test('without names nothing is ignored', async () => {
  assert.equal((await ignoreRule({ ignorelist_file: undefined, private: [] }))(normalizeName('demo')), false)
})

test('an ignore list with a line that protects nothing is refused', async (t) => {
  await assert.rejects(listed(t, 'good\nmy private\n'), { code: 'ERR_PYPI_CONFIG', message: /line 2: "my private"/ })
})

for (const pattern of ['', ' ', 'one,two', 'one two', 'on?', '[ot]*', 'one/', 'one-'])
  test(`${JSON.stringify(pattern)} as a private name would protect nothing and is refused`, async () => {
    await assert.rejects(ignoreRule({ ignorelist_file: undefined, private: ['fine', pattern] }), {
      code: 'ERR_PYPI_CONFIG',
    })
  })

test('an ignore list that is not UTF-8 is refused', async (t) => {
  await assert.rejects(listed(t, Buffer.from([0x61, 0xff])), { code: 'ERR_PYPI_CONFIG' })
})

test('an ignore list that is missing or a directory is refused by its name', async (t) => {
  const folder = temporaryDirectory(t)
  const rule = (path: string): Promise<IgnoreRule> => ignoreRule({ ignorelist_file: path, private: [] })
  await assert.rejects(rule(join(folder, 'x')), {
    code: 'ERR_PYPI_CONFIG',
    message: `No such ignorelist-file '${join(folder, 'x')}'`,
  })
  await assert.rejects(rule(folder), {
    code: 'ERR_PYPI_CONFIG',
    message: `Could not parse ignorelist-file '${folder}': EISDIR`,
  })
})
