import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readForm } from '#src/http/multipart.js'
import { boundary, contentType, field, file, form, inPieces, part, receive } from './forms.js'

const disposition = 'Content-Disposition: form-data'
const octets = 'Content-Type: application/octet-stream'

test('the body of twine is read: fields first, the file last', async () => {
  const body = form(
    field('metadata_version', '2.1'),
    field('classifiers', 'A'),
    field('classifiers', 'B'),
    field(':action', 'file_upload'),
    file('content', 'demo-1.0-py3-none-any.whl', 'PK\r\n--x'),
  )
  const received = await receive(body)
  assert.deepEqual(received.files, ['content demo-1.0-py3-none-any.whl PK\r\n--x'])
  assert.deepEqual(
    [...received.form.fields],
    [
      ['metadata_version', ['2.1']],
      ['classifiers', ['A', 'B']],
      [':action', ['file_upload']],
    ],
  )
})

test('whoever takes a file sees the fields that came before it', async () => {
  const body = form(field('sha256_digest', 'a'), file('content', 'demo', 'PK'), field('md5_digest', 'b'))
  let seen: readonly string[] = []
  await readForm(inPieces(body, 10), contentType, {
    onFile: async ({ fields, stream }) => {
      seen = [...fields.keys()]
      stream.resume()
    },
  })
  assert.deepEqual(seen, ['sha256_digest'])
})

test('the body of distutils is read: a blank line before it, an untyped file in its middle', async () => {
  const mark = '--------------GHSKFJDLGDS7543FJKLFHRE75642756743254'
  const parts = [
    `${disposition}; name=":action"\r\n\r\nfile_upload`,
    `${disposition}; name="content"; filename="demo-1.0.tar.gz"\r\n\r\n\x1f\b`,
    `${disposition}; name="comment"\r\n\r\n`,
  ]
  const body = `${parts.map((text) => `\r\n--${mark}\r\n${text}`).join('')}\r\n--${mark}--\r\n`
  const received = await receive(body, `multipart/form-data; boundary=${mark}`)
  assert.deepEqual(received.files, ['content demo-1.0.tar.gz \x1f\b'])
  assert.deepEqual(
    [...received.form.fields],
    [
      [':action', ['file_upload']],
      ['comment', ['']],
    ],
  )
})

test('the body of flit is read: a file without a content type', async () => {
  const body = form(
    field('name', 'demo'),
    part([`${disposition}; name="content"; filename="demo-1.0.tar.gz"`], 'bytes'),
  )
  assert.deepEqual((await receive(body)).files, ['content demo-1.0.tar.gz bytes'])
})

test('the body of uv is read: attestations behind the file', async () => {
  const body = form(
    field('requires_python', ''),
    part([`${disposition}; name="content"; filename="demo-1.0.tar.gz"`], 'bytes'),
    field('attestations', '[]'),
  )
  const received = await receive(body)
  assert.deepEqual(received.files, ['content demo-1.0.tar.gz bytes'])
  assert.deepEqual([...received.form.fields.keys()], ['requires_python', 'attestations'])
})

test('the body of twine --sign is read: two files, each handed on in turn', async () => {
  const body = form(file('content', 'a.whl', 'one'), file('gpg_signature', 'a.whl.asc', 'two'))
  assert.deepEqual((await receive(body)).files, ['content a.whl one', 'gpg_signature a.whl.asc two'])
})

test('names and values in UTF-8 come through', async () => {
  const { form: read, files } = await receive(form(field('größe', 'naïve'), file('content', 'é.whl', '')))
  assert.deepEqual([...read.fields], [['größe', ['naïve']]])
  assert.deepEqual(files, ['content é.whl '])
})

for (const filename of ['../../etc/passwd', 'C:/a/b.whl', '/abs.whl', '.hidden', '..'])
  test(`the file name ${filename} is passed on as sent`, async () => {
    assert.deepEqual((await receive(form(file('content', filename, 'x')))).files, [`content ${filename} x`])
  })

test('fields named like properties of every object are fields', async () => {
  const { fields } = (await receive(form(field('__proto__', 'a'), field('constructor', 'b')))).form
  assert.deepEqual(fields.get('__proto__'), ['a'])
  assert.deepEqual(fields.get('constructor'), ['b'])
})

test('a quoted boundary, a preamble and an epilogue are understood', async () => {
  const body = `preamble\r\n${form(field('a', 'b'))}epilogue\r\n--${boundary}\r\n`
  const { form: read } = await receive(body, `Multipart/Form-Data; charset=utf-8; Boundary="${boundary}"`)
  assert.deepEqual([...read.fields], [['a', ['b']]])
})

test('a body reads the same in pieces of any size', async () => {
  const body = form(
    field('a', '\r\n--x-boundar\r'),
    file('content', 'a.whl', `\r\n--${boundary.slice(1)}\r\r\n-`),
    field('z', ''),
  )
  const whole = await receive(body)
  for (let size = 1; size < body.length; size += 1) assert.deepEqual(await receive(inPieces(body, size)), whole)
})

test('a file far larger than any buffer comes through unchanged', async () => {
  const content = 'abcdefgh\r\n'.repeat(200_000)
  const { files } = await receive(inPieces(form(file('content', 'a.whl', content), field('a', 'b')), 65_536))
  assert.equal(files[0], `content a.whl ${content}`)
})

test('an urlencoded form is read', async () => {
  const body = ':action=file_upload&name=a%2Bb+c&name=%C3%A9'
  const { form: read } = await receive(body, 'application/x-www-form-urlencoded; charset=utf-8')
  assert.deepEqual(
    [...read.fields],
    [
      [':action', ['file_upload']],
      ['name', ['a+b c', 'é']],
    ],
  )
})

test('an urlencoded form of 100 KiB is read, one byte more is too large', async () => {
  const type = 'application/x-www-form-urlencoded'
  const { form: read } = await receive(`a=${'x'.repeat(102_398)}`, type)
  assert.equal(read.fields.get('a')?.[0]?.length, 102_398)
  await assert.rejects(receive(`a=${'x'.repeat(102_399)}`, type), { code: 'ERR_PYPI_TOO_LARGE' })
})

const typeCases: readonly (readonly [type: string | undefined, code: string])[] = [
  [undefined, 'ERR_PYPI_UNSUPPORTED_MEDIA_TYPE'],
  ['', 'ERR_PYPI_UNSUPPORTED_MEDIA_TYPE'],
  ['application/json', 'ERR_PYPI_UNSUPPORTED_MEDIA_TYPE'],
  ['multipart/mixed; boundary=x', 'ERR_PYPI_UNSUPPORTED_MEDIA_TYPE'],
  ['multipart/form-data', 'ERR_PYPI_BAD_REQUEST'],
  ['multipart/form-data; boundary=', 'ERR_PYPI_BAD_REQUEST'],
  ['multipart/form-data; boundary=""', 'ERR_PYPI_BAD_REQUEST'],
  ['multipart/form-data; boundary="x', 'ERR_PYPI_BAD_REQUEST'],
  ['multipart/form-data; boundary="a\\"b"', 'ERR_PYPI_BAD_REQUEST'],
  [`multipart/form-data; boundary=${'x'.repeat(71)}`, 'ERR_PYPI_BAD_REQUEST'],
  [`${contentType}; comment=${'x'.repeat(300)}`, 'ERR_PYPI_BAD_REQUEST'],
]

for (const [type, code] of typeCases)
  test(`the content type «${type?.slice(0, 60) ?? 'absent'}» is refused with ${code}`, async () => {
    // Not by way of `receive`, whose default would stand in for an absent type.
    await assert.rejects(readForm(inPieces(form(), 1), type, { onFile: async () => {} }), { code })
  })

const upload = file('content', 'a.whl', 'x')
const malformedCases: readonly (readonly [what: string, body: string])[] = [
  ['nothing', ''],
  ['no boundary', 'a=b'],
  ['LF for CRLF, as distutils of Python 2 sends', form(field('a', 'b'), upload).replaceAll('\r\n', '\n')],
  ['filename*', form(part([`${disposition}; name="content"; filename*=UTF-8''a.whl`], 'x'))],
  ['filename* beside filename', form(part([`${disposition}; name="c"; filename="a"; FileName*=UTF-8''b`], 'x'))],
  ['two filenames', form(part([`${disposition}; name="content"; filename="a.whl"; filename=b.whl`], 'x'))],
  [
    'two filenames, one on a folded line',
    form(part([`${disposition}; name="c"; filename="a";\r\n filename="b"`], 'x')),
  ],
  ['two names', form(part([`${disposition}; name="a"; name="b"`], 'x'))],
  ['two dispositions', form(part([`${disposition}; name="a"`, `${disposition}; name="b"`], 'x'))],
  ['a file without a filename', form(part([`${disposition}; name="content"`, octets], 'x'))],
  ['a file with an empty filename', form(part([`${disposition}; name="content"; filename=""`, octets], 'x'))],
  ['a part without a name', form(part([`${disposition}; filename="a.whl"`], 'x'))],
  ['a part with an empty name', form(part([`${disposition}; name=""`], 'x'))],
  ['a part without a disposition', form(part([octets], 'x'))],
  ['an attachment', form(part(['Content-Disposition: attachment; name="content"; filename="a.whl"'], 'x'))],
  ['an unfinished quoted string', form(part([`${disposition}; name="content"; filename="a.zip\\"`], 'x'))],
  ['a boundary within a line', form(file('content', 'a.whl', `\r\n--${boundary}\r`))],
  ['a part without headers', form(`--${boundary}\r\n\r\nx\r\n`)],
  ['a header line without a name', form(part([`${disposition}; name="a"`, ': x'], 'x'))],
  ['a NUL in a header', form(part([`${disposition}; name="content"; filename="a\0.whl"`], 'x'))],
  ['a bare LF in a header', form(part([`${disposition}; name="a"\nX-Y: z`], 'x'))],
  [
    'a field in an unknown charset',
    form(part([`${disposition}; name="a"`, 'Content-Type: text/plain; charset=no'], 'x')),
  ],
  ['51 headers in a part', form(part([`${disposition}; name="a"`, ...Array(50).fill('X-Y: z')], 'x'))],
  ['17 KiB of headers in a part', form(part([`${disposition}; name="a"`, `X-Y: ${'z'.repeat(17_000)}`], 'x'))],
  ['17 KiB of headers without an end', `--${boundary}\r\nX-Y: ${'z'.repeat(17_000)}`],
]

for (const [what, body] of malformedCases)
  test(`a multipart body with ${what} is refused`, { timeout: 10_000 }, async () => {
    await assert.rejects(receive(body), { code: 'ERR_PYPI_BAD_REQUEST' })
    await assert.rejects(receive(inPieces(body, 7)), { code: 'ERR_PYPI_BAD_REQUEST' })
  })

test('50 headers in a part are read', async () => {
  const body = form(part([`${disposition}; name="a"`, ...Array(49).fill('X-Y: z')], 'x'))
  assert.deepEqual((await receive(body)).form.fields.get('a'), ['x'])
})

test('a body cut at any byte before its end is refused', { timeout: 30_000 }, async () => {
  const body = form(field('a', 'b'), file('content', 'a.whl', 'some bytes'), field('c', 'd')).trimEnd()
  for (let end = 0; end < body.length; end += 1)
    await assert.rejects(receive(body.slice(0, end)), { code: 'ERR_PYPI_BAD_REQUEST' }, `cut at byte ${end}`)
  assert.equal((await receive(body)).files.length, 1)
})
