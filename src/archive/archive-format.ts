import { badArchive } from './archive-error.js'
import type { ByteSource } from './byte-source.js'

/** Formats of distribution files that are looked into. */
export type ArchiveFormat = 'zip' | 'gzip' | 'bzip2' | 'xz'

/** First bytes, in hex: what a file must begin with to deserve its name. */
const magics: Readonly<Record<ArchiveFormat, string>> = {
  zip: '504b',
  gzip: '1f8b',
  bzip2: '425a68',
  xz: 'fd377a585a00',
}

/** The format that a file name promises; `undefined` for installers and whatever else is not looked into. */
export function archiveFormat(filename: string): ArchiveFormat | undefined {
  const name = filename.toLowerCase()
  if (/\.(?:whl|egg|zip)$/.test(name)) return 'zip'
  if (/\.(?:tar\.gz|tgz)$/.test(name)) return 'gzip'
  if (name.endsWith('.tar.bz2')) return 'bzip2'
  return name.endsWith('.tar.xz') ? 'xz' : undefined
}

/** @throws `ERR_PYPI_BAD_ARCHIVE` when the first bytes are not those of the format */
export function checkMagic(source: ByteSource, format: ArchiveFormat): void {
  const magic = magics[format]
  const start = Buffer.from(source.read(0, magic.length / 2)).toString('hex')
  if (start !== magic) throw badArchive(`file is not a ${format} file`)
}
