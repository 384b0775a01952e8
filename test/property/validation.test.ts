import assert from 'node:assert/strict'
import fc from 'fast-check'
import { memorySource } from '#src/archive/byte-source.js'
import { inspectArchive, type Validation } from '#src/archive/inspection.js'
import { readZipDirectory } from '#src/archive/zip.js'
import { checkZipFraming } from '#src/archive/zip-framing.js'
import { PypiServerError } from '#src/errors.js'
import { defaultLimits } from '#src/limits.js'
import { entryPointsProblem } from '#src/packaging/entry-points.js'
import { checkUploadFilename, normalFilename } from '#src/packaging/filename.js'
import { metadataProblem } from '#src/packaging/metadata-rules.js'
import { parseRecordPaths } from '#src/packaging/record.js'
import { isRequirement } from '#src/packaging/requirement.js'
import { sdist, wheel, zip } from '../helpers/archives.js'
import { damaged, holds, hostileText } from '../helpers/property.js'

const built = wheel({ name: 'demo', version: '1.0', requiresPython: '>=3.8', files: { 'demo/a.py': 'a = 1\n' } })
const source = sdist({ name: 'demo', version: '1.0' })

for (const [kind, { filename, bytes, metadata }] of Object.entries({ wheel: built, sdist: source })) {
  const parsed = checkUploadFilename(filename)
  const inspect = (data: Uint8Array, validation: Validation) =>
    inspectArchive(memorySource(data), parsed, { validation, limits: defaultLimits }).catch((error: unknown) => {
      if (!(error instanceof PypiServerError)) throw error
      assert.equal(error.code, 'ERR_PYPI_BAD_ARCHIVE')
      return undefined
    })

  holds(
    `a damaged ${kind} is taken or refused, and what strict validation takes standard validation takes as well`,
    fc.asyncProperty(damaged(bytes), async (broken) => {
      const [strict, standard] = [await inspect(broken, 'strict'), await inspect(broken, 'standard')]
      if (strict === undefined) return
      assert.deepEqual(standard, strict)
      assert.ok(strict.metadata !== undefined)
      if (broken.equals(bytes)) assert.deepEqual(Buffer.from(strict.metadata), metadata)
    }),
  )
}

const path = fc.stringMatching(/^[a-z]{1,8}(?:\/[a-z.]{1,8}[a-z]){0,3}$/)
const member = fc.record({
  name: path,
  data: fc.string({ maxLength: 50 }),
  method: fc.constantFrom('stored' as const, 'deflate' as const),
})

holds(
  'a zip as it is made passes the framing rules, and with any bytes put into it no more',
  fc.property(
    fc.uniqueArray(member, { selector: ({ name }) => name, maxLength: 6 }),
    fc.boolean(),
    fc.nat(),
    fc.uint8Array({ minLength: 1, maxLength: 30 }),
    (members, zip64, position, inserted) => {
      const bytes = zip(members, { zip64 })
      const check = (data: Buffer) => checkZipFraming(memorySource(data), readZipDirectory(memorySource(data)))
      check(bytes)
      const at = position % (bytes.length + 1)
      assert.throws(() => check(Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])), {
        code: 'ERR_PYPI_BAD_ARCHIVE',
      })
    },
  ),
)

holds(
  'the paths of a RECORD are read as they were written, quoted or not',
  fc.property(
    fc.array(fc.tuple(hostileText('a/b.py', ',', '"', ' ', '\n', '\u00e4'), fc.constantFrom('\n', '\r\n')), {
      maxLength: 6,
    }),
    (rows) => {
      const paths = rows.map(([path]) => path).filter((path) => path !== '')
      const [, lineEnd = '\n'] = rows[0] ?? []
      const text = paths.map((path) => `"${path.replaceAll('"', '""')}",sha256=x,1${lineEnd}`).join('')
      assert.deepEqual(parseRecordPaths(text), paths)
    },
  ),
)

holds(
  'any text is a RECORD or none',
  fc.property(hostileText('"', ',', '\n', '\r\n', 'a', '""'), (text) => {
    const paths = parseRecordPaths(text)
    if (paths !== undefined) assert.ok(paths.length <= text.split('\n').length)
  }),
)

holds(
  'entry points that nothing is wrong with have names that can be those of files',
  fc.property(hostileText('[console_scripts]', '\n', 'run', ' = ', 'a:b', '../', '#', '[', ']', ' ', '/'), (text) => {
    if (entryPointsProblem(text) !== undefined) return
    for (const line of text.split(/[\r\n]/).filter((one) => /^[^\s#;[]/.test(one))) assert.match(line, /^[\w.-]+\s*=/)
  }),
)

holds(
  'any bytes are metadata or not, and the reason is one line',
  fc.property(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      hostileText(
        'Metadata-Version: 2.1\n',
        'Name: a\n',
        'Version: 1\n',
        'Requires-Dist: ',
        'b>=1',
        ';',
        '[x]',
        '\n',
      ).map((text) => Buffer.from(text)),
    ),
    (bytes) => assert.doesNotMatch(metadataProblem(bytes) ?? '', /[\r\n]/),
  ),
)

holds(
  'a requirement of known parts is one, and without its name it is not',
  fc.property(
    fc.constantFrom('', '[a]', '[a, b]', ' [ ]'),
    fc.constantFrom('', '>=1', ' (>=1,<2)', ' ~= 1.0', ' @ https://example.test/x.whl'),
    fc.constantFrom('', ' ; python_version < "3"'),
    (extras, specifier, marker) => {
      assert.ok(isRequirement(`demo${extras}${specifier}${marker}`))
      assert.ok(!isRequirement(`${extras}${specifier}${marker}`))
    },
  ),
)

holds(
  'a normal file name is its own normal form',
  fc.property(
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9._]{0,8}[A-Za-z0-9]$/),
    fc.constantFrom('1', 'v1.0', '1.0-1', '1.0.RC1', '2!1'),
    fc.constantFrom('.tar.gz', '.zip', '.tgz', '-py3-none-any.whl'),
    (name, version, end) => {
      fc.pre(!name.includes('..') && !(end.endsWith('.whl') && (name.includes('__') || version.includes('-'))))
      const normal = normalFilename(checkUploadFilename(`${name}-${version}${end}`))
      assert.equal(normalFilename(checkUploadFilename(normal)), normal)
    },
  ),
)
