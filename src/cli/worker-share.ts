import { type Config, defaultLimits, type Limits } from '../index.js'
import type { RunPlan } from './serve.js'

/** What one of several processes gets of what holds for all of them together. */
interface Share {
  readonly config: Config
  /** Connections at a time; `undefined` for as many as there may be. */
  readonly maxConnections: number | undefined
}

/** Limits that count what there is at a time, and the least that is of use. */
const divided: Readonly<Partial<Record<keyof Limits, number>>> = {
  maxUploads: 1,
  maxWaitingUploads: 1,
  maxWaitingLogins: 1,
  maxInspectionsWaiting: 1,
  maxPageCacheBytes: 1024 ** 2,
  // Fewer would slow down who mistypes a password.
  maxLoginFailuresPerMinute: 5,
}

/** The part of one of so many processes, rounded up: limits hold for all of them together. */
export function shareOf({ config, options }: RunPlan, count: number): Share {
  if (count === 1) return { config, maxConnections: options.max_connections }
  const limits = { ...defaultLimits, ...config.limits }
  const shares = Object.entries(divided).map(([name, least]) => [
    name,
    partOf(limits[name as keyof Limits], count, least),
  ])
  return {
    config: { ...config, limits: { ...limits, ...Object.fromEntries(shares) } },
    maxConnections: options.max_connections && partOf(options.max_connections, count, 1),
  }
}

function partOf(whole: number, count: number, least: number): number {
  return Math.min(whole, Math.max(Math.ceil(whole / count), least))
}
