import type { RunOptions } from './run-options.js'

/** What an administrator wants to know at start: what is served, who may do what, and what to type. */
export function banner(options: RunOptions, directories: readonly string[], url: string): readonly string[] {
  const { passwords, tokens, rules } = options
  const shown = url.replace('//0.0.0.0:', '//localhost:').replace('//[::]:', '//localhost:')
  return [
    `Serving ${directories.join(', ')}`,
    loginLine(options),
    ...(rules === undefined ? [] : [`Who may do what is decided by ${rules}; what no rule allows is refused`]),
    options.disable_fallback
      ? 'Projects that are not here do not exist (--disable-fallback)'
      : `Projects that are not here are redirected to ${options.fallback_url} (--disable-fallback ends that)`,
    `  pip install --index-url ${shown}simple/ PACKAGE`,
    ...(passwords === undefined && tokens === undefined ? [] : [`  twine upload --repository-url ${shown} dist/*`]),
  ]
}

function loginLine({ passwords, tokens, rules, authenticate }: RunOptions): string {
  if (authenticate.length === 0)
    return rules === undefined
      ? 'Everything is open to everybody, uploads included (-a . -P .)'
      : 'Nothing needs a login (-a . -P .)'
  const sources = [
    ...(passwords === undefined || passwords === '.' ? [] : [`logins of ${passwords}`]),
    ...(tokens === undefined ? [] : [`tokens of ${tokens}`]),
  ]
  if (sources.length > 0) return `Needed for ${authenticate.join(', ')}: ${sources.join(' or ')}`
  const refused = authenticate.includes('update') ? 'Uploads are refused' : `Refused: ${authenticate.join(', ')}`
  return `${refused}: no users are known (-P FILE names a htpasswd file, --tokens FILE a file of tokens)`
}
