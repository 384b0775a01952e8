import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Need, program, superuser } from './torture-test.js'

/** What a power cut needs besides root. */
export const ext4 = program('mkfs.ext4', 'e2fsprogs', ['-V'])

/** Disks in memory. */
export const memoryDisks: Need = mounting(() => mount('-t', 'tmpfs', '-o', 'size=1m', 'none'))

/** Disks in files. */
export const loopDisks: Need = mounting(() => {
  const folder = mkdtempSync(join(tmpdir(), 'pypi-server-probe-'))
  try {
    const directory = mount('-o', 'loop', newImage(folder))
    return directory
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** A disk that ends with the test. */
export interface Disk {
  /** Where it is mounted. */
  readonly directory: string
  readonly remount: (...options: readonly string[]) => void
}

/** A disk in memory; options as `size=16m`. */
export function memoryDisk(t: TestContext, options: string): Disk {
  const directory = mount('-t', 'tmpfs', '-o', options, 'none')
  t.after(() => unmount(directory))
  return { directory, remount: (...changed) => run('mount', '-o', `remount,${changed.join(',')}`, directory) }
}

/** A disk whose power can be cut. */
export interface CuttableDisk {
  readonly directory: () => string
  /** From now on nothing reaches the disk, neither what the system keeps in memory nor its journal. */
  readonly cut: () => void
  /** After {@link cut}: what stands on the disk, as after a start. */
  readonly powerUp: () => void
}

/** A disk in a file, with ext4, whose journal is not written by itself. */
export function cuttableDisk(t: TestContext): CuttableDisk {
  const folder = mkdtempSync(join(tmpdir(), 'pypi-server-disk-'))
  const image = newImage(folder)
  // Nothing gets to the disk that was not asked for.
  const powerOn = (): string => mount('-o', 'loop,commit=300', image)
  let directory = powerOn()
  t.after(() => {
    unmount(directory)
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    directory: () => directory,
    cut: () => run('python3', '-c', shutDown, directory),
    powerUp: () => {
      unmount(directory)
      directory = powerOn()
    },
  }
}

// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
const shutDown =
  'import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))'

function newImage(folder: string): string {
  const image = join(folder, 'image')
  writeFileSync(image, '')
  truncateSync(image, 64 * 1024 ** 2)
  run('mkfs.ext4', '-q', '-F', image)
  return image
}

function mount(...args: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'pypi-server-mount-'))
  try {
    run('mount', ...args, directory)
    return directory
  } catch (error) {
    rmdirSync(directory)
    throw error
  }
}

/** Also while somebody uses it. */
function unmount(directory: string): void {
  if (spawnSync('umount', [directory], { stdio: 'ignore' }).status !== 0) run('umount', '-l', directory)
  rmdirSync(directory)
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 30_000 })
}

/** Tries it: containers have a root that may not mount, and kernels without loop devices. */
function mounting(attempt: () => string): Need {
  if (superuser.missing !== undefined) return superuser
  try {
    unmount(attempt())
    return { missing: undefined, isInstallable: false }
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1)
    return { missing: `this machine cannot mount: ${reason}`, isInstallable: false }
  }
}

/** A folder on the disk; the mount point itself belongs to the system. */
export function folderOn(directory: string): string {
  const path = join(directory, 'packages')
  mkdirSync(path, { recursive: true })
  return path
}
