import { SingleBar } from 'cli-progress'
import type { LineSink } from './log.js'

/** What asking about a project led to. */
export type Outcome =
  | { readonly kind: 'newer'; readonly version: string }
  | { readonly kind: 'current' | 'unknown' | 'stopped' }
  | { readonly kind: 'failed'; readonly reason: string }

const marks: Readonly<Record<Outcome['kind'], string>> = {
  newer: 'u',
  current: '.',
  unknown: 'e',
  failed: 'e',
  stopped: '',
}
const marksPerLine = 40

/** Writes one character for each project, in the order given and as soon as all before it are known. */
export async function writeMarks(outcomes: readonly Promise<Outcome>[], sink: LineSink): Promise<void> {
  for (const [index, outcome] of outcomes.entries()) {
    const mark = marks[(await outcome).kind]
    sink.write(index % marksPerLine === 0 ? `\n${mark}` : mark)
  }
  sink.write('\n\n')
}

/** Draws a bar that grows with every project, and removes it once all are known; draws nothing for none. */
export async function drawBar(outcomes: readonly Promise<Outcome>[], terminal: NodeJS.WritableStream): Promise<void> {
  if (outcomes.length === 0) return
  const format = '[{bar}] {value}/{total}'
  // Without `linewrap: null` a Ctrl-C would leave the terminal with its wrapping turned off.
  const bar = new SingleBar({ stream: terminal, format, clearOnComplete: true, linewrap: null })
  bar.start(outcomes.length, 0)
  try {
    await Promise.all(outcomes.map((outcome) => outcome.then(() => bar.increment())))
  } finally {
    bar.stop()
  }
}
