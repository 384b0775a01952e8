import type { RunOptions } from './run-options.js'

/** What an administrator wants to know at start: what is served, who may do what, and what to type. */
export function banner(options: RunOptions, directories: readonly string[], url: string): readonly string[] {
  const { passwords, authenticate } = options
  const shown = url.replace('//0.0.0.0:', '//localhost:').replace('//[::]:', '//localhost:')
  return [
    `Serving ${directories.join(', ')}`,
    loginLine(passwords, authenticate),
    options.disable_fallback
      ? 'Projects that are not here do not exist (--disable-fallback)'
      : `Projects that are not here are redirected to ${options.fallback_url} (--disable-fallback ends that)`,
    `  pip install --index-url ${shown}simple/ PACKAGE`,
    ...(passwords === undefined ? [] : [`  twine upload --repository-url ${shown} dist/*`]),
  ]
}

function loginLine(passwords: string | undefined, authenticate: readonly string[]): string {
  if (authenticate.length === 0) return 'Everything is open to everybody, uploads included (-a . -P .)'
  if (passwords === undefined) return 'Uploads are refused: no users are known (-P FILE names a htpasswd file)'
  return `Logins of ${passwords} are needed for: ${authenticate.join(', ')}`
}
