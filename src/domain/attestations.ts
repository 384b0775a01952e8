import { X509Certificate } from 'node:crypto'
import { PypiServerError } from '../errors.js'
import { type ParsedFilename, parseFilename } from '../packaging/filename.js'
import { releaseKey } from '../packaging/version.js'

/** A signed statement about one file, as PEP 740 has it ("Attestation objects"); base64 without white space. */
export interface Attestation {
  readonly version: 1
  readonly verification_material: {
    /** DER. */
    readonly certificate: string
    /** Entries of transparency logs, as Sigstore writes them in JSON. */
    readonly transparency_entries: readonly object[]
  }
  readonly envelope: { readonly statement: string; readonly signature: string }
}

/** What an attestation is to be about. */
export interface AttestedFile {
  readonly filename: string
  /** Lower-case hex. */
  readonly sha256: string
}

/** Attestations of one publisher (PEP 740, "Provenance objects"). */
export interface AttestationBundle {
  readonly publisher: { readonly kind: string; readonly claims: null; readonly [detail: string]: unknown }
  readonly attestations: readonly Attestation[]
}

type Fields = Readonly<Record<string, unknown>>

const maxBytes = 1024 * 1024
const statementType = 'https://in-toto.io/Statement/v1'
const publishPredicate = 'https://docs.pypi.org/attestations/publish/v1'
const predicateTypes: readonly unknown[] = [publishPredicate, 'https://slsa.dev/provenance/v1']

/**
 * Reads the form field `attestations`: a JSON list of at most 1 MiB, at least one object and none twice of a predicate
 * type, each about this very file. Members that PEP 740 does not know are dropped. Signatures are not looked at.
 * `undefined` when the field is missing or empty.
 * @throws ERR_PYPI_UPLOAD_REFUSED naming the fault
 */
export function parseAttestations(
  [text = '', ...others]: readonly string[] = [],
  file: AttestedFile,
): readonly Attestation[] | undefined {
  if (others.length > 0) throw refused('the field is given more than once')
  if (text === '') return undefined
  if (Buffer.byteLength(text) > maxBytes) throw refused(`more than ${maxBytes} bytes`)
  const list = parseJson(text, 'the field')
  if (!Array.isArray(list) || list.length === 0) throw refused('not a JSON list of at least one object')
  if (list.length > predicateTypes.length)
    throw refused(`more than ${predicateTypes.length}, one of each predicate type`)
  const checked = list.map((one, index) => checkAttestation(one, file, `number ${index + 1}`))
  const types = checked.map(({ predicateType }) => predicateType)
  const repeated = types.find((type, index) => types.indexOf(type) !== index)
  if (repeated !== undefined) throw refused(`more than one with the predicate type ${repeated}`)
  return checked.map(({ attestation }) => attestation)
}

/** A provenance object (PEP 740) in JSON. */
export function provenanceBytes(bundles: readonly AttestationBundle[]): Uint8Array {
  return Buffer.from(JSON.stringify({ version: 1, attestation_bundles: bundles }))
}

/** Whether these bytes are a provenance object with nothing but attestations about this file. */
export function isProvenanceOf(bytes: Uint8Array, file: AttestedFile): boolean {
  try {
    const provenance = fieldsOf(parseJson(Buffer.from(bytes).toString(), 'provenance'), 'provenance')
    const { version, attestation_bundles: bundles } = provenance
    if (version !== 1 || !Array.isArray(bundles) || bundles.length === 0) return false
    const attestations = bundles.flatMap((bundle) => fieldsOf(bundle, 'a bundle')['attestations'])
    for (const one of attestations) checkAttestation(one, file, 'one')
    return attestations.length > 0
  } catch (error) {
    if (error instanceof PypiServerError) return false
    throw error
  }
}

function checkAttestation(
  value: unknown,
  file: AttestedFile,
  which: string,
): { readonly attestation: Attestation; readonly predicateType: string } {
  const { version, verification_material, envelope } = fieldsOf(value, which)
  if (version !== 1) throw refused(`${which} is not of version 1`)
  const { certificate, transparency_entries: entries } = fieldsOf(
    verification_material,
    `${which}, verification_material`,
  )
  const { statement, signature } = fieldsOf(envelope, `${which}, envelope`)
  if (!Array.isArray(entries) || entries.length === 0 || !entries.every(isObject))
    throw refused(`${which} has no list of objects transparency_entries`)
  const attestation: Attestation = {
    version,
    verification_material: { certificate: base64(certificate, `${which}, certificate`), transparency_entries: entries },
    envelope: {
      statement: base64(statement, `${which}, statement`),
      signature: base64(signature, `${which}, signature`),
    },
  }
  checkCertificate(attestation, which)
  return { attestation, predicateType: checkStatement(attestation, file, which) }
}

function checkCertificate({ verification_material: { certificate } }: Attestation, which: string): void {
  try {
    new X509Certificate(Buffer.from(certificate, 'base64'))
  } catch (error) {
    throw refused(`${which}, certificate is no X.509 certificate in DER`, { cause: error })
  }
}

/** An in-toto Statement v1 about this file and nothing else; tells its predicate type. */
function checkStatement({ envelope }: Attestation, file: AttestedFile, which: string): string {
  const text = Buffer.from(envelope.statement, 'base64').toString()
  const { _type, subject, predicateType, predicate } = fieldsOf(parseJson(text, `${which}, statement`), which)
  if (_type !== statementType) throw refused(`${which}, statement is none of type ${statementType}`)
  if (typeof predicateType !== 'string' || !predicateTypes.includes(predicateType))
    throw refused(`${which}, predicate type is none of ${predicateTypes.join(', ')}`)
  if (predicateType === publishPredicate && !isEmpty(predicate)) throw refused(`${which}, predicate is not empty`)
  if (!Array.isArray(subject) || subject.length !== 1) throw refused(`${which}, statement has not exactly one subject`)
  const { name, digest } = fieldsOf(subject[0], `${which}, subject`)
  if (typeof name !== 'string' || !isSameName(name, file.filename))
    throw refused(`${which} is about ${shown(name)}, the file is ${file.filename}`)
  const { sha256 } = fieldsOf(digest, `${which}, digest`)
  if (sha256 !== file.sha256)
    throw refused(`${which} is about the sha256 ${shown(sha256)}, the file has ${file.sha256}`)
  return predicateType
}

/** PEP 740: names are compared as they are parsed, so that spellings do not matter. */
function isSameName(name: string, filename: string): boolean {
  const [one, other] = [parseFilename(name), parseFilename(filename)]
  return one !== undefined && other !== undefined && nameKey(one) === nameKey(other)
}

function nameKey({ filename, kind, name, version, build = '' }: ParsedFilename): string {
  const tags =
    kind === 'wheel'
      ? filename
          .replace(/\.whl$/, '')
          .split('-')
          .slice(-3)
      : []
  const sorted = tags.map((tag) => tag.toLowerCase().split('.').sort().join('.'))
  const end = kind === 'wheel' || kind === 'sdist' ? '' : filename
  return JSON.stringify([kind, name, releaseKey(version), build, sorted, end])
}

function isEmpty(predicate: unknown): boolean {
  return predicate === undefined || predicate === null || (isObject(predicate) && Object.keys(predicate).length === 0)
}

function base64(value: unknown, what: string): string {
  const text = typeof value === 'string' ? value.replace(/\s+/g, '') : ''
  if (text !== '' && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)) return text
  throw refused(`${what} is no base64`)
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refused(`${what} is no JSON`, { cause: error })
  }
}

function fieldsOf(value: unknown, what: string): Fields {
  if (isObject(value)) return value
  throw refused(`${what} is no object`)
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 300)) : typeof value
}

function refused(reason: string, options?: ErrorOptions): PypiServerError {
  return new PypiServerError(
    'ERR_PYPI_UPLOAD_REFUSED',
    `Invalid attestations supplied during upload: ${reason}`,
    options,
  )
}
