import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checkUploadFilename, type ParsedFilename, parseFilename } from '#src/packaging/filename.js'

interface Answer {
  readonly project: string
  readonly version: string
}

interface Case extends Answer {
  readonly file: string
  readonly normalized: string
  readonly isPackage: boolean
}

interface Exception {
  readonly file: string
  readonly answer: Answer | null
  readonly reason: string
}

const cases: readonly Case[] = fixture('filename-cases.json')
const exceptions: readonly Exception[] = fixture('filename-exceptions.json')

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../../test/fixtures/packaging/${name}`, import.meta.url), 'utf8'))
}

/** What a directory shows of a relative path: nothing below hidden directories. */
function parsePath(path: string): ParsedFilename | undefined {
  const segments = path.split('/')
  return segments.some((segment) => segment.startsWith('.')) ? undefined : parseFilename(segments.at(-1) ?? '')
}

function answer(parsed: ParsedFilename | undefined): Answer | null {
  return parsed === undefined ? null : { project: parsed.project, version: parsed.version }
}

function summary(filename: string): readonly unknown[] {
  const parsed = parseFilename(filename)
  return [parsed?.project, parsed?.version, parsed?.kind, parsed?.build, parsed?.pythonTag]
}

for (const { file, project, normalized, version, isPackage } of cases) {
  const exception = exceptions.find((one) => one.file === file)
  test(`${JSON.stringify(file)} is read ${exception ? `unlike pypiserver: ${exception.reason}` : 'as pypiserver does'}`, () => {
    const parsed = parsePath(file)
    assert.deepEqual(answer(parsed), exception ? exception.answer : isPackage ? { project, version } : null)
    if (!exception && parsed) assert.equal(parsed.name, normalized)
  })
}

test('every exception is a known case, differs from pypiserver and has a reason', () => {
  for (const { file, answer, reason } of exceptions) {
    const theirs = cases.find((one) => one.file === file)
    assert.ok(theirs && reason.length > 0, file)
    assert.notDeepEqual(answer, theirs.isPackage ? { project: theirs.project, version: theirs.version } : null, file)
  }
})

test('a wheel is read whole', () => {
  assert.deepEqual(parseFilename('My.Demo-1.0-2b-cp312.cp313-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl'), {
    filename: 'My.Demo-1.0-2b-cp312.cp313-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    project: 'My.Demo',
    name: 'my-demo',
    version: '1.0',
    kind: 'wheel',
    build: '2b',
    pythonTag: 'cp312.cp313',
  })
})

test('the kind, build and Python tag are told from the name', () => {
  const none = undefined
  assert.deepEqual(summary('demo-1.0.tar.gz'), ['demo', '1.0', 'sdist', none, none])
  assert.deepEqual(summary('demo-1.0.ZIP'), ['demo', '1.0', 'sdist', none, none])
  assert.deepEqual(summary('demo-1.0-py3.10-linux-x86_64.egg'), ['demo', '1.0', 'egg', none, 'py3.10'])
  assert.deepEqual(summary('demo-1.0.egg'), ['demo', '1.0', 'egg', none, none])
  assert.deepEqual(summary('demo-1.0.win-amd64-py3.12.exe'), ['demo', '1.0', 'installer', none, 'py3.12'])
  assert.deepEqual(summary('my-demo-1.0.linux-x86_64.tar.gz'), ['my-demo', '1.0', 'other', none, none])
})

test('wheels that old tools named against PEP 427 are still listed', () => {
  assert.deepEqual(summary('a-b-1.0-1-py3-none-any.whl'), ['a-b', '1.0', 'wheel', '1', 'py3'])
  assert.deepEqual(summary('a-1.0_1-py3-none-any.whl'), ['a', '1.0_1', 'wheel', undefined, 'py3'])
  assert.deepEqual(summary('a__b-1.0-py3-none-any.whl'), ['a__b', '1.0', 'wheel', undefined, 'py3'])
})

test('a digit within a name does not move a file to another project', () => {
  for (const [file, name] of [
    ['django-2fa-1.0.tar.gz', 'django-2fa'],
    ['stage-2a-1.0.zip', 'stage-2a'],
    ['a.b-3-4.tar.gz', 'a-b-3'],
    ['py-3to2-1.1.1-py2.7.egg', 'py-3to2'],
    ['py-3to2-1.1.1.win32-py2.7.exe', 'py-3to2'],
  ] as const)
    assert.equal(parseFilename(file)?.name, name, file)
})

test('names with control characters, slashes, lone surrogates or a leading dot are no distribution files', () => {
  for (const char of ['\0', '\n', '\u007f', '\u0085', '/', '\\', '\ud800'])
    assert.equal(parseFilename(`de${char}mo-1.0.zip`), undefined)
  assert.equal(parseFilename('.demo-1.0.zip'), undefined)
})

test('the limit of 240 is in bytes', () => {
  assert.ok(parseFilename(`${'x'.repeat(232)}-1.0.zip`))
  assert.equal(parseFilename(`${'x'.repeat(233)}-1.0.zip`), undefined)
  assert.ok(parseFilename(`${'ä'.repeat(116)}-1.0.zip`))
  assert.equal(parseFilename(`${'ä'.repeat(117)}-1.0.zip`), undefined)
})

test('a wheel ends with .whl in lower case, other files in any', () => {
  assert.equal(parseFilename('demo-1.0-py3-none-any.WHL'), undefined)
  for (const extension of [
    '.Tar.Gz',
    '.TGZ',
    '.tar.BZ2',
    '.Tar.xz',
    '.Zip',
    '.EGG',
    '.win32-py2.7.EXE',
    '.WIN32-PY2.7.Msi',
  ])
    assert.deepEqual(answer(parseFilename(`demo-1.0${extension}`)), { project: 'demo', version: '1.0' }, extension)
})

test('a signature is no distribution file, nor are provenance and attestations', () => {
  for (const suffix of ['.asc', '.provenance', '.attestations'])
    assert.equal(parseFilename(`demo-1.0-py3-none-any.whl${suffix}`), undefined)
})

const refusedUploads = {
  'an empty name': '',
  'a directory': 'dir/x-1.0.zip',
  'a parent directory': '../x-1.0.zip',
  'a drive': 'c:\\x-1.0.zip',
  'a space': 'x -1.0.zip',
  'a tilde': 'x-1.0~.zip',
  'a letter outside ASCII': 'naïve-1.0.zip',
  'a line feed': 'x-1.0.zip\n',
  'a leading dot': '.x-1.0.zip',
  'a leading dash': '-1.0.zip',
  'two dots in a row': 'x-1..0.zip',
  'more than 200 bytes': `${'x'.repeat(193)}-1.0.zip`,
  'another extension': 'x-1.0.rpm',
  'a signature': 'x-1.0.zip.asc',
  'no version': 'x.zip',
  'no version after a dash': 'x-.zip',
  'a wheel with too few tags': 'x-1.0-none-any.whl',
  'a wheel with a dash in its name': 'a-b-1.0-py3-none-any.whl',
  'a wheel whose build tag begins with a letter': 'x-1.0-b1-py3-none-any.whl',
  'a wheel with two underscores in a row': 'a__b-1.0-py3-none-any.whl',
  'a wheel whose version is none': 'x-1.0_1-py3-none-any.whl',
  'a wheel with an empty part of a tag': 'x-1.0-py3.-none-any.whl',
}

for (const [what, filename] of Object.entries(refusedUploads))
  test(`an upload is refused whose name has or is ${what}`, () => {
    assert.throws(
      () => checkUploadFilename(filename),
      (error: { code?: string; message?: string }) =>
        error.code === 'ERR_PYPI_UPLOAD_REFUSED' && error.message?.startsWith(`Bad filename: ${filename} (`) === true,
    )
  })

for (const filename of [
  'demo-1.0.tar.gz',
  'demo-1.0-py3-none-any.whl',
  'torch-2.3.0+cu121-1-cp311-cp311-linux_x86_64.whl',
  'demo-1!2.0.zip',
  '3to2-1.1.1.zip',
  'flup-1.0.3.dev-20110405.tar.gz',
  'package-1.0-final.zip',
  'setuptools-0.6c11-py2.7.egg',
  'gevent-1.0b1.win32-py2.6.exe',
  `${'x'.repeat(192)}-1.0.zip`,
])
  test(`an upload may be called ${filename}`, () => {
    const checked = checkUploadFilename(filename)
    assert.equal(checked.filename, filename)
    assert.deepEqual(checked, parseFilename(filename))
  })

test('hostile names are answered in linear time', () => {
  const started = performance.now()
  for (const unit of ['-1', '-', '-py2.7', '.win32-py2.7', '1.', '_', '-1a', '.tar.gz'])
    for (const extension of ['.whl', '.zip', '.egg', '.exe', '.msi', '']) {
      const name = unit.repeat(Math.floor(230 / unit.length))
      for (let i = 0; i < 20; i++) parseFilename(`a${name}${extension}`)
      parseFilename(`a${unit.repeat(200_000)}${extension}`)
    }
  assert.ok(performance.now() - started < 2_000)
})
