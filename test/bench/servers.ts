import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fieldOf, type Recorded } from './recorded.js'
import type { BenchContext, Peer } from './scenario.js'

/** A server in a process of its own. */
export interface BenchServer {
  /** With a final slash. */
  readonly url: string
  /** Processes whose processor time is the server's. */
  readonly pids: readonly number[]
  readonly stop: () => Promise<void>
}

/** The part of the configuration that can be handed to another process. */
export interface ServeConfig {
  readonly roots: string
  readonly passwordFile?: string
  readonly authenticate?: readonly string[]
}

const readyLimitMs = 600_000

/** Our index. */
export function serveApp(config: ServeConfig, { profileFolder }: BenchContext): Promise<BenchServer> {
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
  return serveScript('serve-app.js', [JSON.stringify({ authenticate: [], ...config })], profile)
}

/** A bare node:http server with one answer. */
export function serveReplay(
  { status, headers, body }: Recorded,
  { scratchFolder }: BenchContext,
): Promise<BenchServer> {
  const file = join(mkdtempSync(join(scratchFolder, 'replay-')), 'body')
  writeFileSync(file, body)
  return serveScript('serve-replay.js', [JSON.stringify({ status, headers }), file])
}

/** A script of this folder that prints its address as its first line, and ends with SIGTERM and when its input does. */
export async function serveScript(
  name: string,
  args: readonly string[],
  nodeArgs: readonly string[] = [],
): Promise<BenchServer> {
  const script = fileURLToPath(new URL(name, import.meta.url))
  const child = spawn(process.execPath, [...nodeArgs, script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const printed = once(createInterface(child.stdout), 'line') as Promise<[string]>
  const [url] = await Promise.race([printed, once(child, 'exit')])
  if (typeof url !== 'string') throw new Error(`${name} exited before it listened`)
  return { url, pids: [child.pid ?? 0], stop: () => stopChild(child) }
}

/** Whether nginx is installed here. */
export const hasNginx = spawnSync('nginx', ['-v'], { stdio: 'ignore' }).error === undefined

/** nginx with one worker and one answer as a static file. `undefined` for a status that files do not have. */
export async function serveNginx(answer: Recorded, { scratchFolder }: BenchContext): Promise<BenchServer | undefined> {
  if (!hasNginx || answer.status !== 200) return undefined
  const home = mkdtempSync(join(scratchFolder, 'nginx-'))
  mkdirSync(join(home, 'html'))
  writeFileSync(join(home, 'html', 'body'), answer.body)
  const port = await freePort()
  writeFileSync(join(home, 'nginx.conf'), nginxConfig(home, port, answer))
  const child = spawn('nginx', ['-e', 'stderr', '-p', home, '-c', 'nginx.conf', '-g', 'daemon off;'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}/`
  await answering(url, child)
  return { url, pids: childrenOf(child.pid ?? 0), stop: () => stopChild(child) }
}

function nginxConfig(home: string, port: number, answer: Recorded): string {
  const added = answer.headers.flatMap((name, index) => {
    const isOwn = ['content-type', 'content-length'].includes(name.toLowerCase())
    return index % 2 === 1 || isOwn ? [] : [`add_header ${name} ${JSON.stringify(answer.headers[index + 1])};`]
  })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${home}/tmp;`)
  // Started by root, its workers would be somebody who cannot read here.
  const user = userInfo().uid === 0 ? `user ${userInfo().username};` : ''
  return `${user} worker_processes 1; pid ${home}/pid; error_log stderr emerg;
events { worker_connections 1024; }
http {
  access_log off; etag off; keepalive_requests 1000000000; sendfile on; tcp_nopush on; open_file_cache max=10;
  if_modified_since off; ${temporary.join(' ')}
  types {} default_type ${JSON.stringify(fieldOf(answer, 'content-type') ?? '')};
  server {
    listen 127.0.0.1:${port}; root ${home}/html;
    location / { try_files /body =404; ${added.join(' ')} }
  }
}
`
}

/** Another index: at its address, or started by its command over this directory. */
export async function servePeer({ name, url, command = '' }: Peer, directory: string): Promise<BenchServer> {
  if (url !== undefined) return { url: url.replace(/\/*$/, '/'), pids: [], stop: async () => {} }
  const port = await freePort()
  const [program = '', ...args] = command
    .split(' ')
    .map((word) => word.replaceAll('{port}', String(port)).replaceAll('{directory}', directory))
  const child = spawn(program, args, { stdio: 'ignore' })
  const address = `http://127.0.0.1:${port}/`
  await answering(address, child).catch((error: unknown) => {
    throw new Error(`peer ${name}: ${String(error)}`)
  })
  return { url: address, pids: [child.pid ?? 0, ...childrenOf(child.pid ?? 0)], stop: () => stopChild(child) }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as import('node:net').AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  let problem: unknown
  child.once('error', (error) => {
    problem = error
  })
  const limitMs = performance.now() + readyLimitMs
  while (performance.now() < limitMs) {
    if (problem !== undefined) throw problem
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}`)
    const answer = await fetch(url).catch(() => undefined)
    if (answer !== undefined) return await answer.arrayBuffer().then(() => {})
    await setTimeout(50)
  }
  throw new Error(`${url} does not answer`)
}

function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return (
          Number(
            readFileSync(`/proc/${pid}/stat`, 'utf8')
              .replace(/^.*\) /s, '')
              .split(' ')[1],
          ) === parent
        )
      } catch {
        return false
      }
    })
    .map(Number)
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const limit = setTimeout(10_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))
  await Promise.race([exited, limit])
  await exited
}
