import fc from 'fast-check'
import { sdist, wheel } from '../helpers/archives.js'
import { damaged, hostileText } from '../helpers/property.js'

/** What somebody may send to a port: requests as clients make them, with every part gone wrong in its own way. */
export function hostileRequest(): fc.Arbitrary<Buffer> {
  return fc
    .record({ line: requestLine, headers: fc.array(header, { maxLength: 6 }), host, body, length, isUsual: usually })

    .map(({ line: anyLine, headers, host, body, length, isUsual }) => {
      const line = isUsual ? (body.line ?? anyLine) : anyLine
      const framing = body.bytes.length === 0 && isUsual ? [] : [`Content-Type: ${body.type}`, ...length(body.bytes)]
      const head = [line, ...host, ...headers, ...framing].join('\r\n')
      return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), body.bytes])
    })
}

const usually = fc.nat({ max: 9 }).map((number) => number > 0)

/** Without what no HTTP parser lets pass, except now and then: most requests are to reach what is behind it. */
function mostlyClean(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(text, fc.nat({ max: 40 }))
    .map(([raw, dice]) => (dice === 0 ? raw : raw.replace(/[^\t -~\u00a0-\u00ff]/g, '')))
}
const method = fc.oneof(
  { weight: 25, arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'POST', 'PUT', 'DELETE') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'PROPFIND', 'get', 'BREW', '', 'G\0T'),
  },
)
const known = fc.constantFrom(
  '/',
  '/simple/',
  '/simple/demo/',
  '/simple/demo',
  '/simple/Demo_/',
  '/packages/',
  '/packages/demo-1.0.tar.gz',
  '/packages/demo-1.0-py3-none-any.whl.metadata',
  '/pypi/demo/json',
  '/pypi/demo/1.0/json',
  '/demo/json',
  '/RPC2',
  '/pypi',
  '/legacy/',
  '/health',
  '/health?ready',
  '/api/',
  '/api/projects/demo',
  '/rss/updates.xml',
  '/pypi/demo/json/',
  '/integrity/',
)
const odd = hostileText(
  '/',
  '//',
  '..',
  '.',
  '%2e%2e',
  '%2f',
  '%5c',
  '\\',
  '%00',
  '%ff',
  '%C0%AF',
  '%25',
  '%',
  '%0d%0aX:y',
  '?',
  '&',
  '#',
  ';',
  '=',
  'simple',
  'packages',
  'pypi',
  'api',
  'demo',
  'json',
  'format=',
  '.metadata',
  '.asc',
  '.provenance',
  '__proto__',
  ':',
  '@',
  'http://evil.test',
  '*',
  'a'.repeat(3000),
  '<script>',
  "'",
)
const target = fc.oneof(
  { weight: 5, arbitrary: known },
  { weight: 3, arbitrary: fc.tuple(known, odd).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: odd.map((text) => `/${text}`) },
  { weight: 1, arbitrary: odd },
)
const version = fc.oneof(
  { weight: 40, arbitrary: fc.constant('HTTP/1.1') },
  { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTTP/1.1 x', '') },
)
const cleanTarget = mostlyClean(target).map((text) => text.replace(/^$|\s/g, '/'))
const requestLine = fc.tuple(method, cleanTarget, version).map((parts) => parts.join(' '))

const host = fc.oneof(
  { weight: 30, arbitrary: fc.constant(['Host: index.test']) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      [],
      ['Host: '],
      ['Host: a', 'Host: b'],
      ['Host: "><script>'],
      ['Host: [::1'],
      ['Host: a:99999999'],
    ),
  },
)

const value = hostileText(
  'text/html',
  'application/vnd.pypi.simple.v1+json',
  '*/*',
  ';q=',
  '0',
  ',',
  '"',
  'W/"a"',
  'bytes=',
  '-',
  '5',
  '99999999999999999999',
  'Basic ',
  'Bearer ',
  'YTpi',
  'Thu, 01 Jan 1970 00:00:00 GMT',
  'gzip',
  'br',
  'zstd',
  'chunked',
  '100-continue',
  'close',
  'upgrade',
  'multipart/form-data',
  '; boundary=',
  'x',
  '127.0.0.1',
  'javascript:',
  '//evil',
  '\u00e9',
  '\t',
  ' ',
  'a'.repeat(5000),
)
const name = fc.constantFrom(
  'Accept',
  'Accept-Encoding',
  'Range',
  'If-None-Match',
  'If-Modified-Since',
  'If-Range',
  'If-Match',
  'Authorization',
  'Cookie',
  'Content-Encoding',
  'Connection',
  'Upgrade',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'Origin',
  'Sec-Fetch-Site',
  'User-Agent',
  'X-HTTP-Method-Override',
  'Forwarded',
  'Te',
  'Trailer',
  'X-Request-Id',
)
const header = fc.oneof(
  { weight: 60, arbitrary: fc.tuple(name, mostlyClean(value)).map(([name, text]) => `${name}: ${text}`) },
  { weight: 1, arbitrary: hostileText(':', ' ', '\r', '\n', '\0', 'X', '\r\n ', 'Content-Length: 1') },
)

interface Body {
  /** The request line that it belongs behind. */
  readonly line?: string
  readonly type: string
  readonly bytes: Buffer
}

const boundary = 'x-b'
const files = [wheel({ name: 'demo', version: '1.0' }), sdist({ name: 'demo', version: '1.0' })]
const filename = fc.oneof(
  fc.constantFrom(...files.map((file) => file.filename)),
  hostileText(
    'demo',
    '-',
    '1.0',
    '.tar.gz',
    '.whl',
    '-py3-none-any',
    '../',
    '\\',
    '\0',
    '"',
    '.',
    'CON',
    '\u00fc',
    ';',
  ),
)
const field = fc.tuple(
  fc.constantFrom(
    ':action',
    'name',
    'version',
    'sha256_digest',
    'md5_digest',
    'protocol_version',
    '__proto__',
    'attestations',
  ),
  fc.oneof(
    fc.constantFrom(
      'file_upload',
      'remove_pkg',
      'doc_upload',
      'submit',
      'demo',
      '1.0',
      '1',
      '0'.repeat(64),
      '[{}]',
      'UNKNOWN',
    ),
    hostileText('demo', '\r\n', `--${boundary}`, '\0', '[', '{', '"'),
  ),
)
const part = fc.oneof(
  field.map(([name, text]) => Buffer.from(`Content-Disposition: form-data; name="${name}"\r\n\r\n${text}`)),
  fc
    .tuple(
      fc.constantFrom('content', 'content', 'gpg_signature', 'other'),
      filename,
      fc.oneof(...files.map(({ bytes }) => damaged(bytes))),
    )
    .map(([name, filename, bytes]) =>
      Buffer.concat([
        Buffer.from(`Content-Disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n`),
        bytes,
      ]),
    ),
  hostileText(
    'Content-Disposition',
    ': form-data',
    '; name=',
    '"a"',
    '; filename*=',
    "UTF-8''x",
    '\r\n',
    '\r\n\r\n',
    ':',
  ).map((text) => Buffer.from(text)),
)
const form: fc.Arbitrary<Body> = fc
  .tuple(fc.array(part, { maxLength: 5 }), fc.constantFrom('--', '--', '', '-'))
  .map(([parts, end]) => ({
    line: 'POST / HTTP/1.1',
    type: `multipart/form-data; boundary=${boundary}`,
    bytes: Buffer.concat([
      ...parts.flatMap((bytes) => [Buffer.from(`--${boundary}\r\n`), bytes, Buffer.from('\r\n')]),
      Buffer.from(`--${boundary}${end}\r\n`),
    ]),
  }))
const urlEncoded: fc.Arbitrary<Body> = hostileText(
  ':action=',
  'remove_pkg',
  'submit',
  '&',
  'name=',
  'demo',
  'version=',
  '1.0',
  '%',
  '%ff',
).map((text) => ({
  line: 'POST / HTTP/1.1',
  type: 'application/x-www-form-urlencoded',
  bytes: Buffer.from(text),
}))
const xml: fc.Arbitrary<Body> = hostileText(
  '<methodCall>',
  '<methodName>',
  'search',
  'list_packages',
  'changelog_since_serial',
  '</methodName>',
  '<params><param><value>',
  '<int>1</int>',
  '<struct>',
  '<member><name>name</name><value>demo</value></member>',
  '</struct>',
  '</value></param></params>',
  '</methodCall>',
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '&b;',
  '<a>'.repeat(100),
).map((text) => ({ line: 'POST /RPC2 HTTP/1.1', type: 'text/xml', bytes: Buffer.from(text) }))
const json: fc.Arbitrary<Body> = fc
  .oneof(
    fc.json(),
    hostileText(
      '{',
      '}',
      '"status"',
      ':',
      '"archived"',
      '"reason"',
      '"yanked"',
      '"project"',
      ',',
      'null',
      '[',
      ']',
      '1e999',
    ),
  )
  .map((text) => ({ type: 'application/json', bytes: Buffer.from(text) }))
const noise: fc.Arbitrary<Body> = fc
  .tuple(
    hostileText('multipart/form-data', ';boundary=', 'a', '"', 'text/plain', 'x'.repeat(400)),
    fc.uint8Array({ maxLength: 500 }),
  )
  .map(([type, bytes]) => ({ type: type.replace(/[\r\n]/g, ''), bytes: Buffer.from(bytes) }))
const empty: fc.Arbitrary<Body> = fc.constant({ type: 'text/plain', bytes: Buffer.alloc(0) })
const body = fc.oneof({ weight: 5, arbitrary: empty }, { weight: 4, arbitrary: form }, urlEncoded, xml, json, noise)

/** How a body says where it ends: mostly as it is. */
const length: fc.Arbitrary<(bytes: Buffer) => readonly string[]> = fc.oneof(
  { weight: 25, arbitrary: fc.constant((bytes: Buffer) => [`Content-Length: ${bytes.length}`]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      () => [],
      (bytes: Buffer) => [`Content-Length: ${bytes.length + 10}`],
      () => ['Content-Length: 99999999999999'],
      () => ['Content-Length: -1'],
      () => ['Content-Length: 1', 'Content-Length: 2'],
      () => ['Transfer-Encoding: chunked'],
      (bytes: Buffer) => ['Transfer-Encoding: chunked', `Content-Length: ${bytes.length}`],
      () => ['Transfer-Encoding: xchunked'],
    ),
  },
)
