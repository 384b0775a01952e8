import { randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

const maxAgeMs = 24 * 60 * 60 * 1000
const restartMs = 60 * 60 * 1000

/** A name never used before that says which process made it: four parts of letters, digits and `-`, with dots between. */
export function newOwnerName(): string {
  return [hostKey(), namespaceKey(), process.pid, randomBytes(8).toString('hex')].join('.')
}

/**
 * Whether the process that made a name is known to have ended. Those of other hosts, and of other containers that call
 * themselves like this one, cannot be seen: they have ended when nothing of theirs was touched for a day, or an hour.
 */
export function isOwnerDead(name: string, modifiedMs: number): boolean {
  const [host, namespace, pid] = name.split('.')
  const ageMs = Date.now() - modifiedMs
  if (ageMs > maxAgeMs) return true
  if (host !== hostKey()) return false
  // Process numbers mean something else there: a container that was started again, or its living twin.
  if (namespace !== namespaceKey()) return ageMs > restartMs
  // Our own number on something from before our start belonged to a predecessor.
  if (Number(pid) === process.pid) return modifiedMs < performance.timeOrigin
  return !isAlive(Number(pid))
}

function hostKey(): string {
  return hostname().replace(/[^A-Za-z0-9-]/g, '-') || 'localhost'
}

let knownNamespace: string | undefined

/** A process never changes it. */
function namespaceKey(): string {
  knownNamespace ??= readNamespace()
  return knownNamespace
}

function readNamespace(): string {
  if (process.platform !== 'linux') return '0'
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')
  } catch {
    return '0'
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
