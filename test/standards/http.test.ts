import assert from 'node:assert/strict'
import { sdist, wheel } from '../helpers/archives.js'
import { uploadForm } from '../helpers/index-server.js'
import { json, jsonPage, putFiles } from './pages.js'
import { rule } from './transports.js'

// RFC 9110: ranges, validators and caching, as installers use them.

const built = wheel({ name: 'demo', version: '1.0' })
const source = sdist({ name: 'demo', version: '1.0' })
const path = `/packages/${built.filename}`
const size = built.bytes.length

for (const [range, start, end] of [
  ['bytes=0-0', 0, 0],
  ['bytes=10-19', 10, 19],
  ['bytes=10-', 10, size - 1],
  ['bytes=-7', size - 7, size - 1],
  [`bytes=-${size + 5}`, 0, size - 1],
  [`bytes=10-${size + 5}`, 10, size - 1],
  ['BYTES=1-2', 1, 2],
] as const) {
  rule(`Range ${range} gets the bytes ${start} to ${end} of ${size}`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    const response = await server.request(path, { headers: { range } })
    assert.equal(response.status, 206)
    assert.equal(response.headers.get('content-range'), `bytes ${start}-${end}/${size}`)
    assert.equal(response.headers.get('content-length'), String(end - start + 1))
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), built.bytes.subarray(start, end + 1))
  })
}

for (const range of [`bytes=${size}-`, `bytes=${size + 1}-${size + 9}`, 'bytes=-0']) {
  rule(`Range ${range} is 416 and tells the size`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    const response = await server.request(path, { headers: { range } })
    assert.deepEqual([response.status, response.headers.get('content-range')], [416, `bytes */${size}`])
  })
}

for (const range of ['bytes=5-2', 'bytes=-', 'bytes=a-b', 'lines=0-1', 'bytes=0-1,4-5', 'bytes 0-1']) {
  rule(`Range ${range} gets the whole file`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    const response = await server.request(path, { headers: { range } })
    assert.deepEqual([response.status, response.headers.get('content-range')], [200, null])
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), built.bytes)
  })
}

rule(
  'a download goes on with If-Range by validator or by date, and starts anew when the file is another',
  async (serve) => {
    const server = await serve({ overwrite: true })
    await server.post(uploadForm(built))
    const { headers } = await server.request(path)
    const validators = [headers.get('etag') ?? '', headers.get('last-modified') ?? '']
    const statusWith = async (ifRange: string): Promise<number> =>
      (await server.request(path, { headers: { range: 'bytes=4-', 'if-range': ifRange } })).status
    assert.deepEqual(await Promise.all(validators.map(statusWith)), [206, 206])
    assert.equal(await statusWith(`W/${validators[0]}`), 200)
    await server.post(uploadForm(wheel({ name: 'demo', version: '1.0', files: { 'demo/other.py': '' } })))
    assert.equal(await statusWith(validators[0] ?? ''), 200)
  },
)

rule('HEAD tells the size of a file and that it has ranges; with Range it describes the part', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const whole = await server.request(path, { method: 'HEAD', headers: { 'accept-encoding': 'identity' } })
  assert.deepEqual(
    [whole.status, whole.headers.get('accept-ranges'), whole.headers.get('content-length')],
    [200, 'bytes', String(size)],
  )
  const part = await server.request(path, { method: 'HEAD', headers: { range: 'bytes=-5' } })
  assert.deepEqual([part.status, part.headers.get('content-length')], [206, '5'])
})

rule('the validator of a file tells its bytes from others of the same name', async (serve) => {
  const server = await serve({ overwrite: true })
  const etags = new Set<string | null>()
  for (const file of [built, wheel({ name: 'demo', version: '1.0', files: { 'demo/other.py': '' } })]) {
    await server.post(uploadForm(file))
    etags.add((await server.request(path)).headers.get('etag'))
  }
  assert.equal(etags.size, 2)
})

rule('who has a file, by validator or by date, gets 304 with the validators and no body', async (serve) => {
  const server = await serve()
  await server.post(uploadForm(built))
  const { headers } = await server.request(path)
  const [etag, modified] = [headers.get('etag') ?? '', headers.get('last-modified') ?? '']
  for (const asked of [
    { 'if-none-match': etag },
    { 'if-none-match': `W/${etag}` },
    { 'if-modified-since': modified },
  ]) {
    const response = await server.request(path, { headers: asked })
    assert.deepEqual([response.status, response.headers.get('etag'), await response.text()], [304, etag, ''])
  }
  const other = { 'if-none-match': '"other"', 'if-modified-since': modified }
  assert.equal((await server.request(path, { headers: other })).status, 200)
})

for (const accept of ['text/html', json]) {
  rule(`who has a page of ${accept} gets 304 with the same validator, Vary and Cache-Control`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    for (const page of ['/simple/', '/simple/demo/']) {
      const first = await server.request(page, { headers: { accept } })
      const etag = first.headers.get('etag') ?? ''
      assert.match(etag, /^"[^"]+"$/)
      const again = await server.request(page, { headers: { accept, 'if-none-match': etag } })
      assert.equal(again.status, 304)
      for (const name of ['etag', 'vary', 'cache-control']) {
        assert.equal(again.headers.get(name), first.headers.get(name), name)
      }
    }
  })
}

rule('the two forms of a page have different validators', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const etags = await Promise.all(
    ['text/html', 'application/vnd.pypi.simple.v1+html', json].map(async (accept) => {
      return (await server.request('/simple/demo/', { headers: { accept } })).headers.get('etag')
    }),
  )
  assert.equal(new Set(etags).size, 3)
})

rule('pages are asked for again at each use, so that an upload shows at once', async (serve) => {
  const server = await serve()
  await server.post(uploadForm(built))
  const page = await server.request('/simple/demo/')
  assert.match(page.headers.get('cache-control') ?? '', /\bno-cache\b/)
  assert.doesNotMatch(page.headers.get('cache-control') ?? '', /max-age/)
  await server.post(uploadForm(source))
  const etag = page.headers.get('etag') ?? ''
  assert.equal((await server.request('/simple/demo/', { headers: { 'if-none-match': etag } })).status, 200)
  assert.equal((await jsonPage(server, 'demo')).files.length, 2)
})

rule('the time that files may be kept is what the operator says', async (serve) => {
  const server = await serve({ cacheControl: 3600 })
  putFiles(server, built)
  assert.equal((await server.request(path)).headers.get('cache-control'), 'public, max-age=3600')
})

rule('files are octets that no browser runs or guesses at', async (serve) => {
  const server = await serve()
  putFiles(server, built, source)
  for (const [filename, type] of [
    [built.filename, 'application/octet-stream'],
    [source.filename, 'application/gzip'],
  ]) {
    const { headers } = await server.request(`/packages/${filename}`)
    assert.equal(headers.get('content-type'), type)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('content-disposition'), null)
  }
})

rule('a query behind the address of a file does not matter', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  assert.equal((await server.request(`${path}?download=1`)).status, 200)
})

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
  rule(`${method} of a file or page is 405 and names GET and HEAD`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    for (const target of ['/simple/', '/simple/demo/', path]) {
      const response = await server.request(target, { method })
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
    }
  })
}

rule('a User-Agent of a thousand characters is no reason to refuse a client', async (serve) => {
  const server = await serve()
  const userAgent = `pip/26.2 ${JSON.stringify({ ci: null, system: 'x'.repeat(1000) })}`
  assert.equal((await server.request('/simple/', { headers: { 'user-agent': userAgent } })).status, 200)
})
