import { SingleBar } from 'cli-progress'

/** A bar on a terminal, and nothing elsewhere. */
export interface CountingBar {
  readonly update: (done: number, total: number) => void
  /** Removes it. */
  readonly stop: () => void
}

type Terminal = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** A bar that shows how much of a known number is done; it is drawn from the first update on. */
export function countingBar(terminal: Terminal, noun: string): CountingBar {
  if (!terminal.isTTY) return { update: () => {}, stop: () => {} }
  const format = `[{bar}] {value}/{total} ${noun}`
  // Without `linewrap: null` a Ctrl-C would leave the terminal with its wrapping turned off.
  const bar = new SingleBar({ stream: terminal, format, clearOnComplete: true, linewrap: null })
  let isStarted = false
  return {
    update: (done, total) => {
      if (!isStarted) bar.start(total, 0)
      isStarted = true
      bar.update(done)
    },
    stop: () => {
      if (isStarted) bar.stop()
    },
  }
}
