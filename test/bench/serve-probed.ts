// The command as a process of its own, which tells over IPC what its event loop and its memory went through.
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import type { Vitals } from './startup.js'

const delay = monitorEventLoopDelay({ resolution: 1 })
let longestCollectionMs = 0
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestCollectionMs = Math.max(longestCollectionMs, duration)
}).observe({ entryTypes: ['gc'] })

process.on('message', (question) => {
  if (question === 'begin') {
    delay.enable()
    delay.reset()
    longestCollectionMs = 0
  }
  const vitals: Vitals = {
    p99DelayMs: delay.percentile(99) / 1e6,
    longestDelayMs: delay.max / 1e6,
    longestCollectionMs,
    residentMb: process.memoryUsage.rss() / 1e6,
  }
  process.send?.(vitals)
})
// Whoever started us is gone.
process.once('disconnect', () => process.exit(0))

await import('#src/cli/main.js')
