import type { Readable } from 'node:stream'
import type { ReadReleaseMetadata } from '../domain/release-metadata.js'
import { type SearchQuery, searchProjects } from '../domain/search.js'
import { readWholeBody } from '../http/whole-body.js'
import type { XmlRpcCall, XmlRpcValue } from '../http/xmlrpc.js'
import { faultResponse, methodResponse } from '../render/xmlrpc.js'
import { paceOf } from './pace.js'
import type { Handler } from './route.js'
import { type Method, type MethodContext, mirrorMethods } from './xmlrpc-mirror.js'

/** Terms of one search: every name of the index is compared with each. */
const maxTerms = 32

const noSuchMethod = 1
const wrongParameters = 2

/**
 * The XML-RPC API, as far as `pip search` and mirrors use it. What goes wrong with a call itself is a fault, answered with
 * 200.
 */
export function xmlRpc(readMetadata: ReadReleaseMetadata): Handler {
  return async (call, services, access) => {
    const { limits } = services
    const body = await readWholeBody(call, { maxBytes: limits.maxRpcBytes, pace: paceOf(limits) })
    // With the first call: few indexes are ever asked this way, and the XML parser takes long to load.
    const { readXmlRpcCall } = await import('../http/xmlrpc.js')
    const asked = readXmlRpcCall(body)
    const headers = { 'content-type': 'text/xml; charset=utf-8' }
    return { status: 200, headers, body: await respond(asked, { call, services, access, readMetadata }) }
  }
}

const methods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ...mirrorMethods,
  ['search', search],
  ['system.listMethods', async () => methodResponse([...methods.keys()].sort())],
])

async function respond({ method, params }: XmlRpcCall, context: MethodContext): Promise<string | Readable> {
  if (method === undefined) return faultResponse(noSuchMethod, 'the call names no method')
  const found = methods.get(method)
  if (found === undefined) return faultResponse(noSuchMethod, `method '${method}' is not supported`)
  const answer = await found(params, context)
  return typeof answer === 'object' && 'wrong' in answer ? faultResponse(wrongParameters, answer.wrong) : answer
}

async function search([spec, operator]: readonly XmlRpcValue[], { services: { index } }: MethodContext) {
  const query = queryOf(spec, operator)
  if (typeof query === 'string') return { wrong: query }
  const hits = await searchProjects(index, query)
  return methodResponse(
    hits.map(({ name, version, summary }, rank) => {
      return new Map<string, XmlRpcValue>(Object.entries({ name, version, summary, _pypi_ordering: rank }))
    }),
  )
}

/** What to search for, or what is wrong with it. */
function queryOf(spec: XmlRpcValue | undefined, operator: XmlRpcValue | undefined): SearchQuery | string {
  if (operator !== undefined && operator !== null && operator !== 'and' && operator !== 'or') {
    return "the operator of a search is 'and' or 'or'"
  }
  const fields: ReadonlyMap<string, XmlRpcValue> = spec instanceof Map ? spec : new Map([['name', spec ?? '']])
  const [name, summary] = [termsOf(fields.get('name')), termsOf(fields.get('summary'))]
  const count = new Set([...name, ...summary]).size
  if (count === 0) return 'a search needs a term for name or summary'
  if (count > maxTerms) return `a search takes at most ${maxTerms} terms, not ${count}`
  return { name, summary, operator: operator ?? 'and' }
}

function termsOf(value: XmlRpcValue | undefined): readonly string[] {
  const values = Array.isArray(value) ? value : [value]
  return values.filter((term) => typeof term === 'string').filter((term) => term.trim() !== '')
}
