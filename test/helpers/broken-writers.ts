import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { type Backend, type NormalizedName, type Project, PypiServerError } from 'pypi-server'
import type { BrokenBackend } from './broken-backend.js'
import type { MemoryBackend } from './memory-backend.js'

function revising(revisionOf: (project: Project) => string): BrokenBackend['change'] {
  return (inner) => ({
    getProject: async (...args) => {
      const project = await inner.getProject(...args)
      return project && { ...project, revision: revisionOf(project) }
    },
  })
}

/** Backends that change, watch or close wrongly, in one way each. */
export const brokenWriters: readonly BrokenBackend[] = [...brokenPublishing(), ...brokenChanging(), ...brokenLiving()]

function brokenPublishing(): readonly BrokenBackend[] {
  return [
    {
      defect: 'overwrites silently',
      fails: ['dupl', 'race'],
      change: (inner) => ({
        publish: (candidate, options) => inner.publish(candidate, { ...options, overwrite: true }),
      }),
    },
    {
      defect: 'looks before it publishes, not while',
      fails: ['race'],
      change: (inner) => ({
        publish: async (candidate, options) => {
          const files = (await inner.getProject(candidate.project))?.files ?? []
          const isTaken = files.some(({ filename }) => filename === candidate.filename)
          await setImmediate()
          return await inner.publish(candidate, { ...options, overwrite: options?.overwrite ?? !isTaken })
        },
      }),
    },
    {
      defect: 'never overwrites',
      fails: ['lwhi', 'keep', 'mixd', 'over', 'prrp', 'prkd', 'rpub', 'spub'],
      change: (inner) => ({
        publish: (candidate, { overwrite, ...options } = {}) => inner.publish(candidate, options),
      }),
    },
    {
      defect: 'refuses more than 20 uploads at a time',
      fails: ['race', 'many'],
      change: (inner) => {
        let running = 0
        return {
          publish: async (...args) => {
            running += 1
            try {
              if (running > 20) throw new PypiServerError('ERR_PYPI_OVERLOADED', 'over 20 uploads')
              return await inner.publish(...args)
            } finally {
              running -= 1
            }
          },
        }
      },
    },
    {
      defect: 'answers an upload with another path',
      fails: ['publ', 'over', 'prov'],
      change: (inner) => ({
        publish: async (...args) => ({ ...(await inner.publish(...args)), path: 'elsewhere' }),
      }),
    },
    {
      defect: 'goes on reading the spooled file',
      fails: ['owns'],
      change: (inner) => {
        const paths = new Map<string, string>()
        const openFile: Backend['openFile'] = async (file, options) => {
          const path = paths.get(file.filename)
          if (path !== undefined) await readFile(path)
          return await inner.openFile(file, options)
        }
        return {
          openFile,
          publish: async (candidate, options) => {
            const file = await inner.publish(candidate, options)
            paths.set(file.filename, candidate.spooledPath)
            return file
          },
        }
      },
    },
    {
      defect: 'drops signatures',
      fails: ['sign'],
      change: (inner) => ({ publish: ({ signature, ...candidate }, options) => inner.publish(candidate, options) }),
    },
    {
      defect: 'drops provenance',
      fails: ['prov', 'prkd'],
      change: (inner) => ({ publish: ({ provenance, ...candidate }, options) => inner.publish(candidate, options) }),
    },
    {
      defect: 'takes all provenance for verified',
      fails: ['prov', 'prkd'],
      change: (inner) => ({
        publish: ({ provenance, ...candidate }, options) =>
          inner.publish(
            { ...candidate, ...(provenance && { provenance: { ...provenance, verification: 'verified' } }) },
            options,
          ),
      }),
    },
    {
      defect: 'opens the provenance that stands there now, whatever the record tells',
      fails: ['prkd'],
      change: (inner) => ({
        openFile: async (file, options) => {
          const files = (await inner.getProject(file.project))?.files ?? []
          const now = files.find(({ filename }) => filename === file.filename) ?? file
          return await inner.openFile(options?.part === 'provenance' ? now : file, options)
        },
      }),
    },
    {
      defect: 'keeps the provenance of a file that was replaced',
      fails: ['prrp'],
      change: (inner) => keepingProvenance(inner, 'replaced'),
    },
    {
      defect: 'keeps the provenance of a file that was removed',
      fails: ['prrm'],
      change: (inner) => keepingProvenance(inner, 'removed'),
    },
    {
      defect: 'leaves an empty project behind when an upload fails',
      fails: ['none'],
      change: (inner) => {
        const failed: NormalizedName[] = []
        return {
          listProjects: async function* (options) {
            yield* inner.listProjects(options)
            if (failed.length > 0) yield failed.map((name) => ({ name }))
          },
          publish: (candidate, options) =>
            inner.publish(candidate, options).catch((error: unknown) => {
              if (!(error instanceof PypiServerError) && !options?.signal) failed.push(candidate.project)
              throw error
            }),
        }
      },
    },
    {
      defect: 'forgets everything when it is closed',
      fails: ['stay', 'sopn'],
      change: (inner, { shelves }) => ({
        close: async () => {
          shelves.clear()
          await inner.close()
        },
      }),
    },
    {
      defect: 'names a relative folder for uploads',
      fails: ['spol'],
      change: (_, { directory }) => ({ spoolDirectory: async () => relative(process.cwd(), directory) }),
    },
  ]
}

/** Serves provenance that a file once had under its name, as long as it was not removed, or only then. */
function keepingProvenance(inner: MemoryBackend, until: 'replaced' | 'removed'): Partial<Backend> {
  const kept = new Map<string, Uint8Array>()
  const lost = new Map<string, Uint8Array>()
  return {
    publish: async (candidate, options) => {
      const file = await inner.publish(candidate, options)
      if (candidate.provenance) kept.set(file.path, candidate.provenance.bytes)
      else if (until === 'replaced') lost.set(file.path, kept.get(file.path) ?? new Uint8Array())
      return file
    },
    remove: async (file, options) => {
      const wasThere = await inner.remove(file, options)
      const bytes = kept.get(file.path)
      kept.delete(file.path)
      if (until === 'removed' && bytes !== undefined) lost.set(file.path, bytes)
      return wasThere
    },
    openFile: async (file, options = {}) => {
      const body = options.part === 'provenance' ? lost.get(file.path) : undefined
      if (body === undefined || body.length === 0) return await inner.openFile(file, options)
      return { size: body.length, etag: 'lost', modifiedMs: 0, body }
    },
  }
}

function brokenChanging(): readonly BrokenBackend[] {
  return [
    {
      defect: 'says that it removed, and did not',
      fails: ['remv', 'remn', 'prrm', 'rrem', 'wrem', 'srem', 'sgon', 'free'],
      change: () => ({
        remove: async (_, { signal } = {}) => {
          signal?.throwIfAborted()
          return true
        },
      }),
    },
    {
      defect: 'says that it removed what was not there',
      fails: ['remn'],
      change: (inner) => ({ remove: async (...args) => [await inner.remove(...args)].length > 0 }),
    },
    {
      defect: 'removes all files of a project',
      fails: ['remo', 'rrem', 'srem'],
      change: (inner) => ({
        remove: async (file, options) => {
          const wasThere = await inner.remove(file, options)
          for (const other of (await inner.getProject(file.project))?.files ?? []) await inner.remove(other)
          return wasThere
        },
      }),
    },
    {
      defect: 'says that it yanked, and did not',
      fails: ['yank', 'yano', 'ryan', 'syan'],
      change: () => ({ setYanked: async () => true }),
    },
    {
      defect: 'yanks all files of a project',
      fails: ['yank'],
      change: (inner) => ({
        setYanked: async (file, yanked) => {
          for (const other of (await inner.getProject(file.project))?.files ?? []) await inner.setYanked(other, yanked)
          return await inner.setYanked(file, yanked)
        },
      }),
    },
    {
      defect: 'says that it set a status, and did not',
      fails: ['stat', 'stas', 'stno', 'quar', 'rsta', 'ssta'],
      change: () => ({ setStatus: async () => true }),
    },
    {
      defect: 'remembers the first status of a project',
      fails: ['stas'],
      change: (inner) => {
        const first = new Map<string, Project['status']>()
        return {
          getStatus: async (name) => {
            if (!first.has(name)) first.set(name, (await inner.getProject(name))?.status)
            return first.get(name)
          },
        }
      },
    },
    {
      defect: 'frees names of projects that have files',
      fails: ['free'],
      change: () => ({ freeProject: async () => true }),
    },
    {
      defect: 'finds files of quarantined projects by their paths',
      fails: ['quar'],
      change: (inner) => ({
        findFile: async (path, options) => {
          const [project = ''] = path.split('/')
          const shown = await inner.findFile?.(path, options)
          return shown ?? (await inner.getProject(project as NormalizedName))?.files.find((file) => file.path === path)
        },
      }),
    },
    {
      defect: 'has one revision for everything',
      fails: ['rpub', 'rrem', 'ryan', 'rsta'],
      change: revising(() => 'constant'),
    },
    {
      defect: 'has another revision each time',
      fails: ['rsam', 'dupl', 'stay'],
      change: revising(() => randomUUID()),
    },
    {
      defect: 'has revisions that are too long',
      fails: ['rsam'],
      change: revising(({ revision }) => `${revision}+`),
    },
    {
      defect: 'makes revisions of file names only',
      fails: ['rpub', 'ryan', 'rsta'],
      change: revising(({ files }) => String(files.map(({ version }) => version))),
    },
  ]
}

function brokenLiving(): readonly BrokenBackend[] {
  return [
    {
      defect: 'never tells of changes',
      fails: ['wpub', 'wrem'],
      change: (inner) => ({ watch: (_, options) => inner.watch(() => {}, options) }),
    },
    {
      defect: 'does not tell of removals',
      fails: ['wrem'],
      change: (inner) => {
        let isRemoving = false
        return {
          watch: (listener, options) => inner.watch((change) => void (isRemoving || listener(change)), options),
          remove: async (...args) => {
            isRemoving = true
            const wasThere = await inner.remove(...args)
            isRemoving = false
            return wasThere
          },
        }
      },
    },
    {
      defect: 'watches for ever',
      fails: ['wend'],
      change: (inner) => ({ watch: (listener) => inner.watch(listener, new AbortController()) }),
    },
    {
      defect: 'cannot answer, as it says',
      fails: ['chck'],
      change: (inner) => ({
        check: async (options) => {
          await inner.check(options)
          throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', 'not today')
        },
      }),
    },
    {
      defect: 'ignores signals of readers',
      fails: ['abrd'],
      change: (inner) => ({ getProject: (name) => inner.getProject(name) }),
    },
    {
      defect: 'ignores signals of writers',
      fails: ['abwr'],
      change: (inner) => ({
        publish: (candidate, { overwrite = false } = {}) => inner.publish(candidate, { overwrite }),
      }),
    },
    {
      defect: 'cannot be closed twice',
      fails: ['twic'],
      change: (inner) => {
        let isClosed = false
        return {
          close: async () => {
            if (isClosed) throw new PypiServerError('ERR_PYPI_CLOSED', 'closed already')
            isClosed = true
            await inner.close()
          },
        }
      },
    },
    { defect: 'goes on when it is closed', fails: ['clsd'], change: () => ({ close: async () => {} }) },
  ]
}
