import type { CoreMetadata } from './core-metadata.js'
import type { ParsedFilename } from './filename.js'
import { normalizeName } from './name.js'
import { parseVersion, releaseKey } from './version.js'

/** Project and version that a file's name tells. */
export type NamedRelease = Pick<ParsedFilename, 'name' | 'version'>

// PyPA specification "Core metadata": fields that an index relies on, and that may stand there once only.
const singleFields = ['name', 'version', 'requires-python']

/**
 * Why metadata cannot be that of the file with this name, in one line: another project or version, none, or several of
 * one field. `undefined` when it can. Names are compared as PEP 503 has them, versions as PEP 440 has them.
 */
export function metadataMismatch(metadata: CoreMetadata, named: NamedRelease): string | undefined {
  const repeated = singleFields.find((field) => (metadata.fields.get(field)?.length ?? 0) > 1)
  if (repeated !== undefined) return `the metadata has several fields ${repeated}`
  const { name, version } = metadata
  if (name === undefined || version === undefined) return 'the metadata has no name and version'
  if (normalizeName(name) === named.name && isVersionOf(version, named)) return undefined
  return `the metadata is that of ${name} ${version}, the file is one of ${named.name} ${named.version}`
}

/** Whether `NAME-VERSION`, as in the name of a `.dist-info` directory, is this release in any spelling. */
export function isStemOf(stem: string, named: NamedRelease): boolean {
  const dashes = [...stem.matchAll(/-/g)].map(({ index }) => index)
  return dashes.some((at) => {
    return normalizeName(stem.slice(0, at)) === named.name && isVersionOf(stem.slice(at + 1), named)
  })
}

function isVersionOf(version: string, named: NamedRelease): boolean {
  // Old sdists are called after their project alone.
  if (named.version === '') return true
  if (parseVersion(named.version) !== undefined) return releaseKey(version) === releaseKey(named.version)
  // Old tools wrote `_` for what file names cannot hold.
  return escaped(version) === escaped(named.version)
}

function escaped(version: string): string {
  return version.toLowerCase().replace(/[-_+]+/g, '-')
}
