import { spawn } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, realpath, rename, rm } from 'node:fs/promises'
import { devNull, homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const RUN_LIMIT_MS = 120_000

/** A real Python client of this machine, or the note that there is none. */
export interface Client {
  /** Name and version, for test titles: `twine 4.0.2`; `twine` alone while it is missing. */
  readonly label: string
  /** Program and first arguments; empty while it is missing. */
  readonly command: readonly string[]
  /** Present when the client cannot be run: what is missing and how to install it. */
  readonly missing?: string
}

/** What was found; every method answers with a {@link Client}, never a rejection, for a client that is not there. */
export interface Clients {
  /** pip of exactly this `major.minor`; one that no interpreter brings is fetched once into `.build/clients`. */
  pip(version: string): Promise<Client>
  /** The newest pip that some interpreter brings. */
  newestPip(): Client
  /** The Python of this `major.minor`, provided that it still has distutils. */
  distutils(python: string): Promise<Client>
  /** The easy_install of this `major.minor` of Python. */
  easyInstall(python: string): Promise<Client>
  /** A publishing command on `PATH`. */
  tool(name: keyof typeof PACKAGE_OF_TOOL): Promise<Client>
}

export interface Finished {
  /** Exit code; `null` when a signal ended it, also the one sent after two minutes. */
  readonly code: number | null
  /** stdout and stderr as they came. */
  readonly output: string
}

interface Interpreter {
  readonly path: string
  readonly python: string
  readonly pip?: string
}

const PACKAGE_OF_TOOL = { twine: 'twine', flit: 'flit', poetry: 'python3-poetry', pdm: 'python3-pdm' } as const

/** Each brings the pip of the same line, so that the hint for a missing one can name it. */
const PYTHON_WITH_PIP: Readonly<Record<string, string>> = {
  '18.1': '3.6.15',
  '19.2': '2.7.18',
  '22.0': '3.7.16',
  '23.0': '3.10.13',
  '23.2': '3.11.7',
  '24.2': '3.13.0',
}

/** Looks for interpreters below `PYENV_ROOT` (or `~/.pyenv`) and on `PATH`, and for the pips that they bring. */
export async function findClients(): Promise<Clients> {
  const probed = await Promise.all((await interpreterPaths()).map(probe))
  const interpreters = probed.filter((found) => found !== undefined).sort((a, b) => compareVersions(b.python, a.python))
  return {
    pip: (version) => findPip(interpreters, version),
    newestPip: () => newestPip(interpreters),
    distutils: (python) => findDistutils(interpreters, python),
    easyInstall: (python) => findEasyInstall(interpreters, python),
    tool: findTool,
  }
}

/**
 * An environment in which only the arguments of a test decide what a client does: nothing of the user's or the machine's
 * configuration, proxies, keyrings or indexes is inherited.
 */
export function isolatedEnv(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    USERPROFILE: home,
    TMPDIR: home,
    LANG: 'C.UTF-8',
    // Wide and plain, so that no message that a test looks for is wrapped or coloured.
    COLUMNS: '200',
    NO_COLOR: '1',
    TERM: 'dumb',
    PIP_CONFIG_FILE: devNull,
    PYTHONNOUSERSITE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHON_KEYRING_BACKEND: 'keyring.backends.null.Keyring',
    POETRY_VIRTUALENVS_CREATE: 'false',
    NO_PROXY: '127.0.0.1',
  }
}

/** Runs a command to its end with nothing on stdin; killed after two minutes. Rejects only when it cannot be started. */
export async function execute(
  command: readonly string[],
  options: { readonly env: Readonly<NodeJS.ProcessEnv>; readonly cwd?: string },
): Promise<Finished> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  // Not the option of spawn(): its timer outlives a command that could not be started.
  const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
  return finished.finally(() => clearTimeout(limit))
}

async function interpreterPaths(): Promise<readonly string[]> {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  const fromPyenv = (await namesIn(versions)).map((version) => join(versions, version, 'bin', 'python'))
  const fromPath = await Promise.all(
    (process.env['PATH'] ?? '').split(delimiter).map(async (folder) => {
      const names = (await namesIn(folder)).filter((name) => /^python[23](\.\d+)?$/.test(name))
      return names.map((name) => join(folder, name))
    }),
  )
  const real = await Promise.all([...fromPyenv, ...fromPath.flat()].map((path) => realpath(path).catch(() => path)))
  return [...new Set(real)]
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => [])
}

/** What an interpreter says of itself; `undefined` for one that does not run, such as a shim without a version. */
async function probe(path: string): Promise<Interpreter | undefined> {
  const script = 'import sys; print("python %d.%d" % sys.version_info[:2]); import pip; print("pip " + pip.__version__)'
  const { output } = await execute([path, '-c', script], { env: isolatedEnv(homedir()) }).catch(() => ({ output: '' }))
  const python = /^python (\S+)/m.exec(output)?.[1]
  const pip = /^pip (\S+)/m.exec(output)?.[1]
  return python === undefined ? undefined : { path, python, ...(pip && { pip }) }
}

async function findPip(interpreters: readonly Interpreter[], version: string): Promise<Client> {
  const bundled = interpreters.find(({ pip }) => pip?.startsWith(`${version}.`) || pip === version)
  if (bundled) return pipOf(bundled)
  const fetched = await fetchPip(interpreters, version)
  for (const { path } of fetched === undefined ? [] : interpreters) {
    const client = pipClient(version, [path, join(fetched ?? '', 'pip')])
    const { code, output } = await execute([...client.command, '--version'], { env: isolatedEnv(homedir()) })
    if (code === 0) return { ...client, label: /^pip \S+/m.exec(output)?.[0] ?? client.label }
  }
  const python = PYTHON_WITH_PIP[version]
  const remedy = python ? `install the Python that brings it: pyenv install ${python}` : 'let pip reach a package index'
  const missing = `pip ${version} comes with no interpreter here, and no index gave one that runs; ${remedy}`
  return { label: `pip ${version}`, command: [], missing }
}

/** The folder that holds this pip, filled at the first call; it is the one step that uses the machine's own indexes. */
async function fetchPip(interpreters: readonly Interpreter[], version: string): Promise<string | undefined> {
  const cache = fileURLToPath(new URL('../../clients/', import.meta.url))
  const target = join(cache, `pip-${version}`)
  if (await exists(target)) return target
  const fetcher = interpreters.find(({ pip }) => pip !== undefined)
  if (!fetcher) return undefined
  await mkdir(cache, { recursive: true })
  // Test files run in processes of their own: each fills a folder of its own, and the first rename wins.
  const partial = await mkdtemp(join(cache, 'partial-'))
  const { env } = process
  const install = [fetcher.path, '-m', 'pip', 'install', '--no-deps', '--target', partial, `pip==${version}.*`]
  const { code } = await execute(install, { env })
  if (code === 0) await rename(partial, target).catch(() => undefined)
  await rm(partial, { recursive: true, force: true })
  return (await exists(target)) ? target : undefined
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function newestPip(interpreters: readonly Interpreter[]): Client {
  const [newest] = interpreters.filter(({ pip }) => pip).sort((a, b) => compareVersions(b.pip ?? '', a.pip ?? ''))
  if (newest) return pipOf(newest)
  return { label: 'pip', command: [], missing: 'no interpreter has pip; install it: apt-get install python3-pip' }
}

function pipOf({ path, pip = '' }: Interpreter): Client {
  return pipClient(pip, [path, '-m', 'pip'])
}

function pipClient(version: string, command: readonly string[]): Client {
  // Arguments, since pip 18 and 19 read PIP_NO_CACHE_DIR in ways of their own.
  return { label: `pip ${version}`, command: [...command, '--no-cache-dir', '--disable-pip-version-check'] }
}

async function findDistutils(interpreters: readonly Interpreter[], python: string): Promise<Client> {
  const label = `distutils of Python ${python}`
  const missing = `Python ${python} with distutils is not here; install it: pyenv install ${python}`
  const found = interpreters.find((interpreter) => interpreter.python === python)
  if (!found) return { label, command: [], missing }
  const script = ['-c', 'import distutils.command.upload']
  const { code } = await execute([found.path, ...script], { env: isolatedEnv(homedir()) })
  return code === 0 ? { label, command: [found.path] } : { label, command: [], missing }
}

async function findEasyInstall(interpreters: readonly Interpreter[], python: string): Promise<Client> {
  const label = `easy_install of Python ${python}`
  const missing = `Python ${python} with easy_install is not here; install it: pyenv install ${python}`
  const interpreter = interpreters.find((found) => found.python === python)
  if (!interpreter) return { label, command: [], missing }
  const script = ['-c', 'from setuptools.command.easy_install import main; main()']
  const { code } = await execute([interpreter.path, ...script, '--version'], { env: isolatedEnv(homedir()) })
  return code === 0 ? { label, command: [interpreter.path, ...script] } : { label, command: [], missing }
}

async function findTool(name: keyof typeof PACKAGE_OF_TOOL): Promise<Client> {
  const missing = `${name} is not on PATH; install it: apt-get install ${PACKAGE_OF_TOOL[name]}`
  const absent = { code: null, output: '' }
  const { code, output } = await execute([name, '--version'], { env: isolatedEnv(homedir()) }).catch(() => absent)
  if (code !== 0) return { label: name, command: [], missing }
  return { label: `${name} ${/\d+(?:\.\d+)+/.exec(output)?.[0] ?? ''}`.trim(), command: [name] }
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
