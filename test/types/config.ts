// Compiled, never run: what users may write down, and what their compiler must refuse.
import { type Auther, anyOf, cached, createApp, htpasswd, tokens } from 'pypi-server'

createApp({ roots: './packages' })
createApp({ roots: ['./packages', './archive'], limits: { maxUploads: 4 } })
createApp({ roots: './packages', hashAlgo: false, trustProxy: ['loopback', '10.0.0.0/8'] })

// @ts-expect-error a key that is misspelt
createApp({ roots: './packages', paswordFile: './htpasswd' })
// @ts-expect-error a group that does not exist
createApp({ roots: './packages', authenticate: ['upload'] })
// @ts-expect-error a limit that is misspelt
createApp({ roots: './packages', limits: { maxUpload: 4 } })
// @ts-expect-error a limit with its unit
createApp({ roots: './packages', limits: { maxUploadBytes: '1 GiB' } })
// @ts-expect-error a hook that does not exist
createApp({ roots: './packages', hooks: { afterPublish: () => {} } })
// @ts-expect-error an event that does not exist
createApp({ roots: './packages', events: { published: () => {} } })
// @ts-expect-error a kind of validation that does not exist
createApp({ roots: './packages', validation: 'lax' })
// @ts-expect-error `true` is for everybody, a number of proxies is not taken
createApp({ roots: './packages', trustProxy: 1 })
// @ts-expect-error undefined is no value
createApp({ roots: './packages', baseUrl: undefined })

const everyForm: readonly Auther[] = [
  () => true,
  (username, password) => username === password,
  async (username) => username === 'ann',
  (username) => (username === 'ann' ? { name: username, groups: ['staff'] } : null),
  async () => null,
  (username, _password, { action, project, signal }) => action === 'list' && project !== username && !signal.aborted,
  htpasswd('./htpasswd'),
  tokens('./tokens.json'),
  cached(anyOf(tokens('./tokens.json'), htpasswd('./htpasswd')), { ttlMs: 1000 }),
]
for (const auther of everyForm) createApp({ roots: './packages', auther })

// @ts-expect-error a name is no answer
createApp({ roots: './packages', auther: (username) => username })
// @ts-expect-error an identity has a name
createApp({ roots: './packages', auther: () => ({ groups: ['staff'] }) })
// @ts-expect-error an authorizer says yes or no
createApp({ roots: './packages', authorizer: () => ({ name: 'ann' }) })
// What a request carries is for the host to know.
createApp({ roots: './packages', authorizer: (identity, { request }) => identity !== null && request !== undefined })
// @ts-expect-error nobody promises what it is
createApp({ roots: './packages', authorizer: (_identity, { request }) => request.user !== undefined })

const app = createApp({ roots: './packages' })
// @ts-expect-error what an app has cannot be replaced
app.fetch = async () => new Response()
// @ts-expect-error an app without a configuration
createApp()
