import { type SearchQuery, searchProjects } from '../domain/search.js'
import type { Call, Reply } from '../http/message.js'
import { readWholeBody } from '../http/whole-body.js'
import { readXmlRpcCall, type XmlRpcCall, type XmlRpcValue } from '../http/xmlrpc.js'
import { faultResponse, methodResponse } from '../render/xmlrpc.js'
import { paceOf } from './pace.js'
import type { Services } from './route.js'

/** Terms of one search: every name of the index is compared with each. */
const maxTerms = 32

const noSuchMethod = 1
const wrongParameters = 2

/** The XML-RPC API, as far as `pip search` uses it. What goes wrong with a call itself is a fault, answered with 200. */
export async function xmlRpc(call: Call, services: Services): Promise<Reply> {
  const { limits } = services
  const asked = readXmlRpcCall(await readWholeBody(call, { maxBytes: limits.maxRpcBytes, pace: paceOf(limits) }))
  const headers = { 'content-type': 'text/xml; charset=utf-8' }
  return { status: 200, headers, body: await respond(asked, services) }
}

async function respond({ method, params }: XmlRpcCall, services: Services): Promise<string> {
  switch (method) {
    case 'search':
      return await search(params, services)
    case 'system.listMethods':
      return methodResponse(['search', 'system.listMethods'])
    case undefined:
      return faultResponse(noSuchMethod, 'the call names no method')
    default:
      return faultResponse(noSuchMethod, `method '${method}' is not supported`)
  }
}

async function search([spec, operator]: readonly XmlRpcValue[], { index }: Services): Promise<string> {
  const query = queryOf(spec, operator)
  if (typeof query === 'string') return faultResponse(wrongParameters, query)
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
