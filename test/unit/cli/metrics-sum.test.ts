import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sumMetrics } from '#src/cli/metrics-sum.js'

const text = (counter: string, gauge: number): string =>
  `# HELP a_total Some.\n# TYPE a_total counter\n${counter}# HELP b Other.\n# TYPE b gauge\nb{version="1 2"} ${gauge}\n`

test('counters of several processes are added up by their labels, and gauges are the greatest', () => {
  const texts = [text('a_total{x="1"} 2\na_total{x="2"} 0.5\n', 1), text('a_total{x="3"} 4\na_total{x="2"} 1\n', 1)]
  assert.equal(sumMetrics(texts), text('a_total{x="1"} 2\na_total{x="2"} 1.5\na_total{x="3"} 4\n', 1))
})

test('who has told nothing adds nothing', () => {
  assert.equal(sumMetrics(['', text('', 3), '']), text('', 3))
})
