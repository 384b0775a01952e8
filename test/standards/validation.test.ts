import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { noise, sdist, tarGz, wheel, type ZipEntry, zip } from '../helpers/archives.js'
import { uploadForm } from '../helpers/index-server.js'
import { rule, type Serve } from './transports.js'

// What uploads are held to: always, and with `validation: 'strict'` as PyPI does since 2025.

interface Upload {
  readonly filename: string
  readonly bytes: Uint8Array
}

const strict = { validation: 'strict' } as const
const built = wheel({ name: 'demo', version: '1.0' })
const source = sdist({ name: 'demo', version: '1.0' })
const info = 'demo-1.0.dist-info'
const metadata = 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n'
const wheelFile = 'Wheel-Version: 1.0\nTag: py3-none-any\n'
const digestOf = ({ bytes }: Upload) => ({ sha256_digest: createHash('sha256').update(bytes).digest('hex') })

/** A wheel of these members and, unless it is among them, a RECORD of them all. */
function wheelOf(...members: readonly ZipEntry[]): Upload {
  const all: readonly ZipEntry[] = [
    { name: 'demo.py', data: '' },
    { name: `${info}/METADATA`, data: metadata },
    { name: `${info}/WHEEL`, data: wheelFile },
  ]
  const names = new Set(members.map(({ name }) => name))
  const entries = [...all.filter(({ name }) => !names.has(name)), ...members].filter(({ name }) => name !== '')
  const record = entries.map(({ name }) => `${name},,\n`).join('')
  const hasRecord = names.has(`${info}/RECORD`)
  return {
    filename: built.filename,
    bytes: zip([...entries, ...(hasRecord ? [] : [{ name: `${info}/RECORD`, data: record }])]),
  }
}

/** An sdist of these members in a tar. */
function sdistOf(...members: Parameters<typeof tarGz>[0]): Upload {
  return { filename: source.filename, bytes: tarGz([{ name: 'demo-1.0/PKG-INFO', data: metadata }, ...members]) }
}

/** Refused in strict mode, in one line that fits, with nothing left; and taken as it is in standard mode. */
function strictRule(title: string, file: Upload, reason: RegExp): void {
  rule(title, async (serve) => {
    await assertRefused(serve, file, reason)
    const lenient = await serve()
    assert.equal((await lenient.post(uploadForm(file, digestOf(file)))).status, 200)
  })
}

async function assertRefused(serve: Serve, file: Upload, reason: RegExp): Promise<void> {
  const server = await serve(strict)
  const response = await server.post(uploadForm(file, digestOf(file)))
  const body = await response.text()
  assert.equal(response.status, 400, body)
  assert.match(body, reason)
  assert.equal(body.trimEnd().split('\n').length, 1)
  assert.ok(!body.includes(server.root), 'a path of the server')
  assert.deepEqual(
    readdirSync(server.root).filter((name) => !name.startsWith('.')),
    [],
  )
}

rule('strict validation takes a wheel and an sdist as tools build them', async (serve) => {
  const server = await serve(strict)
  for (const file of [built, source]) assert.equal((await server.post(uploadForm(file, digestOf(file)))).status, 200)
})

rule('strict validation wants at least one digest', async (serve) => {
  const server = await serve(strict)
  const response = await server.post(uploadForm(built))
  assert.deepEqual([response.status, await response.text()], [400, 'Include at least one message digest.\n'])
})

for (const [filename, normal, file] of [
  ['Demo-1.0.tar.gz', 'demo-1.0.tar.gz', source],
  ['demo-v1.0.tar.gz', 'demo-1.0.tar.gz', source],
  ['demo-1.0.tgz', 'demo-1.0.tar.gz', source],
  ['Demo-1.0-py3-none-any.whl', 'demo-1.0-py3-none-any.whl', built],
] as const) {
  strictRule(
    `strict validation wants file names to be normalized: not ${filename}`,
    { filename, bytes: file.bytes },
    new RegExp(`^Filename '${filename}' is invalid, should be '${normal}'`),
  )
}

rule('strict validation takes one sdist for a release, however it is spelled', async (serve) => {
  const server = await serve(strict)
  await server.post(uploadForm(source, digestOf(source)))
  const other = { filename: 'demo-1.0.zip', bytes: zip([{ name: 'demo-1.0/PKG-INFO', data: metadata }]) }
  const response = await server.post(uploadForm(other, digestOf(other)))
  assert.equal(response.status, 400)
  assert.match(await response.text(), /^Only one sdist may be uploaded per release: demo-1.0.tar.gz is there already/)
  assert.equal((await server.post(uploadForm(source, digestOf(source)))).status, 200)
})

for (const [what, file, reason] of [
  [
    'bytes before the first member',
    { ...built, bytes: zip(entriesOf(), { leading: 'PK, but no member' }) },
    /"demo.py" is not at the beginning/,
  ],
  [
    'a member twice',
    wheelOf({ name: 'twice.py', data: '1' }, { name: 'twice.py', data: '2' }),
    /"twice.py" is there twice/,
  ],
  ['a comment', { ...built, bytes: zip(entriesOf(), { comment: 'hello' }) }, /has a comment/],
  ['sizes behind the data', wheelOf({ name: 'a.py', data: '1', flags: 8 }), /written as a stream/],
  [
    'another size in a local header',
    wheelOf({ name: 'a.py', data: '1', localSize: 7 }),
    /another size in its local header/,
  ],
  [
    'another name in a local header',
    wheelOf({ name: 'a.py', data: '1', localName: 'b.py' }),
    /another name in its local header/,
  ],
  ['an encrypted member', wheelOf({ name: 'a.py', data: '1', flags: 1 }), /"a.py" is encrypted/],
  ['an odd compression', wheelOf({ name: 'a.py', data: '1', methodNumber: 12 }), /neither stored nor deflated/],
  ['a name that leads out', wheelOf({ name: '../evil.py', data: '' }), /"..\/evil.py" leads out of the archive/],
  ['an absolute name', wheelOf({ name: '/etc/evil', data: '' }), /"\/etc\/evil" has an absolute name/],
  ['a drive', wheelOf({ name: 'C:evil', data: '' }), /"C:evil" has an absolute name/],
  ['a backslash', wheelOf({ name: 'a\\b.py', data: '' }), /a backslash in its name/],
  ['a line feed in a name', wheelOf({ name: 'a\nb.py', data: '' }), /"a\\x0ab.py" has control characters/],
  ['a name that is not UTF-8', wheelOf({ name: Buffer.from([0x61, 0xff]), data: '' }), /is not UTF-8/],
] as const) {
  strictRule(`strict validation refuses a zip with ${what}`, file, reason)
}

for (const [what, file, reason] of [
  ['without WHEEL', wheelWithout('WHEEL'), /does not contain the required WHEEL file: demo-1.0.dist-info\/WHEEL/],
  ['without METADATA', wheelWithout('METADATA'), /does not contain the required METADATA file/],
  ['without RECORD', wheelWithout('RECORD'), /does not contain the required RECORD file/],
  ['of a version to come', wheelOf({ name: `${info}/WHEEL`, data: 'Wheel-Version: 2.0\n' }), /Wheel-Version "2.0"/],
  ['with a member that RECORD hides', wheelOf({ name: `${info}/RECORD`, data: 'demo.py,,\n' }), /is not listed/],
  ['with a RECORD of more than is there', recordOf('ghost.py,,\n'), /"ghost.py" is listed and not there/],
  [
    'with an entry point that leads elsewhere',
    wheelOf({ name: `${info}/entry_points.txt`, data: '[console_scripts]\n../../evil = a:b\n' }),
    /invalid entry points .*"..\/..\/evil"/,
  ],
  [
    'with two .dist-info folders',
    wheelOf({ name: 'other-1.0.dist-info/METADATA', data: metadata }),
    /more than one .dist-info/,
  ],
  [
    'of another project',
    wheelOf({ name: `${info}/METADATA`, data: metadata.replace('demo', 'other') }),
    /metadata is that of other 1.0/,
  ],
  [
    'of another version',
    wheelOf({ name: `${info}/METADATA`, data: metadata.replace('Version: 1.0', 'Version: 2.0') }),
    /metadata is that of demo 2.0/,
  ],
  [
    'with a Requires-Python that is none',
    wheelOf({ name: `${info}/METADATA`, data: `${metadata}Requires-Python: >=three\n` }),
    /Requires-Python ">=three" is no set/,
  ],
  [
    'with a Requires-Dist that is none',
    wheelOf({ name: `${info}/METADATA`, data: `${metadata}Requires-Dist: a b\n` }),
    /Requires-Dist "a b"/,
  ],
] as const) {
  strictRule(`strict validation refuses a wheel ${what}`, file, reason)
}

for (const [what, file, reason] of [
  [
    'with two top folders',
    sdistOf({ name: 'other/a.py', data: '' }),
    /Incorrect number of top-level directories in sdist/,
  ],
  [
    'with a file beside its folder',
    sdistOf({ name: 'setup.py', data: '' }),
    /Incorrect number of top-level directories in sdist/,
  ],
  [
    'without PKG-INFO',
    { ...source, bytes: tarGz([{ name: 'demo-1.0/setup.py', data: '' }]) },
    /no "demo-1.0\/PKG-INFO"/,
  ],
  [
    'with a link that leads out',
    sdistOf({ name: 'demo-1.0/l', type: '2', linkTarget: '../../etc' }),
    /link "demo-1.0\/l" leads out/,
  ],
  [
    'with a member behind a link',
    sdistOf({ name: 'demo-1.0/l', type: '2', linkTarget: '.' }, { name: 'demo-1.0/l/x', data: '' }),
    /is behind a link/,
  ],
  ['with a device', sdistOf({ name: 'demo-1.0/null', type: '3' }), /neither file, directory nor link/],
  ['with a name that leads out', sdistOf({ name: 'demo-1.0/../x', data: '' }), /leads out of the archive/],
] as const) {
  strictRule(`strict validation refuses an sdist ${what}`, file, reason)
}

rule('strict validation takes links that stay inside an sdist', async (serve) => {
  const server = await serve(strict)
  const file = sdistOf({ name: 'demo-1.0/l', type: '2', linkTarget: 'PKG-INFO' })
  assert.equal((await server.post(uploadForm(file, digestOf(file)))).status, 200)
})

rule('a zip of more members than the limit is refused', async (serve) => {
  const server = await serve({ limits: { maxArchiveMembers: 3 } })
  const response = await server.post(uploadForm(wheelOf()))
  assert.equal(response.status, 400)
  assert.match(await response.text(), /zip of 4 members, the limit is 3/)
})

rule('a zip that declares to unpack to more than fifty times its size is refused', async (serve) => {
  const response = await (await serve()).post(uploadForm(wheelOf({ name: 'big', data: '1', size: 65 * 2 ** 20 })))
  assert.equal(response.status, 400)
  assert.match(await response.text(), /File exceeds compression ratio of 50/)
})

rule('a gzip that inflates to more than fifty times its size is refused', async (serve) => {
  const bomb = { filename: source.filename, bytes: tarGz([{ name: 'zeros', data: Buffer.alloc(66 * 2 ** 20) }]) }
  const response = await (await serve()).post(uploadForm(bomb))
  assert.equal(response.status, 400)
  assert.match(await response.text(), /more than 50 times its size/)
})

rule('metadata above its limit is refused', async (serve) => {
  const server = await serve({ limits: { maxMetadataBytes: 20 } })
  assert.equal((await server.post(uploadForm(built))).status, 400)
})

function entriesOf(): readonly ZipEntry[] {
  const members = [
    { name: 'demo.py', data: '' },
    { name: `${info}/METADATA`, data: metadata },
    { name: `${info}/WHEEL`, data: wheelFile },
  ]
  return [...members, { name: `${info}/RECORD`, data: members.map(({ name }) => `${name},,\n`).join('') }]
}

function wheelWithout(file: string): Upload {
  const entries = entriesOf().filter(({ name }) => name !== `${info}/${file}`)
  return { filename: built.filename, bytes: zip(entries) }
}

/** A wheel whose RECORD lists these lines, too. */
function recordOf(lines: string): Upload {
  const entries = entriesOf().map((entry) =>
    entry.name === `${info}/RECORD` ? { ...entry, data: `${entry.data}${lines}` } : entry,
  )
  return { filename: built.filename, bytes: zip(entries) }
}

const action = field('Content-Disposition: form-data; name=":action"', 'file_upload')
const contentOf = (parameters: string): string =>
  field(`Content-Disposition: form-data; name="content"; ${parameters}`, 'x')

for (const [what, body, status, reason] of [
  [
    'without its final boundary',
    `${action}${contentOf('filename="demo-1.0.zip"')}`,
    400,
    /^malformed multipart body: the final/,
  ],
  [
    'with a second file under content',
    [action, contentOf('filename="a-1.0.zip"'), contentOf('filename="b-1.0.zip"'), '--b--'].join(''),
    400,
    /^more than one content part/,
  ],
  [
    'with a file name in the extended form',
    `${action}${contentOf("filename*=UTF-8''demo-1.0.zip")}--b--`,
    400,
    /filename\*/,
  ],
  [
    'with two file names in one part',
    `${action}${contentOf('filename="a-1.0.zip"; filename="b-1.0.zip"')}--b--`,
    400,
    /gives a parameter twice/,
  ],
  [
    'with a content part that is no file',
    `${action}${field('Content-Disposition: form-data; name="content"', 'x')}--b--`,
    400,
    /^Missing 'content' file-field!/,
  ],
  [
    'with a file name of 201 characters',
    `${action}${contentOf(`filename="${'a'.repeat(193)}-1.0.zip"`)}--b--`,
    400,
    /^Bad filename: .*over 200 bytes/,
  ],
  ['with a path for a file name', `${action}${contentOf('filename="../demo-1.0.zip"')}--b--`, 400, /^Bad filename: /],
  [
    'with a version that is none',
    `${action}${contentOf('filename="demo.zip"')}--b--`,
    400,
    /^Bad filename: .*no version/,
  ],
] as const) {
  rule(`a form ${what} is always refused and leaves nothing`, async (serve) => {
    const server = await serve()
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const response = await server.request('/', { method: 'POST', headers, body })
    const text = await response.text()
    assert.equal(response.status, status, text)
    assert.match(text, reason)
    assert.deepEqual(
      readdirSync(server.root).filter((name) => !name.startsWith('.')),
      [],
    )
  })
}

rule('a name that is taken in another spelling of its letters is always refused', async (serve) => {
  const server = await serve()
  await server.post(uploadForm(source))
  const other = sdist({ name: 'demo', version: '1.0', files: { 'other.py': '' } })
  const response = await server.post(uploadForm({ ...other, filename: 'DEMO-1.0.tar.gz' }))
  assert.equal(response.status, 409)
  assert.match(await response.text(), /^File already exists/)
})

rule('a signature above 8 KiB is always refused', async (serve) => {
  const server = await serve()
  const form = uploadForm(built)
  form.append('gpg_signature', new Blob([new Uint8Array(8193)]), `${built.filename}.asc`)
  const response = await server.post(form)
  assert.deepEqual([response.status, await response.text()], [400, 'the signature is larger than 8192 bytes\n'])
})

rule('an odd zip is stored by standard validation, and nothing is said of its contents', async (serve) => {
  const server = await serve()
  const twice = wheelOf({ name: 'twice.py', data: '1' }, { name: 'twice.py', data: '2' })
  assert.equal((await server.post(uploadForm(twice))).status, 200)
  assert.equal((await server.request(`/packages/${twice.filename}`)).status, 200)
  assert.equal((await server.request(`/packages/${twice.filename}.metadata`)).status, 404)
})

const hasty = { limits: { maxInspectionMs: 1 } } as const
const large = sdist({ name: 'demo', version: '1.0', files: { noise: noise(100_000) } })

rule('an upload that takes too long to be looked into is stored without core metadata', async (serve) => {
  const server = await serve(hasty)
  assert.equal((await server.post(uploadForm(large))).status, 200)
})

rule('strict validation refuses an upload that takes too long to be looked into', async (serve) => {
  const server = await serve({ ...strict, ...hasty })
  const response = await server.post(uploadForm(large, digestOf(large)))
  assert.equal(response.status, 400)
  assert.match(await response.text(), /could not be inspected in time/)
})

function field(headers: string, content: string): string {
  return `--b\r\n${headers}\r\n\r\n${content}\r\n`
}
