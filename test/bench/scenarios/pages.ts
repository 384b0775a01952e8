import { createHash } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type HttpScenario, httpScenario } from '../http-scenario.js'
import type { BenchContext, Scenario } from '../scenario.js'
import type { ServeConfig } from '../servers.js'

const tenThousand = { files: 10_000, exactly: { small: 20, large: 1000 } }
const million = { files: 1_000_000, exactly: { small: 20, large: 1000 } }
const json = 'application/vnd.pypi.simple.v1+json'
const readsRequests =
  'a bare server answers without reading the request, whose headers Node takes apart only when they are asked for; ours reads them, and finds out which page in which form is asked for.'
/** As pip asks. */
const accept = `${json}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01`
const asPip = { accept, 'accept-encoding': 'gzip, deflate' }
const atLeast = (ratio: number): HttpScenario['requirements'] => [{ against: 'bare', atLeast: ratio }]

const data: readonly HttpScenario[] = [
  {
    name: 'pages-json',
    title: 'project page of 20 files, JSON',
    tree: tenThousand,
    path: 'simple/small/',
    headers: { accept },
    peers: ['bare', 'nginx'],
    requirements: atLeast(0.9),
    note: readsRequests,
  },
  {
    name: 'pages-html',
    title: 'project page of 20 files, HTML',
    tree: tenThousand,
    path: 'simple/small/',
    peers: ['bare', 'nginx'],
    requirements: atLeast(0.9),
    note: readsRequests,
  },
  {
    name: 'pages-304',
    title: '304 on the project page of 20 files',
    tree: tenThousand,
    path: 'simple/small/',
    headers: asPip,
    isRevalidated: true,
    peers: ['bare'],
    requirements: atLeast(0.85),
    note: readsRequests,
  },
  {
    name: 'pages-1000',
    title: 'project page of 1,000 files, gzip',
    tree: tenThousand,
    path: 'simple/large/',
    headers: asPip,
    peers: ['bare', 'nginx'],
    requirements: atLeast(0.9),
  },
  {
    name: 'pages-root',
    title: 'list of 100,000 projects, gzip',
    tree: { files: 100_000, projects: 100_000 },
    path: 'simple/',
    headers: asPip,
    isSettled: ({ body }) => !gunzipSync(body).includes('"_last-serial":0'),
    peers: ['bare', 'nginx'],
    requirements: atLeast(0.9),
  },
  {
    name: 'pages-login',
    title: 'project page of 20 files with a login out of an htpasswd file',
    tree: tenThousand,
    path: 'simple/small/',
    headers: { ...asPip, authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` },
    config: loginConfig,
    peers: ['bare'],
    requirements: atLeast(0.8),
    note: 'once in each turn of the event loop the password file is looked at (`stat`), and once a turn the login is compared by its digest, for no password is kept; what remains is taking the header apart for each request.',
  },
  {
    name: 'pages-metadata',
    title: 'core metadata of a wheel (`.metadata`)',
    tree: tenThousand,
    path: 'packages/small-1.0-py3-none-any.whl.metadata',
    headers: { 'accept-encoding': 'identity' },
    peers: ['bare', 'nginx'],
    requirements: atLeast(0.9),
    note: readsRequests,
  },
  {
    name: 'pages-million',
    title: 'project page of 20 files with a million files in the index',
    tree: million,
    path: 'simple/small/',
    headers: asPip,
    peers: ['bare'],
    otherTrees: { 'at 10,000': tenThousand },
    requirements: [{ against: 'at 10,000', atLeast: 0.95 }],
    isHeavy: true,
  },
]

function loginConfig({ scratchFolder }: BenchContext): Partial<ServeConfig> {
  const passwordFile = join(mkdtempSync(join(scratchFolder, 'login-')), 'htpasswd')
  writeFileSync(passwordFile, `ann:{SHA}${createHash('sha1').update('secret').digest('base64')}\n`)
  return { passwordFile, authenticate: ['list', 'update'] }
}

export const scenarios: readonly Scenario[] = data.map(httpScenario)
