/** Markup that needs no escaping any more. */
export interface Html {
  readonly markup: string
}

type Value = string | number | Html | readonly Html[] | undefined | false

/** Escapes text for element content and for attributes in double or single quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Text as markup on one line, its line breaks written as references: some clients read pages line by line. */
export function onOneLine(text: string): Html {
  return { markup: escapeHtml(text).replace(/[\r\n]/g, (lineBreak) => `&#${lineBreak.charCodeAt(0)};`) }
}

/** A template whose values are escaped unless they are markup themselves; `undefined` and `false` leave nothing. */
export function html(literals: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { markup: literals.reduce((text, literal, index) => text + markupOf(values[index - 1]) + literal) }
}

function markupOf(value: Value): string {
  if (value === undefined || value === false) return ''
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('')
}

/** A whole page. `head` goes before the title. */
export function htmlPage(title: string, body: Html, head: readonly Html[] = []): string {
  return htmlPageStart(title, head) + body.markup + htmlPageEnd
}

/** What stands before the body of a page. */
export function htmlPageStart(title: string, head: readonly Html[]): string {
  const start = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${head}<title>${title}</title>
</head>
<body>
`
  return start.markup
}

/** What stands after the body of a page. */
export const htmlPageEnd = '</body>\n</html>\n'
