import type { DistributionFile } from '#src/backend.js'
import { parseFilename } from '#src/packaging/filename.js'

/** A file as a backend would list it; everything that its name does not say is made up. */
export function listed(filename: string, facts: Partial<DistributionFile> = {}): DistributionFile {
  const parsed = parseFilename(filename)
  if (parsed === undefined) throw new Error(`${filename} is no distribution file`)
  const { name, version } = parsed
  const base = { project: name, filename: parsed.filename, path: filename, version, size: 1, uploadTimeMs: 0 }
  return { ...base, hashes: { sha256: '00' }, ...facts }
}
