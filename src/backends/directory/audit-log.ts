import { constants } from 'node:fs'
import { access, type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AuditEntry } from '../../backend.js'
import { asStoreError, undefinedIf } from '../../errors.js'
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
  let last: Promise<void> = Promise.resolve()
  let next: { readonly lines: string[]; readonly written: Promise<void> } | undefined

  function queue(): NonNullable<typeof next> {
    const lines: string[] = []
    const written = last.then(() => {
      next = undefined
      return write(root, lines.join(''))
    })
    last = written.catch(() => {})
    return { lines, written }
  }

  return {
    assertWritable: () => access(path, constants.W_OK).catch(undefinedIf('ENOENT')).catch(storeError),
    append: async (entry) => {
      next ??= queue()
      next.lines.push(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`)
      await next.written.catch(storeError)
    },
  }
}

async function write(root: string, text: string): Promise<void> {
  await ensureState(root)
  const path = auditFile(root)
  const handle = await open(path, 'a+', 0o600)
  try {
    const { size } = await handle.stat()
    // A line that a crash cut off must not take the next one with it.
    await handle.appendFile((await endsLine(handle, size)) ? text : `\n${text}`)
    await handle.datasync()
    if (size === 0) await giveToOwnerOf(dirname(path), path)
  } finally {
    await handle.close()
  }
  await syncDirectory(dirname(path))
}

async function endsLine(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] === 0x0a
}
