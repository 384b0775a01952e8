import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Action, Authorizer, Identity } from '#src/auth/auther.js'
import { rules } from '#src/auth/rules.js'
import { temporaryDirectory } from '../../helpers/temporary.js'
import { context, recordingLogger } from './fixtures.js'

const unavailable = { code: 'ERR_PYPI_AUTH_UNAVAILABLE' }

/** An authorizer over a file with this content. */
function open(t: TestContext, content?: unknown) {
  const path = join(temporaryDirectory(t), 'rules.json')
  const write = (text: unknown): void => writeFileSync(path, typeof text === 'string' ? text : JSON.stringify(text))
  if (content !== undefined) write(content)
  const logger = recordingLogger()
  return { path, write, logger, authorizer: rules(path, { logger }) }
}

const team = {
  groups: { ci: ['bob', 'token:release'], admins: 'root' },
  rules: [
    { who: 'anyone', may: ['list', 'download'], projects: 'public-*' },
    { who: 'authenticated', may: 'list' },
    { who: '@ci', may: ['upload', 'yank'], projects: ['Acme_*', 'demo'] },
    { who: ['ann', '@admins'], may: 'all' },
    { who: 'eve', may: ['list', 'admin'], projects: 'eve' },
  ],
}
const anonymous = null
const named = (name: string): Identity => ({ name })
const tokenOf = (user: string): Identity => ({ name: 'token:x', tokenId: '1', user })

for (const [who, action, project, isAllowed] of [
  [anonymous, 'list', 'public-a', true],
  [anonymous, 'download', 'public-a', true],
  [anonymous, 'download', undefined, true],
  [anonymous, 'download', 'acme-a', false],
  [anonymous, 'list', 'acme-a', false],
  [anonymous, 'list', undefined, false],
  [anonymous, 'upload', 'public-a', false],
  [named('zoe'), 'list', undefined, true],
  [named('zoe'), 'list', 'acme-a', true],
  [named('zoe'), 'download', 'public-a', true],
  [named('zoe'), 'download', 'acme-a', false],
  [named('bob'), 'upload', undefined, true],
  [named('bob'), 'upload', 'acme-a', true],
  [named('bob'), 'yank', 'demo', true],
  [named('bob'), 'upload', 'acme', false],
  [named('bob'), 'upload', 'other', false],
  [named('bob'), 'remove', 'acme-a', false],
  [named('bob'), 'remove', undefined, false],
  [named('token:release'), 'upload', 'acme-a', true],
  [named('token:other'), 'upload', 'acme-a', false],
  [tokenOf('bob'), 'upload', 'acme-a', true],
  [tokenOf('zoe'), 'upload', 'acme-a', false],
  [{ name: 'zoe', user: 'bob' }, 'upload', 'acme-a', false],
  [named('ann'), 'admin', undefined, true],
  [named('root'), 'remove', 'acme-a', true],
  [named('Ann'), 'admin', undefined, false],
  [named('@ci'), 'upload', 'acme-a', false],
  [named('anyone'), 'upload', 'acme-a', false],
  [named('constructor'), 'upload', 'acme-a', false],
  [named('eve'), 'admin', 'eve', true],
  [named('eve'), 'admin', undefined, false],
] as const satisfies readonly (readonly [Identity | null, Action, string | undefined, boolean])[]) {
  const title = `${JSON.stringify(who)} ${isAllowed ? 'may' : 'may not'} ${action} ${project ?? '(no project told)'}`
  test(title, async (t) => {
    const authorizer: Authorizer = open(t, team).authorizer
    assert.equal(await authorizer(who, { ...context, action, ...(project && { project }) }), isAllowed)
  })
}

test('rules that are none deny everything', async (t) => {
  const { authorizer } = open(t, { rules: [] })
  assert.equal(await authorizer({ name: 'root' }, { action: 'list' }), false)
})

test('a change counts with the next question', async (t) => {
  const { authorizer, write } = open(t, { rules: [] })
  assert.equal(await authorizer(null, { action: 'list' }), false)
  write({ rules: [{ who: 'anyone', may: 'list' }] })
  assert.equal(await authorizer(null, { action: 'list' }), true)
  write({ rules: [{ who: 'anyone', may: 'yank' }] })
  assert.equal(await authorizer(null, { action: 'list' }), false)
})

test('nobody can tell while the file is missing or cut off anywhere', async (t) => {
  const { path, authorizer, write } = open(t)
  await assert.rejects(async () => authorizer(null, { action: 'list' }), unavailable)
  const whole = JSON.stringify({ rules: [{ who: 'anyone', may: ['list'], projects: ['a'] }] })
  for (let end = 0; end < whole.length; end++) {
    write(whole.slice(0, end))
    await assert.rejects(async () => authorizer(null, { action: 'list', project: 'a' }), unavailable)
  }
  write(whole)
  assert.equal(await authorizer(null, { action: 'list', project: 'a' }), true)
  rmSync(path)
  await assert.rejects(async () => authorizer(null, { action: 'list', project: 'a' }), unavailable)
})

const rule = { who: 'bob', may: 'list' }
for (const [what, content, place] of [
  ['a syntax error', '{\n"rules": [\n{},\n]\n}', /line 4 is not JSON/],
  ['a list', [], /the whole is not an object/],
  ['no rules', {}, /rules is not a list/],
  ['an unknown key', { rules: [], users: [] }, /: users is unknown/],
  ['an unknown key in a rule', { rules: [rule, { ...rule, except: 'x' }] }, /rules\[1\]\.except is unknown/],
  ['a rule for nobody', { rules: [{ may: 'list' }] }, /rules\[0\]\.who /],
  ['a rule without actions', { rules: [{ who: 'bob' }] }, /rules\[0\]\.may /],
  ['an unknown action', { rules: [{ ...rule, may: ['uplod'] }] }, /rules\[0\]\.may: "uplod" is none of/],
  ['an empty list of projects', { rules: [{ ...rule, projects: [] }] }, /rules\[0\]\.projects /],
  ['a glob with brackets', { rules: [{ ...rule, projects: ['a', '[b]'] }] }, /rules\[0\]\.projects: "\[b\]"/],
  ['an unknown group', { rules: [{ ...rule, who: '@ci' }] }, /rules\[0\]\.who: there is no group "ci"/],
  ['a group in a group', { groups: { a: '@b', b: 'c' }, rules: [] }, /groups\.a: "@b"/],
  ['a group of anyone', { groups: { a: 'anyone' }, rules: [] }, /groups\.a: "anyone"/],
  ['a group named with @', { groups: { '@a': 'b' }, rules: [] }, /groups\.@a/],
] as const) {
  test(`a file with ${what} is refused by naming the place, once in the log`, async (t) => {
    const { authorizer, logger } = open(t, content)
    for (const _ of [1, 2]) {
      await assert.rejects(async () => authorizer(null, { action: 'list' }), { ...unavailable, message: place })
    }
    assert.deepEqual(
      logger.records.map(({ level }) => level),
      ['error'],
    )
  })
}

test('a closed authorizer refuses to tell', async (t) => {
  const { authorizer } = open(t, team)
  await authorizer.close()
  await assert.rejects(async () => authorizer(null, { action: 'list' }), { code: 'ERR_PYPI_CLOSED' })
})
