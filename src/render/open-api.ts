/** One operation of the management API. */
interface Operation {
  readonly path: string
  readonly method: 'get' | 'put' | 'delete'
  readonly id: string
  readonly summary: string
  readonly takes?: 'reason' | 'status'
  readonly answers: 'Files' | 'Status'
}

const operations: readonly Operation[] = [
  ...(['releases/{version}', 'files/{filename}'] as const).flatMap((of): readonly Operation[] => {
    const [what, name] = of.startsWith('releases') ? ['a release', 'Release'] : ['a file', 'File']
    const path = `/api/projects/{project}/${of}`
    return [
      {
        path: `${path}/yank`,
        method: 'put',
        id: `yank${name}`,
        summary: `Yank ${what} (PEP 592)`,
        takes: 'reason',
        answers: 'Files',
      },
      {
        path: `${path}/yank`,
        method: 'delete',
        id: `unyank${name}`,
        summary: `Take the yank of ${what} back`,
        answers: 'Files',
      },
      { path, method: 'delete', id: `delete${name}`, summary: `Delete ${what}`, answers: 'Files' },
    ]
  }),
  {
    path: '/api/projects/{project}',
    method: 'delete',
    id: 'deleteProject',
    summary: 'Delete all files of a project',
    answers: 'Files',
  },
  {
    path: '/api/projects/{project}/status',
    method: 'get',
    id: 'getStatus',
    summary: 'The status of a project (PEP 792)',
    answers: 'Status',
  },
  {
    path: '/api/projects/{project}/status',
    method: 'put',
    id: 'setStatus',
    summary: 'Mark a project (PEP 792)',
    takes: 'status',
    answers: 'Status',
  },
]

const status = { type: 'string', enum: ['active', 'archived', 'deprecated', 'quarantined'] }
const reason = { type: 'string', maxLength: 1000 }
const schemas = {
  Files: {
    type: 'object',
    required: ['files'],
    properties: { files: { type: 'array', items: { type: 'string' }, description: 'Names of the files concerned' } },
  },
  Reason: { type: 'object', properties: { reason } },
  Status: { type: 'object', required: ['status'], properties: { status, reason } },
}

/** The management API in OpenAPI 3.1, for the address at which it was asked for. */
export function openApi(baseUrl: string, version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'pypi-server management', version },
    servers: [{ url: baseUrl.replace(/\/$/, '') }],
    security: [{ basic: [] }, { bearer: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function describe({ path, method, id, summary, takes, answers }: Operation): object {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  const isRemoval = method === 'delete' && !path.endsWith('/yank')
  const flags = ['free-names', ...(path.endsWith('{project}') ? ['free-project'] : [])]
  const inQuery = flags.map((name) => ({ name, in: 'query', schema: { type: 'boolean', default: false } }))
  const body = takes === 'status' ? 'Status' : 'Reason'
  return {
    operationId: id,
    summary,
    parameters: isRemoval ? [...inPath, ...inQuery] : inPath,
    ...(takes && { requestBody: { required: takes === 'status', content: contentOf(body) } }),
    responses: {
      200: { description: 'Done', content: contentOf(answers) },
      401: { description: 'A login is needed' },
      403: { description: 'Not allowed' },
      404: { description: 'Nothing of this name' },
    },
  }
}

function contentOf(schema: keyof typeof schemas): object {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } }
}
