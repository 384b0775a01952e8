import type { Candidate, DistributionFile, NormalizedName } from '../backend.js'
import { PypiServerError } from '../errors.js'
import { matchesGlob } from '../util/glob.js'
import {
  type Attestation,
  type AttestationBundle,
  type AttestedFile,
  parseAttestations,
  provenanceBytes,
} from './attestations.js'
import { createSignatureVerifier, type Signer } from './sigstore.js'

/** Whose attestations are taken, and for which projects. */
export interface TrustedPublisher {
  /** OpenID Connect issuer, to the letter, such as `https://token.actions.githubusercontent.com`. */
  readonly issuer: string
  /**
   * Subject alternative name of the certificate, such as `https://github.com/acme/demo/.github/workflows/release.yml@*`.
   * A `*` at the end stands for anything, elsewhere for anything without `/` and `@`.
   */
  readonly identity: string
  /** Globs of normalized project names. @default ['*'] */
  readonly projects?: readonly string[]
}

/** What attestations are verified against. */
export interface AttestationTrust {
  /** Path of a Sigstore `trusted_root.json`: read once, when it is needed first. */
  readonly trustedRoot: string
  /** Whose attestations are taken, at least one; those of all others are refused. */
  readonly publishers: readonly TrustedPublisher[]
}

/** What is done with attestations: dropped unread, shown as nobody verified them, or verified against a trust root. */
export type AttestationsSetting = 'off' | 'unverified' | AttestationTrust

/** Takes attestations in and decides which provenance is shown. */
export interface AttestationPolicy {
  /**
   * Provenance out of the values of the form field `attestations`; `undefined` without any, or when they are not wanted.
   * @throws ERR_PYPI_UPLOAD_REFUSED naming the fault; ERR_PYPI_CONFIG when nothing can be verified
   */
  readonly accept: (
    values: readonly string[] | undefined,
    file: AttestedFile & { readonly project: NormalizedName },
  ) => Promise<Candidate['provenance']>
  /** Whether pages may tell of a file's provenance, and serve it. */
  readonly shows: (file: DistributionFile) => boolean
  /** Rejects with ERR_PYPI_CONFIG when attestations are to be verified and cannot be. */
  readonly check: () => Promise<void>
}

/**
 * `off` drops attestations unread; `unverified` checks their form and serves them as what they are; a trust root takes
 * what is signed by a publisher of the project, and refuses everything else.
 */
export function createAttestationPolicy(setting: AttestationsSetting): AttestationPolicy {
  if (setting === 'off') return { accept: async () => undefined, shows: () => false, check: async () => {} }
  return setting === 'unverified' ? takingAll() : verifying(setting)
}

function takingAll(): AttestationPolicy {
  return {
    accept: async (values, file) => {
      const attestations = parseAttestations(values, file)
      if (attestations === undefined) return undefined
      const publisher = { kind: 'Unverified', claims: null }
      return { bytes: provenanceBytes([{ publisher, attestations }]), verification: 'unverified' }
    },
    shows: ({ provenance }) => provenance !== undefined,
    check: async () => {},
  }
}

function verifying({ trustedRoot, publishers }: AttestationTrust): AttestationPolicy {
  const verifier = createSignatureVerifier(trustedRoot)
  return {
    accept: async (values, file) => {
      const attestations = parseAttestations(values, file)
      if (attestations === undefined) return undefined
      const bundles: AttestationBundle[] = []
      for (const attestation of attestations) {
        const signer = await verifier.verify(attestation)
        if (!publishers.some((publisher) => isSignedBy(publisher, signer, file.project)))
          throw untrusted(signer, file.project)
        addTo(bundles, attestation, publisherOf(signer))
      }
      return { bytes: provenanceBytes(bundles), verification: 'verified' }
    },
    shows: ({ provenance }) => provenance === 'verified',
    check: verifier.check,
  }
}

function isSignedBy(
  { issuer, identity, projects = ['*'] }: TrustedPublisher,
  signer: Signer,
  project: NormalizedName,
): boolean {
  if (signer.issuer !== issuer || !matchesIdentity(identity, signer.identity)) return false
  return projects.some((glob) => matchesGlob(glob, project))
}

/** The first `*` that may stand for a slash would let a branch name pass for a workflow. */
function matchesIdentity(pattern: string, identity: string): boolean {
  const isOpen = pattern.endsWith('*')
  const parts = (isOpen ? pattern.slice(0, -1) : pattern).split('*').map(escapeRegExp)
  return new RegExp(`^${parts.join('[^/@]*')}${isOpen ? '' : '$'}`).test(identity)
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

function addTo(
  bundles: AttestationBundle[],
  attestation: Attestation,
  publisher: AttestationBundle['publisher'],
): void {
  const at = bundles.findIndex((bundle) => JSON.stringify(bundle.publisher) === JSON.stringify(publisher))
  const known = bundles[at]
  if (known === undefined) bundles.push({ publisher, attestations: [attestation] })
  else bundles[at] = { publisher, attestations: [...known.attestations, attestation] }
}

/** As PyPI describes publishers of these kinds; others by what their certificate says. */
function publisherOf({ issuer, identity }: Signer): AttestationBundle['publisher'] {
  const claims = null
  const [, repository, workflow] =
    /^https:\/\/github\.com\/([^/]+\/[^/]+)\/\.github\/workflows\/([^/@]+)@/.exec(identity) ?? []
  if (issuer === 'https://token.actions.githubusercontent.com' && repository !== undefined)
    return { kind: 'GitHub', claims, repository, workflow, environment: null }
  const [, path, workflow_filepath] = /^https:\/\/gitlab\.com\/([^@]+?)\/\/([^@]+)@/.exec(identity) ?? []
  if (issuer === 'https://gitlab.com' && path !== undefined)
    return { kind: 'GitLab', claims, repository: path, workflow_filepath, environment: null }
  if (issuer === 'https://accounts.google.com') return { kind: 'Google', claims, email: identity }
  return { kind: 'OpenID Connect', claims, issuer, identity }
}

function untrusted({ issuer, identity }: Signer, project: NormalizedName): PypiServerError {
  const who = `${JSON.stringify(identity)} of ${JSON.stringify(issuer)}`
  const message = `Invalid attestations supplied during upload: ${who} is no trusted publisher of ${project}`
  return new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', message)
}
