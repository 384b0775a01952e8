import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sdist, wheel } from '../helpers/archives.js'

/** A directory of valid small wheels and sdists, as real ones are: few projects have most files. */
export interface TreeOptions {
  /** Distribution files in all. */
  readonly files: number
  /** Projects among which the rest is divided, the first the largest (each next one gets less, none nothing). @default files / 10 */
  readonly projects?: number
  /** Projects of exactly this many files, by name. @default none */
  readonly exactly?: Readonly<Record<string, number>>
  /** All in one directory, as uploads leave them, or one directory a project. @default flat */
  readonly layout?: 'flat' | 'nested'
}

const doneMarker = '.complete'

/** Makes the directory, or finds it made by an earlier run; tells its path. */
export function makeTree(folder: string, options: TreeOptions): string {
  const path = join(folder, treeName(options))
  if (isComplete(path, options)) return join(path, 'packages')
  rmSync(path, { recursive: true, force: true })
  mkdirSync(join(path, 'packages'), { recursive: true })
  for (const [name, count] of projectsOf(options)) writeProject(join(path, 'packages'), name, count, options)
  writeFileSync(join(path, `${doneMarker}.tmp`), JSON.stringify(options))
  renameSync(join(path, `${doneMarker}.tmp`), join(path, doneMarker))
  return join(path, 'packages')
}

function treeName({ files, projects = Math.ceil(files / 10), layout = 'flat', exactly = {} }: TreeOptions): string {
  const marks = Object.entries(exactly).map(([name, count]) => `-${name}${count}`)
  return `${files}-in-${projects}-${layout}${marks.join('')}`
}

function isComplete(path: string, options: TreeOptions): boolean {
  try {
    return readFileSync(join(path, doneMarker), 'utf8') === JSON.stringify(options)
  } catch {
    return false
  }
}

/** Names and numbers of files; the n-th project's share is proportional to 1/n, as on PyPI (Zipf). */
export function* projectsOf(options: TreeOptions): Generator<readonly [name: string, files: number]> {
  const { files, projects = Math.ceil(files / 10), exactly = {} } = options
  yield* Object.entries(exactly)
  let left = files - Object.values(exactly).reduce((sum, count) => sum + count, 0)
  let weight = harmonic(projects)
  for (let rank = 1; rank <= projects && left > 0; rank++) {
    const reserved = projects - rank
    const share = Math.max(1, Math.min(left - reserved, Math.round(left / (rank * weight))))
    yield [`project-${rank}`, rank === projects ? left : share]
    left -= share
    weight -= 1 / rank
  }
}

function harmonic(count: number): number {
  let sum = 0
  for (let n = 1; n <= count; n++) sum += 1 / n
  return sum
}

function writeProject(folder: string, name: string, count: number, { layout }: TreeOptions): void {
  const home = layout === 'nested' ? join(folder, name) : folder
  if (layout === 'nested') mkdirSync(home)
  for (let index = 0; index < count; index++) {
    const { filename, bytes } = distribution(name, index)
    writeFileSync(join(home, filename), bytes)
  }
}

/** The n-th file of a project: wheels, and an sdist now and then. */
function distribution(name: string, index: number): { readonly filename: string; readonly bytes: Uint8Array } {
  const facts = { name, version: `${1 + Math.floor(index / 100)}.${index % 100}`, requiresPython: '>=3.9' }
  return index % 8 === 7 ? sdist(facts) : wheel({ ...facts, method: 'stored' })
}
