import { mkdtempSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { wheel } from '../../helpers/archives.js'
import { measureLoad } from '../load.js'
import { record } from '../recorded.js'
import type { BenchContext, Contestant, Scenario } from '../scenario.js'
import { type BenchServer, serveApp, serveNginx, serveScript } from '../servers.js'

const bytes = 200_000_000
const filename = 'large-1.0-py3-none-any.whl'
// Whole answers are counted, of which each takes up to a second.
const wholeAnswersS = 6
const path = `packages/${filename}`

/** A directory with one large wheel. */
function largeTree({ scratchFolder }: BenchContext): string {
  const directory = mkdtempSync(join(scratchFolder, 'large-'))
  const files = { 'large/data.bin': Buffer.alloc(bytes, 'large') }
  writeFileSync(join(directory, filename), wheel({ name: 'large', version: '1.0', method: 'stored', files }).bytes)
  return directory
}

function download(connections: number): Scenario {
  return {
    name: `large-${connections}`,
    title: `wheel of 200 MB, ${connections === 1 ? 'one connection' : `${connections} connections`}`,
    unit: 'MB/s',
    requirements: [
      { against: 'bare', atLeast: 0.95 },
      { against: 'nginx', atLeast: 0.65 },
    ],
    prepare: async (context) => {
      const directory = largeTree(context)
      const contestant = (name: string, { url, pids, stop }: BenchServer): Contestant => ({
        name,
        measure: async (seconds) => {
          const report = await measureLoad(
            { url: `${url}${path}`, connections },
            pids,
            Math.max(seconds, wholeAnswersS),
          )
          return { ...report, value: report.bytesPerSecond / 1e6 }
        },
        close: stop,
      })
      const ours = await serveApp({ roots: directory }, context)
      const all = [
        contestant('ours', ours),
        contestant('bare', await serveScript('serve-file.js', [join(directory, filename)])),
      ]
      const nginx = await serveNginx(await record(`${ours.url}${path}`, {}), context)
      return nginx === undefined ? all : [...all, contestant('nginx', nginx)]
    },
  }
}

const stalls = 100
const uploads = 16
// The system takes 4 MB for each download before it stands still: seen in `/proc/net/sockstat`, 0.4 GB within half a second.
const fillMs = 2000
const pieceBytes = 64 * 1024
const pieceEveryMs = 50

/** Keeps connections busy that others must not feel, until the returned function is called. */
async function burden({ url }: BenchServer): Promise<() => void> {
  const sockets = await Promise.all(Array.from({ length: stalls }, () => stalledDownload(new URL(url))))
  await setTimeout(fillMs)
  const ends = Array.from({ length: uploads }, (_, index) => slowUpload(url, index))
  return () => {
    for (const socket of sockets) socket.destroy()
    for (const end of ends) end()
  }
}

/** Reads the first bytes of an answer and no more. */
function stalledDownload({ hostname, port, host }: URL): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`GET /${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`))
    socket.once('data', () => {
      socket.pause()
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

/** An upload of 1.3 MB a second that does not end by itself. */
function slowUpload(url: string, index: number): () => void {
  const headers = { 'content-type': 'multipart/form-data; boundary=bench' }
  const sending = request(url, { method: 'POST', headers }, (answer) => answer.resume())
  sending.on('error', () => {})
  const name = (field: string): string => `--bench\r\ncontent-disposition: form-data; name="${field}"`
  sending.write(`${name(':action')}\r\n\r\nfile_upload\r\n${name('content')}; filename="slow${index}-1.0.zip"\r\n\r\n`)
  const timer = setInterval(() => sending.write(Buffer.alloc(pieceBytes, 'slow')), pieceEveryMs)
  return () => {
    clearInterval(timer)
    sending.destroy()
  }
}

const burdened: Scenario = {
  name: 'large-burden',
  title:
    'p99 of a page while 100 downloads stand still and 16 uploads run at 1.3 MB/s each, against the same page alone',
  unit: 'ms',
  requirements: [{ against: 'alone', atMost: 2 }],
  prepare: async (context) => {
    const server = await serveApp({ roots: largeTree(context) }, context)
    const page = async (seconds: number): ReturnType<Contestant['measure']> => {
      const report = await measureLoad({ url: `${server.url}simple/large/`, connections: 16 }, server.pids, seconds)
      return { ...report, value: report.p99Ms }
    }
    const measure = async (seconds: number): ReturnType<Contestant['measure']> => {
      const end = await burden(server)
      try {
        return await page(seconds)
      } finally {
        end()
      }
    }
    return [
      { name: 'ours', measure, close: server.stop },
      { name: 'alone', measure: page },
    ]
  },
}

export const scenarios: readonly Scenario[] = [download(1), download(4), burdened]
