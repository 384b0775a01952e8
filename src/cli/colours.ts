/** Paints a text, or leaves it as it is. */
export type Paint = (text: string) => string

/** What the command paints with. */
export interface Colours {
  readonly bad: Paint
  readonly doubtful: Paint
  readonly faint: Paint
  readonly strong: Paint
}

const codes = { bad: [31, 39], doubtful: [33, 39], faint: [2, 22], strong: [1, 22] } as const

/** Colours for a stream where they are wanted, and none elsewhere. */
export function coloursFor(stream: { readonly isTTY?: boolean }, env: Readonly<NodeJS.ProcessEnv>): Colours {
  const isColoured = wantsColours(stream, env)
  const paint = ([on, off]: readonly [number, number]): Paint => {
    return (text) => (isColoured ? `\u001b[${on}m${text}\u001b[${off}m` : text)
  }
  return {
    bad: paint(codes.bad),
    doubtful: paint(codes.doubtful),
    faint: paint(codes.faint),
    strong: paint(codes.strong),
  }
}

/**
 * Whether a stream is to be coloured: `FORCE_COLOR` decides, where `0` and `false` are a no; then a `NO_COLOR` that is not
 * empty forbids it; then it has to be a terminal that is not `dumb`.
 */
export function wantsColours({ isTTY }: { readonly isTTY?: boolean }, env: Readonly<NodeJS.ProcessEnv>): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: forbidden, TERM: terminal } = env
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  if (forbidden) return false
  return isTTY === true && terminal !== 'dumb'
}
