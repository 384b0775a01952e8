import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultFormLimits } from '#src/http/form-fields.js'
import type { FormLimits } from '#src/http/multipart.js'
import { field, file, form, inPieces, receive } from './forms.js'

const badRequest = 'ERR_PYPI_BAD_REQUEST'
const files = (count: number): string[] => Array.from({ length: count }, (_, i) => file('content', `${i}.whl`, 'xx'))
const fields = (count: number): string[] => Array.from({ length: count }, (_, i) => field(`f${i}`, 'xx'))

interface LimitCase {
  readonly limits: Partial<FormLimits>
  readonly within: string
  readonly beyond: string
  readonly code: string
}

const cases: readonly LimitCase[] = [
  { limits: { fields: 2 }, within: form(...fields(2)), beyond: form(...fields(3)), code: badRequest },
  { limits: { files: 2 }, within: form(...files(2)), beyond: form(...files(3)), code: badRequest },
  {
    limits: { parts: 4 },
    within: form(...files(2), ...fields(2)),
    beyond: form(...files(2), ...fields(3)),
    code: badRequest,
  },
  {
    limits: { fieldSize: 5 },
    within: form(field('a', '12345')),
    beyond: form(field('a', '123456')),
    code: badRequest,
  },
  {
    limits: { fieldNameSize: 4 },
    within: form(field('éé', 'x'), file('éé', 'a.whl', '')),
    beyond: form(field('ééa', 'x')),
    code: badRequest,
  },
  {
    limits: { fieldNameSize: 4 },
    within: form(),
    beyond: form(file('content', 'a.whl', '')),
    code: badRequest,
  },
  {
    limits: { fieldsSize: 8 },
    within: form(...fields(2)),
    beyond: form(...fields(3)),
    code: badRequest,
  },
  {
    limits: { fileSize: 5 },
    within: form(file('content', 'a.whl', '12345'), file('content', 'b.whl', '12345')),
    beyond: form(file('content', 'a.whl', '123456')),
    code: 'ERR_PYPI_TOO_LARGE',
  },
]

for (const { limits, within, beyond, code } of cases)
  test(`a form up to ${JSON.stringify(limits)} is read, one beyond is refused with ${code}`, async () => {
    await receive(within, undefined, { limits })
    await receive(inPieces(within, 3), undefined, { limits })
    await assert.rejects(receive(beyond, undefined, { limits }), { code })
    await assert.rejects(receive(inPieces(beyond, 3), undefined, { limits }), { code })
  })

test('limits also hold for urlencoded forms', async () => {
  const type = 'application/x-www-form-urlencoded'
  await receive('a=1&b=2', type, { limits: { fields: 2 } })
  await assert.rejects(receive('a=1&b=2&c=3', type, { limits: { fields: 2 } }), { code: badRequest })
  await assert.rejects(receive('a=123456', type, { limits: { fieldSize: 5 } }), { code: badRequest })
})

test('a field of 2 MiB is read whole under the default limits', async () => {
  const value = 'x'.repeat(2 * 1024 * 1024)
  assert.deepEqual((await receive(form(field('description', value)))).form.fields.get('description'), [value])
})

test('2000 fields are read under the default limits', async () => {
  const { form: read } = await receive(form(...fields(defaultFormLimits.fields)))
  assert.equal(read.fields.size, 2000)
})
