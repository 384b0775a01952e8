// A bare node:http server that takes uploads as an index has to: busboy, the same hashes, a file, and the system calls that
// make it survive a power cut. It checks nothing and remembers nothing.
import { link, mkdir, open, unlink } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import busboy from 'busboy'
import { createDigesters } from '#src/digests/digest.js'
import { claimedAlgorithms } from './upload-load.js'

const directory = process.argv[2] ?? ''
const spool = join(directory, '.spool')
await mkdir(spool, { recursive: true })
const digesters = createDigesters()
let uploads = 0

async function store(filename: string, content: Readable): Promise<void> {
  const path = join(spool, String(uploads++))
  const digester = await digesters(claimedAlgorithms)
  const file = await open(path, 'wx')
  for await (const chunk of content as AsyncIterable<Uint8Array>) {
    const writing = file.appendFile(chunk)
    digester.update(chunk)
    await writing
  }
  await file.sync()
  await file.close()
  digester.finish()
  await link(path, join(directory, filename))
  await unlink(path)
  const folder = await open(directory, 'r')
  await folder.sync()
  await folder.close()
}

function receive(request: IncomingMessage): Promise<void> {
  return new Promise((fulfil, reject) => {
    const form = busboy({ headers: request.headers, fileHwm: 256 * 1024 })
    let stored: Promise<void> = Promise.resolve()
    form.on('file', (_: string, content: Readable, { filename }: { filename?: string }) => {
      stored = store(filename ?? '', content)
    })
    form.on('close', () => stored.then(fulfil, reject))
    form.on('error', reject)
    request.pipe(form)
  })
}

const server = createServer((request, response) => {
  receive(request).then(
    () => response.end('stored\n'),
    (error: unknown) => response.writeHead(500).end(String(error)),
  )
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
})
process.once('SIGTERM', () => process.exit(0))
// Whoever started us is gone.
process.stdin.resume().once('end', () => process.exit(0))
