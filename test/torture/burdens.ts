import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { basic } from '../helpers/index-server.js'
import type { RunningServer } from '../helpers/server.js'

/** What a process holds. */
export interface Holdings {
  readonly descriptors: number
  readonly residentBytes: number
}

/** What the server's process holds now, as Linux tells. */
export function holdings({ process: { pid } }: RunningServer): Holdings {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, residentBytes: Number(kilobytes) * 1024 }
}

/** Names that uploads and changes leave on their way below a root. */
export function leftovers(root: string): readonly string[] {
  return ['spool', 'locks'].flatMap((folder) => readdirSync(join(root, '.pypi-server', folder)))
}

/** Asks `/health` all the time; the function that it fulfils with ends that and tells how long each answer took, sorted. */
export async function watchHealth({ url }: RunningServer): Promise<() => Promise<readonly number[]>> {
  const worker = new Worker(new URL('./health-probe.js', import.meta.url), { workerData: { url: `${url}health` } })
  await once(worker, 'online')
  return async () => {
    const told = once(worker, 'message')
    worker.postMessage('stop')
    const [timesMs] = (await told) as [readonly number[]]
    return timesMs.toSorted((one, other) => one - other)
  }
}

/** The value that this share of sorted values does not exceed. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Work that goes on until it is told to stop; fulfils with what each turn gave. */
export async function repeat<T>(signal: AbortSignal, turn: (index: number) => Promise<T>): Promise<readonly T[]> {
  const given: T[] = []
  for (let index = 0; !signal.aborted; index += 1) given.push(await turn(index))
  return given
}

/** Connections that say nothing, and others that send a header or an upload a byte at a time, until the signal. */
export async function openSlowConnections({ url }: RunningServer, count: number, signal: AbortSignal): Promise<void> {
  const { hostname, port } = new URL(url)
  const beginnings = ['', 'GET /simple/ HTTP/1.1\r\nHost: x\r\nX-Slow: ', slowUpload]
  const sockets = Array.from({ length: count }, () => connect({ host: hostname, port: Number(port) }))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  for (const [index, socket] of sockets.entries()) trickle(socket, beginnings[index % 3] ?? '', signal)
}

const slowUpload = `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n${header()}Content-Length: 100000\r\n\r\n--b\r\n`

function header(): string {
  return `Authorization: ${basic('ann', 'secret').authorization}\r\n`
}

function trickle(socket: Socket, beginning: string, signal: AbortSignal): void {
  // The server may end such a connection whenever it likes.
  socket.on('error', () => {})
  socket.resume()
  if (beginning !== '') socket.write(beginning)
  const timer = setInterval(() => beginning !== '' && socket.writable && socket.write('x'), 500)
  signal.addEventListener('abort', () => {
    clearInterval(timer)
    socket.destroy()
  })
}

/** Guesses passwords as many machines would, many at a time; each guess must be refused. */
export async function guessPasswords({ url }: RunningServer, count: number, signal: AbortSignal): Promise<number> {
  const guess = async (): Promise<void> => {
    const [one, two, three] = randomBytes(3)
    const headers = {
      ...basic('ann', `wrong ${randomBytes(6).toString('hex')}`),
      'x-forwarded-for': `10.${one}.${two}.${three}`,
    }
    const answer = await fetch(url, { method: 'POST', body: new FormData(), headers })
    await answer.arrayBuffer()
    assert.ok([401, 429, 503].includes(answer.status), `a guess is answered ${answer.status}`)
    if (answer.status !== 401) await setTimeout(20)
  }
  const guesses = await Promise.all(Array.from({ length: count }, () => repeat(signal, guess)))
  return guesses.flat().length
}
