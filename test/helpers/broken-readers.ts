import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import {
  type DistributionFile,
  type FileAtHand,
  type OpenedFile,
  type OpenFileOptions,
  type Project,
  PypiServerError,
} from 'pypi-server'
import type { BrokenBackend } from './broken-backend.js'

/** Changes what an open part says; `undefined` options are none. */
function opening(
  alter: (opened: OpenedFile, options: OpenFileOptions, file: DistributionFile) => OpenedFile,
): BrokenBackend['change'] {
  return (inner) => ({
    openFile: async (file, options = {}) => {
      const opened = await inner.openFile(file, options)
      return opened && alter(opened, options, file)
    },
  })
}

/** Changes what a file is asked for. */
function asking(alter: (options: OpenFileOptions) => OpenFileOptions): BrokenBackend['change'] {
  return (inner) => ({ openFile: (file, options = {}) => inner.openFile(file, alter(options)) })
}

/** Changes records of files wherever they are told. */
function describing(alter: (file: DistributionFile) => DistributionFile): BrokenBackend['change'] {
  return (inner) => ({
    getProject: async (...args) => {
      const project = await inner.getProject(...args)
      return project && { ...project, files: project.files.map(alter) }
    },
    findFile: async (...args) => {
      const file = await inner.findFile(...args)
      return file && alter(file)
    },
    publish: async (...args) => alter(await inner.publish(...args)),
  })
}

function bytesOf({ body }: OpenedFile): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array()
}

const ranges = ['rfst', 'rone', 'rmid', 'ropn', 'rsuf', 'rclp', 'ifrg', 'mrng', 'mixd']

/** Backends that list, describe or open wrongly, in one way each. */
export const brokenReaders: readonly BrokenBackend[] = [...brokenReading(), ...brokenOpening()]

function brokenReading(): readonly BrokenBackend[] {
  return [
    {
      defect: 'keeps at hand what was read first',
      fails: ['hand'],
      change: (inner) => {
        const first = new Map<string, Project>()
        return {
          getProject: async (name, options) => {
            const project = await inner.getProject(name, options)
            if (project !== undefined && !first.has(name)) first.set(name, project)
            return project
          },
          projectAtHand: (name) => first.get(name),
        }
      },
    },
    {
      defect: 'keeps at hand what was opened first',
      fails: ['fhnd'],
      change: (inner) => {
        const first = new Map<string, FileAtHand>()
        return {
          openFile: async (file, options = {}) => {
            const opened = await inner.openFile(file, options)
            const key = `${options.part ?? 'content'} ${file.path}`
            if (opened?.body instanceof Uint8Array && opened.range === undefined && !first.has(key))
              first.set(key, { file, opened: { ...opened, body: opened.body } })
            return opened
          },
          fileAtHand: (path, part = 'content') => first.get(`${part} ${path}`),
        }
      },
    },
    {
      defect: 'invents projects',
      fails: ['absn', 'free'],
      change: (inner) => ({
        getProject: async (name, options) =>
          (await inner.getProject(name, options)) ?? { name, revision: '0', files: [] },
      }),
    },
    {
      defect: 'takes failure for absence',
      fails: ['fail'],
      change: (inner) => {
        const absent = (error: Error): undefined => {
          if (error.message !== 'the memory is gone') throw error
        }
        return {
          getProject: (...args) => inner.getProject(...args).catch(absent),
          openFile: (...args) => inner.openFile(...args).catch(absent),
        }
      },
    },
    {
      defect: 'lists every page twice',
      fails: ['norm', 'once', 'lwhi'],
      change: (inner) => ({
        listProjects: async function* (options) {
          yield* inner.listProjects(options)
          yield* inner.listProjects(options)
        },
      }),
    },
    {
      defect: 'lists ten projects at most',
      fails: ['once', 'lwhi'],
      change: (inner) => ({
        listProjects: async function* (options) {
          for await (const page of inner.listProjects(options)) yield page.slice(0, 10)
        },
      }),
    },
    {
      defect: 'lists projects again that change meanwhile',
      fails: ['lwhi'],
      change: (inner, { shelves }) => ({
        listProjects: async function* (options) {
          const before = new Map(shelves)
          yield* inner.listProjects(options)
          for (const [name, shelf] of [...shelves]) if (before.get(name) !== shelf) yield [{ name }]
        },
      }),
    },
    {
      defect: 'calls projects by other names',
      fails: ['norm'],
      change: (inner) => ({
        getProject: async (...args) => {
          const project = await inner.getProject(...args)
          return project && { ...project, name: project.name.replaceAll('-', '_') as Project['name'] }
        },
      }),
    },
    {
      defect: 'tells one revision of the list for ever',
      fails: ['lrev', 'lrem'],
      change: () => ({ listRevision: async () => 'list' }),
    },
    {
      defect: 'takes note of uploads only in the revision of the list',
      fails: ['lrem'],
      change: (inner) => {
        let uploads = 0
        return {
          listRevision: async () => String(uploads),
          publish: async (...args) => {
            const file = await inner.publish(...args)
            uploads += 1
            return file
          },
        }
      },
    },
    {
      defect: 'tells another revision of the list each time',
      fails: ['lrev', 'lrem'],
      change: () => ({ listRevision: async () => randomUUID() }),
    },
    {
      defect: 'counts one file for every project',
      fails: ['coun'],
      change: (inner) => ({
        listProjects: async function* (options) {
          for await (const page of inner.listProjects(options)) yield page.map(({ name }) => ({ name, fileCount: 1 }))
        },
      }),
    },
    {
      defect: 'tells times in seconds',
      fails: ['flds', 'publ', 'over'],
      change: describing((file) => ({ ...file, uploadTimeMs: file.uploadTimeMs / 1000 })),
    },
    {
      defect: 'forgets Requires-Python',
      fails: ['flds', 'publ', 'over'],
      change: describing(({ requiresPython, ...file }) => file),
    },
    {
      defect: 'does not tell of core metadata',
      fails: ['flds', 'publ', 'over', 'meta'],
      change: describing(({ coreMetadata, ...file }) => file),
    },
    {
      defect: 'tells absolute paths',
      fails: ['path', 'find', 'quar'],
      change: describing((file) => ({ ...file, path: `/${file.path}` })),
    },
    {
      defect: 'takes projects with a longer name for the same',
      fails: ['othr'],
      change: (inner, { shelves }) => ({
        getProject: async (name, options) => {
          const project = await inner.getProject(name, options)
          const names = [...shelves.keys()].filter((other) => other !== name && other.startsWith(`${name}-`))
          const others = await Promise.all(names.map((other) => inner.getProject(other)))
          return project && { ...project, files: [project, ...others].flatMap((one) => one?.files ?? []) }
        },
      }),
    },
    {
      defect: 'finds files by the end of their path',
      fails: ['fino'],
      change: (inner) => ({
        findFile: (path, options) => inner.findFile(path.split('/').slice(-2).join('/'), options),
      }),
    },
    {
      defect: 'finds nothing',
      fails: ['find', 'abrd', 'quar'],
      change: () => ({ findFile: async () => undefined }),
    },
  ]
}

function brokenOpening(): readonly BrokenBackend[] {
  return [
    {
      defect: 'names the wrong file for a front server to send, whatever is asked for',
      fails: ['locl', 'lcno'],
      change: () => ({ localFile: async () => ({ path: fileURLToPath(import.meta.url), location: 'other' }) }),
    },
    {
      defect: 'cuts long bodies off',
      fails: ['whol', 'desc', 'ropn', 'rclp', 'ifrn', 'keep', 'mixd'],
      change: opening((opened) => (opened.body ? { ...opened, body: bytesOf(opened).subarray(0, 65_536) } : opened)),
    },
    {
      defect: 'throws what is absent',
      fails: ['gone', 'part', 'dupl', 'prrp', 'prrm', 'prkd', 'none', 'remv'],
      change: (inner) => ({
        openFile: async (...args) => {
          const opened = await inner.openFile(...args)
          if (opened === undefined) throw new PypiServerError('ERR_PYPI_NOT_FOUND', 'no such part')
          return opened
        },
      }),
    },
    {
      defect: 'opens a body that is only to be described',
      fails: ['desc'],
      change: asking(({ describeOnly, ...options }) => options),
    },
    {
      defect: 'takes the end of a range for exclusive',
      fails: ranges,
      change: opening((opened) => (opened.range ? { ...opened, body: bytesOf(opened).subarray(0, -1) } : opened)),
    },
    {
      defect: 'ignores ranges',
      fails: [...ranges, 'rbad'],
      change: asking(({ range, ...options }) => options),
    },
    {
      defect: 'takes a suffix for a start',
      fails: ['rsuf', 'rclp', 'rbad', 'mixd'],
      change: asking((options) => {
        const { range } = options
        return range && 'suffix' in range ? { ...options, range: { start: range.suffix } } : options
      }),
    },
    {
      defect: 'refuses ranges past the end',
      fails: ['rclp'],
      change: (inner) => ({
        openFile: async (file, options = {}) => {
          const { range } = options
          if (range && 'start' in range && (range.end ?? 0) >= file.size && range.start < file.size) {
            throw new PypiServerError('ERR_PYPI_RANGE_NOT_SATISFIABLE', 'too far')
          }
          return await inner.openFile(file, options)
        },
      }),
    },
    {
      defect: 'answers a range outside the file with the whole',
      fails: ['rbad'],
      change: (inner) => ({
        openFile: (file, options = {}) =>
          inner.openFile(file, options).catch((error: PypiServerError) => {
            if (error.code !== 'ERR_PYPI_RANGE_NOT_SATISFIABLE') throw error
            return inner.openFile(file)
          }),
      }),
    },
    {
      defect: 'ignores the condition of a range',
      fails: ['ifrn'],
      change: asking(({ ifRange, ...options }) => options),
    },
    {
      defect: 'takes a weak condition for a strong one',
      fails: ['ifrn'],
      change: asking((options) => ({
        ...options,
        ...(options.ifRange && { ifRange: options.ifRange.replace('W/', '') }),
      })),
    },
    {
      defect: 'never honours a range with a condition',
      fails: ['ifrg'],
      change: asking(({ range, ...options }) =>
        range && options.ifRange === undefined ? { ...options, range } : options,
      ),
    },
    {
      defect: 'gives all bytes one validator',
      fails: ['etag', 'mixd'],
      change: (inner) => ({
        openFile: async (file, { ifRange, ...options } = {}) => {
          const isOurs = ifRange === undefined || ifRange === '"constant"'
          const opened = await inner.openFile(file, isOurs ? options : { ...options, ifRange })
          return opened && { ...opened, etag: 'constant' }
        },
      }),
    },
    {
      defect: 'gives a validator of its own to each answer',
      fails: ['etag', 'desc', 'ifrg'],
      change: opening((opened) => ({ ...opened, etag: randomUUID() })),
    },
    {
      defect: 'puts validators in quotes',
      fails: ['etag', 'ifrg'],
      change: opening((opened) => ({ ...opened, etag: `"${opened.etag}"` })),
    },
    {
      defect: 'writes metadata anew',
      fails: ['meta', 'mrng', 'stay'],
      change: opening((opened, { part }) => {
        if (part !== 'metadata') return opened
        const body = Buffer.from(`${Buffer.from(bytesOf(opened)).toString().trimEnd()}\r\n`)
        return { ...opened, body, size: body.length }
      }),
    },
    {
      defect: 'ignores ranges of metadata',
      fails: ['mrng'],
      change: asking(({ range, ...options }) =>
        range && options.part !== 'metadata' ? { ...options, range } : options,
      ),
    },
    {
      defect: 'opens the file for a signature',
      fails: ['part', 'dupl', 'sign', 'none'],
      change: asking(({ part, ...options }) => (part && part !== 'signature' ? { ...options, part } : options)),
    },
    {
      defect: 'reads large bodies only when they are consumed',
      fails: ['keep'],
      change: (inner) => ({
        openFile: async (file, options = {}) => {
          const opened = await inner.openFile(file, options)
          if (opened?.body === undefined || opened.range || opened.size < 200_000) return opened
          const later = async function* (): AsyncGenerator<Uint8Array> {
            const now = await inner.openFile(file)
            if (now) yield bytesOf(now)
          }
          return { ...opened, body: Readable.from(later()) }
        },
      }),
    },
    {
      defect: 'describes what it was given instead of what it opens',
      fails: ['mixd'],
      change: opening((opened, { part }, { size, hashes }) =>
        part === undefined ? { ...opened, size, etag: hashes['sha256'] ?? '' } : opened,
      ),
    },
  ]
}
