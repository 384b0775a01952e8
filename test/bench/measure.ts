import type { BenchContext, Requirement, Sample, Scenario } from './scenario.js'

/** How long a run takes. */
export interface Effort {
  /** Rounds that count; one more goes before them as warm-up. */
  readonly rounds: number
  /** Of each contestant in each round. */
  readonly seconds: number
}

/** Everything that was seen of one contestant, round by round. */
export interface Measured {
  readonly name: string
  readonly samples: readonly Sample[]
}

/** What came out of a scenario; plain values, kept as JSON. */
export interface Result {
  readonly scenario: string
  readonly title: string
  readonly unit: Scenario['unit']
  readonly note?: string
  readonly measured: readonly Measured[]
  readonly verdicts: readonly Verdict[]
}

/** What became of one requirement. */
export interface Verdict extends Requirement {
  /** Median of the rounds' ratios, or of the values themselves. */
  readonly figure: number
  readonly isMet: boolean
}

/** Measures all contestants of a scenario in turn: A B C, A B C, … so that a slow minute hits everybody alike. */
export async function runScenario(scenario: Scenario, context: BenchContext, effort: Effort): Promise<Result> {
  const contestants = await scenario.prepare(context)
  try {
    for (const { measure } of contestants) await measure(effort.seconds)
    const samples = contestants.map((): Sample[] => [])
    for (let round = 0; round < effort.rounds; round++) {
      for (const [index, { measure }] of contestants.entries()) samples[index]?.push(await measure(effort.seconds))
    }
    const measured = contestants.map(({ name }, index) => ({ name, samples: samples[index] ?? [] }))
    const { name, title, unit, note, requirements } = scenario
    const verdicts = requirements.flatMap((requirement) => judge(requirement, measured) ?? [])
    return { scenario: name, title, unit, ...(note !== undefined && { note }), measured, verdicts }
  } finally {
    for (const { close } of contestants) await close?.()
  }
}

/** `undefined` when somebody who is needed for it was not there. */
function judge(requirement: Requirement, measured: readonly Measured[]): Verdict | undefined {
  const { of = 'ours', against, atLeast = -Infinity, atMost = Infinity } = requirement
  const ours = measured.find(({ name }) => name === of)
  const other = measured.find(({ name }) => name === against)
  if (ours === undefined || (against !== undefined && other === undefined)) return undefined
  const figure = other === undefined ? medianOf(ours) : ratioOf(ours, other)
  return { ...requirement, figure, isMet: figure >= atLeast && figure <= atMost }
}

/** The middle of a contestant's values. */
export function medianOf({ samples }: Measured): number {
  return median(samples.map(({ value }) => value))
}

/** The middle of the ratios within the rounds: what moves from minute to minute drops out. */
export function ratioOf(one: Measured, other: Measured): number {
  return median(one.samples.map(({ value }, round) => value / (other.samples[round]?.value ?? Number.NaN)))
}

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN
  return (low + (sorted[Math.floor(middle)] ?? low)) / 2
}
