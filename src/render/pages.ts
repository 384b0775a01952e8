import { html, htmlPage } from './html.js'

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
  const insecure = url.startsWith('http:') ? html` --trusted-host ${new URL(url).hostname}` : undefined
  return htmlPage(
    'Welcome to pypi-server!',
    html`<h1>Welcome to pypi-server!</h1>
<p>This is a PyPI compatible package index serving ${fileCount} packages.</p>
<p>To use this server with <code>pip</code>, run the following command:</p>
<pre>pip install --index-url ${url}simple/${insecure} PACKAGE [PACKAGE2...]</pre>
<p>With <code>uv</code>:</p>
<pre>uv pip install --index-url ${url}simple/ PACKAGE [PACKAGE2...]</pre>
<p>To upload with <code>twine</code>:</p>
<pre>twine upload --repository-url ${url} dist/*</pre>
<p>The <a href="simple/">simple index</a> lists all projects.</p>
<p>pypi-server ${version}</p>
`,
  )
}

/** The body of an error answer for browsers. */
export function errorPage(status: number, phrase: string, message: string): string {
  const title = `Error: ${status} ${phrase}`
  return htmlPage(title, html`<h1>${title}</h1>\n<p>${message}</p>\n`)
}
