import type { RunPlan, Seat } from './serve.js'

/** What the process that supervises tells a worker. */
export type Order =
  | { readonly kind: 'start'; readonly plan: RunPlan; readonly seat: Seat }
  | { readonly kind: 'stop' }
  /** The log file was moved away. */
  | { readonly kind: 'reopen' }
  /** Tell what you counted. */
  | { readonly kind: 'count'; readonly id: number }
  /** What all counted, as the worker asked. */
  | { readonly kind: 'gathered'; readonly id: number; readonly text: string }

/** What a worker tells the process that supervises. */
export type Report =
  /** Listens to orders; those that came before are lost. */
  | { readonly kind: 'ready' }
  /** Has stopped, and only turns away who still connects. */
  | { readonly kind: 'stopped' }
  /** Somebody wants to know what all counted; `own` is what this worker did. */
  | { readonly kind: 'gather'; readonly id: number; readonly own: string }
  | { readonly kind: 'counted'; readonly id: number; readonly text: string }
