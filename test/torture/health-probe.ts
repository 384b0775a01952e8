import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

// A thread of its own: what the rest of the test does must not pass for slowness of the server.
const { url } = workerData as { readonly url: string }
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const timesMs: number[] = []
let isAsking = true
parentPort?.once('message', () => {
  isAsking = false
})

async function ask(): Promise<number> {
  const startMs = performance.now()
  const [answer] = (await once(get(url, { agent }), 'response')) as [IncomingMessage]
  await once(answer.resume(), 'end')
  if (answer.statusCode !== 200) throw new Error(`${url} answers ${answer.statusCode}`)
  return performance.now() - startMs
}

while (isAsking) {
  timesMs.push(await ask())
  await setTimeout(10)
}
agent.destroy()
parentPort?.postMessage(timesMs)
