import assert from 'node:assert/strict'
import type { DistributionFile, ProjectSummary } from '../backend.js'
import { normalizeName } from '../packaging/name.js'
import { defineCase, type Subject, type UnboundCase } from './case.js'
import { type SampleFile, sampleWheel, unknownFile } from './samples.js'
import { eventually, filesOf, listedNames, overwrite, projectOf, recordOf } from './subject.js'

const dayMs = 24 * 60 * 60 * 1000
const demo = sampleWheel('demo')

/** What pages show: projects, their files, and the files that paths lead to. */
export const readingCases: readonly UnboundCase[] = [
  defineCase({
    id: 'absn',
    title: 'a project that does not exist is undefined, and a backend without files lists none',
    needs: [],
    check: async ({ backend }) => {
      assert.equal(await backend.getProject(normalizeName('absent')), undefined)
      assert.deepEqual(await listedNames(backend), [])
    },
  }),
  defineCase({
    id: 'norm',
    title: 'projects are listed and named by their normalized names',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      const samples = ['Foo.Bar_baz', 'UPPER', 'plain'].map((name) => sampleWheel(name))
      await fill(samples)
      assert.deepEqual(await listedNames(backend), ['foo-bar-baz', 'plain', 'upper'])
      for (const { project } of samples) assert.equal((await projectOf(backend, project)).name, project)
    },
  }),
  defineCase({
    id: 'once',
    title: 'of thousands of projects each is listed once',
    needs: ['fill'],
    check: async ({ backend, fill, projectCount }) => {
      const samples = manyProjects(projectCount)
      await fill(samples)
      assertEachOnce(await listedNames(backend), samples)
    },
  }),
  defineCase({
    id: 'lwhi',
    title: 'projects that are replaced while a listing goes on are listed once',
    needs: ['fill', 'publish'],
    check: async (subject) => {
      const samples = manyProjects(subject.projectCount)
      await subject.fill(samples)
      const names: string[] = []
      for await (const page of subject.backend.listProjects()) {
        const [first] = page
        const again = samples.find(({ project }) => project === first?.name)
        if (again !== undefined) await overwrite(subject, sampleWheel(again.project, { payloadBytes: 1, seed: 1 }))
        names.push(...page.map(({ name }) => name))
      }
      assertEachOnce(names, samples)
    },
  }),
  defineCase({
    id: 'coun',
    title: 'a number of files that a listing tells is that of the project',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      await fill([demo, sampleWheel('demo', { version: '2.0' }), sampleWheel('other')])
      for await (const page of backend.listProjects()) {
        for (const { name, fileCount } of page) {
          if (fileCount !== undefined) assert.equal(fileCount, (await filesOf(backend, name)).length, name)
        }
      }
    },
  }),
  defineCase({
    id: 'lrev',
    title: 'the revision of the list is another one once the list is, and not before',
    needs: ['fill', 'listRevision'],
    check: async (subject) => {
      const seen = [await listing(subject)]
      for (const samples of [[demo, sampleWheel('other')], [sampleWheel('demo', { version: '2.0' })]]) {
        await subject.fill(samples)
        seen.push(await listing(subject))
      }
      assertToldApart(seen)
    },
  }),
  defineCase({
    id: 'lrem',
    title: 'the revision of the list is another one once a project is gone',
    needs: ['fill', 'remove', 'listRevision'],
    check: async (subject) => {
      await subject.fill([demo, sampleWheel('other')])
      const before = await listing(subject)
      await subject.backend.remove(await recordOf(subject.backend, demo))
      assertToldApart([before, await listing(subject)])
    },
  }),
  defineCase({
    id: 'flds',
    title: 'a file is described by its name, bytes and metadata',
    needs: ['fill'],
    check: async ({ backend, fill, patienceMs }) => {
      await fill([demo])
      await eventually(async () => 'sha256' in (await recordOf(backend, demo)).hashes, patienceMs)
      assertDescribes(await recordOf(backend, demo), demo)
    },
  }),
  defineCase({
    id: 'othr',
    title: 'a project has all of its files and no others',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      const second = sampleWheel('demo', { version: '2.0' })
      await fill([demo, second, sampleWheel('demo-tools')])
      const filenames = (await filesOf(backend, demo.project)).map(({ filename }) => filename)
      assert.deepEqual(filenames.sort(), [demo.filename, second.filename])
    },
  }),
  defineCase({
    id: 'path',
    title: 'every file has a relative path of its own, by which the index finds it',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      const samples = [demo, sampleWheel('demo', { version: '2.0' }), sampleWheel('other')]
      await fill(samples)
      const files = await Promise.all(samples.map((sample) => recordOf(backend, sample)))
      assert.equal(new Set(files.map(({ path }) => path)).size, samples.length)
      for (const { path, filename } of files) {
        const segments = path.split('/')
        assert.ok(!path.includes('\\') && !segments.some((segment) => ['', '.', '..'].includes(segment)), path)
        // The index then reads the project out of the last segment.
        if (backend.findFile === undefined) assert.equal(segments.at(-1), filename)
      }
    },
  }),
  defineCase({
    id: 'find',
    title: 'a file is found by its path, as its project lists it',
    needs: ['fill', 'findFile'],
    check: async ({ backend, fill }) => {
      await fill([demo, sampleWheel('other')])
      const file = await recordOf(backend, demo)
      assert.deepEqual(await backend.findFile(file.path), file)
    },
  }),
  defineCase({
    id: 'fino',
    title: 'a path without a file is undefined',
    needs: ['fill', 'findFile'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const { path } = await recordOf(backend, demo)
      for (const other of ['', '/', '..', `../${path}`, `${path}/`, `absent/${path}`, 'absent-1.0.tar.gz']) {
        assert.equal(await backend.findFile(other), undefined, other)
      }
    },
  }),
  defineCase({
    id: 'fail',
    title: 'a storage that cannot be read is an error, never an absence',
    needs: ['fill', 'obstruct'],
    check: async ({ backend, fill, obstruct }) => {
      await fill([demo])
      const file = await recordOf(backend, demo)
      await obstruct()
      await assert.rejects(backend.getProject(normalizeName('absent')))
      await assert.rejects(async () => await backend.openFile(unknownFile(demo)))
      await assert.rejects(async () => await backend.openFile(file))
    },
  }),
]

interface Listing {
  readonly revision: string
  readonly projects: readonly ProjectSummary[]
}

/** The list, once its revision stays. */
async function listing({ backend, patienceMs }: Subject<'listRevision'>): Promise<Listing> {
  const settled = await eventually(async () => {
    const revision = await backend.listRevision()
    const projects: ProjectSummary[] = []
    for await (const page of backend.listProjects()) projects.push(...page)
    projects.sort((a, b) => (a.name < b.name ? -1 : 1))
    return (await backend.listRevision()) === revision && { revision, projects }
  }, patienceMs)
  assert.ok(settled, 'the revision of the list changes all the time')
  assert.ok(settled.revision.length <= 64, `a revision of ${settled.revision.length} characters`)
  return settled
}

function assertToldApart(listings: readonly Listing[]): void {
  for (const [index, { revision, projects }] of listings.entries()) {
    for (const earlier of listings.slice(0, index)) {
      if (earlier.revision === revision) assert.deepEqual(projects, earlier.projects, `both are revision ${revision}`)
    }
  }
}

function manyProjects(count: number): readonly SampleFile[] {
  return Array.from({ length: count }, (_, index) => sampleWheel(`project-${index}`, { payloadBytes: 1 }))
}

function assertEachOnce(names: readonly string[], samples: readonly SampleFile[]): void {
  const listed = new Set(names)
  assert.deepEqual(
    samples.filter(({ project }) => !listed.has(project)).map(({ project }) => project),
    [],
    'not listed',
  )
  assert.equal(names.length, samples.length, 'some are listed more than once')
}

/** That a record tells everything that is to be told of the sample. */
export function assertDescribes(file: DistributionFile, sample: SampleFile): void {
  const { project, filename, version, size, hashes, requiresPython, coreMetadata, uploadTimeMs } = file
  const { bytes, metadata } = sample
  assert.deepEqual(
    { project, filename, version, size, sha256: hashes['sha256'], requiresPython, coreMetadata },
    {
      project: sample.project,
      filename: sample.filename,
      version: sample.version,
      size: bytes.length,
      sha256: sample.hashes.sha256,
      requiresPython: sample.requiresPython,
      coreMetadata: { sha256: metadata.sha256 },
    },
  )
  assert.ok(Math.abs(uploadTimeMs - Date.now()) < dayMs, `${uploadTimeMs} is not today in milliseconds`)
}
