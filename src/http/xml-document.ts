import { isUtf8 } from 'node:buffer'
import { SaxesParser } from 'saxes'
import { PypiServerError } from '../errors.js'

/** An element without its attributes, comments and processing instructions. */
export interface XmlElement {
  readonly name: string
  /** Child elements in document order. */
  readonly children: readonly XmlElement[]
  /** The characters directly in the element, without those of its children. */
  readonly text: string
}

interface OpenElement extends XmlElement {
  readonly children: OpenElement[]
  text: string
}

/** Levels of elements, the root being the first. */
const maxDepth = 64
const encodings: readonly (string | undefined)[] = [undefined, 'utf-8', 'utf8', 'us-ascii', 'ascii']

/**
 * The root of an XML 1.0 document in UTF-8. Nothing is resolved: a document type, and with it every entity but the five
 * that XML knows by itself, is refused, as are other encodings and more than 64 levels.
 * @throws ERR_PYPI_BAD_REQUEST
 */
export function parseXml(bytes: Uint8Array): XmlElement {
  if (!isUtf8(bytes)) throw refusal('not UTF-8')
  const document: OpenElement = { name: '', children: [], text: '' }
  const open: OpenElement[] = [document]
  const addText = (text: string): void => {
    const element = open.at(-1)
    if (element !== undefined) element.text += text
  }

  const parser = new SaxesParser({ position: false, defaultXMLVersion: '1.0', forceXMLVersion: true })
  parser.on('error', (cause) => {
    throw refusal(cause)
  })
  parser.on('doctype', () => {
    throw refusal('a document type')
  })
  parser.on('xmldecl', ({ encoding }) => {
    if (!encodings.includes(encoding?.toLowerCase())) throw refusal(`encoding ${encoding}`)
  })
  parser.on('opentag', ({ name }) => {
    if (open.length > maxDepth) throw refusal(`more than ${maxDepth} levels`)
    const element: OpenElement = { name, children: [], text: '' }
    open.at(-1)?.children.push(element)
    open.push(element)
  })
  parser.on('closetag', () => open.pop())
  parser.on('text', addText)
  parser.on('cdata', addText)
  // The decoder takes a byte order mark away.
  parser.write(new TextDecoder().decode(bytes)).close()

  const [root] = document.children
  if (root === undefined) throw refusal('no element')
  return root
}

function refusal(cause: unknown): PypiServerError {
  return new PypiServerError('ERR_PYPI_BAD_REQUEST', 'Invalid or unsafe XML payload', { cause })
}
