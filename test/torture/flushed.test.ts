import assert from 'node:assert/strict'
import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { createSigstore } from '../helpers/attestations.js'
import { eventually } from '../helpers/eventually.js'
import { uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import type { Distribution } from './servers.js'
import { type Answered, lastAnswered, serveTraced, tracer } from './system-calls.js'
import { linux, type Need, tortureTest } from './torture-test.js'

const file = wheel({ name: 'demo', version: '1.0' })
const other = wheel({ name: 'demo', version: '1.0', files: { other: 'bytes' } })
const document = '.pypi-server/projects/demo.json'

/** A request, and what it takes. */
type Step = (url: string) => Promise<Response>

/** An upload with everything that may stand beside a file. */
function uploading(distribution: Distribution): Step {
  return async (url) => {
    const form = uploadForm(distribution, { attestations: JSON.stringify([await attestation(distribution)]) })
    form.append('gpg_signature', new Blob(['signature']), `${distribution.filename}.asc`)
    return await fetch(url, { method: 'POST', body: form })
  }
}

async function attestation(distribution: Distribution): Promise<unknown> {
  return await (await createSigstore()).attest(distribution)
}

function asking(method: string, path: string, body?: object): Step {
  return (url) => fetch(new URL(path, url), { method, ...(body && { body: JSON.stringify(body) }) })
}

/** Files that were copied in a moment ago are looked into first. */
const waiting: Step = (url) =>
  eventually(async () => {
    const answer = await fetch(new URL(`packages/${file.filename}`, url))
    return answer.status === 200 ? answer : undefined
  })

/** What happened for the last of these steps. */
async function traced(
  t: TestContext,
  steps: readonly Step[],
  {
    args = [],
    roots = [temporaryDirectory(t)],
  }: { readonly args?: readonly string[]; readonly roots?: readonly string[] } = {},
): Promise<Answered> {
  const paths = roots.map((root) => realpathSync(root))
  const { url, calls } = await serveTraced(t, paths.at(-1) ?? '', [
    '--attestations',
    'unverified',
    ...args,
    ...paths.slice(0, -1),
  ])
  for (const step of [asking('GET', 'health'), ...steps]) {
    const answer = await step(url)
    assert.equal(answer.status, 200, await answer.text())
  }
  return lastAnswered(await calls(), paths)
}

const beside = ['asc', 'attestations'].map((suffix) => `${file.filename}.${suffix}`)

tortureTest([linux, tracer], 'an upload is on the disk, bytes and names, before it is answered', async (t) => {
  const { changes, atRisk } = await traced(t, [uploading(file)])
  assert.deepEqual(atRisk, [])
  const linked = [...beside, file.filename].map((name) => `link ${name}`)
  assert.deepEqual(changes, [`rename ${document}`, ...linked])
})

tortureTest([linux, tracer], 'what is told to be here already is on the disk before that is told', async (t) => {
  const { changes, synced } = await traced(t, [uploading(file), uploading(file)])
  assert.deepEqual(changes, [])
  assert.ok(synced.indexOf(file.filename) >= 0, 'the file is not synced')
  assert.ok(synced.indexOf('') > synced.indexOf(file.filename), 'its directory is not synced after it')
})

tortureTest([linux, tracer], 'a file that replaces another is on the disk before that is answered', async (t) => {
  const { changes, atRisk } = await traced(t, [uploading(file), uploading(other)], { args: ['--overwrite'] })
  assert.deepEqual(atRisk, [])
  const replaced = [file.filename, ...beside].map((name) => `rename ${name}`)
  assert.deepEqual(changes, [...beside.map((name) => `unlink ${name}`), ...replaced])
})

/** A second file system, where one is there without mounting it. */
const otherDisk: Need = {
  missing: isOtherDisk('/dev/shm') ? undefined : 'there is no second file system at /dev/shm',
  isInstallable: false,
}

function isOtherDisk(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && found.dev !== statSync(tmpdir()).dev
}

tortureTest(
  [linux, tracer, otherDisk],
  'a file that replaces another on another disk than the spool folder is on that disk before that is answered',
  async (t) => {
    const second = mkdtempSync('/dev/shm/pypi-server-')
    t.after(() => rmSync(second, { recursive: true }))
    writeFileSync(join(second, file.filename), file.bytes)
    const roots = [temporaryDirectory(t), second]
    const { changes, atRisk } = await traced(t, [uploading(other)], { args: ['--overwrite'], roots })
    assert.deepEqual(atRisk, [])
    assert.deepEqual(
      changes.slice(-1 - beside.length),
      [file.filename, ...beside].map((name) => `rename ${name}`),
    )
  },
)

tortureTest([linux, tracer], 'a removal is on the disk before it is answered', async (t) => {
  const { changes, atRisk } = await traced(t, [uploading(file), asking('DELETE', 'api/projects/demo')])
  assert.deepEqual(atRisk, [])
  const removed = [file.filename, ...beside].map((name) => `unlink ${name}`)
  assert.deepEqual(changes, [`rename ${document}`, ...removed])
})

for (const [title, step] of [
  [
    'a yank is on the disk before it is answered',
    asking('PUT', 'api/projects/demo/releases/1.0/yank', { reason: 'broken' }),
  ],
  [
    'the status of a project is on the disk before it is answered',
    asking('PUT', 'api/projects/demo/status', { status: 'archived' }),
  ],
] as const) {
  tortureTest([linux, tracer], title, async (t) => {
    // The first that is remembered of this directory: folders for it come into being.
    const roots = [temporaryDirectory(t)]
    writeFileSync(join(roots[0] ?? '', file.filename), file.bytes)
    const { changes, atRisk } = await traced(t, [waiting, step], { roots })
    assert.deepEqual(atRisk, [])
    assert.deepEqual(changes, [`rename ${document}`])
  })
}
