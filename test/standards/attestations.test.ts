import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, type TestContext } from 'node:test'
import { type AttestationTrust, type Config, PypiServerError } from 'pypi-server'
import { sdist, wheel } from '../helpers/archives.js'
import {
  createSigstore,
  githubIssuer,
  type SentAttestation,
  type Sigstore,
  slsaPredicate,
  statementOf,
} from '../helpers/attestations.js'
import { type IndexServer, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { anchorsOf, htmlPage, jsonPage, manage, resolveFrom } from './pages.js'
import { rule, type Serve } from './transports.js'

// PEP 740: attestations of uploads, and provenance that an index tells of them.

const demo = wheel({ name: 'demo', version: '1.0' })
const path = `/integrity/demo/1.0/${demo.filename}/provenance`
const mediaType = 'application/vnd.pypi.integrity.v1+json'

let sigstore: Sigstore
let good: SentAttestation
before(async () => {
  sigstore = await createSigstore()
  good = await sigstore.attest(demo)
})

/** Verifies against the trust root of the tests. */
function trusting(t: TestContext, changes: Partial<AttestationTrust> = {}): Partial<Config> {
  const trustedRoot = join(temporaryDirectory(t), 'trusted_root.json')
  writeFileSync(trustedRoot, JSON.stringify(sigstore.trustedRoot))
  const identity = 'https://github.com/acme/*/.github/workflows/release.yml@*'
  return { attestations: { trustedRoot, publishers: [{ issuer: githubIssuer, identity }], ...changes } }
}

function upload(server: IndexServer, attestations: unknown, file = demo): Promise<Response> {
  return server.post(uploadForm(file, { attestations: JSON.stringify(attestations) }))
}

async function provenanceKey(server: IndexServer): Promise<string | undefined> {
  const [file] = (await jsonPage(server, 'demo')).files as readonly { readonly provenance?: string }[]
  return file?.provenance
}

rule('an upload with attestations is taken by an index that wants none, and no provenance is told', async (serve) => {
  const server = await serve()
  assert.equal((await upload(server, 'whatever it is')).status, 200)
  assert.equal(await provenanceKey(server), undefined)
  assert.doesNotMatch(await htmlPage(server, '/simple/demo/'), /provenance/)
  assert.equal((await server.request(path)).status, 404)
})

rule('verified provenance has the shape of PEP 740, at the address on the JSON page', async (serve, t) => {
  const server = await serve(trusting(t))
  assert.equal((await upload(server, [good])).status, 200)
  assert.equal(resolveFrom(server, '/simple/demo/', (await provenanceKey(server)) ?? ''), path)
  const response = await server.request(path)
  assert.equal(response.headers.get('content-type'), mediaType)
  const publisher = {
    kind: 'GitHub',
    claims: null,
    repository: 'acme/demo',
    workflow: 'release.yml',
    environment: null,
  }
  assert.deepEqual(await response.json(), {
    version: 1,
    attestation_bundles: [{ publisher, attestations: [good] }],
  })
})

rule('attestations of two publishers are in a bundle of each', async (serve, t) => {
  const builder = { issuer: 'https://gitlab.com', identity: 'https://gitlab.com/acme/demo//build.yml@*' }
  const { attestations } = trusting(t) as { attestations: AttestationTrust }
  const server = await serve({ attestations: { ...attestations, publishers: [...attestations.publishers, builder] } })
  const built = await sigstore.attest(demo, {
    issuer: builder.issuer,
    identity: 'https://gitlab.com/acme/demo//build.yml@refs/heads/main',
    statement: { predicateType: slsaPredicate, predicate: { buildDefinition: {} } },
  })
  assert.equal((await upload(server, [good, built])).status, 200)
  const { attestation_bundles: bundles } = (await (await server.request(path)).json()) as {
    attestation_bundles: readonly { readonly publisher: object; readonly attestations: readonly object[] }[]
  }
  assert.deepEqual(bundles[1], {
    publisher: {
      kind: 'GitLab',
      claims: null,
      repository: 'acme/demo',
      workflow_filepath: 'build.yml',
      environment: null,
    },
    attestations: [built],
  })
})

rule('HTML tells of provenance by an absolute https address or not at all', async (serve) => {
  const attribute = async (config: Partial<Config>): Promise<string | undefined> => {
    const server = await serve({ attestations: 'unverified', ...config })
    await upload(server, [good])
    return anchorsOf(await htmlPage(server, '/simple/demo/'))[0]?.attributes['data-provenance']
  }
  assert.equal(await attribute({}), undefined)
  assert.equal(await attribute({ baseUrl: 'http://index.test/' }), undefined)
  assert.equal(await attribute({ baseUrl: 'https://index.test/pypi' }), `https://index.test/pypi${path}`)
})

rule('the address in JSON is absolute where the index knows its https address', async (serve) => {
  const server = await serve({ attestations: 'unverified', baseUrl: 'https://index.test/pypi' })
  await upload(server, [good])
  assert.equal(await provenanceKey(server), `https://index.test/pypi${path}`)
})

rule('unverified attestations are served where the operator chose so, and say what they are', async (serve) => {
  const server = await serve({ attestations: 'unverified' })
  assert.equal((await upload(server, [good])).status, 200)
  assert.deepEqual(await (await server.request(path)).json(), {
    version: 1,
    attestation_bundles: [{ publisher: { kind: 'Unverified', claims: null }, attestations: [good] }],
  })
})

rule('provenance is negotiated, revalidated, and may change', async (serve) => {
  const server = await serve({ attestations: 'unverified' })
  await upload(server, [good])
  const get = (headers: Record<string, string>, method = 'GET') => server.request(path, { headers, method })
  assert.equal((await get({ accept: 'application/json' })).headers.get('content-type'), 'application/json')
  assert.equal((await get({ accept: mediaType })).headers.get('content-type'), mediaType)
  assert.equal((await get({ accept: 'text/html' })).status, 406)
  const { headers } = await get({})
  assert.deepEqual([headers.get('vary'), headers.get('cache-control')], ['Accept', 'public, no-cache'])
  assert.equal((await get({ 'if-none-match': headers.get('etag') ?? '' })).status, 304)
  const head = await get({}, 'HEAD')
  assert.deepEqual([head.status, await head.text()], [200, ''])
})

rule('provenance is at the file only: not under other versions, names or projects', async (serve) => {
  const server = await serve({ attestations: 'unverified' })
  await upload(server, [good])
  for (const other of ['demo/1.1', 'other/1.0', 'demo/1.0/x']) {
    assert.equal((await server.request(`/integrity/${other}/${demo.filename}/provenance`)).status, 404, other)
  }
  assert.equal((await server.request(`/integrity/Demo/v1.0/${demo.filename}/provenance`)).status, 200)
})

type Change = (sent: SentAttestation) => unknown
const inStatement =
  (members: object): Change =>
  (sent) => ({
    ...sent,
    envelope: { ...sent.envelope, statement: base64({ ...statementOf(demo), ...members }) },
  })
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')
const subject = { name: demo.filename, digest: { sha256: '0'.repeat(64) } }

const faults: readonly (readonly [what: string, change: Change, message: RegExp])[] = [
  ['is no object', () => 'x', /number 1 is no object/],
  ['is of another version', (sent) => ({ ...sent, version: 2 }), /not of version 1/],
  ['has no verification material', ({ verification_material: _, ...sent }) => sent, /verification_material/],
  ['has no envelope', ({ envelope: _, ...sent }) => sent, /envelope/],
  [
    'has a certificate that is none',
    (sent) => ({ ...sent, verification_material: { ...sent.verification_material, certificate: 'AAAA' } }),
    /X\.509/,
  ],
  [
    'has no entry of a log',
    (sent) => ({ ...sent, verification_material: { ...sent.verification_material, transparency_entries: [] } }),
    /transparency_entries/,
  ],
  [
    'has a statement that is no base64',
    (sent) => ({ ...sent, envelope: { ...sent.envelope, statement: '!' } }),
    /base64/,
  ],
  [
    'has a statement that is no JSON',
    (sent) => ({ ...sent, envelope: { ...sent.envelope, statement: 'AAAA' } }),
    /JSON/,
  ],
  ['has a statement of another type', inStatement({ _type: 'https://in-toto.io/Statement/v0.1' }), /in-toto/],
  ['has an unknown predicate type', inStatement({ predicateType: 'https://example.org/p' }), /predicate type/],
  ['has something in an empty predicate', inStatement({ predicate: { a: 1 } }), /predicate is not empty/],
  ['has no subject', inStatement({ subject: [] }), /exactly one subject/],
  ['has two subjects', inStatement({ subject: [subject, subject] }), /exactly one subject/],
  ['is about another file', inStatement({ subject: [{ ...subject, name: 'other-1.0.tar.gz' }] }), /is about "other/],
  ['is about other bytes', inStatement({ subject: [subject] }), /sha256/],
]

for (const [what, change, message] of faults) {
  rule(`an upload whose attestation ${what} is refused and leaves nothing`, async (serve) => {
    await assertRefused(await serve({ attestations: 'unverified' }), JSON.stringify([change(good)]), message)
  })
}

for (const [what, field, message] of [
  ['no JSON', '[', /no JSON/],
  ['no list', '{}', /not a JSON list/],
  ['an empty list', '[]', /at least one/],
  ['over 1 MiB', `[${' '.repeat(1024 * 1024)}]`, /more than 1048576 bytes/],
] as const) {
  rule(`an upload whose attestations are ${what} is refused and leaves nothing`, async (serve) => {
    await assertRefused(await serve({ attestations: 'unverified' }), field, message)
  })
}

rule('an upload with two attestations of one predicate type is refused', async (serve) => {
  await assertRefused(await serve({ attestations: 'unverified' }), JSON.stringify([good, good]), /more than one with/)
})

rule('an upload with the field twice is refused', async (serve) => {
  const server = await serve({ attestations: 'unverified' })
  const form = uploadForm(demo, { attestations: JSON.stringify([good]) })
  form.append('attestations', JSON.stringify([good]))
  assert.equal((await server.post(form)).status, 400)
})

rule('the subject may spell the name of the file in another way', async (serve) => {
  const file = sdist({ name: 'my.demo', version: '1.0' })
  const sent = await sigstore.attest(file, {
    statement: { subject: [{ ...subjectOf(file), name: 'My_Demo-1.0.0.tar.gz' }] },
  })
  const server = await serve({ attestations: 'unverified' })
  assert.equal((await upload(server, [sent], file)).status, 200)
})

function subjectOf(file: { readonly filename: string; readonly bytes: Uint8Array }): object {
  return (statementOf(file) as { readonly subject: readonly [object] }).subject[0]
}

async function assertRefused(server: IndexServer, attestations: string, message: RegExp): Promise<void> {
  const response = await server.post(uploadForm(demo, { attestations }))
  const body = await response.text()
  assert.equal(response.status, 400, body)
  assert.match(body, message)
  assert.equal(body.trim().split('\n').length, 1)
  assert.deepEqual(
    readdirSync(server.root).filter((name) => !name.startsWith('.')),
    [],
  )
  assert.equal((await server.request('/simple/demo/')).status, 404)
}

const forgeries: readonly (readonly [what: string, forge: () => Promise<unknown>, message: RegExp])[] = [
  [
    'that was signed under another authority',
    async () => (await createSigstore()).attest(demo),
    /the signature cannot be verified/,
  ],
  [
    'whose signature is that of another statement',
    async () => {
      const other = await sigstore.attest(demo, { statement: { predicate: {} } })
      return { ...good, envelope: { ...good.envelope, signature: other.envelope.signature } }
    },
    /the signature cannot be verified/,
  ],
  [
    'whose log entry is that of another signature',
    async () => {
      const other = await sigstore.attest(demo)
      const { transparency_entries } = other.verification_material
      return { ...good, verification_material: { ...good.verification_material, transparency_entries } }
    },
    /the signature cannot be verified/,
  ],
  [
    'whose log entry makes no sense',
    async () => ({ ...good, verification_material: { ...good.verification_material, transparency_entries: [{}] } }),
    /the signature cannot be verified/,
  ],
  ['of another issuer', () => sigstore.attest(demo, { issuer: 'https://issuer.test' }), /no trusted publisher of demo/],
  [
    'of another workflow, whose branch is called like the trusted one',
    () => {
      const branch = 'x/.github/workflows/release.yml@y'
      return sigstore.attest(demo, {
        identity: `https://github.com/acme/demo/.github/workflows/evil.yml@refs/heads/${branch}`,
      })
    },
    /no trusted publisher of demo/,
  ],
]

for (const [what, forge, message] of forgeries) {
  rule(`an attestation ${what} is refused by an index that verifies, and leaves nothing`, async (serve, t) => {
    await assertRefused(await serve(trusting(t)), JSON.stringify([await forge()]), message)
  })
}

rule('a publisher of other projects is refused', async (serve, t) => {
  const identity = 'https://github.com/acme/demo/.github/workflows/release.yml@*'
  const publishers = [{ issuer: githubIssuer, identity, projects: ['other', 'demo-*'] }]
  await assertRefused(await serve(trusting(t, { publishers })), JSON.stringify([good]), /no trusted publisher of demo/)
})

rule('an index that is to verify and has no trust root is not ready, and takes no attestations', async (serve, t) => {
  const trustedRoot = join(temporaryDirectory(t), 'missing.json')
  const server = await serve(trusting(t, { trustedRoot }))
  await assert.rejects(server.app.ready(), { code: 'ERR_PYPI_CONFIG', message: /trustedRoot/ })
  assert.equal((await upload(server, [good])).status, 500)
  assert.equal((await server.request('/simple/demo/')).status, 404)
  assert.equal((await server.post(uploadForm(demo))).status, 200)
  assert.equal(await provenanceKey(server), undefined)
  writeFileSync(trustedRoot, JSON.stringify(sigstore.trustedRoot))
  await server.app.ready()
})

for (const [what, root] of [
  ['that names nobody', {}],
  ['that is no object', []],
] as const) {
  rule(`a trust root ${what} verifies nothing`, async (serve, t) => {
    const trustedRoot = join(temporaryDirectory(t), 'trusted_root.json')
    writeFileSync(trustedRoot, JSON.stringify(root))
    const server = await serve(trusting(t, { trustedRoot }))
    await assert.rejects(server.app.ready(), PypiServerError)
    assert.equal((await upload(server, [good])).status, 500)
  })
}

rule('what nobody verified is not shown once only what is verified is, nor when nothing is', async (serve, t) => {
  const first = await serve({ attestations: 'unverified' })
  await upload(first, [good])
  for (const config of [trusting(t), {}]) {
    const server = await serve({ roots: first.root, ...config })
    assert.equal(await provenanceKey(server), undefined)
    assert.equal((await server.request(path)).status, 404)
  }
})

rule('provenance of other bytes that stands beside a file is not served', async (serve) => {
  const server = await serve({ attestations: 'unverified' })
  const other = { ...demo, bytes: wheel({ name: 'demo', version: '1.0', files: { x: 'y' } }).bytes }
  const bundles = [{ publisher: { kind: 'x', claims: null }, attestations: [await sigstore.attest(other)] }]
  writeFileSync(join(server.root, demo.filename), demo.bytes)
  writeFileSync(
    join(server.root, `${demo.filename}.provenance`),
    JSON.stringify({ version: 1, attestation_bundles: bundles }),
  )
  assert.equal((await jsonPage(server, 'demo')).files.length, 1)
  assert.equal((await server.request(path)).status, 404)
})

rule('provenance goes with its file: removed with it, replaced with it, hidden in quarantine', async (serve) => {
  const server = await serve({ attestations: 'unverified', overwrite: true })
  await upload(server, [good])
  await manage(server, 'PUT', 'demo/status', { status: 'quarantined' })
  assert.equal((await server.request(path)).status, 404)
  await manage(server, 'PUT', 'demo/status', { status: 'active' })
  assert.equal((await server.request(path)).status, 200)
  await server.post(uploadForm(demo))
  assert.equal(await provenanceKey(server), undefined)
  assert.equal((await server.request(path)).status, 404)
  await upload(server, [good])
  await manage(server, 'DELETE', 'demo')
  assert.deepEqual(
    readdirSync(server.root).filter((name) => !name.startsWith('.')),
    [],
  )
})

rule('provenance needs what a download needs', async (serve: Serve) => {
  const auther = (name: string, password: string): boolean => name === 'ann' && password === 'x'
  const server = await serve({ attestations: 'unverified', auther, authenticate: ['download'] })
  await upload(server, [good])
  assert.equal((await server.request(path)).status, 401)
  const authorization = `Basic ${Buffer.from('ann:x').toString('base64')}`
  const response = await server.request(path, { headers: { authorization } })
  assert.deepEqual([response.status, response.headers.get('cache-control')], [200, 'private, no-cache'])
})
