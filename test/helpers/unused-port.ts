import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** A loopback port on which nobody listens: for servers that have to be told theirs. */
export async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
