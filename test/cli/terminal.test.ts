import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { mainScript } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

// A terminal is made by Python: Node cannot.
const hasTerminals = spawnSync('python3', ['-c', 'import pty']).status === 0
const hasFifos = spawnSync('mkfifo', ['--version']).status === 0
const options = {
  timeout: 120_000,
  skip: (!hasTerminals && 'there is no python3 with pty here') || (!hasFifos && 'there is no mkfifo here'),
}
const program = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
const waitMs = 30_000
const ctrlC = '\u0003'
const eraseLine = '\u001b[K'

interface Terminal {
  /** Everything that was written to it. */
  readonly shown: () => string
  readonly type: (text: string) => void
  readonly exited: Promise<unknown>
}

function runOnTerminal(t: TestContext, ...args: readonly string[]): Terminal {
  const child = spawn('python3', [
    '-c',
    program,
    process.execPath,
    mainScript,
    'run',
    '-p',
    '0',
    '-i',
    '127.0.0.1',
    ...args,
  ])
  // The terminal goes with it, and who runs on that is hung up on.
  t.after(() => child.kill('SIGKILL'))
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
  })
  return { shown: () => shown, type: (text) => void child.stdin.write(text), exited: once(child, 'exit') }
}

for (const workers of ['1', '2']) {
  test(
    `while directories take long to read a terminal shows for how long, once, with --workers ${workers}`,
    options,
    async (t) => {
      const directory = temporaryDirectory(t)
      const { filename, bytes } = wheel({ name: 'demo', version: '1.0' })
      writeFileSync(join(directory, filename), bytes)
      // The start reads it first, and waits for somebody to write to it.
      const slow = join(directory, '.pypi-server', 'digests.jsonl')
      mkdirSync(join(directory, '.pypi-server'))
      assert.equal(spawnSync('mkfifo', [slow]).status, 0)
      const { shown, type, exited } = runOnTerminal(t, '--workers', workers, directory)
      await eventually(() => shown().includes('\rReading the directories … 1 s'), waitMs)
      assert.match(shown(), /Listening on http:/)
      assert.doesNotMatch(shown(), /Found/)
      writeFileSync(slow, '')
      rmSync(slow)
      await eventually(() => shown().includes(`\r${eraseLine}Found 1 file of 1 project\r\n`), waitMs)
      assert.equal(shown().split(eraseLine).length, 2)
      type(ctrlC)
      assert.deepEqual(await exited, [0, null])
    },
  )
}
