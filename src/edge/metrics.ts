import type { RequestReport } from './observation.js'

/** Counts what happens, and tells it in Prometheus' text format. */
export interface Metrics {
  /** Whether somebody wants to know: nothing is counted before `text` was called or `start` was. */
  readonly isCounting: () => boolean
  readonly start: () => void
  readonly countRequest: (report: RequestReport) => void
  /** A change of the index; `bytes` are those of an upload. */
  readonly countChange: (kind: string, bytes?: number) => void
  readonly text: () => string
}

// Seconds. Pages take milliseconds, uploads minutes.
const bounds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** Whatever else clients call a method is one label: there are only so many series. */
const methods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']

interface Durations {
  /** How many fell between this bound and the one before; the last beyond all. */
  readonly counts: number[]
  sum: number
}

/** Counters of one app. Labels are routes, methods, statuses and kinds of change: never projects, users or addresses. */
export function createMetrics(version: string): Metrics {
  const requests = new Map<string, number>()
  const bytesSent = new Map<string, number>()
  const durations = new Map<string, Durations>()
  const changes = new Map<string, number>(['publish', 'remove', 'yank', 'status'].map((kind) => [`kind="${kind}"`, 0]))
  let bytesPublished = 0
  let isCounting = false

  function countRequest({ method, route, status, bytes = 0, ms }: RequestReport): void {
    if (!isCounting) return
    const verb = methods.includes(method) ? method : 'other'
    add(requests, `method="${verb}",route="${route}",status="${status}"`, 1)
    if (verb !== 'HEAD') add(bytesSent, `route="${route}"`, bytes)
    const known = durations.get(route)
    const { counts } = known ?? { counts: bounds.map(() => 0).concat(0) }
    const slot = bounds.findIndex((bound) => ms / 1000 <= bound)
    const index = slot < 0 ? bounds.length : slot
    counts[index] = (counts[index] ?? 0) + 1
    if (known === undefined) durations.set(route, { counts, sum: ms / 1000 })
    else known.sum += ms / 1000
  }

  function countChange(kind: string, bytes = 0): void {
    if (!isCounting) return
    add(changes, `kind="${kind}"`, 1)
    bytesPublished += bytes
  }

  function text(): string {
    isCounting = true
    return [
      family('info', 'gauge', 'The version that answers.', [['', `version="${version}"`, 1]]),
      family('requests_total', 'counter', 'Requests that were answered.', plain(requests)),
      family('response_bytes_total', 'counter', 'Bytes of the bodies of answers.', plain(bytesSent)),
      family('request_duration_seconds', 'histogram', 'Time from a request to the end of its answer.', [
        ...[...durations].flatMap(([route, taken]) => histogram(route, taken)),
      ]),
      family('changes_total', 'counter', 'Changes of the index that requests made.', plain(changes)),
      family('published_bytes_total', 'counter', 'Bytes of the files that were uploaded.', [['', '', bytesPublished]]),
    ].join('')
  }

  const start = (): void => {
    isCounting = true
  }
  return { isCounting: () => isCounting, start, countRequest, countChange, text }
}

type Sample = readonly [suffix: string, labels: string, value: number]

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([suffix, labels, value]) => {
    return `pypi_server_${name}${suffix}${labels === '' ? '' : `{${labels}}`} ${value}\n`
  })
  return `# HELP pypi_server_${name} ${help}\n# TYPE pypi_server_${name} ${type}\n${lines.join('')}`
}

function plain(counters: ReadonlyMap<string, number>): readonly Sample[] {
  return [...counters].map(([labels, value]) => ['', labels, value])
}

function histogram(route: string, { counts, sum }: Durations): readonly Sample[] {
  let total = 0
  const buckets = counts.map((count, index): Sample => {
    total += count
    return ['_bucket', `route="${route}",le="${bounds[index] ?? '+Inf'}"`, total]
  })
  return [...buckets, ['_sum', `route="${route}"`, sum], ['_count', `route="${route}"`, total]]
}

function add(counters: Map<string, number>, key: string, amount: number): void {
  counters.set(key, (counters.get(key) ?? 0) + amount)
}
