import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { escapeControlCharacters } from '../util/control-characters.js'

type Keys = Readonly<Record<string, unknown>>

const maxCauses = 5

// Whoever reads the log must not learn how to log in.
const secretHeaders: readonly string[] = ['authorization', 'proxy-authorization', 'cookie']

/** Keys of `--log-req-frmt`: those of a WSGI environment, and `bottle.request` as pypiserver shows it. */
export function requestKeys(request: IncomingMessage, mountPath: string): Keys {
  const { method = '-', headers, httpVersion, socket } = request
  const scheme = (socket as TLSSocket).encrypted === true ? 'https' : 'http'
  const url = (request.url ?? '/').replace(/^https?:\/\/[^/?#]*/i, '')
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  return cleaned({
    'bottle.request': `<LocalRequest: ${method} ${scheme}://${headers.host ?? 'localhost'}${url}>`,
    REQUEST_METHOD: method,
    SCRIPT_NAME: mountPath,
    PATH_INFO: decoded(path.startsWith(`${mountPath}/`) ? path.slice(mountPath.length) : path),
    QUERY_STRING: query,
    REMOTE_ADDR: socket.remoteAddress ?? '',
    REMOTE_PORT: socket.remotePort ?? 0,
    SERVER_NAME: socket.localAddress ?? '',
    SERVER_PORT: socket.localPort ?? 0,
    SERVER_PROTOCOL: `HTTP/${httpVersion}`,
    'wsgi.url_scheme': scheme,
    CONTENT_TYPE: headers['content-type'] ?? '',
    CONTENT_LENGTH: headers['content-length'] ?? '',
    ...headerKeys(request),
  })
}

/** Keys of `--log-res-frmt`, once the answer is under way: the status is the one that was sent. */
export function responseKeys(response: ServerResponse): Keys {
  const { statusCode, statusMessage } = response
  const status = response.headersSent ? `${statusCode} ${statusMessage || STATUS_CODES[statusCode]}` : 'no answer'
  return cleaned({
    response: `<LocalResponse: ${status}>`,
    status,
    headers: { ...response.getHeaders() },
    body: '',
    cookies: '',
  })
}

/** Keys of `--log-err-frmt`. The traceback names the places in this program, from the error to its causes. */
export function failureKeys({ path, reason, err }: Keys): Keys {
  const body = `request for ${path} failed`
  return { ...cleaned({ path, body, exception: reason }), traceback: traceback(err).join('\n') }
}

function headerKeys({ headers }: IncomingMessage): Keys {
  const keys = Object.entries(headers).map(([name, value]) => [
    `HTTP_${name.toUpperCase().replaceAll('-', '_')}`,
    secretHeaders.includes(name) ? '***' : String(value),
  ])
  return Object.fromEntries(keys)
}

/** An error and its causes. Messages can hold what clients sent, places cannot: those alone keep their lines. */
export function traceback(error: unknown, depth = 0): readonly string[] {
  if (!(error instanceof Error) || depth > maxCauses) return []
  const { name, message, stack = '' } = error
  const places = stack.replace(message, () => '').split('\n')
  const lines = [`${name}: ${message}`, ...places.filter((line) => /^ +at /.test(line))]
  return [...lines.map(escapeControlCharacters), ...traceback(error.cause, depth + 1)]
}

function cleaned(keys: Keys): Keys {
  const entries = Object.entries(keys).map(([key, value]) => [
    key,
    typeof value === 'string' ? escapeControlCharacters(value) : value,
  ])
  return Object.fromEntries(entries)
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
