import type { DistributionFile, NormalizedName, Project, Yank } from './backend.js'

/** What happened, told after it happened; listeners can change nothing. */
export interface EventMap {
  /** An upload is in the index. `user` is null for anonymous uploads. */
  readonly publish: { readonly file: DistributionFile; readonly user: string | null }
  /** A file is not in the index any more. */
  readonly remove: { readonly file: DistributionFile; readonly user: string | null }
  /** A file was yanked (PEP 592), or is no longer: then `yanked` is absent. */
  readonly yank: { readonly file: DistributionFile; readonly yanked?: Yank; readonly user: string | null }
  /** A project has another status (PEP 792). */
  readonly status: {
    readonly project: NormalizedName
    readonly status: NonNullable<Project['status']>
    readonly user: string | null
  }
}

/** Called once per event; what it throws is logged and goes no further. */
export type Listener<T> = (details: T) => void

/** Listeners by event, as the configuration takes them. */
export type Listeners = { readonly [K in keyof EventMap]?: Listener<EventMap[K]> }

/** Where the library tells its events. */
export interface Events {
  /** Calls the listener of this event, if there is one; never throws. */
  readonly emit: <K extends keyof EventMap>(event: K, details: EventMap[K]) => void
}

/** Events that go to these listeners; `onError` hears what a listener throws. */
export function createEvents(listeners: Listeners, onError: (error: unknown, event: string) => void): Events {
  return {
    emit: (event, details) => {
      try {
        listeners[event]?.(details)
      } catch (error) {
        onError(error, event)
      }
    },
  }
}
