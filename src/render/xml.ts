/** Markup that needs no escaping any more. */
export interface Xml {
  readonly markup: string
}

type Value = string | Xml | readonly Xml[] | undefined | false

// XML 1.0 section 2.2: what no document may contain, not even as a reference; lone surrogates cannot be encoded either.
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu

/** Escapes text for element content and for quoted attributes; characters that XML forbids become U+FFFD. */
export function escapeXml(text: string): string {
  return text.replace(forbidden, '\ufffd').replace(/[&<>"'\r]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** A template whose values are escaped unless they are markup themselves; `undefined` and `false` leave nothing. */
export function xml(literals: TemplateStringsArray, ...values: readonly Value[]): Xml {
  return { markup: literals.reduce((text, literal, index) => text + markupOf(values[index - 1]) + literal) }
}

/** A whole document in UTF-8. */
export function xmlDocument(root: Xml): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root.markup}\n`
}

function markupOf(value: Value): string {
  if (value === undefined || value === false) return ''
  if (typeof value === 'string') return escapeXml(value)
  return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('')
}
