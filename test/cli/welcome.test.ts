import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { version } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })

async function start(t: TestContext, ...args: readonly string[]): Promise<string> {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, demo.filename), demo.bytes)
  const server = await startServer({ directory, args })
  t.after(() => server.stop())
  return server.url
}

function template(t: TestContext, content: string): string {
  const path = join(temporaryDirectory(t), 'welcome.html')
  writeFileSync(path, content)
  return path
}

test('the built-in page has the lines that tools of pypiserver look for', async (t) => {
  const url = await start(t)
  const page = await (await fetch(`${url}?<alert>`)).text()
  for (const line of [
    'PyPI compatible package index serving 1 packages',
    `easy_install --index-url ${url}simple/ PACKAGE`,
    `pip install --index-url ${url}simple/ PACKAGE [PACKAGE2...]`,
    '<a href="packages/">here</a>',
    `version ${version} `,
  ]) {
    assert.ok(page.includes(line), line)
  }
  const links = [...page.matchAll(/href="([^"]+)"/g)].map(([, href]) => href)
  assert.deepEqual(links, ['packages/', 'simple/', 'https://www.npmjs.com/package/pypi-server'])
  assert.ok(!page.includes('alert'))
})

test('a page of one’s own has its variables filled in and nothing else', async (t) => {
  const source = '% import os\n{{URL}} {{ VERSION }} {{NUMPKGS}} {{PACKAGES}} {{SIMPLE}} {{!SIMPLE}} {NO} é\n'
  const url = await start(t, '--welcome', template(t, source))
  const response = await fetch(`${url}?x=1`)
  assert.equal(response.headers.get('content-type'), 'text/html; charset=UTF-8')
  assert.equal(await response.text(), `% import os\n${url} ${version} 1 /packages/ /simple/ /simple/ {NO} é\n`)
})

test('neither form of a variable takes markup from a request', async (t) => {
  const url = await start(t, '--server-base-url', "/a'&b/", '--welcome', template(t, '{{URL}} {{!URL}} {{!PACKAGES}}'))
  const page = await (await fetch(url)).text()
  assert.doesNotMatch(page, /'|&b/)
  const { port } = new URL(url)
  const options = { port, host: '127.0.0.1', path: "/a'&b/", headers: { 'x-forwarded-host': 'x.test/<b>' } }
  const answered = await new Promise<string>((fulfil, reject) => {
    request(options, (response) => fulfil(text(response)))
      .on('error', reject)
      .end()
  })
  assert.doesNotMatch(answered, /</)
})
