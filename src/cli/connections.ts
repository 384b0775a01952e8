import type { RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Who is connected to a server, and which of them wait for an answer. */
export interface Connections {
  readonly count: () => number
  /** A handler whose answers are counted. */
  readonly counted: (handler: RequestListener) => RequestListener
  /** From now on answers end their connections. */
  readonly endAfterAnswers: () => void
  /** Ends the connections on which no answer is under way, whatever else was sent on them. */
  readonly endIdle: () => void
  /** Ends whatever connects from now on; fulfils once nobody is connected. */
  readonly refuse: () => Promise<void>
}

/** Counts from now on. Node itself takes a connection on which nothing was ever sent for a busy one. */
export function trackConnections(server: Server): Connections {
  const answers = new Map<Socket, Set<ServerResponse>>()
  let isEnding = false
  let whenEmpty: (() => void) | undefined
  const tellIfEmpty = (): void => {
    if (answers.size === 0) whenEmpty?.()
  }
  server.on('connection', (socket) => {
    if (whenEmpty !== undefined) {
      socket.destroy()
      return
    }
    answers.set(socket, new Set())
    socket.once('close', () => {
      answers.delete(socket)
      tellIfEmpty()
    })
  })

  function counted(handler: RequestListener): RequestListener {
    return (request, response) => {
      const running = answers.get(request.socket)
      running?.add(response)
      response.once('close', () => running?.delete(response))
      if (isEnding) response.shouldKeepAlive = false
      handler(request, response)
    }
  }

  return {
    count: () => answers.size,
    counted,
    endAfterAnswers: () => {
      isEnding = true
      for (const running of answers.values()) for (const response of running) response.shouldKeepAlive = false
    },
    endIdle: () => {
      for (const [socket, running] of answers) if (running.size === 0) socket.destroy()
    },
    refuse: () =>
      new Promise((fulfil) => {
        whenEmpty = fulfil
        tellIfEmpty()
      }),
  }
}
