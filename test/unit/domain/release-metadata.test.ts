import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { Backend, DistributionFile, OpenedFile, Project } from '#src/backend.js'
import { createReleaseMetadataReader } from '#src/domain/release-metadata.js'
import { type Release, releasesOf } from '#src/domain/releases.js'
import { normalizeName } from '#src/packaging/name.js'
import { listed } from './release-files.js'

const coreMetadata = { sha256: '00' }

/** A backend that serves these parts by file name and notes which were opened. */
function serving(parts: Readonly<Record<string, OpenedFile['body']>>, size = 1) {
  const opened: string[] = []
  const backend: Backend = {
    name: 'parts',
    listProjects: async function* () {},
    getProject: async () => undefined,
    openFile: async ({ filename }, { part } = {}) => {
      opened.push(`${filename} ${part}`)
      const body = parts[filename]
      return body && { size, etag: 'x', modifiedMs: 0, body }
    },
  }
  return { backend, opened }
}

function projectOf(files: readonly DistributionFile[], revision = 'r1'): readonly [Project, Release] {
  const [release] = releasesOf(files)
  assert.ok(release)
  return [{ name: normalizeName('demo'), revision, files }, release]
}

const sdist = listed('demo-1.tar.gz', { uploadTimeMs: 9 })
const oldWheel = listed('demo-1-py2-none-any.whl', { uploadTimeMs: 1, coreMetadata })
const newWheel = listed('demo-1-py3-none-any.whl', { uploadTimeMs: 2, coreMetadata })
const bareWheel = listed('demo-1-py4-none-any.whl', { uploadTimeMs: 3 })

test('metadata is read from the newest wheel that has some, and from no other file', async () => {
  const { backend, opened } = serving({ [newWheel.filename]: Buffer.from('Name: wheel\n') })
  const read = createReleaseMetadataReader()
  const metadata = await read(backend, ...projectOf([sdist, oldWheel, newWheel, bareWheel]))
  assert.equal(metadata?.name, 'wheel')
  assert.deepEqual(opened, ['demo-1-py3-none-any.whl metadata'])
})

test('metadata is read from an sdist when no wheel has some', async () => {
  const { backend, opened } = serving({ [sdist.filename]: Readable.from([Buffer.from('Name: sdist\n')]) })
  const metadata = await createReleaseMetadataReader()(backend, ...projectOf([sdist, bareWheel]))
  assert.equal(metadata?.name, 'sdist')
  assert.deepEqual(opened, ['demo-1.tar.gz metadata'])
})

test('metadata is read once per revision of a project', async () => {
  const { backend, opened } = serving({ [sdist.filename]: Buffer.from('Name: sdist\n') })
  const read = createReleaseMetadataReader()
  const first = await read(backend, ...projectOf([sdist], 'r1'))
  assert.equal(await read(backend, ...projectOf([sdist], 'r1')), first)
  assert.equal(opened.length, 1)
  await read(backend, ...projectOf([sdist], 'r2'))
  assert.equal(opened.length, 2)
})

test('that there is no metadata is found out anew each time', async () => {
  const { backend, opened } = serving({})
  const read = createReleaseMetadataReader()
  assert.equal(await read(backend, ...projectOf([sdist])), undefined)
  assert.equal(await read(backend, ...projectOf([sdist])), undefined)
  assert.equal(opened.length, 2)
})

test('metadata of more than 8 MiB counts as none, and its stream is closed', async () => {
  const body = Readable.from([Buffer.from('Name: huge\n')])
  const { backend } = serving({ [sdist.filename]: body }, 8 * 1024 * 1024 + 1)
  assert.equal(await createReleaseMetadataReader()(backend, ...projectOf([sdist])), undefined)
  assert.equal(body.destroyed, true)
})

test('metadata that only another server holds counts as none', async () => {
  const { backend } = serving({ [sdist.filename]: { redirect: 'https://store.example/x' } })
  assert.equal(await createReleaseMetadataReader()(backend, ...projectOf([sdist])), undefined)
})

test('a store that cannot be read is an error and not a release without metadata', async () => {
  const { backend } = serving({})
  const broken: Backend = { ...backend, openFile: () => Promise.reject(new Error('no disk')) }
  await assert.rejects(createReleaseMetadataReader()(broken, ...projectOf([sdist])), /no disk/)
})
