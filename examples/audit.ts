// Whatever changes has a line in a file of one's own, one after the other, for who wants more than the audit log.
import { appendFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd', AUDIT = './changes.jsonl' } = process.env

let written = Promise.resolve()
function write(action: string, details: object): void {
  const line = `${JSON.stringify({ time: new Date().toISOString(), action, ...details })}\n`
  const report = (error: unknown): void => void process.stderr.write(`${error}: ${line}`)
  written = written.then(() => appendFile(AUDIT, line, { mode: 0o600 })).catch(report)
}

const app = createApp({
  roots: ROOT,
  passwordFile: PASSWORDS,
  events: {
    publish: ({ file: { filename, hashes }, user }) => write('publish', { user, filename, sha256: hashes['sha256'] }),
    remove: ({ file: { filename }, user }) => write('remove', { user, filename }),
    yank: ({ file: { filename }, yanked, user }) => write(yanked ? 'yank' : 'unyank', { user, filename, ...yanked }),
    status: ({ project, status, user }) => write('status', { user, project, ...status }),
  },
})
const server = createServer(app).listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
})
process.once('SIGTERM', () => server.close(() => void app.close()))
