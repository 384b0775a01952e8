import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger, type LogFormats } from '#src/cli/log.js'

function record(formats: Partial<LogFormats> = {}): {
  readonly lines: string[]
  readonly logger: ReturnType<typeof createLogger>
} {
  const lines: string[] = []
  const logger = createLogger(
    { verbose: 0, log_frmt: '%(levelname)s %(message)s', ...formats },
    { write: (line) => lines.push(line) },
  )
  return { lines, logger }
}

const request = {
  address: '127.0.0.1',
  user: null,
  method: 'GET',
  path: '/simple/',
  status: 200,
  bytes: 12,
  ms: 3,
  userAgent: 'pip/26.2 {"x":1}',
}

for (const [verbose, expected] of [
  [0, ['WARNING w\n', 'ERROR e\n']],
  [1, ['INFO i\n', 'WARNING w\n', 'ERROR e\n']],
  [2, ['DEBUG d\n', 'INFO i\n', 'WARNING w\n', 'ERROR e\n']],
  [5, ['DEBUG d\n', 'INFO i\n', 'WARNING w\n', 'ERROR e\n']],
] as const) {
  test(`verbosity ${verbose} shows ${expected.length} of the four levels`, () => {
    const { lines, logger } = record({ verbose })
    logger.debug({}, 'd')
    logger.info({}, 'i')
    logger.warn({}, 'w')
    logger.error({}, 'e')
    assert.deepEqual(lines, expected)
  })
}

test('a request is one readable line at every verbosity', () => {
  const { lines, logger } = record()
  logger.info(request, 'request')
  logger.info({ ...request, user: 'ann', bytes: undefined, userAgent: '' }, 'request')
  assert.deepEqual(lines, [
    'INFO 127.0.0.1 - "GET /simple/" 200 12B 3ms pip/26.2\n',
    'INFO 127.0.0.1 ann "GET /simple/" 200 -B 3ms -\n',
  ])
})

test('what clients and files say cannot begin a new line', () => {
  const { lines, logger } = record({ log_err_frmt: '%(body)s|%(exception)s|%(path)s' })
  logger.info({ ...request, path: '/a\nb', user: 'x\u001b[2J' }, 'request')
  logger.warn({ reason: 'a\r\nERROR forged' }, 'odd')
  logger.error({ path: '/\n', reason: 'a\nb' }, 'request failed')
  assert.deepEqual(lines, [
    'INFO 127.0.0.1 x\\x1b[2J "GET /a\\x0ab" 200 12B 3ms pip/26.2\n',
    'WARNING odd reason=a\\x0d\\x0aERROR forged\n',
    'ERROR request for /\\x0a failed|a\\x0ab|/\\x0a\n',
  ])
})

test('details follow the message, and the message of an error is its reason', () => {
  const { lines, logger } = record()
  logger.warn({ file: 'a b.whl', size: 3, err: new Error('no space') }, 'odd file')
  assert.deepEqual(lines, ['WARNING odd file file=a b.whl size=3 reason=no space\n'])
})

test('a line has the keys of a Python log record', () => {
  const { lines, logger } = record({
    log_frmt:
      '%(asctime)s|%(name)s|%(levelname)-8s|%(levelno)d|%(process)d|%(thread)d|%(threadName)s|%(message)s|%(nope)s',
  })
  logger.warn({}, 'odd')
  const [, rest] = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\|(.*)\n$/.exec(lines[0] ?? '') ?? []
  assert.equal(rest, `pypi-server|WARNING |30|${process.pid}|0|MainThread|odd|?nope?`)
})

test('a failed request has its own format, with the error, its causes and their places', () => {
  const { lines, logger } = record({ log_frmt: '%(message)s', log_err_frmt: '%(body)s: %(exception)s \n%(traceback)s' })
  const err = new TypeError('outer\nforged', { cause: new Error('inner') })
  logger.error({ path: '/simple/', reason: 'outer\nforged', err }, 'request failed')
  const [first, title, place, ...others] = (lines[0] ?? '').split('\n')
  assert.deepEqual([first, title], ['request for /simple/ failed: outer\\x0aforged ', 'TypeError: outer\\x0aforged'])
  assert.match(place ?? '', /^ +at .*log\.test/)
  assert.ok(others.includes('Error: inner'))
})

test('a line of JSON has a field for everything that is known of a request, and is one line whatever was sent', () => {
  const { lines, logger } = record({ log_json: true })
  logger.info({ ...request, path: '/a\u001b[31m\n\u007f\u2028', name: 'forged' }, 'request')
  assert.equal(lines.length, 1)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  assert.doesNotMatch(lines[0] ?? '', /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028]|\n./)
  const { time, message, ...entry } = JSON.parse(lines[0] ?? '')
  assert.ok(Date.parse(time) > 0 && message.includes('GET'))
  assert.deepEqual(entry, {
    ...request,
    level: 'info',
    name: 'pypi-server.access',
    path: '/a\u001b[31m\n\u007f\u2028',
  })
})

test('a line of JSON tells of an error where it comes from, and takes any value', () => {
  const { lines, logger } = record({ log_json: true })
  logger.error({ path: '/simple/', size: 1n, err: new Error('boom') }, 'request failed')
  const { level, name, size, stack } = JSON.parse(lines[0] ?? '')
  assert.deepEqual([level, name, size, stack[0]], ['error', 'pypi-server', '1', 'Error: boom'])
})
