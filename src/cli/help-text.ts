/** Columns of help, as argparse counts them for a terminal of 80. */
const width = 78

/**
 * Breaks text for help: paragraphs are filled, indented lines keep their indentation, and command lines stay whole, so
 * that they can be copied.
 */
export function fitted(text: string): string {
  const paragraphs = text.split('\n\n').map((paragraph) => paragraph.replace(/([^\n:])\n(?=[^\s])/g, '$1 '))
  return paragraphs.join('\n\n').split('\n').flatMap(brokenLine).join('\n')
}

function brokenLine(line: string): readonly string[] {
  if (line.length <= width || /^ *(?:pypi-server|TWINE_PASSWORD=)/.test(line)) return [line]
  const [indent = ''] = /^ */.exec(line) ?? []
  const lines: string[] = []
  for (const word of line.trim().split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(indent + word)
  }
  return lines
}
