import { mkdir } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Candidate } from '../backend.js'
import { type DigesterFactory, digestFile } from '../digests/digest.js'
import { discard, type SpooledFile, spool } from '../digests/spool.js'
import { asStoreError, errorCode, errorMessage, PypiServerError } from '../errors.js'
import type { Logger } from '../logger.js'
import { checkUploadFilename, normalFilename, type ParsedFilename } from '../packaging/filename.js'
import { normalizeName } from '../packaging/name.js'
import { releaseKey } from '../packaging/version.js'
import { escapeControlCharacters } from '../util/control-characters.js'
import { type Inspector, tinyBytes } from './inspector.js'

/** What a form sends as a file. */
export interface FilePartInput {
  readonly field: string
  readonly filename: string
  readonly stream: Readable
  /** The fields that came before it. */
  readonly fields: FormFields
}

/** Fields of a form by name, in the order sent. */
export type FormFields = ReadonlyMap<string, readonly string[]>

/** An upload that is coming in: its files are on disk before its fields are all known. */
export interface Submission {
  /** Takes one file part in; parts that uploads do not have are read and dropped. */
  readonly takeFile: (part: FilePartInput) => Promise<void>
  /**
   * Checks everything against everything and tells what is to be published.
   * @throws ERR_PYPI_UPLOAD_REFUSED naming the field or the file that is wrong; ERR_PYPI_STORE_UNAVAILABLE
   */
  readonly finish: (fields: FormFields) => Promise<Candidate>
  /**
   * Checks a zip of documentation, as old tools send it; nothing is done with it.
   * @throws ERR_PYPI_UPLOAD_REFUSED
   */
  readonly finishDocs: () => Promise<void>
  /** Removes what was spooled. Call it always, also after success. */
  readonly discard: () => Promise<void>
}

/** What a submission works with. */
export interface SubmissionOptions {
  /** Where files are spooled. */
  readonly directory: () => Promise<string>
  /** Digest names, `sha256` among them. */
  readonly algorithms: readonly string[]
  readonly digesters: DigesterFactory
  /** Its `validation` says how strict the rest is, too. */
  readonly inspector: Inspector
  readonly logger: Logger
}

interface State extends SubmissionOptions {
  /** A `content` part has begun: the next may begin before this one is on disk. */
  hasContent: boolean
  content?: { readonly filename: string; readonly file: SpooledFile }
  signature?: { readonly filename: string; readonly bytes: Uint8Array }
}

/** Where uploads are spooled for backends that have no place of their own. */
export async function temporarySpoolDirectory(): Promise<string> {
  const directory = join(tmpdir(), `pypi-server-${userInfo().username}`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return directory
}

const maxSignatureBytes = 8 * 1024
const maxReasonLength = 500
// pypiserver's words, which scripts look for.
const missingContent = "Missing 'content' file-field!"

/** A submission of which nothing has come in yet. */
export function createSubmission(options: SubmissionOptions): Submission {
  const state: State = { ...options, hasContent: false }
  return {
    takeFile: (part) => takeFile(state, part),
    finish: (fields) =>
      finish(state, fields).catch((error: unknown) => {
        throw asStoreError(error, 'the upload')
      }),
    finishDocs: () => finishDocs(state),
    discard: async () => {
      if (state.content !== undefined) await discard(state.content.file.path)
    },
  }
}

async function takeFile(state: State, { field, filename, stream, fields }: FilePartInput): Promise<void> {
  if (field === 'content') {
    if (state.hasContent) throw refused('more than one content part')
    state.hasContent = true
    // What is claimed before the file need not be read for again; what is claimed after it is checked at the end.
    const algorithms = [...new Set([...state.algorithms, ...claimedBy(fields)])]
    const options = { digesters: state.digesters, keptBytes: tinyBytes }
    state.content = { filename, file: await spool(stream, await state.directory(), algorithms, options) }
  } else if (field === 'gpg_signature') {
    state.signature = { filename, bytes: await readSmall(stream) }
  } else {
    for await (const _ of stream);
  }
}

async function readSmall(stream: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxSignatureBytes) throw refused(`the signature is larger than ${maxSignatureBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function finish(state: State, fields: FormFields): Promise<Candidate> {
  const { content, signature } = state
  if (content === undefined) throw refused(missingContent)
  const { filename, file } = content
  const parsed = checkUploadFilename(filename)
  if (file.size === 0) throw refused(`${parsed.filename} is empty`)
  if (signature !== undefined && signature.filename !== `${parsed.filename}.asc`) {
    throw refused(`Unrelated signature ${JSON.stringify(signature.filename)} for ${parsed.filename}`)
  }
  checkProtocol(fields)
  checkNameAndVersion(fields, parsed)
  if (state.inspector.validation === 'strict') checkStrictly(fields, parsed)
  await checkDigests(fields, file)
  return {
    project: parsed.name,
    filename: parsed.filename,
    version: parsed.version,
    spooledPath: file.path,
    size: file.size,
    // Of those that were only claimed the pages say nothing.
    hashes: Object.fromEntries(state.algorithms.map((name) => [name, file.hashes[name] ?? ''])),
    ...(await inspect(state, file, parsed)),
    ...(signature !== undefined && { signature: signature.bytes }),
  }
}

async function finishDocs({ content, inspector }: State): Promise<void> {
  if (content === undefined) throw refused(missingContent)
  const found = await inspector.inspect(content.file, 'documentation').catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_PYPI_BAD_ARCHIVE') throw asStoreError(error, 'the upload')
    throw refused('not a zip file', error)
  })
  const problem = found === 'overrun' ? overrun : found.problem
  if (problem !== undefined) throw refused(problem)
}

function checkProtocol(fields: FormFields): void {
  const protocol = single(fields, 'protocol_version')
  if (protocol !== undefined && protocol !== '1') throw refused(`unknown protocol version ${JSON.stringify(protocol)}`)
}

function checkNameAndVersion(fields: FormFields, parsed: ParsedFilename): void {
  const name = single(fields, 'name')
  if (name !== undefined && normalizeName(name) !== parsed.name) {
    throw refused(`${parsed.filename} is a file of ${parsed.name}, the form says ${JSON.stringify(name)}`)
  }
  const version = single(fields, 'version')
  if (version !== undefined && releaseKey(version) !== releaseKey(parsed.version)) {
    throw refused(`${parsed.filename} is version ${parsed.version}, the form says ${JSON.stringify(version)}`)
  }
}

/** Form fields with a digest, the algorithm, and the length of its hex form; distutils sends BLAKE2b-512 in the third. */
const claims = [
  ['sha256_digest', 'sha256', 64],
  ['md5_digest', 'md5', 32],
  ['blake2_256_digest', 'blake2b_256', 64],
] as const

/** The algorithms of the digests in a form, as far as its fields are known. */
function claimedBy(fields: FormFields): readonly string[] {
  return claims.flatMap(([field, algorithm, length]) => {
    const isClaimed = fields.get(field)?.some((text) => text.trim().length === length)
    return isClaimed ? [algorithm] : []
  })
}

async function checkDigests(fields: FormFields, file: SpooledFile): Promise<void> {
  const claimed = claims.flatMap(([field, algorithm, length]) => {
    const text = single(fields, field)?.toLowerCase()
    if (text === undefined || (field === 'blake2_256_digest' && text.length === 128)) return []
    if (text.length !== length || !/^[0-9a-f]*$/.test(text))
      throw refused(`${field} is not ${length} hexadecimal digits`)
    return [{ field, algorithm, text }]
  })
  const late = claimed.map(({ algorithm }) => algorithm).filter((algorithm) => !(algorithm in file.hashes))
  const hashes = late.length === 0 ? file.hashes : { ...file.hashes, ...(await digestSlowly(file.path, late)) }
  for (const { field, algorithm, text } of claimed) {
    if (hashes[algorithm] !== text) {
      throw refused(
        `The digest supplied does not match a digest calculated from the uploaded file: ${field} is ${text}, the bytes received hash to ${hashes[algorithm]}`,
      )
    }
  }
}

function digestSlowly(path: string, algorithms: readonly string[]): Promise<Record<string, string>> {
  return digestFile(path, algorithms, { between: () => setImmediate() })
}

/** What PyPI demands beyond what can be right. */
function checkStrictly(fields: FormFields, parsed: ParsedFilename): void {
  const { filename } = parsed
  const normal = normalFilename(parsed)
  if (filename !== normal) throw refused(`Filename '${filename}' is invalid, should be '${normal}'.`)
  if (claims.every(([field]) => single(fields, field) === undefined))
    throw refused('Include at least one message digest.')
}

const overrun = 'the file could not be inspected in time'

async function inspect(
  { inspector, logger }: State,
  file: SpooledFile,
  parsed: ParsedFilename,
): Promise<Pick<Candidate, 'metadata' | 'requiresPython'>> {
  const found = await inspector.inspect(file, parsed).catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_PYPI_BAD_ARCHIVE') throw error
    throw invalid(errorMessage(error), error)
  })
  if (found === 'overrun' && inspector.validation === 'strict') throw invalid(overrun)
  const { metadata, metadataSha256, requiresPython, problem } = found === 'overrun' ? { problem: overrun } : found
  if (problem !== undefined) logger.warn({ filename: parsed.filename, reason: problem }, 'stored without core metadata')
  return {
    ...(metadata !== undefined &&
      metadataSha256 !== undefined && { metadata: { bytes: metadata, sha256: metadataSha256 } }),
    ...(requiresPython !== undefined && { requiresPython }),
  }
}

function invalid(reason: string, cause?: unknown): PypiServerError {
  return refused(`Invalid distribution file: ${oneLine(reason)}`, cause)
}

/** Reasons name members, and those may be called anything. */
function oneLine(text: string): string {
  return escapeControlCharacters(text).slice(0, maxReasonLength)
}

/** The one value of a field; several are refused, empty and `UNKNOWN` mean that there is none. */
function single(fields: FormFields, field: string): string | undefined {
  const values = fields.get(field) ?? []
  if (values.length > 1) throw refused(`${field}: should not be given more than once`)
  const [value = ''] = values
  return value === '' || value === 'UNKNOWN' ? undefined : value.trim()
}

function refused(message: string, cause?: unknown): PypiServerError {
  return new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', message, { cause })
}
