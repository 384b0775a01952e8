import { publish } from '../domain/publishing.js'
import { createSubmission, type FormFields, type Submission, temporarySpoolDirectory } from '../domain/submission.js'
import { PypiServerError } from '../errors.js'
import type { Call, Reply } from '../http/message.js'
import { readForm } from '../http/multipart.js'
import type { Access, Services } from './route.js'

/** The form API of `POST /`, as PyPI's legacy upload API and pypiserver have it. */
export async function postForm(call: Call, services: Services, access: Access): Promise<Reply> {
  const submission = createSubmission(() => spoolDirectory(services), digestNames(services))
  try {
    const { fields } = await readForm(call.body, call.headers['content-type'], {
      limits: { fileSize: services.maxUploadBytes },
      signal: call.signal,
      onFile: submission.takeFile,
    })
    await act(fields, submission, services, access)
    return { status: 200, headers: { 'content-type': 'text/plain; charset=UTF-8' } }
  } finally {
    await submission.discard()
  }
}

async function act(fields: FormFields, submission: Submission, services: Services, access: Access): Promise<void> {
  const [action, ...others] = fields.get(':action') ?? []
  if (action === undefined) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', "Missing ':action' field!")
  if (others.length > 0) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', "more than one ':action' field")
  if (action === 'submit' || action === 'verify') return
  if (action !== 'file_upload') {
    throw new PypiServerError('ERR_PYPI_BAD_REQUEST', `Unsupported ':action' field: ${action}`)
  }
  const candidate = await submission.finish(fields)
  await access.require('upload', candidate.project)
  await publish(services, candidate, access.identity?.name ?? null)
}

function digestNames({ fragment }: Services): readonly string[] {
  return [...new Set(['sha256', ...(fragment === false ? [] : [fragment])])]
}

async function spoolDirectory({ backend }: Services): Promise<string> {
  if (backend.publish === undefined) throw new PypiServerError('ERR_PYPI_FORBIDDEN', 'this index takes no uploads')
  return await (backend.spoolDirectory?.() ?? temporarySpoolDirectory())
}
