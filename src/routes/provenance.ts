import type { DistributionFile } from '../backend.js'
import { isProvenanceOf } from '../domain/attestations.js'
import { openedBytes } from '../domain/opened-bytes.js'
import { PypiServerError } from '../errors.js'
import { negotiate } from '../http/accept.js'
import { formatEtag, isNotModified } from '../http/conditional.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { normalizeName } from '../packaging/name.js'
import { releaseKey } from '../packaging/version.js'
import type { Services } from './route.js'

const types = ['application/vnd.pypi.integrity.v1+json', 'application/json'] as const
const maxProvenanceBytes = 4 * 1024 * 1024

/** The provenance object of a file (PEP 740), where PyPI has it. */
export async function serveProvenance(call: Call, services: Services): Promise<Reply> {
  const type = negotiate(call.headers['accept'], types)
  if (type === undefined)
    throw new PypiServerError('ERR_PYPI_NOT_ACCEPTABLE', `provenance is served as ${types.join(' and as ')}`)
  const file = await findFile(call, services)
  const opened = file && (await services.backend.openFile(file, { part: 'provenance', signal: call.signal }))
  const body = opened && (await openedBytes(opened, maxProvenanceBytes))
  // What was left behind by other bytes, or put beside the file by mistake, says nothing about this file.
  if (file === undefined || body === undefined || !isProvenanceOf(body, attested(file)))
    throw new PypiServerError('ERR_PYPI_NOT_FOUND', `no provenance available for ${call.params['filename']}`)
  const tag = `${opened?.etag}-${types.indexOf(type)}`
  const headers: Headers = {
    'content-type': type,
    etag: formatEtag(tag),
    vary: 'Accept',
    // It may change later (PEP 740): attestations are added to it.
    'cache-control': `${services.isPrivate('download') ? 'private' : 'public'}, no-cache`,
  }
  const ifNoneMatch = call.headers['if-none-match']
  if (ifNoneMatch !== undefined && isNotModified({ ifNoneMatch }, { etag: tag })) return { status: 304, headers }
  return { status: 200, headers, body }
}

async function findFile({ params }: Call, services: Services): Promise<DistributionFile | undefined> {
  const { project = '', version = '', filename = '' } = params
  const files = (await services.index.project(normalizeName(project)))?.files ?? []
  const file = files.find((one) => one.filename === filename && releaseKey(one.version) === releaseKey(version))
  return file !== undefined && services.attestations.shows(file) ? file : undefined
}

function attested({ filename, hashes }: DistributionFile): { readonly filename: string; readonly sha256: string } {
  return { filename, sha256: hashes['sha256'] ?? '' }
}
