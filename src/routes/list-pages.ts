import { setImmediate } from 'node:timers/promises'
import { type ContentCoding, encode } from '../http/content-coding.js'
import type { Headers } from '../http/message.js'
import { type Representation, type RepresentationStore, representationOf } from './representation.js'

/** A page that shows the whole index, which goes on changing while the page is put together. */
export interface ListPage {
  /** Which page it is, whatever it shows. */
  readonly key: string
  /** What it shows now. */
  readonly state: ListState
  /** What it shows when this is called. */
  readonly newest: () => Promise<ListState>
}

/** What a page shows at some time. */
export interface ListState {
  /** Equal versions show the same. */
  readonly version: string
  /** Puts together this version, or a newer one. */
  readonly render: () => Promise<RenderedList>
}

/** A page before it is packed. */
export interface RenderedList {
  /** Each made in a few milliseconds. */
  readonly pieces: Iterable<string>
  /** Without what depends on the coding. */
  readonly headers: Headers
}

/** A page of the index in one coding. */
export type FindList = (page: ListPage, coding: ContentCoding) => Representation | Promise<Representation>

/**
 * Makes pages of the index once for each version that is asked for, one page at a time; of versions that come faster than
 * pages are made, all but the newest are left out. Each page keeps its last version in `kept`.
 */
export function createListPages(kept: RepresentationStore | undefined): FindList {
  const waiting = new Map<string, Promise<Representation>>()
  let running: { readonly slot: string; readonly version: string; readonly made: Promise<Representation> } | undefined
  let tail: Promise<unknown> = Promise.resolve()

  async function make({ newest }: ListPage, coding: ContentCoding, slot: string): Promise<Representation> {
    const { version, render } = await newest()
    const known = kept?.get(slot)
    if (known?.version === version) return known
    const made = pack(render, coding).then((representation) => ({ ...representation, version }))
    running = { slot, version, made }
    try {
      const representation = await made
      kept?.set(slot, representation)
      return representation
    } finally {
      running = undefined
    }
  }

  function makeInTurn(page: ListPage, coding: ContentCoding, slot: string): Promise<Representation> {
    const turn = tail.then(() => {
      // Whoever comes from now on may have seen a newer version.
      waiting.delete(slot)
      return make(page, coding, slot)
    })
    waiting.set(slot, turn)
    tail = turn.catch(() => {})
    return turn
  }

  return (page, coding) => {
    const slot = `${coding} ${page.key}`
    const { version } = page.state
    const known = kept?.get(slot)
    if (known?.version === version) return known
    if (running?.slot === slot && running.version === version) return running.made
    return waiting.get(slot) ?? makeInTurn(page, coding, slot)
  }
}

async function pack(render: ListState['render'], coding: ContentCoding): Promise<Representation> {
  const { pieces, headers } = await render()
  return await representationOf(await encode(await gather(pieces), coding), coding, headers)
}

// Few bytes are put together before anybody notices.
const gatheredAtOnce = 64 * 1024
const copiedAtOnce = 1024 * 1024

/** The text as bytes; other work gets its turn in between. */
async function gather(pieces: Iterable<string>): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  let pauseAt = gatheredAtOnce
  for (const piece of pieces) {
    const part = Buffer.from(piece)
    parts.push(part)
    length += part.length
    if (length < pauseAt) continue
    await setImmediate()
    pauseAt = length + gatheredAtOnce
  }
  const whole = Buffer.allocUnsafeSlow(length)
  let at = 0
  pauseAt = copiedAtOnce
  for (const part of parts) {
    at += part.copy(whole, at)
    if (at < pauseAt) continue
    await setImmediate()
    pauseAt = at + copiedAtOnce
  }
  return whole
}
