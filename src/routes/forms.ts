import { publish } from '../domain/publishing.js'
import { createSubmission, type FormFields, type Submission } from '../domain/submission.js'
import { errorCode, errorMessage, PypiServerError } from '../errors.js'
import { defaultFormLimits, type FormLimits } from '../http/form-fields.js'
import type { Call, Reply } from '../http/message.js'
import { readForm } from '../http/multipart.js'
import type { Limits } from '../limits.js'
import { normalizeName } from '../packaging/name.js'
import { admitForm } from './admission.js'
import { paceOf } from './pace.js'
import type { Access, Services } from './route.js'

/** The form API of `POST /`, as PyPI's legacy upload API and pypiserver have it. */
export async function postForm(call: Call, services: Services, access: Access): Promise<Reply> {
  const admission = await admitForm(call, services)
  const submission = createSubmission({
    ...services,
    directory: admission.directory,
    algorithms: digestNames(services),
  })
  try {
    const { fields } = await readForm(call.body, call.headers['content-type'], {
      limits: formLimits(services.limits),
      signal: admission.signal,
      pace: paceOf(services.limits),
      onFile: submission.takeFile,
    })
    await act(fields, submission, services, access)
    return { status: 200, headers: { 'content-type': 'text/plain; charset=UTF-8' } }
  } finally {
    // What was answered is true even if this fails; the next start removes what is left.
    await submission.discard().catch((error: unknown) => {
      services.logger.warn({ reason: errorMessage(error) }, 'an upload file cannot be removed')
    })
    admission.leave()
  }
}

function formLimits(limits: Limits): FormLimits {
  const { maxUploadBytes, maxFormFields, maxFieldBytes, maxFormBytes, maxPartHeaders } = limits
  return {
    ...defaultFormLimits,
    fileSize: maxUploadBytes,
    fields: maxFormFields,
    fieldSize: maxFieldBytes,
    fieldsSize: maxFormBytes,
    headerPairs: maxPartHeaders,
    parts: maxFormFields + defaultFormLimits.files,
  }
}

type Action = (fields: FormFields, submission: Submission, services: Services, access: Access) => Promise<void> | void

/** By the form's `:action`. */
const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['file_upload', upload],
  ['remove_pkg', remove],
  ['doc_upload', (_, submission) => submission.finishDocs()],
  ['submit', ignore],
  ['verify', ignore],
])

async function act(fields: FormFields, submission: Submission, services: Services, access: Access): Promise<void> {
  const [name, ...others] = fields.get(':action') ?? []
  if (name === undefined) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', "Missing ':action' field!")
  if (others.length > 0) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', "more than one ':action' field")
  const action = actions.get(name)
  if (action === undefined) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', `Unsupported ':action' field: ${name}`)
  await action(fields, submission, services, access)
}

async function upload(fields: FormFields, submission: Submission, services: Services, access: Access): Promise<void> {
  const checked = await submission.finish(fields)
  const { project, filename, hashes } = checked
  await access.require('upload', project)
  const attested = { project, filename, sha256: hashes['sha256'] ?? '' }
  const provenance = await services.attestations.accept(fields.get('attestations'), attested)
  const candidate = provenance === undefined ? checked : { ...checked, provenance }
  const user = access.identity?.name ?? null
  await publish(services, candidate, user).catch((error: unknown) => {
    if (errorCode(error) === 'ERR_PYPI_FILE_EXISTS')
      services.logger.warn({ user, filename }, 'refused other bytes for a file')
    throw error
  })
  services.logger.info({ user, filename }, 'stored a file')
}

async function remove(fields: FormFields, _: Submission, services: Services, access: Access): Promise<void> {
  const [name = ''] = fields.get('name') ?? []
  const [version = ''] = fields.get('version') ?? []
  if (name === '' || version === '') {
    const message = `Missing 'name'/'version' fields: name=${name || 'None'}, version=${version || 'None'}`
    throw new PypiServerError('ERR_PYPI_BAD_REQUEST', message)
  }
  const project = normalizeName(name)
  await access.require('remove', project)
  const user = access.identity?.name ?? null
  // As with pypiserver, other bytes may have the name afterwards: scripts remove a release to upload it again.
  const removed = await services.management
    .remove({ project, version }, user, { freesNames: true })
    .catch((error: unknown) => {
      if (errorCode(error) !== 'ERR_PYPI_NOT_FOUND') throw error
      throw new PypiServerError('ERR_PYPI_NOT_FOUND', `${name} (${version}) not found`)
    })
  services.logger.info({ user, project, version, files: removed.length }, 'removed a release')
}

/** Registration of old tools: there is nothing to do before an upload. */
function ignore(fields: FormFields, _: Submission, { logger }: Services): void {
  logger.warn({ action: fields.get(':action')?.[0] }, 'ignored a form action')
}

function digestNames({ fragment }: Services): readonly string[] {
  return [...new Set(['sha256', ...(fragment === false ? [] : [fragment])])]
}
