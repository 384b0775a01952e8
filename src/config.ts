import type { ActionGroup, Auther, Authorizer, Awaitable, Identify } from './auth/auther.js'
import type { Backend } from './backend.js'
import type { AttestationsSetting } from './domain/attestation-policy.js'
import type { Validation } from './domain/inspector.js'
import type { Hooks } from './domain/publishing.js'
import type { Listeners } from './events.js'
import type { Limits } from './limits.js'
import type { Logger } from './logger.js'

/**
 * What {@link createApp} takes. Give `backend` or `roots`; everything else has a default. A key that is not here, or a value
 * that it does not take, is ERR_PYPI_CONFIG with its name.
 */
export interface Config {
  /**
   * Where projects and files live; it stays yours to close. `roots` is short for `directory(roots)`.
   * @default `directory(roots)`
   */
  readonly backend?: Backend
  /**
   * Directories with distribution files, in the order in which they are searched; the first takes uploads. While one cannot
   * be read, what depends on it is answered 503.
   * @default none: give `backend` then
   */
  readonly roots?: string | readonly string[]
  /**
   * Who is asking? A function of user name and password that answers yes, no or an identity, now or later; while it rejects,
   * logins are answered 503. `passwordFile` is short for `htpasswd(passwordFile)`.
   * @default none: nobody can log in
   */
  readonly auther?: Auther
  /**
   * Whom does the host know already? Asked before credentials are looked at, with the host's own request, for sessions and
   * single sign-on; whom it does not name, the auther is asked about. Rejecting is answered 503.
   * @default nobody
   */
  readonly identify?: Identify
  /**
   * An Apache htpasswd file; read again when it changes. While it is missing or malformed, logins are answered 503.
   * @default none
   */
  readonly passwordFile?: string
  /**
   * A file of API tokens, as `createToken` writes them; read again when it changes, and no file means no tokens. Short for
   * `anyOf(tokens(tokenFile), auther)`: tokens first, then `auther` or `passwordFile` if there is one.
   * @default none
   */
  readonly tokenFile?: string
  /**
   * Which actions need a login: `list` (pages), `download` (files), `update` (upload, remove, yank, administration).
   * An empty list opens everything to everybody, uploads included.
   * @default ['update']
   */
  readonly authenticate?: readonly ActionGroup[]
  /**
   * May they? Asked after the login, for every action; no is 401 or 403, rejecting 503.
   * @default everybody whom `authenticate` lets pass
   */
  readonly authorizer?: Authorizer
  /**
   * A file that says who may do what, read again when it changes. Short for `authorizer: rules(rulesFile)`.
   * @default none
   */
  readonly rulesFile?: string
  /**
   * Let an upload replace a file of the same name; otherwise other bytes under a name that is taken are 409.
   * @default false
   */
  readonly overwrite?: boolean
  /**
   * What is done with attestations that come with uploads (PEP 740). `'off'` drops them unread. `'unverified'` checks that
   * they are about the file, and serves them as provenance that nobody has verified. `{ trustedRoot, publishers }` verifies
   * them, takes those of the publishers, refuses all others, and serves only what was verified; it needs the packages
   * `@sigstore/verify`, `@sigstore/bundle` and `@sigstore/protobuf-specs`.
   * @default 'off'
   */
  readonly attestations?: AttestationsSetting
  /**
   * Digest in link fragments, named as in Python's hashlib, such as `md5`; `false` leaves fragments out.
   * @default 'sha256'
   */
  readonly hashAlgo?: string | false
  /**
   * Where requests for projects go that are known not to exist here, such as `https://pypi.org/simple/`. Whoever can
   * publish there under a name that you use only here can then reach your clients. @default none
   */
  readonly fallbackUrl?: string
  /** Ignore `fallbackUrl`. @default false */
  readonly disableFallback?: boolean
  /**
   * Projects that are yours even when nothing of them is here, and never lead to `fallbackUrl`: names in any spelling, in
   * which `*` stands for any characters, such as `'acme-*'`.
   * @default []
   */
  readonly privateNames?: readonly string[]
  /** Path below the mount point that answers `Ok` as long as the process lives. @default '/health' */
  readonly healthEndpoint?: string
  /**
   * Path below the mount point that tells Prometheus what was counted, such as `/metrics`, without a login. It names neither
   * projects nor users. `app.metrics()` has the same text for a page of your own.
   * @default none
   */
  readonly metricsEndpoint?: string
  /**
   * What the metrics endpoint answers, made of the text that this app would: for one of several processes on a port, which
   * is to answer for all.
   * @default that text
   */
  readonly gatherMetrics?: (own: string) => Awaitable<string>
  /**
   * HTML of the page at the mount point. `{{URL}}` (address of the index), `{{VERSION}}`, `{{NUMPKGS}}` (number of files),
   * `{{PACKAGES}}` and `{{SIMPLE}}` (paths of the listings) are filled in, escaped; everything else stays as it is, and
   * any other `{{…}}` is an error.
   * @default a page with the commands to copy
   */
  readonly welcome?: string
  /** `max-age` of distribution files, in seconds. @default none: clients revalidate */
  readonly cacheControl?: number
  /**
   * Lets a front server that opens the same files send distribution files: `'x-sendfile'` names their absolute paths in
   * `X-Sendfile`, as Apache's mod_xsendfile reads them; a path with slashes around it, such as `'/protected/'`, goes in front of
   * number of the root and path in there in `X-Accel-Redirect`, for an internal location of nginx. Only for requests that
   * came through a proxy which `trustProxy` trusts and which sends `X-Forwarded-For`; logins, rules and quarantine hold as
   * ever. The backend needs `localFile`.
   * @default none: the index sends all bytes itself
   */
  readonly sendfile?: string
  /** How much of everything there may be, limit by limit; what is left out keeps its default. @default {} */
  readonly limits?: Partial<Limits>
  /**
   * How uploads are checked: `standard` refuses what cannot be right (digests, names, archives that are cut off or bombs),
   * `strict` also what PyPI would refuse: ambiguous zips, wheels without a true RECORD, broken metadata, sdists that unpack
   * outside of their folder, file names that are not normalized.
   * @default 'standard'
   */
  readonly validation?: Validation
  /**
   * Public address of the mount point, such as `https://pypi.example.org/`, where absolute URLs are shown.
   * @default what the request says
   */
  readonly baseUrl?: string
  /**
   * Whose `X-Forwarded-Proto`, `-Host`, `-For` and `X-Request-Id` are believed: every peer's, nobody's, or those of peers in a list of
   * addresses and networks, such as `['loopback', '10.0.0.0/8']`, where `loopback` is this machine.
   * @default 'loopback'
   */
  readonly trustProxy?: boolean | 'loopback' | readonly string[]
  /** Awaited before something happens; rejecting refuses it, and the client reads the message of a `PypiServerError`. @default none */
  readonly hooks?: Hooks
  /** Told after something happened, and can change nothing; what they throw is logged. @default none */
  readonly events?: Listeners
  /** Hears of requests and problems; a pino logger fits. @default silent */
  readonly logger?: Logger
}
