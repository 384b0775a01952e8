import type { Backend, Project } from 'pypi-server'
import type { BrokenBackend } from './broken-backend.js'

/** Projects with another serial than they have. */
function serialled(serialOf: (project: Project, last: number) => number | undefined): BrokenBackend['change'] {
  return (inner) => ({
    getProject: async (...args) => {
      const project = await inner.getProject(...args)
      const serial = project && serialOf(project, (await inner.lastSerial()) ?? 0)
      return project && { ...project, ...(serial !== undefined && { serial }) }
    },
  })
}

/** A backend whose writes of one kind give no serial: the project keeps the one from before. */
function forgetting(method: 'publish' | 'remove' | 'setYanked' | 'setStatus'): BrokenBackend['change'] {
  return (inner) => {
    const kept = new Map<string, number>()
    const write = async (kind: string, name: string, work: () => Promise<unknown>): Promise<never> => {
      const before = (await inner.getProject(name as never))?.serial
      const result = await work()
      if (kind !== method) kept.delete(name)
      else if (before !== undefined) kept.set(name, before)
      return result as never
    }
    const methods: Partial<Backend> = {
      publish: (candidate, options) => write('publish', candidate.project, () => inner.publish(candidate, options)),
      remove: (file, options) => write('remove', file.project, () => inner.remove(file, options)),
      setYanked: (file, yanked) => write('setYanked', file.project, () => inner.setYanked(file, yanked)),
      setStatus: (name, status) => write('setStatus', name, () => inner.setStatus(name, status)),
    }
    const reading = serialled(({ name, serial }) => kept.get(name) ?? serial)(inner, undefined as never)
    return { ...reading, ...methods }
  }
}

/** Backends that count changes wrongly, in one way each. */
export const brokenSerials: readonly BrokenBackend[] = [
  {
    defect: 'keeps a last serial that is not told',
    fails: ['slst', 'spub', 'srem', 'syan', 'ssta', 'ssam', 'sinc', 'slim', 'sgon', 'sopn'],
    change: () => ({ lastSerial: async () => 1 }),
  },
  { defect: 'gives no serial to what it publishes', fails: ['spub', 'sinc', 'sopn'], change: forgetting('publish') },
  { defect: 'gives no serial to removals', fails: ['srem'], change: forgetting('remove') },
  { defect: 'gives no serial to yanks', fails: ['syan'], change: forgetting('setYanked') },
  { defect: 'gives no serial to a status', fails: ['ssta'], change: forgetting('setStatus') },
  {
    defect: 'has the last serial of all on every page',
    fails: ['spub', 'ssam', 'sinc'],
    change: serialled((_, last) => last),
  },
  {
    defect: 'lists higher serials than pages show',
    fails: ['ssum'],
    change: (inner) => ({
      listProjects: async function* (options) {
        for await (const page of inner.listProjects(options)) yield page.map(({ name }) => ({ name, serial: 1e6 }))
      },
    }),
  },
  {
    defect: 'tells of every project, whatever serial is asked for',
    fails: ['sinc', 'slim', 'sgon'],
    change: (inner) => ({ changesSince: (_, options) => inner.changesSince(0, options) }),
  },
  {
    defect: 'takes no limit',
    fails: ['slim'],
    change: (inner) => ({ changesSince: (serial) => inner.changesSince(serial) }),
  },
  {
    defect: 'tells of the newest changes first',
    fails: ['slim'],
    change: (inner) => ({
      changesSince: async (serial, { limit = 50_000 } = {}) =>
        (await inner.changesSince(serial)).toReversed().slice(0, limit),
    }),
  },
  {
    defect: 'tells nothing of projects that are gone',
    fails: ['sgon'],
    change: (inner) => ({
      changesSince: async (...args) =>
        (await inner.changesSince(...args)).filter(({ action }) => action !== 'remove project'),
    }),
  },
  {
    defect: 'counts anew when it is opened',
    fails: ['sopn', 'stay'],
    change: (inner, { shelves }) => ({
      close: async () => {
        for (const [name, shelf] of shelves) shelves.set(name, { ...shelf, serial: 1 })
        await inner.close()
      },
    }),
  },
]
