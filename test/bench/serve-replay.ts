// A bare node:http server that sends one answer to everybody, byte by byte and header by header what was recorded.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RecordedHead } from './recorded.js'

const [head = '', bodyFile = ''] = process.argv.slice(2)
const { status, headers } = JSON.parse(head) as RecordedHead
const body = readFileSync(bodyFile)
const server = createServer((_req, res) => {
  res.writeHead(status, [...headers])
  res.end(body)
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
})
process.once('SIGTERM', () => process.exit(0))
// Whoever started us is gone.
process.stdin.resume().once('end', () => process.exit(0))
