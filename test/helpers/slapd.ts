import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { unusedPort } from './unused-port.js'

/** Why no directory can be started here; `undefined` when one can. */
export const slapdMissing =
  spawnSync('slapd', ['-VV']).error === undefined ? undefined : 'slapd is not here: apt-get install slapd'

/** A directory of its own on a loopback port. */
export interface Slapd {
  /** What `examples/ldap.ts` has to be told to use it. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends the server; what it stored is gone. Idempotent. */
  readonly stop: () => Promise<void>
}

const base = 'dc=example,dc=org'
const config = (folder: string): string => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "${base}"
rootdn "cn=reader,${base}"
rootpw reader-secret
directory ${folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
`

function person(uid: string, password: string): string {
  return `
dn: uid=${uid},ou=people,${base}
objectClass: inetOrgPerson
uid: ${uid}
cn: ${uid}
sn: ${uid}
userPassword: ${password}
`
}

const entries = `
dn: ${base}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,${base}
objectClass: organizationalUnit
ou: people
${person('ann', 'secret')}${person('bob', 'hunter2')}
dn: cn=uploaders,${base}
objectClass: groupOfNames
cn: uploaders
member: uid=ann,ou=people,${base}
`

/** Starts OpenLDAP with two people, of whom `ann` (password `secret`) may upload and `bob` (`hunter2`) may not. */
export async function startSlapd(): Promise<Slapd> {
  const folder = await mkdtemp(join(tmpdir(), 'pypi-server-ldap-'))
  const [configFile, entriesFile] = [join(folder, 'slapd.conf'), join(folder, 'entries.ldif')]
  await mkdir(join(folder, 'data'))
  await Promise.all([writeFile(configFile, config(folder)), writeFile(entriesFile, entries)])
  const added = spawnSync('slapadd', ['-f', configFile, '-l', entriesFile], { encoding: 'utf8' })
  if (added.status !== 0) throw new Error(`slapadd: ${added.stderr}`)
  const port = await unusedPort()
  const url = `ldap://127.0.0.1:${port}`
  const slapd = spawn('slapd', ['-h', url, '-f', configFile, '-d', '0'], { stdio: 'ignore' })
  const exited = once(slapd, 'exit')
  await answering(port)
  return {
    environment: {
      LDAP_URL: url,
      LDAP_BASE: base,
      LDAP_READER: `cn=reader,${base}`,
      LDAP_READER_PASSWORD: 'reader-secret',
      LDAP_GROUP: `cn=uploaders,${base}`,
    },
    stop: async () => {
      slapd.kill('SIGTERM')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Fulfils once somebody listens there; rejects when nobody does within ten seconds. */
async function answering(port: number): Promise<void> {
  for (const endMs = performance.now() + 10_000; ; await setTimeout(20)) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isThere) return
    if (performance.now() > endMs) throw new Error('slapd does not listen')
  }
}
