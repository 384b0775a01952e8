// A bare node:http server that sends one file to everybody as most examples do: a stream of its own for each request.
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const path = process.argv[2] ?? ''
const { size } = statSync(path)
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
  createReadStream(path).pipe(response)
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
})
process.once('SIGTERM', () => process.exit(0))
// Whoever started us is gone.
process.stdin.resume().once('end', () => process.exit(0))
