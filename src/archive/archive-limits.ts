/** How much an uploaded archive may hold; above a limit it is refused. */
export interface ArchiveLimits {
  /** Members of one archive. @default 50,000 */
  readonly maxArchiveMembers: number
  /** Unpacked bytes for each packed one, in archives that unpack to more than 64 MiB. @default 50 */
  readonly maxArchiveRatio: number
  /** Bytes that an archive may unpack to. @default 8 GiB */
  readonly maxUnpackedBytes: number
  /** Bytes of core metadata in an archive. @default 8 MiB */
  readonly maxMetadataBytes: number
}
