import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  companionSuffixes,
  companionTarget,
  directoryIdentity,
  mayBeSameDirectory,
} from '#src/backends/directory/layout.js'
import { maxFilenameBytes } from '#src/packaging/filename.js'

test('signatures, provenance and attestations name the file that they stand beside', () => {
  assert.equal(companionTarget('demo-1.0.tar.gz.asc'), 'demo-1.0.tar.gz')
  assert.equal(companionTarget('a/demo-1.0.tar.gz.provenance'), 'a/demo-1.0.tar.gz')
  assert.equal(companionTarget('demo-1.0.tar.gz.attestations'), 'demo-1.0.tar.gz')
  assert.equal(companionTarget('demo-1.0.tar.gz.asc.asc'), 'demo-1.0.tar.gz.asc')
  for (const path of ['asc', 'demo-1.0.tar.gz', 'demo-1.0.tar.gz.ASC', 'a.provenance/b', ''])
    assert.equal(companionTarget(path), undefined, path)
})

test('what stands beside the longest name that is listed has a name that file systems take', () => {
  for (const suffix of Object.values(companionSuffixes)) assert.ok(maxFilenameBytes + suffix.length <= 255, suffix)
})

test('a directory stays the same while files come, also where the change time stands in for the time of birth', () => {
  const [dev, ino, birthtimeNs] = [1n, 2n, 100n]
  const made = directoryIdentity({ dev, ino, birthtimeNs, ctimeNs: 100n })
  const used = directoryIdentity({ dev, ino, birthtimeNs, ctimeNs: 200n })
  const unknown = directoryIdentity({ dev, ino, birthtimeNs: 200n, ctimeNs: 200n })
  for (const one of [made, used, unknown]) assert.ok(mayBeSameDirectory(made, one), one)
  assert.ok(mayBeSameDirectory(used, unknown))
})

test('a directory of another disk, or with another time of birth, is another one', () => {
  const stat = { dev: 1n, ino: 2n, birthtimeNs: 100n, ctimeNs: 300n }
  const identity = directoryIdentity(stat)
  for (const other of [{ dev: 3n }, { ino: 3n }, { birthtimeNs: 200n }])
    assert.ok(!mayBeSameDirectory(identity, directoryIdentity({ ...stat, ...other })))
  assert.ok(!mayBeSameDirectory(identity, ''))
})
