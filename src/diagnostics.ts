import { channel } from 'node:diagnostics_channel'
import type { Backend } from './backend.js'
import type { RequestReport } from './edge/observation.js'
import type { EventMap } from './events.js'

/** Which app a message is about: that whose `app.backend` this is. */
export interface DiagnosticsSource {
  /** The very object that `app.backend` is. */
  readonly backend: Backend
}

/**
 * What is published on channels of `node:diagnostics_channel`, by the name of the channel. Messages are made only while
 * somebody subscribes. They are shared between subscribers: read them, and change nothing.
 *
 * @example subscribe('pypi-server:publish', (message) => count((message as DiagnosticsMap['pypi-server:publish']).file))
 */
export interface DiagnosticsMap {
  /** A request was answered. */
  readonly 'pypi-server:request': RequestReport & DiagnosticsSource
  /** An upload is in the index. */
  readonly 'pypi-server:publish': EventMap['publish'] & DiagnosticsSource
  /** A file is not in the index any more. */
  readonly 'pypi-server:remove': EventMap['remove'] & DiagnosticsSource
  /** A file was yanked (PEP 592), or is no longer. */
  readonly 'pypi-server:yank': EventMap['yank'] & DiagnosticsSource
  /** A project has another status (PEP 792). */
  readonly 'pypi-server:status': EventMap['status'] & DiagnosticsSource
}

/** Where one app publishes. */
export interface Diagnostics {
  readonly hasSubscribers: (kind: Kind) => boolean
  /** Makes no message when nobody subscribes. */
  readonly publish: (kind: Kind, details: object) => void
}

type Kind = 'request' | keyof EventMap

/** The channels, which the whole process shares, for the app of this backend. */
export function createDiagnostics(backend: Backend): Diagnostics {
  const channels = {
    request: channel('pypi-server:request'),
    publish: channel('pypi-server:publish'),
    remove: channel('pypi-server:remove'),
    yank: channel('pypi-server:yank'),
    status: channel('pypi-server:status'),
  } satisfies Record<Kind, unknown>
  return {
    hasSubscribers: (kind) => channels[kind].hasSubscribers,
    publish: (kind, details) => {
      const to = channels[kind]
      if (to.hasSubscribers) to.publish({ ...details, backend })
    },
  }
}
