import { readFile } from 'node:fs/promises'
import { errorCode, errorMessage, PypiServerError } from '../errors.js'
import type { Attestation } from './attestations.js'

/** Who signed, as a certificate says that was issued by a trusted authority. */
export interface Signer {
  /** OpenID Connect issuer. */
  readonly issuer: string
  /** Subject alternative name. */
  readonly identity: string
}

/** Verifies signatures of attestations. */
export interface SignatureVerifier {
  /**
   * Who signed an attestation: its certificate, its entry in a transparency log and its signature are as the trust root
   * demands.
   * @throws ERR_PYPI_UPLOAD_REFUSED when they are not; ERR_PYPI_CONFIG when that cannot be told
   */
  readonly verify: (attestation: Attestation) => Promise<Signer>
  /** Rejects with ERR_PYPI_CONFIG when nothing could be verified. */
  readonly check: () => Promise<void>
}

type Verify = (attestation: Attestation) => { readonly identity?: Partial<CertificateIdentity> }

interface CertificateIdentity {
  readonly subjectAlternativeName: string
  readonly extensions: { readonly issuer?: string }
}

const packages = '@sigstore/verify, @sigstore/bundle and @sigstore/protobuf-specs'

/** A verifier by this Sigstore trust root; loads it, and the optional packages that it needs, when it is used first. */
export function createSignatureVerifier(trustedRoot: string): SignatureVerifier {
  let loading: Promise<Verify> | undefined
  const loaded = (): Promise<Verify> => {
    loading ??= load(trustedRoot)
    // What failed is tried again: the operator may have repaired it.
    loading.catch(() => {
      loading = undefined
    })
    return loading
  }
  return {
    verify: async (attestation) => {
      const verify = await loaded()
      return signerOf(attestation, verify)
    },
    check: async () => void (await loaded()),
  }
}

function signerOf(attestation: Attestation, verify: Verify): Signer {
  try {
    const { identity } = verify(attestation)
    const [issuer, name] = [identity?.extensions?.issuer, identity?.subjectAlternativeName]
    if (issuer && name) return { issuer, identity: name }
  } catch (error) {
    // Whatever it is: what cannot be verified is not verified.
    throw refused(errorMessage(error), { cause: error })
  }
  throw refused('the certificate names no issuer and identity')
}

async function load(trustedRoot: string): Promise<Verify> {
  const [{ bundleFromJSON }, { TrustedRoot }, { toSignedEntity, toTrustMaterial, Verifier }] = await loadPackages()
  const root = await readRoot(trustedRoot, TrustedRoot.fromJSON)
  // One entry in a log of its certificate, one in a log of the signature: the defaults, and what PEP 740 needs.
  const verifier = new Verifier(toTrustMaterial(root), { ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1 })
  return (attestation) => verifier.verify(toSignedEntity(bundleFromJSON(bundleOf(attestation)))) as ReturnType<Verify>
}

function loadPackages() {
  return Promise.all([
    import('@sigstore/bundle'),
    import('@sigstore/protobuf-specs'),
    import('@sigstore/verify'),
  ]).catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    const message = `attestations: verifying needs the packages ${packages}; install them, or set attestations to 'off'`
    throw new PypiServerError('ERR_PYPI_CONFIG', message, { cause: error })
  })
}

async function readRoot<T extends { readonly certificateAuthorities: object[]; readonly tlogs: object[] }>(
  path: string,
  parse: (json: unknown) => T,
): Promise<T> {
  try {
    const root = parse(JSON.parse(await readFile(path, 'utf8')))
    if (root.certificateAuthorities.length > 0 && root.tlogs.length > 0) return root
  } catch (error) {
    throw wrongRoot(`cannot be read (${errorCode(error) ?? 'it is no trust root in JSON'})`, { cause: error })
  }
  throw wrongRoot('names no certificate authorities or no transparency logs')
}

/** Without its path: clients may be anybody. */
function wrongRoot(problem: string, options?: ErrorOptions): PypiServerError {
  return new PypiServerError('ERR_PYPI_CONFIG', `attestations: trustedRoot ${problem}`, options)
}

/** As PEP 740 maps its objects to Sigstore bundles of version 0.3. */
function bundleOf({ verification_material: material, envelope }: Attestation): object {
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: material.certificate },
      tlogEntries: material.transparency_entries,
    },
    dsseEnvelope: {
      payload: envelope.statement,
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ keyid: '', sig: envelope.signature }],
    },
  }
}

function refused(reason: string, options?: ErrorOptions): PypiServerError {
  const message = `Invalid attestations supplied during upload: the signature cannot be verified: ${reason}`
  return new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', message, options)
}
