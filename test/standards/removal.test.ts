import assert from 'node:assert/strict'
import { sdist, wheel } from '../helpers/archives.js'
import { type IndexServer, uploadForm } from '../helpers/index-server.js'
import { json, jsonPage, manage, putFiles } from './pages.js'
import { rule } from './transports.js'

// No standard says how files are removed; PyPI's rule is that a name is never filled with other bytes again, because
// caches and lock files hold its digest.

const built = wheel({ name: 'demo', version: '1.0' })
const source = sdist({ name: 'demo', version: '1.0' })
const newer = wheel({ name: 'demo', version: '1.1' })
const other = wheel({ name: 'demo', version: '1.0', files: { 'demo/other.py': '' } })

const removals = [
  ['file', `demo/files/${built.filename}`],
  ['release', 'demo/releases/1.0'],
  ['project', 'demo'],
] as const

for (const [what, target] of removals) {
  rule(
    `the names of a removed ${what} are refused to other bytes, by any spelling, and not to the same`,
    async (serve) => {
      const server = await serve()
      await server.post(uploadForm(built))
      await manage(server, 'DELETE', target)
      for (const filename of [built.filename, built.filename.replace('demo-', 'Demo-')]) {
        const refused = await server.post(uploadForm({ filename, bytes: other.bytes }))
        assert.equal(refused.status, 400, filename)
        assert.match(refused.statusText, /was removed here/)
      }
      assert.deepEqual((await jsonPage(server, 'demo')).files, [])
      assert.equal((await server.post(uploadForm(built))).status, 200)
    },
  )

  rule(`the names of a removed ${what} take other bytes where an operator freed them`, async (serve) => {
    const server = await serve()
    await server.post(uploadForm(built))
    await manage(server, 'DELETE', `${target}?free-names=true`)
    assert.equal((await server.post(uploadForm(other))).status, 200)
  })
}

rule('a removed file is gone with its metadata, from every page, and the others stay', async (serve) => {
  const server = await serve()
  putFiles(server, built, source, newer)
  await manage(server, 'DELETE', `demo/files/${built.filename}`)
  for (const path of [`/packages/${built.filename}`, `/packages/${built.filename}.metadata`]) {
    assert.equal((await server.request(path)).status, 404, path)
  }
  for (const path of ['/simple/demo/', '/packages/', '/pypi/demo/json', '/demo/json']) {
    const text = await textOf(server, path)
    assert.equal(text.includes(built.filename), false, path)
    assert.ok(text.includes(newer.filename), path)
  }
})

rule(
  'a removed project keeps an empty page and leads to no other index, also under another spelling',
  async (serve) => {
    const server = await serve({ fallbackUrl: 'https://elsewhere.example/simple/' })
    await server.post(uploadForm(built))
    await manage(server, 'DELETE', 'demo')
    const response = await server.request('/simple/demo/', { headers: { accept: json } })
    assert.deepEqual([response.status, (await jsonPage(server, 'demo')).files], [200, []])
    assert.equal((await server.request('/simple/Demo/')).headers.get('location'), '../demo/')
  },
)

async function textOf(server: IndexServer, path: string): Promise<string> {
  return await (await server.request(path)).text()
}
