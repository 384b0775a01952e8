import assert from 'node:assert/strict'
import { rm, stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { errorCode } from '../errors.js'
import { defineCase, type UnboundCase } from './case.js'
import { assertDescribes } from './reading.js'
import { candidateOf, sampleWheel } from './samples.js'
import { assertBytes, filesOf, listedNames, opened, overwrite, projectOf, recordOf, spooled } from './subject.js'

const demo = sampleWheel('demo')
const changed = sampleWheel('demo', { seed: 1, payloadBytes: 4000 })
const signature = Buffer.from('-----BEGIN PGP SIGNATURE-----\n\nnone\n-----END PGP SIGNATURE-----\n')
const signed = sampleWheel('demo', { seed: 2, signature })
const provenance = Buffer.from('{"version":1,"attestation_bundles":[]}')
const attested = sampleWheel('demo', { seed: 3, provenance: { bytes: provenance, verification: 'verified' } })
const claimed = sampleWheel('demo', {
  version: '2.0',
  provenance: { bytes: provenance, verification: 'unverified' },
})
const doubtful = sampleWheel('demo', { seed: 4, provenance: { bytes: provenance, verification: 'unverified' } })
const exists = { code: 'ERR_PYPI_FILE_EXISTS' }
const rivals = 24
const neighbours = 50

/** Uploads: all parts or none, and one winner. */
export const publishingCases: readonly UnboundCase[] = [
  defineCase({
    id: 'publ',
    title: 'publishing answers with the file as its project then lists it',
    needs: ['publish'],
    check: async (subject) => {
      const file = await subject.backend.publish(await spooled(subject, demo))
      assertDescribes(file, demo)
      assert.deepEqual(await filesOf(subject.backend, demo.project), [file])
      await assertBytes(await opened(subject.backend, file), demo.bytes)
    },
  }),
  defineCase({
    id: 'dupl',
    title: 'publishing under a name that is taken rejects with ERR_PYPI_FILE_EXISTS and changes nothing',
    needs: ['publish'],
    check: async (subject) => {
      const { backend } = subject
      const file = await backend.publish(await spooled(subject, demo))
      const before = await projectOf(backend, demo.project)
      for (const other of [signed, demo]) await assert.rejects(backend.publish(await spooled(subject, other)), exists)
      assert.deepEqual(await projectOf(backend, demo.project), before)
      await assertBytes(await opened(backend, file), demo.bytes)
      assert.equal(await backend.openFile(file, { part: 'signature' }), undefined)
    },
  }),
  defineCase({
    id: 'race',
    title: `of ${rivals} uploads of one name at the same time exactly one wins, and its bytes are served`,
    needs: ['publish'],
    check: async (subject) => {
      const samples = Array.from({ length: rivals }, (_, seed) => sampleWheel('demo', { seed }))
      const candidates = await Promise.all(samples.map((sample) => spooled(subject, sample)))
      const results = await Promise.allSettled(candidates.map((candidate) => subject.backend.publish(candidate)))
      const codes = results.map((result) => (result.status === 'fulfilled' ? 'won' : errorCode(result.reason)))
      const expected = [...Array.from({ length: rivals - 1 }, () => exists.code), 'won']
      assert.deepEqual(codes.toSorted(), expected)
      const winner = samples[codes.indexOf('won')] ?? demo
      const file = await recordOf(subject.backend, winner)
      assert.equal(file.hashes['sha256'], winner.hashes.sha256)
      await assertBytes(await opened(subject.backend, file), winner.bytes)
    },
  }),
  defineCase({
    id: 'many',
    title: `${neighbours} files that are published at the same time are all there`,
    needs: ['publish'],
    check: async (subject) => {
      const samples = Array.from({ length: neighbours }, (_, index) => {
        return sampleWheel(`demo${index % 5}`, { version: `${index}.0` })
      })
      await Promise.all(samples.map(async (sample) => subject.backend.publish(await spooled(subject, sample))))
      for (const sample of samples) {
        const found = await opened(subject.backend, await recordOf(subject.backend, sample))
        await assertBytes(found, sample.bytes)
      }
    },
  }),
  defineCase({
    id: 'over',
    title: 'with overwrite a file takes the place of the one that has its name, and a new name is published',
    needs: ['publish'],
    check: async (subject) => {
      const { backend } = subject
      for (const sample of [demo, changed]) {
        const file = await overwrite(subject, sample)
        assert.deepEqual(await filesOf(backend, demo.project), [file])
        assertDescribes(file, sample)
        await assertBytes(await opened(backend, file), sample.bytes)
      }
    },
  }),
  defineCase({
    id: 'owns',
    title: 'what was published does not need the spooled file any more',
    needs: ['publish'],
    check: async (subject) => {
      const candidate = await spooled(subject, demo)
      const file = await subject.backend.publish(candidate)
      await rm(candidate.spooledPath, { force: true })
      await assertBytes(await opened(subject.backend, file), demo.bytes)
    },
  }),
  defineCase({
    id: 'sign',
    title: 'a signature that came with an upload is promised and served',
    needs: ['publish'],
    check: async (subject) => {
      const file = await subject.backend.publish(await spooled(subject, signed))
      assert.equal(file.hasSignature, true)
      await assertBytes(await opened(subject.backend, file, { part: 'signature' }), signature)
    },
  }),
  defineCase({
    id: 'prov',
    title: 'provenance that came with an upload is told, verified or not, and served',
    needs: ['publish'],
    check: async (subject) => {
      for (const sample of [attested, claimed]) {
        const file = await subject.backend.publish(await spooled(subject, sample))
        assert.equal(file.provenance, sample.provenance?.verification)
        assert.deepEqual(await recordOf(subject.backend, sample), file)
        await assertBytes(await opened(subject.backend, file, { part: 'provenance' }), provenance)
      }
    },
  }),
  defineCase({
    id: 'prrp',
    title: 'provenance goes with its file when that is replaced',
    needs: ['publish'],
    check: async (subject) => {
      await subject.backend.publish(await spooled(subject, attested))
      const file = await overwrite(subject, changed)
      assert.equal(file.provenance, undefined)
      assert.equal(await subject.backend.openFile(file, { part: 'provenance' }), undefined)
    },
  }),
  defineCase({
    id: 'prrm',
    title: 'provenance goes with its file when that is removed, and is not that of the next file of this name',
    needs: ['publish', 'remove'],
    check: async (subject) => {
      const { backend } = subject
      const file = await backend.publish(await spooled(subject, attested))
      await backend.remove(file, { freesName: true })
      assert.equal(await backend.openFile(file, { part: 'provenance' }), undefined)
      const next = await backend.publish(await spooled(subject, changed))
      assert.equal(next.provenance, undefined)
      assert.equal(await backend.openFile(next, { part: 'provenance' }), undefined)
    },
  }),
  defineCase({
    id: 'prkd',
    title: 'provenance is of the kind that the record tells, or none, also after its file was replaced',
    needs: ['publish'],
    check: async (subject) => {
      const { backend } = subject
      const file = await backend.publish(await spooled(subject, attested))
      await overwrite(subject, doubtful)
      assert.equal(await backend.openFile(file, { part: 'provenance' }), undefined)
      const now = await recordOf(backend, doubtful)
      await assertBytes(await opened(backend, now, { part: 'provenance' }), provenance)
    },
  }),
  defineCase({
    id: 'none',
    title: 'an upload that fails leaves nothing to be seen',
    needs: ['publish'],
    check: async (subject) => {
      const { backend, directory } = subject
      await assert.rejects(backend.publish(candidateOf(signed, `${directory}/absent`)))
      assert.deepEqual(await filesOf(backend, demo.project), [])
      assert.deepEqual(await listedNames(backend), [])
      const file = await backend.publish(await spooled(subject, demo))
      assert.equal(await backend.openFile(file, { part: 'signature' }), undefined)
    },
  }),
  defineCase({
    id: 'stay',
    title: 'what was published is there again, unchanged, when the storage is opened anew',
    needs: ['publish', 'reopen', 'close'],
    check: async (subject) => {
      const file = await subject.backend.publish(await spooled(subject, signed))
      const before = await projectOf(subject.backend, demo.project)
      await subject.backend.close()
      const backend = await subject.reopen()
      try {
        assert.deepEqual(await projectOf(backend, demo.project), before)
        await assertBytes(await opened(backend, file, { part: 'metadata' }), signed.metadata.bytes)
        await assertBytes(await opened(backend, file), signed.bytes)
      } finally {
        await backend.close?.()
      }
    },
  }),
  defineCase({
    id: 'spol',
    title: 'the folder for uploads is an absolute path of a directory that exists',
    needs: ['spoolDirectory'],
    check: async ({ backend }) => {
      const path = await backend.spoolDirectory()
      assert.ok(isAbsolute(path), path)
      assert.ok((await stat(path)).isDirectory(), path)
    },
  }),
]
