import assert from 'node:assert/strict'
import { wheel } from '../helpers/archives.js'
import { json, putFiles } from './pages.js'
import { rule } from './transports.js'

// PEP 691 and RFC 9110 section 12: which form of a page a client gets.

const html = 'application/vnd.pypi.simple.v1+html'
const built = wheel({ name: 'demo', version: '1.0' })

const accepted: readonly (readonly [who: string, accept: string, type: string])[] = [
  ['the media type of JSON', json, json],
  ['the media type of HTML', html, html],
  ['text/html', 'text/html', 'text/html'],
  ['the latest JSON', 'application/vnd.pypi.simple.latest+json', json],
  ['the latest HTML', 'application/vnd.pypi.simple.latest+html', html],
  ['any type', '*/*', 'text/html'],
  ['any application type', 'application/*', html],
  ['pip 26', `${json}, ${html}; q=0.1, text/html; q=0.01`, json],
  ['uv', `${json}, ${html};q=0.2, text/html;q=0.01`, json],
  ['poetry', `${json}, */*;q=0.1`, json],
  ['devpi', `${html};q=0.2, ${json}, text/html;q=0.01`, json],
  ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
  ['what prefers HTML by weight', `${json};q=0.5, text/html;q=0.501`, 'text/html'],
  ['what forbids text/html', 'text/html;q=0, */*', html],
  ['what writes types in capitals', json.toUpperCase(), json],
  ['an unknown type before a known one', `application/vnd.pypi.simple.v2+json, ${json};q=0.1`, json],
]
for (const [who, accept, type] of accepted) {
  rule(`${who} gets ${type}: ${accept}`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    for (const path of ['/simple/', '/simple/demo/']) {
      const response = await server.request(path, { headers: { accept } })
      assert.deepEqual([response.status, mediaType(response)], [200, type])
    }
  })
}

for (const accept of ['application/vnd.pypi.simple.v2+json', 'application/json', 'image/png', `${json};q=0`]) {
  rule(`a page that is only acceptable as ${accept} is 406`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    for (const path of ['/simple/', '/simple/demo/']) {
      assert.equal((await server.request(path, { headers: { accept } })).status, 406)
    }
  })
}

const weighed: Readonly<Record<string, readonly (readonly [accept: string, type: string | undefined])[]>> = {
  'a weight of 0 in any spelling refuses a type': [
    [`${json};q=0.0`, undefined],
    ['*/*;q=0', undefined],
    ['*/*;q=0, text/html;q=0.001', 'text/html'],
    [`application/*;q=0.9, ${html};q=0`, json],
  ],
  'a weight counts in capitals, with white space around it, without its zero and after other parameters': [
    [`${json};Q=0.2, text/html ; q = 0.1`, json],
    [`${json};q=.5, text/html;q=0.4`, json],
    [`${json};profile=x;q=0.7, text/html;q=0.8`, 'text/html'],
    [`, ${json} ,`, json],
  ],
  'a weight above 1 is 1, and a type whose weight is no number is passed over': [
    [`${json};q=1.5, text/html`, 'text/html'],
    [`${json};q=high, ${html}`, html],
    [`${json};q="1", text/html;q=0.1`, 'text/html'],
    [`${json};q=-1, text/html;q=0.1`, 'text/html'],
  ],
  'a range of types gets the first of them, the closest range decides': [
    ['*', 'text/html'],
    ['text/*', 'text/html'],
    ['image/png, */*;q=0.1', 'text/html'],
    ['application/*;q=0.5, text/html;q=0.4', html],
    [`${json};q=0.1, application/*`, html],
  ],
}
for (const [title, cases] of Object.entries(weighed)) {
  rule(title, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    for (const [accept, type] of cases) {
      const response = await server.request('/simple/demo/', { headers: { accept } })
      const got = response.status === 200 ? mediaType(response) : response.status
      assert.deepEqual([got, response.headers.get('vary')?.split(',')[0]], [type ?? 406, 'Accept'], accept)
    }
  })
}

for (const [format, type] of [
  ['application/vnd.pypi.simple.v1%2Bjson', json],
  ['application/vnd.pypi.simple.v1+json', json],
  ['application/vnd.pypi.simple.v1%20json', json],
  ['application/vnd.pypi.simple.latest%2Bjson', json],
  ['text/html', 'text/html'],
] as const) {
  rule(`?format=${format} counts more than Accept`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    const response = await server.request(`/simple/demo/?format=${format}`, { headers: { accept: html } })
    assert.deepEqual([response.status, mediaType(response)], [200, type])
  })
}

for (const path of ['/simple', '/simple/demo', '/simple/Demo', '/simple/Demo/', '/demo/']) {
  rule(`the format that is asked for at ${path} is asked for where the redirect leads`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    const response = await server.request(`${path}?format=application/vnd.pypi.simple.v1%2Bjson`)
    const { pathname, search } = new URL(response.headers.get('location') ?? '', `${server.url}${path.slice(1)}`)
    assert.equal(mediaType(await server.request(`${pathname}${search}`)), json)
  })
}

rule('an unknown format in the query is 406', async (serve) => {
  const response = await (await serve()).request('/simple/?format=application/json')
  assert.equal(response.status, 406)
})

for (const [what, path, headers, status] of [
  ['a page', '/simple/demo/', {}, 200],
  ['the project list', '/simple/', {}, 200],
  ['a redirect to the slash', '/simple', {}, 301],
  ['a redirect to the normalized name', '/simple/Demo/', {}, 301],
  ['a redirect to the fallback', '/simple/elsewhere/', {}, 303],
  ['a page that nobody can read', '/simple/demo/', { accept: 'image/png' }, 406],
  ['a page that the client has', '/simple/demo/', { 'if-none-match': '*' }, 304],
] as const) {
  rule(`${what} says what it depends on`, async (serve) => {
    const server = await serve({ fallbackUrl: 'https://elsewhere.example/simple/' })
    putFiles(server, built)
    const response = await server.request(path, { headers })
    // What is packed nowhere does not depend on who unpacks it.
    const vary = status === 200 || status === 304 ? 'Accept, Accept-Encoding' : 'Accept'
    assert.deepEqual([response.status, response.headers.get('vary')], [status, vary])
  })
}

rule('every answer with a body has a Content-Type', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  for (const path of ['/', '/simple/', '/simple/demo/', '/simple/missing/', `/packages/${built.filename}`, '/health']) {
    assert.notEqual((await server.request(path)).headers.get('content-type'), null, path)
  }
})

function mediaType({ headers }: Response): string {
  return headers.get('content-type')?.split(';', 1)[0] ?? ''
}
