import { posix } from 'node:path'
import { badArchive } from './archive-error.js'
import type { ByteSource } from './byte-source.js'
import { checkNoZipEnd } from './footers.js'
import { checkMemberPath, shownName } from './member-path.js'
import type { TarMember } from './tar-members.js'
import type { ZipDirectory } from './zip.js'

type SdistMember = Pick<TarMember, 'path' | 'type' | 'target'>

/**
 * Checks that a tar is an sdist (PyPA specification "Source distribution format"): it unpacks into one folder, holds
 * `PKG-INFO` there once, and nothing leads out of that folder: neither names nor links nor names that pass through links.
 * Tells its metadata.
 * @throws `ERR_PYPI_BAD_ARCHIVE`
 */
export async function checkSdistTar(
  source: ByteSource,
  members: AsyncIterable<TarMember>,
  maxMetadataBytes: number,
): Promise<Uint8Array | undefined> {
  checkNoZipEnd(source)
  const check = createSdistCheck()
  let metadata: Uint8Array | undefined
  for await (const member of members) {
    if (check.member(member) === 'metadata') metadata ??= await member.read(maxMetadataBytes)
  }
  check.end()
  return metadata
}

/**
 * The same for a zip, in which links are refused: half of the unpackers write them as files.
 * @throws `ERR_PYPI_BAD_ARCHIVE`
 */
export function checkSdistZip({ members }: ZipDirectory): void {
  const check = createSdistCheck()
  for (const { name, isLink } of members) {
    if (isLink) throw badArchive(`member ${shownName(name)} is a link`)
    check.member({ path: name, type: name.endsWith('/') ? 'directory' : 'file', target: '' })
  }
  check.end()
}

function createSdistCheck() {
  let top: string | undefined
  let infos = 0
  const links = new Set<string>()

  function member({ path: spelled, type, target }: SdistMember): 'metadata' | undefined {
    // `tar c .` puts this before every name.
    const path = spelled.replace(/^(?:\.\/)+/, '')
    if (path === '' || path === '.') return undefined
    checkMemberPath(path)
    const [first = ''] = path.split('/', 1)
    if (top !== undefined && first !== top)
      throw badArchive(`Incorrect number of top-level directories in sdist: ${shownName(top)} and ${shownName(first)}`)
    top = first
    if (path === first && type !== 'directory')
      throw badArchive(`Incorrect number of top-level directories in sdist: ${shownName(path)} is none`)
    if (type === 'special') throw badArchive(`member ${shownName(path)} is neither file, directory nor link`)
    if (passesThrough(path, links)) throw badArchive(`member ${shownName(path)} is behind a link`)
    if (type === 'symlink') links.add(path.replace(/\/$/, ''))
    if (leadsOut(path, type, target, top)) throw badArchive(`link ${shownName(path)} leads out of the sdist`)
    if (path !== `${top}/PKG-INFO` || type !== 'file') return undefined
    infos += 1
    return 'metadata'
  }

  function end(): void {
    if (top === undefined) throw badArchive('Incorrect number of top-level directories in sdist: none')
    if (infos !== 1)
      throw badArchive(`sdist holds ${infos === 0 ? 'no' : 'more than one'} ${shownName(`${top}/PKG-INFO`)}`)
  }

  return { member, end }
}

function passesThrough(path: string, links: ReadonlySet<string>): boolean {
  if (links.size === 0) return false
  if (links.has(path)) return true
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    if (links.has(path.slice(0, slash))) return true
  }
  return false
}

function leadsOut(path: string, type: SdistMember['type'], target: string, top: string): boolean {
  if (type !== 'symlink' && type !== 'hardlink') return false
  if (target === '' || target.startsWith('/') || target.includes('\\') || /^[A-Za-z]:/.test(target)) return true
  const segments = target.split('/')
  const steps = segments.findIndex((segment) => segment !== '..' && segment !== '.')
  // A step back behind a name: that name may be a link itself, and then the step leads elsewhere than it says.
  if (steps !== -1 && segments.slice(steps).includes('..')) return true
  const reached = posix.normalize(type === 'symlink' ? posix.join(posix.dirname(path), target) : target)
  return reached !== top && reached !== `${top}/` && !reached.startsWith(`${top}/`)
}
