import { badArchive } from './archive-error.js'
import { tarMembers } from './tar-members.js'

/** Options of {@link findTarMember}. */
export interface TarOptions {
  /** Bytes of the wanted member. @default 8 MiB */
  readonly maxMemberBytes?: number
  /** Stop at the first wanted member, or read all: then a second one is an error, and so is a cut. @default member */
  readonly readTo?: 'member' | 'end'
}

/**
 * The data of the regular member whose path `isWanted`, `undefined` when there is none. Reads ustar, pax and GNU tars
 * of at most 200,000 headers; who gives the chunks bounds their number.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; a `TruncatedArchiveError` when the stream ends inside a member
 */
export async function findTarMember(
  chunks: AsyncIterable<Uint8Array>,
  isWanted: (path: string) => boolean,
  options: TarOptions = {},
): Promise<Uint8Array | undefined> {
  const { maxMemberBytes = 8 * 2 ** 20, readTo = 'member' } = options
  let found: Buffer | undefined
  for await (const { path, type, read } of tarMembers(chunks)) {
    if (type !== 'file' || !isWanted(path)) continue
    if (found !== undefined) throw badArchive(`tar holds a second ${path}`)
    found = await read(maxMemberBytes)
    if (readTo === 'member') return found
  }
  return found
}
