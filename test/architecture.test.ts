import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('../../src/', import.meta.url))

/** What a folder may import besides its own files, `errors`, `logger` and `util`; `type:` allows types only. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  util: [],
  packaging: [],
  http: [],
  archive: ['packaging', 'type:backend'],
  digests: ['packaging', 'type:backend'],
  backends: ['type:backend', 'http'],
  'backends/directory': ['backend', 'backends', 'packaging', 'archive', 'digests', 'http'],
  conformance: ['backend', 'packaging'],
  domain: ['backend', 'packaging', 'archive', 'digests', 'type:auth', 'type:events'],
  render: ['http', 'packaging', 'type:backend', 'type:domain'],
  auth: ['type:packaging'],
  routes: ['http', 'render', 'domain', 'packaging', 'type:auth', 'type:backend', 'type:events', 'type:limits'],
  edge: ['http', 'routes', 'auth', 'packaging', 'render'],
  adapters: ['type:index'],
  cli: ['index'],
  // Single files.
  backend: ['type:packaging'],
  errors: [],
  logger: [],
  events: ['type:backend'],
  version: [],
  diagnostics: ['type:backend', 'type:edge', 'type:events'],
  limits: [],
  config: ['type:auth', 'type:backend', 'type:domain', 'type:events', 'type:limits'],
  settings: ['auth', 'backend', 'backends/directory', 'config', 'digests', 'domain', 'events', 'limits', 'render'],
  app: [
    'auth',
    'backend',
    'backends/directory',
    'config',
    'diagnostics',
    'domain',
    'edge',
    'events',
    'limits',
    'routes',
    'settings',
    'version',
  ],
  index: [
    'app',
    'auth',
    'backend',
    'backends',
    'backends/directory',
    'config',
    'diagnostics',
    'domain',
    'edge',
    'events',
    'limits',
    'packaging',
    'version',
  ],
}
const everybody = ['errors', 'logger', 'util']

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
  readonly file: string
}

function* sourceFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sourceFiles(path)
    else if (entry.name.endsWith('.ts')) yield path
  }
}

function partOf(file: string): string {
  const path = relative(source, file).replaceAll('\\', '/')
  const folder = dirname(path)
  return folder === '.' ? path.replace(/\.[a-z.]+$/, '') : folder
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(file, 'utf8')
  const pattern = /^(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?'(\.[^']+)'/gm
  return [...text.matchAll(pattern)].map(([, type, path = '']) => ({
    from: partOf(file),
    to: partOf(join(dirname(file), path)),
    isType: type !== undefined,
    file: relative(source, file),
  }))
}

const imports = [...sourceFiles(source)].flatMap(importsOf)

test('every source folder imports only what the layers allow', () => {
  const broken = imports.filter(({ from, to, isType }) => {
    if (from === to || everybody.includes(to)) return false
    const may = allowed[from] ?? []
    return !may.includes(to) && !(isType && may.includes(`type:${to}`))
  })
  assert.deepEqual(
    broken.map(({ file, to, isType }) => `${file} imports ${isType ? 'types of ' : ''}${to}`),
    [],
  )
})

test('every source folder has been given its place among the layers', () => {
  const parts = new Set([...sourceFiles(source)].map(partOf))
  assert.deepEqual(
    [...parts].filter((part) => allowed[part] === undefined),
    [],
  )
})

test('no source file has more than 400 lines', () => {
  const long = [...sourceFiles(source)].filter((file) => readFileSync(file, 'utf8').split('\n').length > 401)
  assert.deepEqual(
    long.map((file) => relative(source, file)),
    [],
  )
})
