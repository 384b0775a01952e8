import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Diagnosis, diagnoseDirectories } from 'pypi-server'
import { sdist, wheel } from '../helpers/archives.js'
import { mainScript } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const built = wheel({ name: 'demo', version: '1.0' })
const source = sdist({ name: 'demo', version: '1.0' })
const isRoot = process.geteuid?.() === 0

function doctor(args: readonly string[], env: Readonly<NodeJS.ProcessEnv> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [mainScript, 'doctor', ...args], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined, ...env },
  })
  return { status, out: stdout, err: stderr }
}

function directoryWith(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const directory = temporaryDirectory(t)
  for (const [path, data] of Object.entries(files)) {
    mkdirSync(join(directory, path, '..'), { recursive: true })
    writeFileSync(join(directory, path), data)
  }
  return directory
}

/** Every finding but that on reserved names, as `severity kind path`. */
function told({ findings }: Diagnosis): readonly string[] {
  return findings
    .filter(({ kind }) => kind !== 'unreserved-names')
    .map(({ severity, kind, path }) => `${severity} ${kind} ${path}`)
}

test('doctor tells what is skipped or broken, each with its reason, and ends with 1', (t) => {
  const directory = directoryWith(t, {
    [built.filename]: built.bytes,
    'half-1.0.tar.gz': source.bytes.subarray(0, source.bytes.length / 2),
    'notes.txt': 'hello',
  })
  const { status, out, err } = doctor([directory])
  assert.deepEqual([status, err], [1, ''])
  const [heading, ...lines] = out.trimEnd().split('\n')
  assert.equal(heading, directory)
  assert.deepEqual(lines, [
    '  notice   2 projects were copied in and never uploaded (demo, half): once its last file is taken away by hand, a name leads to the fallback; pypi-server delete keeps it taken',
    '  broken   half-1.0.tar.gz: has no end, so it is not shown: copy it again',
    '  skipped  notes.txt: its name is not that of a distribution file',
    '',
    '1 file of 1 project to serve; 1 broken, 1 skipped, 1 notice',
  ])
  assert.ok(!existsSync(join(directory, '.pypi-server')))
})

test('doctor ends with 0 where nothing is broken, and with 2 for a directory that is not there', (t) => {
  const directory = directoryWith(t, { [built.filename]: built.bytes })
  assert.equal(doctor([directory]).status, 0)
  const { status, err } = doctor([join(directory, 'missing')])
  assert.deepEqual([status, /cannot read the directory .*missing: ENOENT/.test(err)], [2, true])
})

test('doctor --json prints what the library tells', async (t) => {
  const directory = directoryWith(t, { [built.filename]: built.bytes, 'x.whl': '' })
  const { status, out } = doctor(['--json', directory])
  const diagnosis = await diagnoseDirectories(directory)
  assert.deepEqual([status, JSON.parse(out)], [1, diagnosis])
  assert.deepEqual([diagnosis.fileCount, diagnosis.projectCount], [1, 1])
})

test('doctor paints only where colours are wanted', (t) => {
  const directory = directoryWith(t, { 'notes.txt': '' })
  const isPainted = (env: Readonly<NodeJS.ProcessEnv>): boolean => doctor([directory], env).out.includes('\u001b[')
  assert.deepEqual([{}, { FORCE_COLOR: '1' }, { FORCE_COLOR: '0' }, { NO_COLOR: '1' }].map(isPainted), [
    false,
    true,
    false,
    false,
  ])
})

test('names that cannot be served, links that lead nowhere and what stands alone are told', async (t) => {
  const directory = directoryWith(t, {
    [built.filename]: built.bytes,
    [`${built.filename}.asc`]: 'signature',
    '.hidden-1.0.tar.gz': '',
    'a\nb-1.0.tar.gz': '',
    'alone-1.0.tar.gz.asc': 'signature',
    'nothing.whl': '',
  })
  symlinkSync(join(directory, 'nowhere'), join(directory, 'gone-1.0.tar.gz'))
  symlinkSync(temporaryDirectory(t), join(directory, 'linked'))
  assert.deepEqual(told(await diagnoseDirectories(directory)), [
    'skipped hidden .hidden-1.0.tar.gz',
    'broken unusable-name a\nb-1.0.tar.gz',
    'skipped lone-companion alone-1.0.tar.gz.asc',
    'broken broken-link gone-1.0.tar.gz',
    // Nobody knows of the name then, and somebody else can have it.
    'broken leads-to-fallback gone-1.0.tar.gz',
    'skipped linked-directory linked',
    'broken unparsable-name nothing.whl',
  ])
})

test('files in each other’s way are told with whether their bytes differ', async (t) => {
  const other = wheel({ name: 'demo', version: '1.0', files: { 'more.py': '' } })
  const first = directoryWith(t, {
    [built.filename]: built.bytes,
    [`copies/${built.filename}`]: built.bytes,
    'demo-1.0.0-py3-none-any.whl': other.bytes,
  })
  const second = directoryWith(t, { [built.filename]: other.bytes })
  const diagnosis = await diagnoseDirectories([first, second])
  assert.deepEqual(
    told(diagnosis).filter((line) => !line.includes('no-metadata')),
    [
      `notice duplicate copies/${built.filename}`,
      'broken spelling demo-1.0.0-py3-none-any.whl',
      `skipped shadowed ${built.filename}`,
    ].sort((a, b) => Number(a.includes('shadowed')) - Number(b.includes('shadowed'))),
  )
  const { reason } = diagnosis.findings.find(({ kind }) => kind === 'shadowed') ?? {}
  assert.equal(reason, `${first} comes first and has other bytes at this path`)
})

test('metadata that is not promised, a version that is none and a strange Requires-Python are told', async (t) => {
  const lying = wheel({ name: 'lying', version: '1.0', metadata: 'Metadata-Version: 2.1\nName: other\nVersion: 1.0\n' })
  const strange = wheel({ name: 'strange', version: '1.0', requiresPython: 'three' })
  const directory = directoryWith(t, {
    [lying.filename]: lying.bytes,
    [strange.filename]: strange.bytes,
    'demo-final.tar.gz': sdist({ name: 'demo', version: 'final' }).bytes,
    'broken-1.0-py3-none-any.whl': 'this is no zip file, whatever its name says',
  })
  assert.deepEqual(told(await diagnoseDirectories(directory)), [
    'broken broken-archive broken-1.0-py3-none-any.whl',
    'notice bad-version demo-final.tar.gz',
    `broken no-metadata ${lying.filename}`,
    `notice bad-requires-python ${strange.filename}`,
  ])
})

test('state that cannot be understood, has no effect or was left behind is told', async (t) => {
  const documents = '.pypi-server/projects'
  // Of a process that is long gone, by the age of the file.
  const leftover = '.pypi-server/spool/u.x.0.1.0'
  const first = directoryWith(t, {
    [built.filename]: built.bytes,
    [`${documents}/demo.json`]: '{',
    [`${documents}/taken.json`]: '{"format":1,"isUploaded":true}',
    [leftover]: 'bytes',
  })
  utimesSync(join(first, leftover), 0, 0)
  symlinkSync('nowhere', join(first, 'taken-1.0.tar.gz'))
  const second = directoryWith(t, { [`${documents}/demo.json`]: '{"format":1}' })
  assert.deepEqual(told(await diagnoseDirectories([first, second])), [
    `broken unreadable-document ${documents}/demo.json`,
    `notice leftover ${leftover}`,
    // But no word of the fallback: the name was uploaded to.
    'broken broken-link taken-1.0.tar.gz',
    `notice ignored-state ${documents}`,
  ])
})

test('what the user may not read is told', { skip: isRoot && 'root may read everything' }, async (t) => {
  const directory = directoryWith(t, { [built.filename]: built.bytes, [`closed/${source.filename}`]: source.bytes })
  chmodSync(join(directory, built.filename), 0)
  chmodSync(join(directory, 'closed'), 0)
  t.after(() => chmodSync(join(directory, 'closed'), 0o700))
  assert.deepEqual(told(await diagnoseDirectories(directory)), [
    'broken unreadable-directory closed',
    `broken unreadable-file ${built.filename}`,
  ])
})
