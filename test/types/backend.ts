// Compiled, never run: what makes a backend, and what its records are made of.
import {
  type Backend,
  createApp,
  createManagement,
  type DistributionFilename,
  directory,
  type NormalizedName,
  normalizeName,
  parseFilename,
} from 'pypi-server'
import { backendConformance } from 'pypi-server/conformance'

/** Three methods and a name are enough. */
const least: Backend = {
  name: 'nothing',
  async *listProjects() {},
  getProject: async () => undefined,
  openFile: async () => undefined,
}
createApp({ backend: least })
createManagement({ backend: least })
backendConformance(async () => ({ backend: least, dispose: async () => {} }))

// @ts-expect-error without a way to open files it is none
createApp({ backend: { name: 'x', listProjects: least.listProjects, getProject: least.getProject } })
// @ts-expect-error absent is undefined, null is not
const withNull: Backend = { ...least, getProject: async () => null }
// @ts-expect-error a capability that may be lacking is asked for first
void least.remove({})
// @ts-expect-error what is published is told
const silent: Backend = { ...least, publish: async () => {} }

const name: NormalizedName = normalizeName('Demo_Lib')
void least.getProject(name)
// @ts-expect-error a name that nobody normalized
void least.getProject('Demo_Lib')
const filename: DistributionFilename | undefined = parseFilename('demo-1.0.tar.gz')?.filename
// @ts-expect-error a file name that nobody checked
const unchecked: DistributionFilename = 'demo-1.0.tar.gz'

const backend = directory('./packages', { maxOpenFiles: 0 })
// What the directory backend can, it can for sure.
void backend.close()
// @ts-expect-error records are only read
void backend.getProject(name).then((project) => project?.files.push())

void [withNull, silent, filename, unchecked]
