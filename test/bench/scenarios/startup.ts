import { mkdtempSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { wheel } from '../../helpers/archives.js'
import type { Contestant, Scenario } from '../scenario.js'
import { ensureSnapshot, forget, measureStartup, measureSweep, type Startup, startCommand } from '../startup.js'
import { makeTree } from '../tree.js'

const exactly = { small: 20, large: 1000 }

/** Ours starts the command; the others tell what else was seen of that start. */
function startups(start: () => Promise<Startup>, figures: Readonly<Record<string, keyof Startup>>): Contestant[] {
  let last: Startup | undefined
  const first: Contestant = {
    name: 'ours',
    measure: async () => {
      last = await start()
      return { value: last.firstPageMs }
    },
  }
  const others = Object.entries(figures).map(([name, key]) => ({
    name,
    measure: async () => ({ value: last?.[key] ?? Number.NaN }),
  }))
  return [first, ...others]
}

const figures = {
  'p99 of the loop': 'p99DelayMs',
  'longest of the loop': 'longestDelayMs',
  'longest collection': 'longestCollectionMs',
  'new file': 'newFileMs',
} as const

export const scenarios: readonly Scenario[] = [
  {
    name: 'startup-100k',
    title: 'start over 100,000 files that nothing is known of: first page of 20 files with digests',
    unit: 'ms',
    requirements: [
      { against: 'sweep', atMost: 2 },
      { of: 'p99 of the loop', atMost: 20 },
    ],
    note: '`sweep` reads the names of all files and looks at each; the event loop is watched from the first line that the command prints to the end of the scan, while two threads read and hash files on the same processors.',
    prepare: async ({ treesFolder }) => {
      const directory = makeTree(treesFolder, { files: 100_000, exactly })
      const start = async (): Promise<Startup> => {
        forget(directory)
        return await measureStartup(directory, 'small')
      }
      return [...startups(start, figures), { name: 'sweep', measure: async () => ({ value: measureSweep(directory) }) }]
    },
  },
  {
    name: 'startup-million',
    title: 'start over a million files with a snapshot: first page of 20 files',
    unit: 'ms',
    requirements: [
      { atMost: 3000 },
      { of: 'longest of the loop', atMost: 20 },
      { of: 'longest collection', atMost: 50 },
      { of: 'new file', atMost: 100 },
    ],
    isHeavy: true,
    prepare: async ({ treesFolder }) => {
      const directory = makeTree(treesFolder, { files: 1_000_000, exactly })
      await ensureSnapshot(directory)
      return startups(() => measureStartup(directory, 'small'), figures)
    },
  },
  {
    name: 'startup-million-memory',
    title: 'resident memory with a million files, once all were looked at',
    unit: 'MB',
    requirements: [{ atMost: 450 }],
    isHeavy: true,
    prepare: async ({ treesFolder }) => {
      const directory = makeTree(treesFolder, { files: 1_000_000, exactly })
      await ensureSnapshot(directory)
      return [{ name: 'ours', measure: async () => ({ value: (await measureStartup(directory, 'small')).residentMb }) }]
    },
  },
  {
    name: 'startup-changes',
    title: 'resident memory that 20,000 files leave behind that came and went, as in a day',
    unit: 'MB',
    requirements: [{ atMost: 20 }],
    note: 'measured after the second 20,000 of one process: the first ones warm it up.',
    isHeavy: true,
    prepare: async ({ scratchFolder }) => [{ name: 'ours', measure: async () => measureChanges(scratchFolder) }],
  },
]

const rounds = 10
const filesPerRound = 2000

async function measureChanges(scratchFolder: string): Promise<{ readonly value: number }> {
  const directory = mkdtempSync(join(scratchFolder, 'changes-'))
  const command = await startCommand(directory)
  try {
    for (let round = 0; round < rounds; round++) await comeAndGo(directory, round, command.page)
    const { residentMb: before } = await command.vitals('begin')
    for (let round = rounds; round < 2 * rounds; round++) await comeAndGo(directory, round, command.page)
    return { value: (await command.vitals('tell')).residentMb - before }
  } finally {
    await command.stop()
  }
}

async function comeAndGo(directory: string, round: number, page: (project: string) => Promise<void>): Promise<void> {
  const files = Array.from({ length: filesPerRound }, (_, index) =>
    wheel({ name: `p${round}-${index % 100}`, version: `1.${index}`, method: 'stored' }),
  )
  for (const { filename, bytes } of files) writeFileSync(join(directory, filename), bytes)
  await page(`p${round}-99`)
  for (const { filename } of files) unlinkSync(join(directory, filename))
}
