import type { App } from '../index.js'
import type { Colours } from './colours.js'
import type { RunOptions } from './run-options.js'

/** What there is to serve, and where. */
export interface BannerFacts {
  readonly directories: readonly string[]
  /** With a trailing slash. */
  readonly url: string
  readonly colours: Colours
}

/** What an administrator wants to know at start: what is served, who may do what, and what to type. */
export function banner(options: RunOptions, { directories, url, colours }: BannerFacts): readonly string[] {
  const { passwords, tokens, rules, authenticate, workers } = options
  const shown = url.replace('//0.0.0.0:', '//localhost:').replace('//[::]:', '//localhost:')
  const takesUploads = passwords !== undefined || tokens !== undefined || !authenticate.includes('update')
  const commands = [
    `pip install --index-url ${shown}simple/ PACKAGE`,
    `uv pip install --index-url ${shown}simple/ PACKAGE`,
    ...(takesUploads
      ? [`twine upload --repository-url ${shown} dist/*`, `uv publish --publish-url ${shown} dist/*`]
      : []),
  ]
  return [
    `Serving ${directories.join(', ')}`,
    ...(workers === 1 ? [] : [`${workers} workers share the port`]),
    loginLine(options),
    ...openLine(options),
    ...(rules === undefined ? [] : [`Who may do what is decided by ${rules}; what no rule allows is refused`]),
    options.disable_fallback
      ? 'Projects that are not here do not exist (--disable-fallback)'
      : `Projects that are not here are redirected to ${options.fallback_url} (--disable-fallback ends that)`,
    ...commands.map((command) => `  ${colours.strong(command)}`),
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

function openLine({ authenticate, rules }: RunOptions): readonly string[] {
  const open = (['list', 'download', 'update'] as const).filter((group) => !authenticate.includes(group))
  if (open.length === 0 || authenticate.length === 0 || rules !== undefined) return []
  return [`Open to everybody: ${open.join(', ')} (-a update,list,download asks for a login everywhere)`]
}

/** How many files there are, once that is known; counting takes turns with requests. */
export async function countLine({ backend }: App): Promise<string> {
  let [files, projects] = [0, 0]
  for await (const page of backend.listProjects()) {
    projects += page.length
    for (const { fileCount = 1 } of page) files += fileCount
    await new Promise((fulfil) => setImmediate(fulfil))
  }
  return `Found ${files} file${files === 1 ? '' : 's'} of ${projects} project${projects === 1 ? '' : 's'}`
}
