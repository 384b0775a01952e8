import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { initializeCA, initializeCTLog, initializeTLog } from '@sigstore/mock'

/** An attestation as uploaders send it. */
export interface SentAttestation {
  readonly version: number
  readonly verification_material: { readonly certificate: string; readonly transparency_entries: readonly unknown[] }
  readonly envelope: { readonly statement: string; readonly signature: string }
}

/** What an attestation says and who signs it. */
export interface AttestOptions {
  /** @default https://token.actions.githubusercontent.com */
  readonly issuer?: string
  /** @default {@link releaseWorkflow} */
  readonly identity?: string
  /** Replaces members of the statement. */
  readonly statement?: Readonly<Record<string, unknown>>
}

/** A certificate authority, a log of certificates and a log of signatures of our own. */
export interface Sigstore {
  /** `trusted_root.json`. */
  readonly trustedRoot: object
  readonly attest: (
    file: { readonly filename: string; readonly bytes: Uint8Array },
    options?: AttestOptions,
  ) => Promise<SentAttestation>
}

export const githubIssuer = 'https://token.actions.githubusercontent.com'
export const releaseWorkflow = 'https://github.com/acme/demo/.github/workflows/release.yml@refs/tags/v1.0'
export const publishPredicate = 'https://docs.pypi.org/attestations/publish/v1'
export const slsaPredicate = 'https://slsa.dev/provenance/v1'

const payloadType = 'application/vnd.in-toto+json'
const issuerOid = '1.3.6.1.4.1.57264.1.8'

/** A new Sigstore, with keys that nobody else has. */
export async function createSigstore(): Promise<Sigstore> {
  const [caKeys, ctKeys, logKeys] = [newKeys(), newKeys(), newKeys()]
  const ctlog = await initializeCTLog(ctKeys)
  const ca = await initializeCA(caKeys, ctlog)
  const tlog = await initializeTLog('https://rekor.test', logKeys)
  return {
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [logInstance('https://rekor.test', logKeys.publicKey)],
      ctlogs: [logInstance('https://ct.test', ctKeys.publicKey)],
      certificateAuthorities: [
        {
          subject: { organization: 'test', commonName: 'test' },
          uri: 'https://fulcio.test',
          certChain: { certificates: [{ rawBytes: base64(bytesOf(ca.rootCertificate)) }] },
          validFor,
        },
      ],
      timestampAuthorities: [],
    },
    attest: async (file, options = {}) => {
      const { issuer = githubIssuer, identity = releaseWorkflow } = options
      const keys = newKeys()
      const certificate = await ca.issueCertificate({
        publicKey: new Uint8Array(spki(keys.publicKey)),
        subjectAltName: identity,
        extensions: [{ oid: issuerOid, value: issuer }],
      })
      const statement = Buffer.from(JSON.stringify({ ...statementOf(file), ...options.statement }))
      const signature = sign('sha256', preAuthenticationEncoding(statement), keys.privateKey)
      const [entry] = Object.values(await tlog.log(proposedEntry(statement, signature))) as LogEntry[]
      if (entry === undefined) throw new Error('the log took no entry')
      return {
        version: 1,
        verification_material: {
          certificate: base64(bytesOf(certificate)),
          transparency_entries: [transparencyEntry(entry)],
        },
        envelope: { statement: base64(statement), signature: base64(signature) },
      }
    },
  }
}

/** An in-toto statement about a file, as publishers make it. */
export function statementOf(file: { readonly filename: string; readonly bytes: Uint8Array }): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: file.filename, digest: { sha256: createHash('sha256').update(file.bytes).digest('hex') } }],
    predicateType: publishPredicate,
    predicate: null,
  }
}

const validFor = { start: '2020-01-01T00:00:00Z' }

function logInstance(baseUrl: string, key: KeyObject): object {
  const rawBytes = spki(key)
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: base64(rawBytes), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: createHash('sha256').update(rawBytes).digest('base64') },
  }
}

/** What the log signs: enough of Rekor's kind `dsse` to tell statement and signature. */
function proposedEntry(statement: Uint8Array, signature: Uint8Array): object {
  const value = createHash('sha256').update(statement).digest('hex')
  const spec = { payloadHash: { algorithm: 'sha256', value }, signatures: [{ signature: base64(signature) }] }
  return { apiVersion: '0.0.1', kind: 'dsse', spec }
}

interface LogEntry {
  readonly body: string
  readonly integratedTime: number
  readonly logID: string
  readonly logIndex: number
  readonly verification: {
    readonly signedEntryTimestamp: string
    readonly inclusionProof: {
      readonly checkpoint: string
      readonly logIndex: number
      readonly rootHash: string
      readonly treeSize: number
    }
  }
}

/** As Sigstore's bundles spell what the log answers. */
function transparencyEntry({ body, integratedTime, logID, logIndex, verification }: LogEntry): object {
  const { signedEntryTimestamp, inclusionProof: proof } = verification
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: Buffer.from(proof.rootHash, 'hex').toString('base64'),
      treeSize: String(proof.treeSize),
      hashes: [],
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: body,
  }
}

/** DSSE version 1: what is signed in place of the statement alone. */
function preAuthenticationEncoding(statement: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} `), statement])
}

function newKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
}

function spki(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' })
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
