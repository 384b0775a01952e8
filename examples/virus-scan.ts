// Every upload is shown to clamd before it is published. What it finds something in is refused; what it cannot scan, too.
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createApp, PypiServerError } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd', CLAMD_PORT = '3310' } = process.env

async function* instream(path: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from('zINSTREAM\0')
  for await (const chunk of createReadStream(path)) yield* [uint32(chunk.length), chunk]
  yield uint32(0)
}
const uint32 = (value: number): Uint8Array => new Uint8Array([value >> 24, value >> 16, value >> 8, value])

async function scan(path: string): Promise<string> {
  const socket = connect(Number(CLAMD_PORT), '127.0.0.1')
  socket.setTimeout(60_000, () => socket.destroy(new Error('clamd does not answer')))
  const answer = text(socket)
  // When clamd breaks off it says why: its answer alone decides.
  await pipeline(instream(path), socket, { end: false }).catch(() => {})
  return (await answer).replaceAll('\0', '')
}

const beforePublish = async ({ spooledPath, filename }: { spooledPath: string; filename: string }): Promise<void> => {
  const answer = await scan(spooledPath).catch(String)
  if (answer === 'stream: OK') return
  const [, finding] = /^stream: (.+) FOUND$/.exec(answer) ?? []
  if (finding !== undefined) throw new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', `${filename} has ${finding} in it`)
  throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `${filename} was not scanned: ${answer}`)
}
const app = createApp({ roots: ROOT, passwordFile: PASSWORDS, hooks: { beforePublish } })
const server = createServer(app).listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
})
process.once('SIGTERM', () => server.close(() => void app.close()))
