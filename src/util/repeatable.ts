/**
 * What a client asked for, in quotes, where an answer may repeat it: names and paths. Anything else could be words that
 * somebody wants to have read as the server's, and becomes `instead`.
 */
export function repeatable(text: string, instead: string): string {
  return /^[\w.+!/-]{1,256}$/.test(text) ? JSON.stringify(text) : instead
}
