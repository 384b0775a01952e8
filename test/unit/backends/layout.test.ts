import assert from 'node:assert/strict'
import { test } from 'node:test'
import { companionSuffixes, companionTarget } from '#src/backends/directory/layout.js'
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
