import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ActionsContainer, ArgumentParser } from 'argparse'
import type { ActionGroup, AttestationsSetting, Limits } from '../index.js'
import type { CommonOptions } from './common-options.js'
import { addConfigArgument } from './config-options.js'
import {
  actionGroups,
  addresses,
  baseUrlPath,
  bytes,
  count,
  healthEndpoint,
  httpUrl,
  metricsEndpoint,
  oneOf,
  port,
  seconds,
  sendfile,
  textOrNone,
  workers,
} from './option-types.js'
import { privateNameHelp } from './private-names.js'

/** What `run` was told, as argparse names it. */
export interface RunOptions extends CommonOptions {
  /** A configuration file, whose values are in the other options already. */
  readonly config?: string | undefined
  readonly package_directory: readonly string[]
  readonly port: number
  readonly host: string
  /** Processes that answer; 1 for this one alone. */
  readonly workers: number
  /** `.` stands for none, on purpose. */
  readonly passwords: string | undefined
  /** A file of API tokens. */
  readonly tokens: string | undefined
  /** A file that says who may do what. */
  readonly rules: string | undefined
  readonly authenticate: readonly ActionGroup[]
  readonly overwrite: boolean
  readonly strict: boolean
  /** Addresses and networks; `loopback` for this machine. All or nobody is for configuration files only. */
  readonly trusted_proxy: readonly string[] | boolean
  /** `off`, `unverified`, or a file; or what stands in a configuration file. */
  readonly attestations: AttestationsSetting | string
  readonly max_upload: number
  readonly max_uploads: number
  /** The other limits of a configuration file. */
  readonly limits?: Partial<Limits>
  /** `undefined` for as many as the system has room for. */
  readonly max_connections: number | undefined
  /** Seconds. */
  readonly keep_alive: number
  /** Seconds. */
  readonly grace: number
  readonly disable_fallback: boolean
  readonly fallback_url: string
  /** Names that are never redirected; `*` stands for any characters, and `@FILE` for the lines of a file. */
  readonly private: readonly string[]
  readonly health_endpoint: string
  /** Path below the mount point; none by default. */
  readonly metrics_endpoint: string | undefined
  readonly cache_control: number | undefined
  readonly sendfile: string | undefined
  /** A file with a template; empty for the built-in page. */
  readonly welcome: string
  /** The template itself, out of a configuration file. */
  readonly welcome_html?: string
  /** Public address, out of a configuration file. */
  readonly base_url?: string
  /** Path in front of everything, without a trailing slash; empty for none. */
  readonly server_base_url: string
  /** Accepted for pypiserver's sake. */
  readonly server: string
  readonly log_req_frmt: string
  readonly log_res_frmt: string
  readonly log_err_frmt: string
}

const methods = ['auto', 'cherrypy', 'gevent', 'gunicorn', 'paste', 'twisted', 'wsgiref']

/** Adds the arguments of `run` that `update` has not. */
export function addRunArguments(run: ArgumentParser): void {
  run.add_argument('package_directory', {
    nargs: '*',
    default: [join(homedir(), 'packages')],
    metavar: 'DIRECTORY',
    help: 'directories with distribution files, all in one place of the line, searched in this order; the first takes uploads, and is created when it does not exist (default: ~/packages)',
  })
  addConfigArgument(run)
  addListening(run.add_argument_group('listening'))
  addUploads(run.add_argument_group('logins and uploads'))
  addFallback(run.add_argument_group('projects that are not here'))
  addPages(run.add_argument_group('pages and files'))
  addRequestLog(run.add_argument_group('request log'))
}

function addListening(group: ActionsContainer): void {
  group.add_argument('-p', '--port', {
    type: port,
    default: 8080,
    metavar: 'PORT',
    help: 'port to listen on, 0 for any free one (default: 8080)',
  })
  group.add_argument('-i', '-H', '--interface', '--host', {
    dest: 'host',
    default: '0.0.0.0',
    metavar: 'HOST',
    help: 'address or name of the interface to listen on (default: 0.0.0.0, all interfaces)',
  })
  group.add_argument('--workers', {
    type: workers,
    default: 1,
    metavar: 'N',
    help: 'processes that answer on the one port, from 1 to 256, or auto for as many as there are processors; one that dies is replaced (default: 1)',
  })
  group.add_argument('--server-base-url', {
    type: baseUrlPath,
    default: '',
    metavar: 'PATH',
    help: 'serve everything below this path, such as /pypi/, and nothing beside it; not needed behind a proxy that takes the path off, since all links are relative (default: /)',
  })
  group.add_argument('--trusted-proxy', {
    type: addresses,
    default: ['loopback'],
    metavar: 'LIST',
    help: 'addresses of the proxies in front whose X-Forwarded headers are believed: a comma-separated list of addresses, networks such as 10.0.0.0/8, and loopback for this machine; "." for none (default: loopback)',
  })
  group.add_argument('--server', {
    type: oneOf(methods),
    default: 'auto',
    metavar: 'METHOD',
    help: `${methods.join(', ')}: accepted for compatibility; whatever is given, the HTTP server of Node is used (default: auto)`,
  })
  group.add_argument('--max-connections', {
    type: count,
    metavar: 'N',
    help: 'connections at a time; more are refused (default: 10000, or fewer where the system allows fewer open files)',
  })
  group.add_argument('--keep-alive', {
    type: seconds,
    default: 65,
    metavar: 'SECONDS',
    help: 'how long a connection without requests is kept; longer than a proxy in front keeps it (default: 65)',
  })
  group.add_argument('--grace', {
    type: seconds,
    default: 10,
    metavar: 'SECONDS',
    help: 'how long running requests may take after SIGTERM or SIGINT, before they are cut (default: 10)',
  })
}

function addUploads(group: ActionsContainer): void {
  group.add_argument('-P', '--passwords', {
    type: textOrNone,
    metavar: 'FILE',
    help: 'Apache htpasswd file with the users; read again when it changes; "." means that there are none (default: none, so that nobody can log in)',
  })
  group.add_argument('--tokens', {
    type: textOrNone,
    metavar: 'FILE',
    help: 'file of API tokens, made by pypi-server token create; read again when it changes (default: none)',
  })
  group.add_argument('-a', '--authenticate', {
    type: actionGroups,
    default: ['update'],
    metavar: 'LIST',
    help: 'what needs a login: a comma-separated list of download, list, update; "." means nothing, and needs -P . as well (default: update)',
  })
  group.add_argument('--rules', {
    type: textOrNone,
    metavar: 'FILE',
    help: 'file that says who may do what, in JSON; read again when it changes (default: none, so that everybody who is logged in may do everything)',
  })
  group.add_argument('-o', '--overwrite', {
    action: 'store_true',
    default: false,
    help: 'let uploads replace files of the same name (default: refused)',
  })
  group.add_argument('--strict', {
    action: 'store_true',
    default: false,
    help: 'refuse uploads that PyPI would refuse: ambiguous zips, wheels without a true RECORD, broken metadata, names that are not normalized (default: refuse only what cannot be right)',
  })
  group.add_argument('--attestations', {
    default: 'off',
    metavar: 'off|unverified|FILE',
    help: 'what is done with attestations of uploads: dropped, served as unverified provenance, or verified as the file says, in JSON (default: off)',
  })
  group.add_argument('--max-upload', {
    type: bytes,
    default: 1024 ** 3,
    metavar: 'SIZE',
    help: 'largest upload, in bytes or with a unit such as 500M or 2G (default: 1G)',
  })
  group.add_argument('--max-uploads', {
    type: count,
    default: 16,
    metavar: 'N',
    help: 'uploads that run at a time; 64 more wait for up to ten seconds, others are told to try again (default: 16)',
  })
}

function addFallback(group: ActionsContainer): void {
  group.add_argument('--disable-fallback', {
    action: 'store_true',
    default: false,
    help: 'answer 404 for them, instead of redirecting to the fallback (default: redirect)',
  })
  group.add_argument('--fallback-url', {
    type: httpUrl,
    default: 'https://pypi.org/simple/',
    metavar: 'URL',
    help: 'simple index that requests for them are redirected to (default: https://pypi.org/simple/)',
  })
  group.add_argument('--private', {
    action: 'append',
    default: [],
    metavar: 'NAME',
    help: `never redirect this project, even when nothing of it is here; ${privateNameHelp}`,
  })
}

function addPages(group: ActionsContainer): void {
  group.add_argument('--welcome', {
    default: '',
    metavar: 'FILE',
    help: 'page for /, in place of the built-in one: HTML in UTF-8, read once at start, in which {{URL}}, {{VERSION}}, {{NUMPKGS}}, {{PACKAGES}} and {{SIMPLE}} are filled in',
  })
  group.add_argument('--health-endpoint', {
    type: healthEndpoint,
    default: '/health',
    metavar: 'PATH',
    help: 'path that answers "Ok" as long as the server lives, without a login (default: /health)',
  })
  group.add_argument('--metrics-endpoint', {
    type: metricsEndpoint,
    metavar: 'PATH',
    help: 'path that tells Prometheus what was counted, such as /metrics, without a login (default: none)',
  })
  group.add_argument('--cache-control', {
    type: seconds,
    metavar: 'AGE',
    help: 'seconds for which clients may keep distribution files without asking again; 0 is never (default: they ask each time)',
  })
  group.add_argument('--sendfile', {
    type: sendfile,
    metavar: 'HOW',
    help: 'let a trusted proxy that reads the same directories send the files: "x-sendfile" tells it their paths, as Apache takes them; a path such as /protected/ goes in front of number of the directory and path in there, for an internal location of nginx (default: the index sends all bytes itself)',
  })
}

const requestKeys =
  'REQUEST_METHOD, PATH_INFO, QUERY_STRING, REMOTE_ADDR, SERVER_PROTOCOL, HTTP_HOST, HTTP_USER_AGENT and the other headers, and bottle.request for a summary'

function addRequestLog(group: ActionsContainer): void {
  group.add_argument('--log-req-frmt', {
    default: '%(bottle.request)s',
    metavar: 'FORMAT',
    help: `line for each request with -v; keys: ${requestKeys}; logins are never shown (default: ${shown('%(bottle.request)s')})`,
  })
  group.add_argument('--log-res-frmt', {
    default: '%(status)s',
    metavar: 'FORMAT',
    help: `line for each answer with -v; keys: response, status, headers, body (always empty), cookies (default: ${shown('%(status)s')})`,
  })
  group.add_argument('--log-err-frmt', {
    default: '%(body)s: %(exception)s',
    metavar: 'FORMAT',
    help: `line for each request that failed by the server's fault; keys: body, exception, traceback, path (default: ${shown('%(body)s: %(exception)s')})`,
  })
}

/** Text for argparse, which fills in placeholders of its own in help texts. */
function shown(format: string): string {
  return format.replaceAll('%', '%%')
}
