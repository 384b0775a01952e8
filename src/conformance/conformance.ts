import type { ConformanceCase, ConformanceOptions, CreateBackend } from './case.js'
import { changingCases } from './changing.js'
import { livingCases } from './living.js'
import { openingCases } from './opening.js'
import { publishingCases } from './publishing.js'
import { readingCases } from './reading.js'
import { serialCases } from './serials.js'

export type {
  BackendUnderTest,
  CaseContext,
  ConformanceCase,
  ConformanceOptions,
  CreateBackend,
  Outcome,
} from './case.js'
export type { SampleFile } from './samples.js'

/**
 * Everything that the contract of a `Backend` asks for and that can be tried from outside, one case each, for any test
 * runner. `create` makes an empty backend for each case; nothing happens before a case is run. Cases that need a method
 * or an ability that the backend lacks fulfil with the reason why they were skipped.
 */
export function backendConformance(
  create: CreateBackend,
  { projectCount = 5000, patienceMs = 10_000 }: ConformanceOptions = {},
): readonly ConformanceCase[] {
  const cases = [...readingCases, ...openingCases, ...publishingCases, ...changingCases, ...livingCases, ...serialCases]
  return cases.map((bind) => bind(create, { projectCount, patienceMs }))
}
