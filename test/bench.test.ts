import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseFilename } from 'pypi-server'
import { httpScenario } from './bench/http-scenario.js'
import { median, type Result, runScenario } from './bench/measure.js'
import { allScenarios } from './bench/scenario.js'
import { serveApp, serveScript } from './bench/servers.js'
import { makeTree, projectsOf } from './bench/tree.js'
import { measureUploads, uploadSources } from './bench/upload-load.js'
import { serveIndex } from './helpers/index-server.js'
import { temporaryDirectory } from './helpers/temporary.js'

const main = fileURLToPath(new URL('bench/main.js', import.meta.url))

test('the bench runs what is named and writes its results as JSON', (t) => {
  const folder = temporaryDirectory(t)
  const json = join(folder, 'results.json')
  const args = [main, '--rounds', '2', '--seconds', '0.001', '--json', json, 'micro-normalizeName']
  assert.match(execFileSync(process.execPath, args, { encoding: 'utf8' }), /^micro-normalizeName: /)
  const { results } = JSON.parse(readFileSync(json, 'utf8')) as { readonly results: readonly Result[] }
  assert.deepEqual(
    results.map(({ scenario, measured }) => [scenario, measured.map(({ name, samples }) => [name, samples.length])]),
    [['micro-normalizeName', [['ours', 2]]]],
  )
})

test('the bench measures us and a bare server with the same bytes in turn, and judges the ratio', async (t) => {
  const folder = temporaryDirectory(t)
  const scenario = httpScenario({
    name: 'tiny',
    title: 'a page',
    tree: { files: 3, exactly: { demo: 3 } },
    path: 'simple/demo/',
    connections: 1,
    peers: ['bare'],
    requirements: [
      { against: 'bare', atLeast: 0 },
      { against: 'bare', atLeast: Number.MAX_VALUE },
    ],
  })
  const context = { treesFolder: folder, scratchFolder: folder, peers: [], profileFolder: undefined }
  const { measured, verdicts } = await runScenario(scenario, context, { rounds: 1, seconds: 0.1 })
  assert.deepEqual(
    measured.map(({ name, samples }) => [name, samples.length]),
    [
      ['ours', 1],
      ['bare', 1],
    ],
  )
  assert.deepEqual(
    verdicts.map(({ isMet }) => isMet),
    [true, false],
  )
})

test('the bench uploads wheels that an index takes, each under a name of its own, and a bare server takes them as well', async (t) => {
  const directory = temporaryDirectory(t)
  const context = { treesFolder: directory, scratchFolder: directory, peers: [], profileFolder: undefined }
  const bare = await serveScript('serve-uploads.js', [directory])
  t.after(() => bare.stop())
  const ours = await serveApp({ roots: directory }, context)
  t.after(() => ours.stop())
  for (const { url } of [ours, bare]) {
    const load = { url, directory, sources: await uploadSources(2, 1000), connections: 2 }
    const { durations } = await measureUploads(load, 0)
    assert.equal(durations.length, 2)
  }
})

test('directories for the bench hold valid wheels and sdists, as many as asked for', async (t) => {
  const directory = makeTree(temporaryDirectory(t), { files: 40, projects: 5, exactly: { demo: 9 } })
  const { request } = await serveIndex(t, { roots: directory })
  const accept = 'application/vnd.pypi.simple.v1+json'
  const page = (await (await request('/simple/demo/', { headers: { accept } })).json()) as {
    readonly files: readonly Readonly<Record<string, string>>[]
  }
  assert.equal(page.files.length, 9)
  for (const { filename = '', 'requires-python': python } of page.files) {
    assert.equal(parseFilename(filename)?.name, 'demo')
    assert.equal(python, '>=3.9')
  }
})

test('projects share the files of a directory unevenly, and none is left without', () => {
  const counts = [...projectsOf({ files: 10_000, projects: 1000 })].map(([, files]) => files)
  assert.equal(counts.length, 1000)
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    10_000,
  )
  assert.ok(Math.min(...counts) >= 1 && (counts[0] ?? 0) > 500)
})

test('every scenario has a name of its own and a bound on somebody', async () => {
  const scenarios = await allScenarios()
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length)
  for (const { requirements } of scenarios) {
    for (const { atLeast, atMost } of requirements) assert.ok(atLeast !== undefined || atMost !== undefined)
  }
})

test('a median is the middle value, or the mean of the two in the middle', () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])], [2, 2.5, 7])
})
