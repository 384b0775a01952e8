// A bare node:http server that sends one file to everybody, as fast as Node reads one: positioned reads into buffers that are
// used again, the next one while the last one is written.
import { open } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const file = await open(process.argv[2] ?? '', 'r')
const { size } = await file.stat()
const pieceBytes = 1024 * 1024

async function send(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
  const buffers = [Buffer.allocUnsafeSlow(pieceBytes), Buffer.allocUnsafeSlow(pieceBytes)] as const
  let written: Promise<void> = Promise.resolve()
  for (let at = 0, turn = 0; at < size; turn = 1 - turn) {
    const buffer = buffers[turn as 0 | 1]
    const { bytesRead } = await file.read(buffer, 0, pieceBytes, at)
    at += bytesRead
    await written
    written = new Promise((resolve, reject) => {
      response.write(buffer.subarray(0, bytesRead), (error) => (error ? reject(error) : resolve()))
    })
    written.catch(() => {})
  }
  await written
  response.end()
}

const server = createServer((_request, response) => {
  send(response).catch(() => response.destroy())
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
})
process.once('SIGTERM', () => process.exit(0))
// Whoever started us is gone.
process.stdin.on('end', () => process.exit(0)).resume()
