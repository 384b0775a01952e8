import assert from 'node:assert/strict'
import { sdist, wheel } from '../helpers/archives.js'
import { manage, putFiles, resolveFrom } from './pages.js'
import { rule } from './transports.js'

// PyPI's JSON API and XML-RPC: what mirrors, upip, `pip search` and scripts rely on.

const built = wheel({ name: 'my-demo', version: '1.0' })
const newer = wheel({ name: 'my-demo', version: '1.1' })
const pre = wheel({ name: 'my-demo', version: '2.0rc1' })

interface Description {
  readonly info: { readonly name: string; readonly version: string; readonly yanked: boolean }
  readonly releases?: Readonly<Record<string, readonly FileDescription[]>>
  readonly urls: readonly FileDescription[]
}

interface FileDescription {
  readonly filename: string
  readonly url: string
  readonly size: number
  readonly upload_time: string
  readonly upload_time_iso_8601: string
  readonly digests: Readonly<Record<string, string>>
}

const descriptionOf = async (response: Response): Promise<Description> => (await response.json()) as Description

rule('without a version the latest final release is described, and all releases are listed', async (serve) => {
  const server = await serve()
  putFiles(server, built, newer, pre)
  const { info, releases, urls } = await descriptionOf(await server.request('/pypi/my-demo/json'))
  assert.equal(info.version, '1.1')
  assert.deepEqual(Object.keys(releases ?? {}).sort(), ['1.0', '1.1', '2.0rc1'])
  assert.deepEqual(
    urls.map(({ filename }) => filename),
    [newer.filename],
  )
})

rule('the latest release is a yanked or preliminary one only where there is no other', async (serve) => {
  const server = await serve()
  putFiles(server, built, newer, pre)
  const latest = async (): Promise<string> =>
    (await descriptionOf(await server.request('/pypi/my-demo/json'))).info.version
  await manage(server, 'PUT', 'my-demo/releases/1.1/yank')
  assert.equal(await latest(), '1.0')
  await manage(server, 'PUT', 'my-demo/releases/1.0/yank')
  assert.equal(await latest(), '2.0rc1')
  await manage(server, 'PUT', 'my-demo/releases/2.0rc1/yank')
  assert.equal(await latest(), '2.0rc1')
})

rule('with a version only that release is described, in whatever spelling', async (serve) => {
  const server = await serve()
  putFiles(server, built, newer)
  for (const version of ['1.0', '1', 'v1.0.0']) {
    const page = await descriptionOf(await server.request(`/pypi/my-demo/${version}/json`))
    assert.deepEqual([page.info.version, 'releases' in page], ['1.0', false])
    assert.deepEqual(
      page.urls.map(({ filename }) => filename),
      [built.filename],
    )
  }
})

rule('another spelling of the name, or a slash at the end, is redirected for good', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  for (const [path, target] of [
    ['/pypi/My.Demo/json', '/pypi/my-demo/json'],
    ['/pypi/My_Demo/1.0/json', '/pypi/my-demo/1.0/json'],
    ['/pypi/my-demo/json/', '/pypi/my-demo/json'],
  ] as const) {
    const response = await server.request(path)
    assert.equal(response.status, 301)
    assert.equal(resolveFrom(server, path, response.headers.get('location') ?? ''), target)
  }
})

rule('files are described with absolute addresses, digests, sizes and times of six digits', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const { urls } = await descriptionOf(await server.request('/pypi/my-demo/json'))
  assert.equal(urls[0]?.url, `${server.url}packages/${built.filename}`)
  assert.equal(urls[0]?.size, built.bytes.length)
  assert.match(urls[0]?.digests['sha256'] ?? '', /^[0-9a-f]{64}$/)
  assert.match(urls[0]?.upload_time ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
  assert.match(urls[0]?.upload_time_iso_8601 ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
})

rule('what the JSON API does not know is 404 with a message in JSON, also where there is a fallback', async (serve) => {
  const server = await serve({ fallbackUrl: 'https://elsewhere.example/simple/' })
  putFiles(server, built)
  for (const path of ['/pypi/missing/json', '/pypi/my-demo/9/json']) {
    const response = await server.request(path)
    assert.deepEqual([response.status, response.headers.get('content-type')], [404, 'application/json'])
    assert.deepEqual(await response.json(), { message: 'Not Found' })
  }
})

for (const path of ['/RPC2', '/RPC2/', '/pypi', '/pypi/']) {
  rule(`pip search at ${path} gets an array of structs with name, version and summary`, async (serve) => {
    const server = await serve()
    putFiles(server, built, sdist({ name: 'other', version: '1.0' }))
    const response = await server.request(path, xmlRpc(searchCall('demo')))
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/xml; charset=utf-8'])
    const text = await response.text()
    assert.match(text, /^<\?xml version="1\.0"/)
    assert.match(text, /<methodResponse><params><param><value><array><data><value><struct>/)
    assert.match(text, /<member><name>name<\/name><value><string>my[-_]demo<\/string><\/value><\/member>/)
    assert.match(text, /<name>version<\/name><value><string>1\.0<\/string>/)
    assert.match(text, /<name>summary<\/name>/)
    assert.doesNotMatch(text, /other/)
  })
}

rule('a method that is not served is a fault, answered with 200', async (serve) => {
  const call = '<?xml version="1.0"?><methodCall><methodName>changelog</methodName><params></params></methodCall>'
  const response = await (await serve()).request('/RPC2', xmlRpc(call))
  assert.equal(response.status, 200)
  assert.match(await response.text(), /<fault><value><struct><member><name>faultCode</)
})

function xmlRpc(body: string): RequestInit {
  return { method: 'POST', body, headers: { 'content-type': 'text/xml' } }
}

/** As pip sends it. */
function searchCall(term: string): string {
  const list = `<value><array><data><value><string>${term}</string></value></data></array></value>`
  const spec = ['name', 'summary'].map((name) => `<member><name>${name}</name>${list}</member>`).join('')
  const params = [`<struct>${spec}</struct>`, '<string>or</string>']
  const xml = params.map((param) => `<param><value>${param}</value></param>`).join('')
  return `<?xml version='1.0'?><methodCall><methodName>search</methodName><params>${xml}</params></methodCall>`
}
