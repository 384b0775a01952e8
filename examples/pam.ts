// Logins of the machine's own accounts through PAM, asked with pwauth: a helper that may read what this process may not.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Auther, cached, createApp } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PWAUTH = '/usr/sbin/pwauth' } = process.env

const machine: Auther = async (username, password, { signal }) => {
  // The helper reads two lines: whoever could send a third would choose them.
  if (/[\0\n\r]/.test(username + password)) return false
  const helper = spawn(PWAUTH, { stdio: ['pipe', 'ignore', 'inherit'], signal, timeout: 10_000 })
  const ended = once(helper, 'exit')
  // It may have ended before it read all; then its exit code says why.
  helper.stdin.on('error', () => {})
  helper.stdin.end(`${username}\n${password}\n`)
  const [code] = await ended
  // 1 to 7: wrong, blocked, expired. Above: it could not ask. No code: it was killed.
  if (code === null || code > 7) throw new Error(`${PWAUTH} ended with ${code}`)
  return code === 0
}

const app = createApp({ roots: ROOT, auther: cached(machine), authenticate: ['list', 'download', 'update'] })
const server = createServer(app).listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})
process.once('SIGTERM', () => server.close(() => void app.close()))
