import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../', import.meta.url))
const verdicts: readonly string[] = ['same', 'better', 'not']

interface Row {
  readonly statement: string
  readonly verdict: string
  readonly reason: string
  readonly shownBy: readonly string[]
}

const lines = readFileSync(join(root, 'docs/pypiserver.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
const isHead = (line: string): boolean => /^\|\s*(?:`pypiserver`|-+)\s*\|/.test(line)
const cellsOf = (line: string): readonly string[] =>
  line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim())
const rows: readonly Row[] = lines
  .filter((line) => !isHead(line))
  .map((line) => {
    const [statement = '', verdict = '', reason = '', shownBy = ''] = cellsOf(line)
    return { statement, verdict, reason, shownBy: [...shownBy.matchAll(/`([^`]+)`/g)].map(([, title = '']) => title) }
  })

/** What matches the titles that a call of `test()` or `clientTest()` declares. */
function titlesIn(path: string): readonly RegExp[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest)
  const found: RegExp[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const { text: name } = node.expression
      const [title] = node.arguments.slice(name === 'clientTest' ? 1 : 0)
      if (title && (name === 'test' || name === 'clientTest')) {
        found.push(...patternOf(title, name === 'clientTest' ? '^.+ ' : '^'))
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** What a template fills in can be anything. */
function patternOf(title: ts.Expression, start: string): readonly RegExp[] {
  const quote = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  if (ts.isStringLiteralLike(title)) return [new RegExp(`${start}${quote(title.text)}$`)]
  if (!ts.isTemplateExpression(title)) return []
  const literals = [title.head, ...title.templateSpans.map(({ literal }) => literal)].map(({ text }) => text)
  // A template of almost nothing but variables would match every title.
  const isTelling = literals.join('').replace(/\W/g, '').length >= 6
  return isTelling ? [new RegExp(`${start}${literals.map(quote).join('.*')}$`)] : []
}

test('every table of what pypiserver does has the same four columns', () => {
  assert.deepEqual(
    lines.filter((line) => cellsOf(line).length !== 4),
    [],
  )
  assert.ok(rows.length > 200, String(rows.length))
})

test('every statement about pypiserver stands once in its table and has a verdict', () => {
  assert.deepEqual(
    rows.filter(({ statement, verdict }) => statement === '' || !verdicts.includes(verdict)),
    [],
  )
})

test('whatever is not as with pypiserver has a reason', () => {
  assert.deepEqual(
    rows.filter(({ verdict, reason }) => verdict !== 'same' && reason === ''),
    [],
  )
})

test('whatever is as with pypiserver, or better, is shown by a test', () => {
  assert.deepEqual(
    rows.filter(({ verdict, shownBy }) => verdict !== 'not' && shownBy.length === 0),
    [],
  )
})

test('every test that the tables about pypiserver name exists', () => {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  const patterns = files
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => titlesIn(join(root, 'test', file)))
  assert.ok(patterns.length > 500)
  const missing = rows.flatMap(({ shownBy }) => shownBy).filter((title) => !patterns.some((one) => one.test(title)))
  assert.deepEqual(missing, [])
})
