import assert from 'node:assert/strict'
import { test } from 'node:test'
import { releasesOf } from '#src/domain/releases.js'
import { parseCoreMetadata } from '#src/packaging/core-metadata.js'
import { releaseJson, spelledName } from '#src/render/project-json.js'
import { listed } from '../domain/release-files.js'

function urlsOf(...files: Parameters<typeof releasesOf>[0]): readonly Record<string, unknown>[] {
  const [release] = releasesOf(files)
  assert.ok(release)
  return JSON.parse(releaseJson({ release, metadata: undefined }, 'http://h/')).urls
}

for (const [filename, packagetype, pythonVersion] of [
  ['demo-1.0.tar.gz', 'sdist', 'source'],
  ['demo-1.0.zip', 'sdist', 'source'],
  ['demo-1.0-py2.py3-none-any.whl', 'bdist_wheel', 'py2.py3'],
  ['demo-1.0-1-cp312-cp312-win_amd64.whl', 'bdist_wheel', 'cp312'],
  ['demo-1.0-py2.7.egg', 'bdist_egg', '2.7'],
  ['demo-1.0.egg', 'bdist_egg', 'any'],
  ['demo-1.0.win32-py2.7.exe', 'bdist_wininst', '2.7'],
  ['demo-1.0.win-amd64-py3.4.msi', 'bdist_msi', '3.4'],
  ['demo-1.0.linux-x86_64.tar.gz', 'bdist_dumb', 'any'],
] as const) {
  test(`${filename} is a ${packagetype} for ${pythonVersion}`, () => {
    const [file] = urlsOf(listed(filename))
    assert.deepEqual([file?.['packagetype'], file?.['python_version']], [packagetype, pythonVersion])
  })
}

test('digests that are not known are left out, those that are known are told', () => {
  const hashes = { sha256: 'aa', md5: 'bb', blake2b_256: 'cc', sha512: 'dd' }
  const [known, unknown] = urlsOf(
    listed('demo-1.zip', { hashes }),
    listed('demo-1.tar.gz', { hashes: { sha256: 'ee' } }),
  )
  assert.deepEqual([known?.['digests'], known?.['md5_digest']], [{ blake2b_256: 'cc', md5: 'bb', sha256: 'aa' }, 'bb'])
  assert.deepEqual([unknown?.['digests'], 'md5_digest' in (unknown ?? {})], [{ sha256: 'ee' }, false])
})

test('a yanked release says so with its reason, in info and for each file', () => {
  const [release] = releasesOf([listed('demo-1.zip', { yanked: { reason: 'broken' } })])
  assert.ok(release)
  const { info, urls } = JSON.parse(releaseJson({ release, metadata: undefined }, 'http://h/'))
  assert.deepEqual([info.yanked, info.yanked_reason], [true, 'broken'])
  assert.deepEqual([urls[0].yanked, urls[0].yanked_reason], [true, 'broken'])
})

test('a name in the metadata counts only when it is a spelling of the project', () => {
  assert.equal(spelledName('my-demo', parseCoreMetadata('Name: My_Demo\n')), 'My_Demo')
  assert.equal(spelledName('my-demo', parseCoreMetadata('Name: other\n')), 'my-demo')
})
