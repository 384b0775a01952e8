import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Contestant, Sample, Scenario } from '../scenario.js'

const run = promisify(execFile)

/** What a program that embeds the package waits for at its start, in a process that has loaded nothing else. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'import-cold',
    title: "cold `import 'pypi-server'`, against a module with nothing in it",
    unit: 'ms',
    requirements: [{ atMost: 150 }],
    note: 'some 190 small modules, the router and what Node itself needs for http, zlib and threads; what only uploads need is loaded with the first of them. They are not packed into one file, so that the package and its stack traces can be read.',
    prepare: async ({ scratchFolder }) => {
      await mkdir(scratchFolder, { recursive: true })
      const empty = join(scratchFolder, 'empty.mjs')
      await writeFile(empty, 'export {}\n')
      return [importer('ours', import.meta.resolve('pypi-server')), importer('empty', `file://${empty}`)]
    },
  },
]

function importer(name: string, module: string): Contestant {
  const code = `const start = performance.now()
    await import(${JSON.stringify(module)})
    console.log(performance.now() - start)`
  const measure = async (): Promise<Sample> => {
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code])
    return { value: Number(stdout) }
  }
  return { name, measure }
}
