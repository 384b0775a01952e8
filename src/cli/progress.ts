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

const patienceMs = 500
const tickMs = 200

/** On a terminal, shows a text and the seconds that have passed, once it takes long; the returned function removes it. */
export function waitingLine(terminal: Terminal, text: string): () => void {
  if (!terminal.isTTY) return () => {}
  const startedMs = performance.now()
  let isShown = false
  const timer = setInterval(() => {
    const passedMs = performance.now() - startedMs
    if (passedMs < patienceMs) return
    isShown = true
    terminal.write(`\r${text} … ${Math.floor(passedMs / 1000)} s`)
  }, tickMs).unref()
  return () => {
    clearInterval(timer)
    if (isShown) terminal.write('\r\u001b[K')
  }
}
