import { statfs } from 'node:fs/promises'

/** Whether the file systems of files are of this machine: their `stat` asks no other and blocks on none. */
export interface LocalFiles {
  /** Whether the file at this path, on the device of this number, is known to be local; asks for the next time. */
  readonly has: (path: string, device: bigint) => boolean
}

/** Local file systems, by the number that `statfs` tells. */
const localFileSystems: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
  0x2fc12fc1, // zfs
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
])

/** Knows no device yet; on systems other than Linux never any. */
export function createLocalFiles(): LocalFiles {
  const devices = new Map<bigint, boolean>()
  return {
    has: (path, device) => {
      const known = devices.get(device)
      if (known !== undefined) return known
      if (process.platform === 'linux') {
        void statfs(path).then(
          ({ type }) => devices.set(device, localFileSystems.has(type)),
          () => {},
        )
      }
      return false
    },
  }
}
