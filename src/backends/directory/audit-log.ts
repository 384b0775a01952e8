import { constants } from 'node:fs'
import { access, type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AuditEntry } from '../../backend.js'
import { asStoreError, errorCode, undefinedIf } from '../../errors.js'
import { sharing } from '../../util/sharing.js'
import { syncDirectory } from '../../util/sync-directory.js'
import { auditFile } from './layout.js'
import { ensureState, giveToOwnerOf } from './state-folder.js'

/** A line for every change, only ever appended to; other processes may write to it at the same time. */
export interface AuditLog {
  /** To be asked before a change, so that none has to go unrecorded. @throws ERR_PYPI_STORE_UNAVAILABLE */
  readonly assertWritable: () => Promise<void>
  /** Durable when it fulfils; who appends at the same time shares the wait. @throws ERR_PYPI_STORE_FULL, ERR_PYPI_STORE_UNAVAILABLE */
  readonly append: (entry: AuditEntry) => Promise<void>
}

/** The audit log of a root; touches nothing yet. */
export function openAuditLog(root: string): AuditLog {
  const path = auditFile(root)
  const storeError = (error: unknown): never => {
    throw asStoreError(error, path)
  }
  const writable = sharing(() => access(path, constants.W_OK).catch(undefinedIf('ENOENT')))
  let last: Promise<Written> = Promise.resolve({ file: '', size: 0 })
  let next: { readonly lines: string[]; readonly written: Promise<Written> } | undefined

  function queue(): NonNullable<typeof next> {
    const lines: string[] = []
    const before = last
    const written = before.then((state) => {
      next = undefined
      return write(root, lines.join(''), state)
    })
    last = written.catch(() => before)
    return { lines, written }
  }

  return {
    assertWritable: () => writable(path).catch(storeError),
    append: async (entry) => {
      next ??= queue()
      next.lines.push(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`)
      await next.written.catch(storeError)
    },
  }
}

/** What was written last. */
interface Written {
  /** Which file that was, so that its name is on the disk; empty before the first. */
  readonly file: string
  /** Bytes in it afterwards. */
  readonly size: number
}

async function write(root: string, text: string, last: Written): Promise<Written> {
  const path = auditFile(root)
  const handle = await openLog(root, path)
  let written: Written
  try {
    const { size, dev, ino, birthtimeNs } = await handle.stat({ bigint: true })
    const file = `${dev}:${ino}:${birthtimeNs}`
    const isAsLeft = file === last.file && size === BigInt(last.size)
    // A line that a crash cut off must not take the next one with it.
    const line = isAsLeft || (await endsLine(handle, Number(size))) ? text : `\n${text}`
    await handle.appendFile(line)
    await handle.datasync()
    if (size === 0n) await giveToOwnerOf(dirname(path), path)
    written = { file, size: Number(size) + Buffer.byteLength(line) }
  } finally {
    await handle.close()
  }
  if (written.file !== last.file) await syncDirectory(dirname(path))
  return written
}

async function openLog(root: string, path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a+', 0o600)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    await ensureState(root)
    return await open(path, 'a+', 0o600)
  }
}

async function endsLine(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] === 0x0a
}
