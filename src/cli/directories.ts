import { mkdir, opendir } from 'node:fs/promises'
import { CommandError } from './command-error.js'

/**
 * Makes sure that the directories can be read, and creates the first if it does not exist. Fulfils with what to tell.
 * @throws CommandError with 2
 */
export async function prepareDirectories(directories: readonly string[]): Promise<readonly string[]> {
  const remarks: string[] = []
  for (const [index, path] of directories.entries()) {
    const problem = await problemWith(path)
    if (problem === undefined) continue
    if (problem !== 'ENOENT' || index > 0) throw cannotRead(path, problem)
    await mkdir(path).catch(async (error: NodeJS.ErrnoException) => {
      // Another server that starts at the same time made it.
      if (error.code === 'EEXIST' && (await problemWith(path)) === undefined) return
      throw new CommandError(`cannot create the directory ${path}: ${error.code}`, 2, { cause: error })
    })
    remarks.push(`Created ${path}, which did not exist: copy wheels and sdists into it, or upload them.`)
  }
  return remarks
}

/**
 * Makes sure that a directory is there and can be read.
 * @throws CommandError with 2
 */
export async function requireDirectory(path: string): Promise<void> {
  const problem = await problemWith(path)
  if (problem !== undefined) throw cannotRead(path, problem)
}

function cannotRead(path: string, problem: string): CommandError {
  return new CommandError(`cannot read the directory ${path}: ${problem}`, 2)
}

async function problemWith(path: string): Promise<string | undefined> {
  try {
    await (await opendir(path)).close()
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
