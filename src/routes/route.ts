import type { Action, Awaitable, Identity } from '../auth/auther.js'
import type { Backend } from '../backend.js'
import type { AttestationPolicy } from '../domain/attestation-policy.js'
import type { FreeSpace } from '../domain/free-space.js'
import type { Inspector } from '../domain/inspector.js'
import type { Management } from '../domain/management.js'
import type { NameRule } from '../domain/name-rule.js'
import type { ProjectIndex } from '../domain/project-index.js'
import type { Hooks } from '../domain/publishing.js'
import type { SubmissionOptions } from '../domain/submission.js'
import type { Events } from '../events.js'
import type { Call, Reply } from '../http/message.js'
import type { Limits } from '../limits.js'
import type { Logger } from '../logger.js'
import type { ProvenanceLinks } from '../render/file-links.js'
import type { Slots } from '../util/slots.js'
import type { Pages } from './pages.js'
import type { ReadyFiles } from './ready-files.js'

/** What the caller was found to be, and what else may be asked on the way. */
export interface Access {
  /** Null for anonymous. */
  readonly identity: Identity | null
  /** Returns or fulfils when the caller may do this to that project; throws or rejects with what the edge answers. */
  readonly require: (action: Action, project?: string) => void | Promise<void>
}

/** What routes work with. */
export interface Services {
  readonly backend: Backend
  readonly index: ProjectIndex
  readonly pages: Pages
  readonly readyFiles: ReadyFiles
  readonly management: Management
  /** Looks into uploads; its `validation` says how strictly they are checked. */
  readonly inspector: Inspector
  readonly attestations: AttestationPolicy
  readonly provenanceLinks: ProvenanceLinks
  readonly hooks: Hooks
  readonly events: Events
  readonly logger: Logger
  /** What was counted so far, in Prometheus' text format. */
  readonly metrics: () => Awaitable<string>
  readonly overwrite: boolean
  /** Digest in link fragments, named as in hashlib. */
  readonly fragment: string | false
  readonly fallbackUrl: string | undefined
  /** Whether a name is ours even when nothing of it is here. */
  readonly isReserved: NameRule
  /** `Cache-Control` of files. */
  readonly fileCacheControl: string
  /** `x-sendfile`, or the prefix of what `X-Accel-Redirect` names, with slashes around it; without, nobody else sends files. */
  readonly sendfile: string | undefined
  readonly limits: Limits
  readonly freeSpace: FreeSpace
  /** What hashes uploads. */
  readonly digesters: SubmissionOptions['digesters']
  /** Turns of forms, which carry uploads. */
  readonly uploads: Slots
  /** Template of the page at the mount point; the built-in page without. */
  readonly welcome: string | undefined
  /** Whether who asks matters to an action, so that shared caches must not keep its answers. */
  readonly isPrivate: (action: Action) => boolean
  readonly version: string
  /** Whether this index is about to end, so that nothing new should be sent here. */
  readonly isDraining: () => boolean
}

/** Answers one call; what it throws is turned into an answer by the edge. */
export type Handler = (call: Call, services: Services, access: Access) => Promise<Reply> | Reply

/** One line of the route table. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As find-my-way reads it, below the mount point. */
  readonly path: string
  /** What the caller must be allowed to do; `public` asks nobody. */
  readonly action: Action | 'public'
  readonly handler: Handler
}
