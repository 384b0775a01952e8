import { escapeHtml, type Html, html, htmlPage } from './html.js'

/** What the welcome page tells. */
export interface WelcomeFacts {
  /** Address of the index with a trailing slash. */
  readonly url: string
  readonly version: string
  /** Number of distribution files. */
  readonly fileCount: number
}

/** The page at the mount point: what this is and the lines to copy. */
export function welcomePage({ url, version, fileCount }: WelcomeFacts): string {
  return htmlPage(
    'Welcome to pypi-server!',
    html`<h1>Welcome to pypi-server!</h1>
<p>This is a PyPI compatible package index serving ${fileCount} packages.</p>
<p>To use this server with <code>pip</code>, run the following command:</p>
<pre>pip install --index-url ${url}simple/ PACKAGE [PACKAGE2...]</pre>
${url.startsWith('http:') && plainHttpHint(url)}<p>To use this server with <code>uv</code>, run the following command:</p>
<pre>uv pip install --index-url ${url}simple/ PACKAGE [PACKAGE2...]</pre>
<p>To use this server with <code>easy_install</code>, run the following command:</p>
<pre>easy_install --index-url ${url}simple/ PACKAGE</pre>
<p>To upload with <code>twine</code>, run the following command:</p>
<pre>twine upload --repository-url ${url} dist/*</pre>
<p>The complete list of all files can be found <a href="packages/">here</a> or via the <a href="simple/">simple</a> index.</p>
<p>This instance is running version ${version} of <a href="https://www.npmjs.com/package/pypi-server">pypi-server</a>.</p>
`,
  )
}

/** pip trusts plain http on its own machine only. */
function plainHttpHint(url: string): Html {
  return html`<p>From other machines pip takes plain http only with <code>--trusted-host ${new URL(url).hostname}</code>.</p>\n`
}

// Blanks are left to trim(): with a place in the pattern, many of them would take minutes.
const templateVariable = /\{\{(!?)(.*?)\}\}/gs

/** What templates can name, with the value of each. */
const templateValues: Readonly<Record<string, (facts: WelcomeFacts) => string>> = {
  URL: ({ url }) => url,
  VERSION: ({ version }) => version,
  NUMPKGS: ({ fileCount }) => String(fileCount),
  PACKAGES: ({ url }) => `${new URL(url).pathname}packages/`,
  SIMPLE: ({ url }) => `${new URL(url).pathname}simple/`,
}

/** The names that templates of the welcome page can use. */
export function welcomeVariables(): readonly string[] {
  return Object.keys(templateValues)
}

/** The first `{{name}}` of a template that stands for nothing, as it is written there. */
export function unknownWelcomeVariable(template: string): string | undefined {
  const found = [...template.matchAll(templateVariable)]
  return found.find(([, , name = '']) => !Object.hasOwn(templateValues, name.trim()))?.[0]
}

/**
 * The welcome page from a template: `{{NAME}}` is filled in and nothing is executed. `{{!NAME}}`, pypiserver's raw form,
 * is escaped as well, since addresses come from requests.
 */
export function welcomePageFrom(template: string, facts: WelcomeFacts): string {
  return template.replace(templateVariable, (whole, _raw, written: string) => {
    const name = written.trim()
    const value = Object.hasOwn(templateValues, name) ? templateValues[name] : undefined
    return value === undefined ? whole : escapeHtml(value(facts))
  })
}

/** The body of an error answer for browsers. */
export function errorPage(status: number, phrase: string, message: string): string {
  const title = `Error: ${status} ${phrase}`
  return htmlPage(title, html`<h1>${title}</h1>\n<p>${message}</p>\n`)
}
