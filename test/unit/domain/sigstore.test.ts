import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { temporaryDirectory } from '../../helpers/temporary.js'

/** Hooks under which no package of Sigstore is installed. */
const withoutSigstore = `
  export async function resolve(name, context, next) {
    if (!name.startsWith('@sigstore/')) return await next(name, context)
    throw Object.assign(new Error('Cannot find package ' + name), { code: 'ERR_MODULE_NOT_FOUND' })
  }`

test('without the optional packages an index that is to verify is not ready, says what to install, and others are', (t) => {
  const hooks = `data:text/javascript,${encodeURIComponent(withoutSigstore)}`
  const script = `
    import { register } from 'node:module'
    register(${JSON.stringify(hooks)})
    const { createApp } = await import('pypi-server')
    const trust = { trustedRoot: 'x', publishers: [{ issuer: 'https://a', identity: 'b' }] }
    for (const attestations of ['off', 'unverified', trust]) {
      const app = createApp({ roots: ${JSON.stringify(temporaryDirectory(t))}, attestations })
      console.log(await app.ready().then(() => 'ready', ({ code, message }) => code + ' ' + message))
      await app.close()
    }`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  const [off, unverified, verified] = stdout.trim().split('\n')
  assert.deepEqual([off, unverified], ['ready', 'ready'], stderr)
  assert.match(verified ?? '', /^ERR_PYPI_CONFIG attestations: .*@sigstore\/verify, @sigstore\/bundle/)
})
