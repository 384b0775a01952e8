/** What {@link negotiate} may be told besides the offers. */
export interface NegotiateOptions<T extends string> {
  /** Further names, in lower case, under which clients may ask for an offer. @default none */
  readonly aliases?: Readonly<Record<string, T>>
}

/** The types in which index pages are served (PEP 691). */
export type SimpleType = 'text/html' | 'application/vnd.pypi.simple.v1+html' | 'application/vnd.pypi.simple.v1+json'

/** The types in which error bodies are served; `application/problem+json` is RFC 9457. */
export type ProblemType = 'text/plain' | 'text/html' | 'application/json' | 'application/problem+json'

interface Range {
  readonly name: string
  readonly quality: number
}

const maxHeaderLength = 2048
const maxRanges = 32
const decimal = /^(?:\d+(?:\.\d*)?|\.\d+)$/
const mediaRange = /^[^\s/]+\/[^\s/]+$/

const simpleOffers: readonly SimpleType[] = [
  'text/html',
  'application/vnd.pypi.simple.v1+html',
  'application/vnd.pypi.simple.v1+json',
]
// PEP 691, "Version + Format Selection": `latest` may be asked for, the answer names the real version.
const simpleAliases: Readonly<Record<string, SimpleType>> = {
  'application/vnd.pypi.simple.latest+html': 'application/vnd.pypi.simple.v1+html',
  'application/vnd.pypi.simple.latest+json': 'application/vnd.pypi.simple.v1+json',
}
const problemOffers: readonly ProblemType[] = [
  'text/plain',
  'text/html',
  'application/json',
  'application/problem+json',
]

/**
 * The offer that an `Accept` header likes best (RFC 9110 12.5.1): highest quality, then the more specific range, then the
 * order of the offers. `undefined` when none is acceptable. Absent, blank, over 2 KiB or over 32 ranges: the first offer.
 */
export function negotiate<T extends string>(
  accept: string | undefined,
  offers: readonly T[],
  options: NegotiateOptions<T> = {},
): T | undefined {
  const ranges = parseRanges(accept)
  if (ranges === undefined) return offers[0]
  const names = ranges
    .map(({ name, quality }) => ({ name: aliasOf(options.aliases, name) ?? widest(name), quality }))
    .filter(({ name }) => mediaRange.test(name))
  return bestOf(offers.map((offer) => rate(offer, names)))
}

/** The type of an index page (PEP 691): `?format=` overrides `Accept`; `undefined` means that nothing fits (406). */
export function negotiateSimple(request: {
  readonly accept: string | undefined
  /** As decoded from the query, where an unescaped `+` has become a space. */
  readonly format?: string | null | undefined
}): SimpleType | undefined {
  const { accept, format } = request
  if (format == null) return negotiate(accept, simpleOffers, { aliases: simpleAliases })
  const wanted = format.replaceAll(' ', '+').toLowerCase()
  return aliasOf(simpleAliases, wanted) ?? simpleOffers.find((offer) => offer === wanted)
}

/** The type of an error body; plain text when the client does not care and when nothing fits, as an error must be told. */
export function negotiateProblem(accept: string | undefined): ProblemType {
  return negotiate(accept, problemOffers) ?? 'text/plain'
}

/**
 * The content coding that an `Accept-Encoding` header likes best (RFC 9110 12.5.3); ties go to the earlier offer.
 * `identity` when the header is absent, too long or refuses every offer.
 */
export function negotiateEncoding<T extends string>(header: string | undefined, offers: readonly T[]): T | 'identity' {
  const ranges = parseRanges(header) ?? []
  const qualityOf = (coding: string): number | undefined => ranges.find(({ name }) => name === coding)?.quality
  const fallback = qualityOf('*') ?? 0
  const rated = offers.map((offer) => ({ offer, quality: qualityOf(offer) ?? fallback, specificity: 0 }))
  const best = bestOf(rated.filter(({ quality }) => quality >= (qualityOf('identity') ?? 0)))
  return best ?? 'identity'
}

function aliasOf<T extends string>(aliases: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return aliases !== undefined && Object.hasOwn(aliases, name) ? aliases[name] : undefined
}

// Old Java clients write a lone `*` for "any type".
function widest(name: string): string {
  return name === '*' ? '*/*' : name
}

function parseRanges(header: string | undefined): readonly Range[] | undefined {
  if (header === undefined || header.trim() === '' || header.length > maxHeaderLength) return undefined
  const parts = header.split(',')
  if (parts.length > maxRanges) return undefined
  return parts.map(parseRange).filter((range) => range !== undefined)
}

function parseRange(part: string): Range | undefined {
  const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
  const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))
  const text = weight === undefined ? '1' : weight.slice(weight.indexOf('=') + 1).trim()
  return name !== '' && decimal.test(text) ? { name, quality: Math.min(Number(text), 1) } : undefined
}

interface Rated<T> {
  readonly offer: T
  readonly quality: number
  readonly specificity: number
}

// RFC 9110 12.5.1: the most specific range that matches decides, so `text/html;q=0, */*` refuses HTML.
function rate<T extends string>(offer: T, ranges: readonly Range[]): Rated<T> {
  const patterns = ['*/*', `${offer.slice(0, offer.indexOf('/'))}/*`, offer]
  const matches = ranges.map(({ name, quality }) => ({ offer, quality, specificity: patterns.indexOf(name) }))
  return matches.filter(({ specificity }) => specificity >= 0).reduce(better, { offer, quality: 0, specificity: -1 })
}

function better<T>(one: Rated<T>, other: Rated<T>): Rated<T> {
  const difference = other.specificity - one.specificity || other.quality - one.quality
  return difference > 0 ? other : one
}

function bestOf<T>(rated: readonly Rated<T>[]): T | undefined {
  const order = (one: Rated<T>, other: Rated<T>): number =>
    other.quality - one.quality || other.specificity - one.specificity
  return rated.filter(({ quality }) => quality > 0).sort(order)[0]?.offer
}
