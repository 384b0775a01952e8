import type { XmlRpcValue } from '../http/xmlrpc.js'
import { type Html, html } from './html.js'

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

/** What XML 1.0 has no way to write, not even as a reference (section 2.2, "Char"). */
const forbidden = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu

/** The document that answers a call with this value. Characters that XML forbids are left out. */
export function methodResponse(value: XmlRpcValue): string {
  return documentOf(html`<params><param>${valueXml(value)}</param></params>`)
}

const valuesPerPart = 500

/** As {@link methodResponse} of an array, part by part, for answers that are too long to write in one go. */
export function* arrayResponse(values: readonly XmlRpcValue[]): Generator<string> {
  yield* inParts(values, (some) => html`${some.map(valueXml)}`, 'array', 'data')
}

/** As {@link arrayResponse}, for a struct. */
export function* structResponse(members: readonly (readonly [string, XmlRpcValue])[]): Generator<string> {
  yield* inParts(members, (some) => html`${some.map(memberXml)}`, 'struct')
}

function* inParts<T>(
  items: readonly T[],
  render: (some: readonly T[]) => Html,
  ...tags: readonly string[]
): Generator<string> {
  const around = ['methodResponse', 'params', 'param', 'value', ...tags]
  yield `${declaration}${around.map((tag) => `<${tag}>`).join('')}`
  for (let start = 0; start < items.length; start += valuesPerPart) {
    yield render(items.slice(start, start + valuesPerPart)).markup
  }
  yield `${around
    .toReversed()
    .map((tag) => `</${tag}>`)
    .join('')}\n`
}

/** The document that says why there is no value. */
export function faultResponse(code: number, message: string): string {
  const fault = new Map<string, XmlRpcValue>([
    ['faultCode', code],
    ['faultString', message],
  ])
  return documentOf(html`<fault>${valueXml(fault)}</fault>`)
}

function documentOf(content: Html): string {
  return `${declaration}${html`<methodResponse>${content}</methodResponse>`.markup}\n`
}

function valueXml(value: XmlRpcValue): Html {
  return html`<value>${typedXml(value)}</value>`
}

function typedXml(value: XmlRpcValue): Html {
  if (value === null) return html`<nil/>`
  if (value instanceof Date) return html`<dateTime.iso8601>${compactIso(value)}</dateTime.iso8601>`
  if (value instanceof Uint8Array) return html`<base64>${Buffer.from(value).toString('base64')}</base64>`
  if (value instanceof Map) return html`<struct>${[...value].map(memberXml)}</struct>`
  if (Array.isArray(value)) return html`<array><data>${value.map(valueXml)}</data></array>`
  switch (typeof value) {
    case 'boolean':
      return html`<boolean>${Number(value)}</boolean>`
    case 'bigint':
      return html`<i8>${String(value)}</i8>`
    case 'number':
      return (value | 0) === value ? html`<int>${value}</int>` : html`<double>${value}</double>`
    default:
      return html`<string>${String(value).replace(forbidden, '')}</string>`
  }
}

function memberXml([name, value]: readonly [string, XmlRpcValue]): Html {
  return html`<member><name>${name.replace(forbidden, '')}</name>${valueXml(value)}</member>`
}

/** As the specification writes it, to the second: `19980717T14:08:55`. */
function compactIso(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll('-', '')
}
