import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Backend, directory } from 'pypi-server'
import { backendConformance, type CreateBackend } from 'pypi-server/conformance'
import ts from 'typescript'
import type { BrokenBackend } from './helpers/broken-backend.js'
import { brokenReaders } from './helpers/broken-readers.js'
import { brokenSerials } from './helpers/broken-serials.js'
import { brokenWriters } from './helpers/broken-writers.js'
import { eventually } from './helpers/eventually.js'
import { memoryBackend, type Shelves } from './helpers/memory-backend.js'

const root = new URL('../../', import.meta.url)
const tutorial = readFileSync(new URL('docs/writing-a-backend.md', root), 'utf8')
const [, snippet = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(tutorial) ?? []

/** The backend of the documentation, compiled out of its page. */
async function shownBackend(): Promise<(shelves?: unknown) => Backend> {
  const { outputText } = ts.transpileModule(snippet, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  })
  // Inside the package, so that it imports that by its name.
  const path = new URL('.build/shown-backend.mjs', root)
  writeFileSync(path, outputText)
  const { memoryBackend: shown } = (await import(path.href)) as { readonly memoryBackend: () => Backend }
  return shown
}
const shown = await shownBackend()

const brokenBackends = [...brokenReaders, ...brokenSerials, ...brokenWriters]
const cannotRead = (): never => {
  throw new Error('the memory is gone')
}

const createDirectory: CreateBackend = async ({ directory: root }) => {
  const backend = directory(root)
  return {
    backend,
    reopen: async () => directory(root),
    obstruct: async () => renameSync(root, `${root}.away`),
    dispose: backend.close,
  }
}

/** The same directory, but its files are copied in, and nothing can be written through the backend. */
const createReadOnlyDirectory: CreateBackend = async ({ directory: root }) => {
  const { publish, remove, ...backend } = directory(root)
  return {
    backend,
    seed: async (files) => {
      for (const { filename, bytes } of files) writeFileSync(join(root, filename), bytes)
      for (const { filename } of files) await eventually(() => backend.findFile(filename))
    },
    dispose: backend.close,
  }
}

const createMemory: CreateBackend = async () => {
  const shelves: Shelves = new Map()
  const backend = memoryBackend(shelves)
  return {
    backend,
    reopen: async () => memoryBackend(shelves),
    obstruct: async () => void Object.assign(shelves, { get: cannotRead }),
    dispose: backend.close,
  }
}

/** It has no `close`, so that there is nothing to open anew after. */
const createShown: CreateBackend = async () => {
  const shelves = new Map()
  return {
    backend: shown(shelves),
    obstruct: async () => void Object.assign(shelves, { get: cannotRead }),
    dispose: async () => {},
  }
}

for (const [name, create, projectCount] of [
  ['directory', createDirectory, 5000],
  ['read-only directory', createReadOnlyDirectory, 1500],
  ['memory', createMemory, 1500],
  ["documentation's", createShown, 1500],
] as const) {
  for (const { id, title, run } of backendConformance(create, { projectCount })) {
    test(`${name} backend, ${id}: ${title}`, async (t) => {
      const { skipped } = await run()
      if (skipped !== undefined) t.skip(skipped)
    })
  }
}

/** The memory backend with one defect; closing it never fails. */
function createBroken({ change }: BrokenBackend): CreateBackend {
  return async ({ directory }) => {
    const shelves: Shelves = new Map()
    const open = (): Backend => {
      const inner = memoryBackend(shelves)
      return { ...inner, ...change(inner, { shelves, directory }) }
    }
    return {
      backend: open(),
      reopen: async () => open(),
      obstruct: async () => void Object.assign(shelves, { get: cannotRead }),
      dispose: async () => {},
    }
  }
}

/** Ids of the cases that fail. */
async function failures(create: CreateBackend): Promise<readonly string[]> {
  const cases = backendConformance(create, { projectCount: 20, patienceMs: 100 })
  const results = await Promise.allSettled(cases.map(({ run }) => run()))
  return cases.filter((_, index) => results[index]?.status === 'rejected').map(({ id }) => id)
}

for (const broken of brokenBackends) {
  test(`a backend that ${broken.defect} fails ${broken.fails.join(', ')} and nothing else`, async () => {
    assert.deepEqual([...(await failures(createBroken(broken)))].sort(), [...broken.fails].sort())
  })
}

test('every case has an id of its own, of four letters, and is failed by a broken backend', () => {
  const ids = backendConformance(createMemory).map(({ id }) => id)
  assert.deepEqual(
    ids.filter((id, index) => !/^[a-z]{4}$/.test(id) || ids.indexOf(id) !== index),
    [],
  )
  const failed = new Set(brokenBackends.flatMap(({ fails }) => fails))
  assert.deepEqual(
    ids.filter((id) => !failed.has(id)),
    [],
  )
})

test('a backend of three methods skips what it cannot do and passes the rest', async () => {
  const create: CreateBackend = async () => {
    const { listProjects, getProject, openFile } = memoryBackend()
    return { backend: { name: 'three', listProjects, getProject, openFile }, dispose: async () => {} }
  }
  const outcomes = await Promise.all(backendConformance(create).map(async ({ id, run }) => ({ id, ...(await run()) })))
  assert.deepEqual(
    outcomes.filter(({ skipped }) => skipped === undefined).map(({ id }) => id),
    ['absn'],
  )
  assert.equal(outcomes.find(({ id }) => id === 'stay')?.skipped, 'needs publish and reopen and close')
})

test('what the documentation adds to its backend stands in the memory backend, which passes here', () => {
  const lines = (code: string): string => code.replaceAll(/^ +/gm, '')
  const complete = lines(readFileSync(new URL('test/helpers/memory-backend.ts', root), 'utf8'))
  const fragments = [...tutorial.matchAll(/^```typescript\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
  assert.ok(fragments.length >= 5)
  for (const fragment of fragments) assert.ok(complete.includes(lines(fragment)), fragment)
})

test('the backend of the documentation has at most sixty lines', () => {
  assert.ok(snippet.split('\n').length - 1 <= 60)
})
