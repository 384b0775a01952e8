// Our index as a process of its own: the configuration comes as JSON, the address goes to the output.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Config, createApp } from 'pypi-server'

const config = JSON.parse(process.argv[2] ?? '') as Config
const app = createApp(config)
const server = createServer(app)
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
})
process.once('SIGTERM', () => process.exit(0))
// Whoever started us is gone.
process.stdin.resume().once('end', () => process.exit(0))
