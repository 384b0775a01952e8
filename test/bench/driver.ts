// A load driver for machines without wrk: raw sockets, one request at a time on each, in a process of its own.
import { connect, type Socket } from 'node:net'
import type { Load, LoadReport } from './load.js'

const load = JSON.parse(process.argv[2] ?? '') as Load & { readonly seconds: number }
const { hostname, port, pathname, search, host } = new URL(load.url)
const fields = Object.entries({ host, ...load.headers }).map(([name, value]) => `${name}: ${value}\r\n`)
const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${fields.join('')}\r\n`)
const latencies: number[] = []
let bytes = 0
let failures = 0
let isOver = false

function runConnection(): void {
  const socket: Socket = connect({ host: hostname, port: Number(port) || 80, noDelay: true })
  let head = Buffer.alloc(0)
  /** Bytes of the body that are still to come; -1 while the head is. */
  let missing = -1
  let sentMs = 0
  const send = (): void => {
    if (isOver) return void socket.end()
    sentMs = performance.now()
    socket.write(request)
  }
  const finish = (): void => {
    latencies.push(performance.now() - sentMs)
    head = Buffer.alloc(0)
    missing = -1
    send()
  }
  socket.on('connect', send)
  socket.on('error', () => {
    failures++
  })
  socket.on('data', (chunk) => {
    bytes += chunk.length
    if (missing >= 0) {
      missing -= chunk.length
    } else {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const text = head.toString('latin1', 0, end)
      const status = Number(text.slice(9, 12))
      if (status < 200 || status > 399) failures++
      const length = status === 304 ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1])
      if (Number.isNaN(length)) throw new Error(`this driver needs a Content-Length\n${text}`)
      missing = length - (head.length - end - 4)
    }
    if (missing <= 0) finish()
  })
}

const startedMs = performance.now()
for (let count = 0; count < load.connections; count++) runConnection()
setTimeout(() => {
  isOver = true
  const elapsed = (performance.now() - startedMs) / 1000
  latencies.sort((a, b) => a - b)
  const report: LoadReport = {
    requestsPerSecond: latencies.length / elapsed,
    bytesPerSecond: bytes / elapsed,
    requests: latencies.length,
    failures,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  }
  process.stdout.write(JSON.stringify(report), () => process.exit(0))
}, load.seconds * 1000)
