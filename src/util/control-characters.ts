// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

/** Whether text has characters that could forge a line, steer a terminal, or hide in a name. */
export function hasControlCharacters(text: string): boolean {
  return text.search(controlCharacters) >= 0
}

/** The text on one line, with control characters written as `\xNN`. */
export function escapeControlCharacters(text: string): string {
  return text.replace(controlCharacters, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
