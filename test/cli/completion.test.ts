import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mainScript } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

function output(...args: readonly string[]): string {
  const env = { ...process.env, COLUMNS: '80' }
  return spawnSync(process.execPath, [mainScript, ...args], { encoding: 'utf8', timeout: 20_000, env }).stdout
}

const hasBash = spawnSync('bash', ['--version']).status === 0

test('bash completes commands, options, their values, and nothing that does not begin like it', {
  skip: !hasBash && 'there is no bash here',
}, (t) => {
  const script = join(temporaryDirectory(t), 'completion.bash')
  writeFileSync(script, output('completion', 'bash'))
  const lines = [['r'], ['token', ''], ['run', '--max-upload'], ['run', '--log-stream', 's'], ['completion', 'f']]
  const asked = [...lines, ['token', 'create', '--e'], ['run', 'd']].map((words) => {
    const all = ['pypi-server', ...words].map((word) => `'${word}'`).join(' ')
    return `COMP_WORDS=(${all}); COMP_CWORD=${words.length}; _pypi_server; echo "\${COMPREPLY[*]}"`
  })
  const { stdout, stderr } = spawnSync('bash', ['-c', [`source ${script}`, ...asked].join('\n')], { encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.deepEqual(stdout.split('\n').slice(0, -1), [
    'run',
    'create list revoke',
    '--max-upload --max-uploads',
    'stdout stderr',
    'fish',
    '--expires',
    // Files: bash itself knows them.
    '',
  ])
})

test('every option of every command stands in the script of every shell', () => {
  const options = ['--port', '--ignorelist-file', '--free-names', '--json', '--expires'].map((option) =>
    option.slice(2),
  )
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = output('completion', shell)
    assert.deepEqual(
      options.filter((option) => !script.includes(option)),
      [],
      shell,
    )
  }
})

test('the help of every command fits into 80 columns and has examples', () => {
  const commands = [[], ['run'], ['update'], ['yank'], ['unyank'], ['delete'], ['status'], ['doctor'], ['completion']]
  const tokens = [[], ['create'], ['list'], ['revoke']].map((words) => ['token', ...words])
  for (const words of [...commands, ...tokens]) {
    const help = output(...words, '--help')
    assert.deepEqual(
      help.split('\n').filter((line) => line.length > 80),
      [],
      words.join(' '),
    )
    assert.match(help, /^examples:\n {2}\S/m, words.join(' '))
  }
})
