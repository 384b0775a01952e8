import { parseXml, type XmlElement } from './xml-document.js'

/** A value as XML-RPC knows it: `i8` is a bigint, `nil` null, `base64` bytes, `dateTime.iso8601` a date read as UTC. */
export type XmlRpcValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | readonly XmlRpcValue[]
  | ReadonlyMap<string, XmlRpcValue>

/** What a client asks for. */
export interface XmlRpcCall {
  /** Without white space around it; `undefined` when the document names none. */
  readonly method: string | undefined
  readonly params: readonly XmlRpcValue[]
}

/**
 * The call in a request body. As pypiserver does, documents that are no `methodCall` are read leniently: the method is
 * then the first `methodName`, its only parameter the first `string`, wherever they stand.
 * @throws ERR_PYPI_BAD_REQUEST for what is no safe XML
 */
export function readXmlRpcCall(body: Uint8Array): XmlRpcCall {
  const root = parseXml(body)
  return strictCall(root) ?? lenientCall(root)
}

function strictCall(root: XmlElement): XmlRpcCall | undefined {
  const [methodName, params, ...others] = root.children
  if (root.name !== 'methodCall' || methodName?.name !== 'methodName' || others.length > 0) return undefined
  if (params === undefined) return { method: nameIn(methodName), params: [] }
  if (params.name !== 'params') return undefined
  const values = params.children.map((param) => (param.name === 'param' ? wrappedValue(param) : undefined))
  return isComplete(values) ? { method: nameIn(methodName), params: values } : undefined
}

function lenientCall(root: XmlElement): XmlRpcCall {
  const methodName = firstElement(root, 'methodName')
  const string = firstElement(root, 'string')
  return { method: methodName && nameIn(methodName), params: string === undefined ? [] : [string.text] }
}

function nameIn({ text }: XmlElement): string | undefined {
  return text.trim() || undefined
}

function firstElement(element: XmlElement, name: string): XmlElement | undefined {
  if (element.name === name) return element
  for (const child of element.children) {
    const found = firstElement(child, name)
    if (found !== undefined) return found
  }
  return undefined
}

/** The one `value` in a `param`; `undefined` when it is not what XML-RPC wants. */
function wrappedValue({ children: [value, ...others] }: XmlElement): XmlRpcValue | undefined {
  return value?.name === 'value' && others.length === 0 ? readValue(value) : undefined
}

function readValue({ children: [typed, ...others], text }: XmlElement): XmlRpcValue | undefined {
  // A value that names no type is a string.
  if (typed === undefined) return text
  if (others.length > 0) return undefined
  switch (typed.name) {
    case 'array':
      return arrayOf(typed)
    case 'struct':
      return structOf(typed)
    default:
      return typed.children.length === 0 ? scalarOf(typed.name, typed.text) : undefined
  }
}

function scalarOf(type: string, text: string): XmlRpcValue | undefined {
  if (type === 'string') return text
  const trimmed = text.trim()
  switch (type) {
    case 'int':
    case 'i4':
      return intOf(trimmed)
    case 'i8':
      return isInteger(trimmed) ? int64Of(trimmed) : undefined
    case 'boolean':
      return trimmed === '1' ? true : trimmed === '0' ? false : undefined
    case 'double':
      return doubleOf(trimmed)
    case 'dateTime.iso8601':
      return dateOf(trimmed)
    case 'base64':
      return /^[A-Za-z0-9+/\s]*={0,2}$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : undefined
    case 'nil':
      return trimmed === '' ? null : undefined
    default:
      return undefined
  }
}

/** So short that its digits are cheap to read. */
function isInteger(text: string): boolean {
  return text.length <= 32 && /^[+-]?\d+$/.test(text)
}

function intOf(text: string): number | undefined {
  const value = Number(text)
  return isInteger(text) && (value | 0) === value ? value : undefined
}

function int64Of(text: string): bigint | undefined {
  const value = BigInt(text.replace(/^\+/, ''))
  return BigInt.asIntN(64, value) === value ? value : undefined
}

/** Each digit has one place in the pattern, so that long text takes no longer than it is long. */
function doubleOf(text: string): number | undefined {
  const value = Number(text)
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) && Number.isFinite(value) ? value : undefined
}

/** `19980717T14:08:55`, also with dashes and a zone as some clients write it. */
function dateOf(text: string): Date | undefined {
  const parts = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d:\d\d:\d\d)(Z|[+-]\d\d:?\d\d)?$/.exec(text)
  if (parts === null) return undefined
  const [, year, month, day, time, zone = 'Z'] = parts
  const date = new Date(`${year}-${month}-${day}T${time}${zone.replace(/^(...)(\d\d)$/, '$1:$2')}`)
  return Number.isNaN(date.getTime()) ? undefined : date
}

function arrayOf({ children: [data, ...others] }: XmlElement): XmlRpcValue | undefined {
  if (data?.name !== 'data' || others.length > 0) return undefined
  const values = data.children.map((child) => (child.name === 'value' ? readValue(child) : undefined))
  return isComplete(values) ? values : undefined
}

/** Never an object: its keys come from outside. */
function structOf({ children }: XmlElement): XmlRpcValue | undefined {
  const members = new Map<string, XmlRpcValue>()
  for (const { name: tag, children: parts } of children) {
    const [name, ...rest] = parts
    if (tag !== 'member' || name?.name !== 'name') return undefined
    const value = wrappedValue({ name: tag, children: rest, text: '' })
    if (value === undefined) return undefined
    members.set(name.text.trim(), value)
  }
  return members
}

function isComplete(values: readonly (XmlRpcValue | undefined)[]): values is readonly XmlRpcValue[] {
  return !values.includes(undefined)
}
