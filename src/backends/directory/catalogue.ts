import type { DistributionFilename, NormalizedName } from '../../backend.js'
import { type ParsedFilename, parseFilename } from '../../packaging/filename.js'
import type { Description } from './disk-protocol.js'
import { type Companion, companionSuffixes, companionTarget, type FileState } from './layout.js'

/** What was found out about a file's bytes; remembered across restarts, so it holds plain values only. */
export interface Inspection {
  readonly state: Description['state']
  readonly problem?: string
  /** Lower-case hex of the metadata. */
  readonly metadataSha256?: string
  readonly requiresPython?: string
  /** Lower-case hex by algorithm; absent until the whole file was read. */
  readonly hashes?: Readonly<Record<string, string>>
}

/** A distribution file as it stands in one root. */
export interface CatalogueFile {
  /** Index of the root, in the order they were given. */
  readonly root: number
  /** Relative to the root, forward slashes. */
  readonly path: string
  readonly filename: DistributionFilename
  readonly project: NormalizedName
  readonly version: string
  readonly format: ParsedFilename['kind']
  readonly state: FileState
  /** Replaced as a whole when more is known; absent before the first look inside. */
  inspection?: Inspection
  /** The code of the error that kept it from being inspected. */
  problem?: string
  /** Not shown: it is still being written, as far as can be told. */
  isHeld: boolean
}

/** What is where, in memory: changed file by file, never rebuilt. */
export interface Catalogue {
  /** The files of a project; of equal paths in several roots only the first root's. */
  readonly filesOf: (project: NormalizedName) => readonly CatalogueFile[]
  /** All projects that have a file to show. */
  readonly projects: () => IterableIterator<{ readonly name: NormalizedName; readonly fileCount: number }>
  /** The file that this path is served from. */
  readonly atPath: (path: string) => CatalogueFile | undefined
  /** Files of this base name in any letter case, in any root and folder. */
  readonly named: (filename: string) => readonly CatalogueFile[]
  readonly hasCompanion: (file: Pick<CatalogueFile, 'root' | 'path'>, companion: Companion) => boolean
  /** Takes in what a directory entry looks like now; `undefined` removes it. Tells which project changed, if one did. */
  readonly update: (root: number, path: string, state: FileState | undefined) => CatalogueUpdate | undefined
  /** Whether any file of this project is known, shown or not. */
  readonly has: (project: NormalizedName) => boolean
  /** Whether this very entry still stands for its path. */
  readonly isCurrent: (file: CatalogueFile) => boolean
  readonly count: () => number
}

/** What {@link Catalogue.update} changed. */
export interface CatalogueUpdate {
  readonly project: NormalizedName
  /** The entry that is new, or has new bytes. */
  readonly file?: CatalogueFile
}

/** An empty catalogue. */
export function createCatalogue(): Catalogue {
  const byKey = new Map<string, CatalogueFile>()
  const byProject = new Map<NormalizedName, Set<CatalogueFile>>()
  const byPath = new Map<string, CatalogueFile[]>()
  const byName = new Map<string, Set<CatalogueFile>>()
  const companionKeys = new Set<string>()

  function add(file: CatalogueFile): void {
    byKey.set(key(file.root, file.path), file)
    addTo(byProject, file.project, file)
    addTo(byName, file.filename.toLowerCase(), file)
    const others = byPath.get(file.path) ?? []
    byPath.set(
      file.path,
      [...others, file].sort((a, b) => a.root - b.root),
    )
  }

  function remove(file: CatalogueFile): void {
    byKey.delete(key(file.root, file.path))
    removeFrom(byProject, file.project, file)
    removeFrom(byName, file.filename.toLowerCase(), file)
    const others = (byPath.get(file.path) ?? []).filter((other) => other !== file)
    if (others.length === 0) byPath.delete(file.path)
    else byPath.set(file.path, others)
  }

  function updateCompanion(
    root: number,
    path: string,
    { target, isThere }: { readonly target: string; readonly isThere: boolean },
  ): CatalogueUpdate | undefined {
    const id = key(root, path)
    if (companionKeys.has(id) === isThere) return undefined
    if (isThere) companionKeys.add(id)
    else companionKeys.delete(id)
    const file = byKey.get(key(root, target))
    return file && { project: file.project }
  }

  return {
    filesOf: (project) => [...(byProject.get(project) ?? [])].filter((file) => isServed(byPath, file)),
    projects: function* () {
      // A project whose only file is replaced leaves the map and comes back at its end, in the middle of a listing.
      for (const name of [...byProject.keys()]) {
        const files = byProject.get(name) ?? []
        const fileCount = [...files].filter((file) => isServed(byPath, file)).length
        if (fileCount > 0) yield { name, fileCount }
      }
    },
    atPath: (path) => byPath.get(path)?.find(isShown),
    named: (filename) => [...(byName.get(filename.toLowerCase()) ?? [])],
    hasCompanion: (file, companion) => companionKeys.has(key(file.root, file.path + companionSuffixes[companion])),
    update: (root, path, state) => {
      const target = companionTarget(path)
      if (target !== undefined) return updateCompanion(root, path, { target, isThere: state !== undefined })
      const filename = path.slice(path.lastIndexOf('/') + 1)
      const known = byKey.get(key(root, path))
      if (known?.state.identity === state?.identity) return undefined
      if (known !== undefined) remove(known)
      const file = state && newFile(root, path, filename, state)
      if (file !== undefined) add(file)
      const project = (file ?? known)?.project
      return project === undefined ? undefined : { project, ...(file && { file }) }
    },
    has: (project) => byProject.has(project),
    isCurrent: (file) => byKey.get(key(file.root, file.path)) === file,
    count: () => byKey.size,
  }
}

/** Whether pages and downloads may show the file. */
export function isShown(file: CatalogueFile): boolean {
  return !file.isHeld && file.inspection?.state !== 'truncated'
}

function isServed(byPath: ReadonlyMap<string, readonly CatalogueFile[]>, file: CatalogueFile): boolean {
  return byPath.get(file.path)?.find(isShown) === file
}

function newFile(root: number, path: string, filename: string, state: FileState): CatalogueFile | undefined {
  const parsed = parseFilename(filename)
  if (parsed === undefined) return undefined
  const { name: project, version, kind: format } = parsed
  return { root, path, filename: parsed.filename, project, version, format, state, isHeld: false }
}

function key(root: number, path: string): string {
  return `${root}/${path}`
}

function addTo<K, V>(map: Map<K, Set<V>>, mapKey: K, value: V): void {
  const values = map.get(mapKey)
  if (values === undefined) map.set(mapKey, new Set([value]))
  else values.add(value)
}

function removeFrom<K, V>(map: Map<K, Set<V>>, mapKey: K, value: V): void {
  const values = map.get(mapKey)
  values?.delete(value)
  if (values?.size === 0) map.delete(mapKey)
}
