import type { Project } from '../backend.js'
import { PypiServerError } from '../errors.js'
import { encodePathSegment } from '../http/links.js'
import type { Call, Reply } from '../http/message.js'
import { isProjectName, normalizeName } from '../packaging/name.js'
import { micropythonJson } from '../render/micropython-json.js'
import type { Services } from './route.js'

/** `/<project>/json`, which MicroPython's upip reads; an unknown project is never looked for elsewhere. */
export async function micropythonProject(call: Call, { index, isPrivate }: Services): Promise<Reply> {
  const { project: asked = '' } = call.params
  const name = normalizeName(asked)
  const isDevice = isUpip(call)
  // upip follows no redirect.
  if (name !== asked && !isDevice) {
    return { status: 301, headers: { location: `../${encodePathSegment(name)}/json` } }
  }
  const project = await index.project(name)
  if (project === undefined || project.files.length === 0) {
    throw new PypiServerError('ERR_PYPI_NOT_FOUND', `package ${isProjectName(name) ? name : 'of this name'} not found`)
  }
  const headers = {
    'content-type': 'application/json',
    'cache-control': isPrivate('list') ? 'private, no-cache' : 'no-cache',
  }
  return { status: 200, headers, body: render(project, call, isDevice) }
}

function render(project: Project, { baseUrl }: Call, isDevice: boolean): string {
  return micropythonJson(project, baseUrl, isDevice ? 'one file a release' : 'all files')
}

/** upip says nothing about itself, and that is how it is known. */
function isUpip({ httpVersion, headers }: Call): boolean {
  return httpVersion === '1.0' && headers['user-agent'] === undefined && headers['accept'] === undefined
}
