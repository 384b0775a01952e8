import { test } from 'node:test'
import fc from 'fast-check'

// Few and always the same runs by default, so that the whole suite stays quick and nobody's change fails by chance.
const defaultRuns = 60
const defaultSeed = 503

/** How often each property is tried: `PYPI_TEST_RUNS`, else a few times. */
export const propertyRuns = numberOf('PYPI_TEST_RUNS') ?? defaultRuns

/** Where random choices begin: `PYPI_TEST_SEED`, else always the same. A failure prints it. */
export const propertySeed = numberOf('PYPI_TEST_SEED') ?? defaultSeed

/** A test that a property holds for whatever the generators make. A failure prints the smallest counterexample. */
export function holds<T>(title: string, property: fc.IRawProperty<T>): void {
  test(title, () => fc.assert(property, { numRuns: propertyRuns, seed: propertySeed }) as Promise<void> | undefined)
}

/** Text as attackers send it: fragments that mean something to the parser, mixed with any characters. */
export function hostileText(...fragments: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...fragments) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
    { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
  )
  return fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
}

/** The bytes of some made archive after an accident or an attack: cut, flipped, overwritten, repeated. */
export function damaged(bytes: Uint8Array): fc.Arbitrary<Buffer> {
  const position = fc.nat({ max: Math.max(0, bytes.length - 1) })
  const value = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat({ max: 255 }))
  return fc
    .record({
      // The end of an archive says where everything is, so that half of the blows fall there.
      blows: fc.array(
        fc.tuple(
          fc.oneof(
            position,
            position.map((at) => Math.max(bytes.length - 1 - (at % 64), 0)),
          ),
          value,
        ),
        {
          maxLength: 6,
        },
      ),
      cut: fc.option(position),
      repeated: fc.option(fc.tuple(position, fc.nat({ max: 200 }))),
    })
    .map(({ blows, cut, repeated }) => {
      const copy = Buffer.from(bytes)
      for (const [at, byte] of blows) copy[at] = byte
      const kept = cut === null ? copy : copy.subarray(0, cut)
      if (repeated === null) return kept
      const [from, length] = repeated
      return Buffer.concat([kept, copy.subarray(from, from + length)])
    })
}

function numberOf(variable: string): number | undefined {
  const text = process.env[variable]
  return text === undefined || text === '' ? undefined : Number(text)
}
