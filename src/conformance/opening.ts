import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import type { Backend, DistributionFile, OpenedFile, OpenFileOptions, RequestedRange } from '../backend.js'
import { defineCase, type Subject, type UnboundCase } from './case.js'
import { largePayloadBytes, type SampleFile, sampleWheel, unknownFile } from './samples.js'
import { assertBytes, opened, overwrite, recordOf } from './subject.js'

const demo = sampleWheel('demo')
const large = sampleWheel('large', { payloadBytes: largePayloadBytes })
const unsatisfiable = { code: 'ERR_PYPI_RANGE_NOT_SATISFIABLE' }
const middle = { start: 1000, end: 1999 }
const rounds = 20

/** Parts of files: their bytes, ranges and validators. */
export const openingCases: readonly UnboundCase[] = [
  defineCase({
    id: 'locl',
    title: 'a file of this machine that a front server may send has the very bytes',
    needs: ['fill', 'localFile'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const local = await backend.localFile(await recordOf(backend, demo))
      if (local === undefined) return
      assert.ok(isAbsolute(local.path), `${local.path} is not absolute`)
      assert.ok(Buffer.from(demo.bytes).equals(await readFile(local.path)), 'other bytes')
      const segments = local.location.split('/')
      assert.ok(!segments.some((segment) => ['', '.', '..'].includes(segment)), local.location)
    },
  }),
  defineCase({
    id: 'lcno',
    title: 'a file that is not here is not handed to a front server',
    needs: ['localFile'],
    check: async ({ backend }) => assert.equal(await backend.localFile(unknownFile(demo)), undefined),
  }),
  defineCase({
    id: 'whol',
    title: 'a file opens whole, whether it is small or large',
    needs: ['fill'],
    check: (subject) => eachSize(subject, async (sample, open) => assertBytes(await open(), sample.bytes)),
  }),
  defineCase({
    id: 'gone',
    title: 'a file that does not exist is undefined',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      assert.equal(await backend.openFile(unknownFile(sampleWheel('absent'))), undefined)
    },
  }),
  defineCase({
    id: 'desc',
    title: 'a file that is only described has no body, and the same size, validator and time',
    needs: ['fill'],
    check: (subject) =>
      eachSize(subject, async (sample, open) => {
        const { size, etag, modifiedMs, body } = await open({ describeOnly: true })
        const whole = await open()
        await assertBytes(whole, sample.bytes)
        assert.deepEqual([size, etag, modifiedMs, body], [whole.size, whole.etag, whole.modifiedMs, undefined])
      }),
  }),
  rangeCase('rfst', 'a range from the first byte on', () => [{ start: 0, end: 999 }]),
  rangeCase('rone', 'a range of one byte', (last) => [
    { start: 0, end: 0 },
    { start: last, end: last },
  ]),
  rangeCase('rmid', 'a range in the middle', () => [middle]),
  rangeCase('ropn', 'a range without an end', () => [{ start: 1234 }]),
  rangeCase('rsuf', 'a range of the last bytes', () => [{ suffix: 500 }, { suffix: 1 }]),
  rangeCase('rclp', 'a range past the end, or longer than the file', (last) => [
    { start: 100, end: last + 1 },
    { start: 100, end: Number.MAX_SAFE_INTEGER },
    { suffix: last + 1000 },
  ]),
  defineCase({
    id: 'rbad',
    title: 'a range outside the file rejects with ERR_PYPI_RANGE_NOT_SATISFIABLE',
    needs: ['fill'],
    check: (subject) =>
      eachSize(subject, async ({ bytes: { length } }, open) => {
        for (const range of [{ start: length }, { start: length, end: length + 9 }, { suffix: 0 }]) {
          await assert.rejects(open({ range }), unsatisfiable, JSON.stringify(range))
        }
      }),
  }),
  defineCase({
    id: 'ifrg',
    title: 'a range is honoured when the condition is the validator or the modification time',
    needs: ['fill'],
    check: (subject) =>
      eachSize(subject, async ({ bytes }, open) => {
        const { etag, modifiedMs } = await open({ describeOnly: true })
        await assertBytes(await open({ range: middle, ifRange: `"${etag}"` }), bytes, middle)
        await assertBytes(await open({ range: middle, ifRange: new Date(modifiedMs).toUTCString() }), bytes, middle)
      }),
  }),
  defineCase({
    id: 'ifrn',
    title: 'a range whose condition is another validator, a weak one or another time is the whole file',
    needs: ['fill'],
    check: (subject) =>
      eachSize(subject, async ({ bytes }, open) => {
        const { etag, modifiedMs } = await open({ describeOnly: true })
        const [before, after] = [-5000, 5000].map((ms) => new Date(modifiedMs + ms).toUTCString())
        for (const ifRange of [`"${etag}0"`, `W/"${etag}"`, before, after, 'no condition'] as string[]) {
          await assertBytes(await open({ range: middle, ifRange }), bytes)
          // RFC 9110 13.1.5: the range is ignored, also one that could not be satisfied.
          await assertBytes(await open({ range: { start: bytes.length }, ifRange }), bytes)
        }
      }),
  }),
  defineCase({
    id: 'etag',
    title: 'equal bytes keep their validator, which is visible ASCII, and other files have others',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      const second = sampleWheel('demo', { version: '2.0' })
      await fill([demo, second])
      const etags = await Promise.all(
        [demo, second, demo].map(async (sample) => {
          const found = await opened(backend, await recordOf(backend, sample), { describeOnly: true })
          return found.etag
        }),
      )
      assert.equal(etags[0], etags[2])
      assert.notEqual(etags[0], etags[1])
      // RFC 9110 8.8.3.
      for (const etag of etags) assert.match(etag, /^[!#-~]+$/)
    },
  }),
  defineCase({
    id: 'meta',
    title: 'core metadata is that of the archive, byte by byte, and its digest is told',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const file = await recordOf(backend, demo)
      const found = await opened(backend, file, { part: 'metadata' })
      await assertBytes(found, demo.metadata.bytes)
      assert.equal(file.coreMetadata?.['sha256'], demo.metadata.sha256)
    },
  }),
  defineCase({
    id: 'mrng',
    title: 'ranges of core metadata are taken from it',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const range = { start: 5, end: 15 }
      const found = await opened(backend, await recordOf(backend, demo), { part: 'metadata', range })
      await assertBytes(found, demo.metadata.bytes, range)
    },
  }),
  defineCase({
    id: 'part',
    title: 'a part that a file does not have is undefined, and not promised',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const file = await recordOf(backend, demo)
      assert.equal(await backend.openFile(file, { part: 'signature' }), undefined)
      assert.equal(await backend.openFile(file, { part: 'provenance' }), undefined)
      assert.deepEqual([file.hasSignature ?? false, file.provenance], [false, undefined])
    },
  }),
  defineCase({
    id: 'keep',
    title: 'a body that was opened before its file was replaced is that of the old file',
    needs: ['fill', 'publish'],
    check: async (subject) => {
      await subject.fill([large])
      const found = await opened(subject.backend, await recordOf(subject.backend, large))
      await overwrite(subject, sampleWheel('large', { payloadBytes: largePayloadBytes + 1, seed: 1 }))
      await assertBytes(found, large.bytes)
    },
  }),
  defineCase({
    id: 'mixd',
    title: 'size, range and validator describe the very bytes, while a file is replaced again and again',
    needs: ['fill', 'publish'],
    check: async (subject) => {
      const versions = [0, 1].map((seed) => sampleWheel('demo', { seed, payloadBytes: 100_000 + seed }))
      await subject.fill(versions.slice(0, 1))
      const file = await recordOf(subject.backend, demo)
      const digests = new Map<string, string>()
      for (let round = 0; round < rounds; round++) {
        const [whole, last] = await Promise.all([
          readVersion(subject.backend, file, { versions }),
          readVersion(subject.backend, file, { versions, range: { suffix: 100 } }),
          overwrite(subject, versions[(round + 1) % 2] ?? demo),
        ])
        for (const { etag, digest } of [whole, last]) {
          assert.equal(digests.get(etag) ?? digest, digest, 'one validator for different bytes')
          digests.set(etag, digest)
        }
      }
    },
  }),
]

/** Opens a file that may be either version, and tells which one it was. */
async function readVersion(
  backend: Backend,
  file: DistributionFile,
  { versions, range }: { readonly versions: readonly SampleFile[]; readonly range?: RequestedRange },
): Promise<{ readonly etag: string; readonly digest: string }> {
  const found = await opened(backend, file, range && { range })
  const version = versions.find(({ bytes }) => bytes.length === found.size)
  assert.ok(version, `no version has ${found.size} bytes`)
  await assertBytes(found, version.bytes, range && resolve(range, found.size))
  return { etag: found.etag, digest: version.hashes.sha256 }
}

function rangeCase(id: string, what: string, rangesOf: (last: number) => readonly RequestedRange[]): UnboundCase {
  return defineCase({
    id,
    title: `${what} is exactly these bytes`,
    needs: ['fill'],
    check: (subject) =>
      eachSize(subject, async ({ bytes }, open) => {
        for (const range of rangesOf(bytes.length - 1)) {
          await assertBytes(await open({ range }), bytes, resolve(range, bytes.length))
        }
      }),
  })
}

/** RFC 9110 14.1.2, for ranges that can be satisfied. */
function resolve(range: RequestedRange, size: number): { readonly start: number; readonly end: number } {
  if ('suffix' in range) return { start: Math.max(0, size - range.suffix), end: size - 1 }
  return { start: range.start, end: Math.min(range.end ?? size - 1, size - 1) }
}

/** Tries a file that fits in one read, and one that is rather streamed. */
async function eachSize(
  { backend, fill }: Subject<'fill'>,
  check: (sample: SampleFile, open: (options?: OpenFileOptions) => Promise<OpenedFile>) => Promise<void>,
): Promise<void> {
  await fill([demo, large])
  for (const sample of [demo, large]) {
    const file = await recordOf(backend, sample)
    await check(sample, (options) => opened(backend, file, options))
  }
}
