import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PypiServerError } from '#src/errors.js'
import { parseCoreMetadata } from '#src/packaging/core-metadata.js'
import { checkUploadFilename, maxFilenameBytes, parseFilename } from '#src/packaging/filename.js'
import { isProjectName, normalizeName } from '#src/packaging/name.js'
import { isSpecifierSet } from '#src/packaging/specifier.js'
import {
  compareVersions,
  isVersion,
  normalizeVersion,
  parseVersion,
  releaseKey,
  sortKey,
} from '#src/packaging/version.js'
import { holds, hostileText } from '../helpers/property.js'

const digits = fc.nat({ max: 30 }).map(String)
const separator = fc.constantFrom('', '.', '-', '_')
/** A version in any of the spellings that PEP 440 allows. */
const version = fc
  .tuple(
    fc.constantFrom('', 'v', '1!', '0!'),
    fc.array(digits, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
    fc.oneof(
      fc.constant(''),
      fc.tuple(separator, fc.constantFrom('a', 'beta', 'RC', 'c', 'pre'), digits).map((p) => p.join('')),
    ),
    fc.oneof(
      fc.constant(''),
      fc.tuple(separator, fc.constantFrom('post', 'rev', 'R'), digits).map((p) => p.join('')),
    ),
    fc.oneof(
      fc.constant(''),
      fc.tuple(separator, fc.constant('dev'), digits).map((p) => p.join('')),
    ),
    fc.constantFrom('', '+ubuntu.1', '+1', '+a-B_2'),
  )
  .map((parts) => parts.join(''))
const versionLike = fc.oneof(
  version,
  hostileText('1', '0', '.', '-', '_', '!', '+', 'a', 'rc', 'post', 'dev', 'v', ' '),
)
const projectName = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/)
const sign = (a: string, b: string): number => Math.sign(compareVersions(a, b))

holds(
  'every spelling of PEP 440 is read',
  fc.property(version, (text) => assert.ok(isVersion(text), text)),
)

holds(
  'versions are in one total order, whatever the text',
  fc.property(versionLike, versionLike, versionLike, (a, b, c) => {
    assert.equal(sign(a, a), 0)
    assert.equal(sign(a, b) + sign(b, a), 0)
    if (sign(a, b) <= 0 && sign(b, c) <= 0) assert.ok(sign(a, c) <= 0)
    assert.equal(sign(a, b) === 0, sortKey(a) === sortKey(b))
  }),
)

holds(
  'versions of one order are one release, and the other way round',
  fc.property(version, version, (a, b) => assert.equal(sign(a, b) === 0, releaseKey(a) === releaseKey(b))),
)

holds(
  'the normal form of a version is its own normal form and the same release',
  fc.property(versionLike, (text) => {
    const normal = normalizeVersion(text)
    if (normal === undefined) return assert.equal(parseVersion(text), undefined)
    assert.equal(normalizeVersion(normal), normal)
    assert.equal(releaseKey(normal), releaseKey(text))
    assert.deepEqual(parseVersion(normal), parseVersion(text))
  }),
)

holds(
  'a development release comes before, and a post-release after, its version',
  fc.property(
    version.filter((text) => !/post|r|\+/i.test(text) && !text.includes('dev')),
    (text) => {
      assert.equal(sign(`${text}.dev0`, text), -1)
      assert.equal(sign(`${text}.post0`, text), 1)
    },
  ),
)

holds(
  'a normalized name is its own normal form, and spellings of one name agree',
  fc.property(fc.oneof(projectName, fc.string({ unit: 'binary' })), (name) => {
    const normal = normalizeName(name)
    assert.equal(normalizeName(normal), normal)
    assert.equal(normalizeName(name.replaceAll('-', '__.')), normal)
    if (isProjectName(name)) assert.match(normal, /^[a-z0-9]+(?:-[a-z0-9]+)*$/)
  }),
)

holds(
  'a wheel or sdist with a valid name and version is told apart into these',
  fc.property(projectName, version, fc.boolean(), (project, text, isWheel) => {
    const escaped = project.replace(/[-_.]+/g, '_')
    const normal = normalizeVersion(text) ?? ''
    const filename = isWheel ? `${escaped}-${normal}-py3-none-any.whl` : `${escaped}-${normal}.tar.gz`
    const parsed = checkUploadFilename(filename)
    assert.equal(parsed.name, normalizeName(project))
    assert.equal(releaseKey(parsed.version), releaseKey(text))
    assert.equal(parsed.kind, isWheel ? 'wheel' : 'sdist')
  }),
)

const filenameLike = hostileText(
  'demo',
  '-',
  '1.0',
  '.',
  '..',
  '/',
  '\\',
  '\0',
  '.whl',
  '.tar.gz',
  '.egg',
  '.exe',
  '.asc',
  'py3-none-any',
  '%2e',
)

holds(
  'whatever a file is called, its name is either read within the rules or none of ours',
  fc.property(filenameLike, (filename) => {
    const parsed = parseFilename(filename)
    if (parsed === undefined) return
    assert.equal(parsed.filename, filename)
    assert.ok(Buffer.byteLength(filename) <= maxFilenameBytes)
    assert.doesNotMatch(filename, /[/\\\p{Cc}]|^\./u)
    assert.equal(normalizeName(parsed.project), parsed.name)
    assert.notEqual(parsed.name, '')
  }),
)

holds(
  'an upload under whatever name is accepted within the rules or refused as such',
  fc.property(filenameLike, (filename) => {
    try {
      assert.deepEqual(parseFilename(checkUploadFilename(filename).filename)?.filename, filename)
      assert.match(filename, /^[A-Za-z0-9][A-Za-z0-9._+!-]*$/)
    } catch (error) {
      if (!(error instanceof PypiServerError)) throw error
      assert.equal(error.code, 'ERR_PYPI_UPLOAD_REFUSED')
    }
  }),
)

const operator = fc.constantFrom('==', '!=', '<=', '>=', '<', '>')
const publicVersion = version.filter((text) => !text.includes('+'))

holds(
  'sets of valid clauses are specifier sets, with and without spaces, in any order',
  fc.property(fc.array(fc.tuple(operator, fc.constantFrom('', ' '), publicVersion), { maxLength: 4 }), (clauses) => {
    const texts = clauses.map((clause) => clause.join(''))
    assert.ok(isSpecifierSet(texts.join(',')))
    assert.ok(isSpecifierSet(texts.toReversed().join(' , ')))
  }),
)

holds(
  'whether text is a specifier set is decided clause by clause',
  fc.property(fc.array(hostileText('>=', '==', '~=', '===', '1.0', '.*', '3', 'dev'), { maxLength: 3 }), (parts) => {
    const clauses = parts.flatMap((part) => part.split(','))
    assert.equal(isSpecifierSet(clauses.join(',')), clauses.every(isSpecifierSet))
  }),
)

const headerName = fc.constantFrom('Name', 'Version', 'Requires-Python', 'Classifier', 'X-Other')
const headerValue = fc.stringMatching(/^[!-~](?:[ -~]{0,20}[!-~])?$/)

holds(
  'metadata that was written line by line is read back',
  fc.property(
    fc.array(fc.tuple(headerName, headerValue), { maxLength: 8 }),
    fc.constantFrom('\n', '\r\n'),
    (headers, lineEnd) => {
      const text = headers.map(([name, value]) => `${name}: ${value}${lineEnd}`).join('') + lineEnd
      const { fields } = parseCoreMetadata(Buffer.from(text))
      for (const name of new Set(headers.map(([name]) => name))) {
        const values = headers.filter(([other]) => other === name).map(([, value]) => value)
        assert.deepEqual(fields.get(name.toLowerCase()), values)
      }
    },
  ),
)

holds(
  'any bytes can be read as metadata, and single values are one line',
  fc.property(
    fc.oneof(
      hostileText('Name: ', 'Version: ', 'Requires-Python: ', '\n', '\r', '\r\n', ' ', '\t', ':', '        ', '|').map(
        (text) => Buffer.from(text),
      ),
      fc.uint8Array({ maxLength: 300 }),
    ),
    (bytes) => {
      const { name = '', version = '', requiresPython = '', summary = '' } = parseCoreMetadata(bytes)
      for (const value of [name, version, requiresPython, summary]) assert.doesNotMatch(value, /[\r\n]/)
    },
  ),
)
