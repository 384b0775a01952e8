// Logins of an LDAP directory: a person is searched, and has to bind with the password. Members of one group may upload.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, EqualityFilter, InvalidCredentialsError } from 'ldapts'
import { type Auther, cached, createApp } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', LDAP_URL = 'ldaps://ldap.example', LDAP_BASE = '' } = process.env
const { LDAP_READER = '', LDAP_READER_PASSWORD = '', LDAP_GROUP = '' } = process.env

// A filter object needs no escapes: whatever is in a user name is a value.
const equal = (attribute: string, value: string) => new EqualityFilter({ attribute, value })
const people: Auther = async (uid, password) => {
  // Without a password a bind is anonymous, and succeeds for everybody (RFC 4513 5.1.2).
  if (password === '') return false
  await using client = new Client({ url: LDAP_URL, connectTimeout: 5000, timeout: 5000 })
  await client.bind(LDAP_READER, LDAP_READER_PASSWORD)
  const [person, ...others] = (await client.search(LDAP_BASE, { filter: equal('uid', uid) })).searchEntries
  if (person === undefined || others.length > 0) return false
  const groups = await client.search(LDAP_GROUP, { scope: 'base', filter: equal('member', person.dn) })
  try {
    await client.bind(person.dn, password)
  } catch (error) {
    if (error instanceof InvalidCredentialsError) return false
    throw error
  }
  return { name: String(person['uid']), mayUpload: groups.searchEntries.length > 0 }
}

const app = createApp({
  roots: ROOT,
  auther: cached(people),
  authenticate: ['list', 'download', 'update'],
  authorizer: (identity, { action }) => ['list', 'download'].includes(action) || identity?.['mayUpload'] === true,
})
const server = createServer(app).listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})
process.once('SIGTERM', () => server.close(() => void app.close()))
