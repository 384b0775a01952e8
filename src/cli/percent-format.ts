import { pythonRepr, pythonStr } from './python-text.js'

interface Placeholder {
  readonly flags: string
  readonly width: number
  readonly precision: number | undefined
  readonly type: string
}

// Three digits are enough for a width, and keep a typing error from filling the memory.
const placeholder = /%(?:\(([^)]*)\))?([#0\- +]*)(\d{0,3})(?:\.(\d{1,3}))?[hlL]?([diouxXeEfFgGcrsa%])/g

/**
 * Fills in a format as Python's `format % values` does: `%(key)s`, `%(key)-8d`, `%(key).1f`, `%(key)r`, `%%`, and a bare
 * `%s` or `%r` for all values together. Never throws: an unknown key becomes `?key?`, a number format of something that is no
 * number falls back to `%s`, and what is no placeholder stays as it is.
 */
export function percentFormat(format: string, values: Readonly<Record<string, unknown>>): string {
  return format.replace(placeholder, (whole, key: string | undefined, flags, width, precision, type) => {
    if (type === '%') return '%'
    if (key === undefined && type !== 's' && type !== 'r') return whole
    if (key !== undefined && !Object.hasOwn(values, key)) return `?${key}?`
    const spec = { flags, type, width: Number(width), precision: precision && Number(precision) }
    return formatted(key === undefined ? values : values[key], spec)
  })
}

function formatted(value: unknown, spec: Placeholder): string {
  const isNumber = 'diouxXeEfFgG'.includes(spec.type) && typeof value === 'number' && Number.isFinite(value)
  if (isNumber) return padded(signed(value, spec), spec)
  const text = textOf(value, spec.type)
  const { precision = text.length } = 'sra'.includes(spec.type) ? spec : {}
  return padded(text.slice(0, precision), { ...spec, flags: minus(spec) })
}

function textOf(value: unknown, type: string): string {
  if (type === 'r' || type === 'a') return pythonRepr(value)
  if (type === 'c' && typeof value === 'number') return String.fromCodePoint(Math.min(Math.max(value, 32), 0x10ffff))
  return pythonStr(value)
}

/** Zeros and signs are for numbers only. */
function minus({ flags }: Placeholder): string {
  return flags.includes('-') ? '-' : ''
}

function signed(value: number, spec: Placeholder): string {
  const isNegative = value < 0 || Object.is(value, -0)
  const plus = spec.flags.includes('+') ? '+' : spec.flags.includes(' ') ? ' ' : ''
  return (isNegative ? '-' : plus) + digits(Math.abs(value), spec)
}

function digits(value: number, { type, precision, flags }: Placeholder): string {
  const prefix = flags.includes('#')
  const whole = (radix: number): string =>
    Math.trunc(value)
      .toString(radix)
      .padStart(precision ?? 1, '0')
  const fraction = Math.min(precision ?? 6, 100)
  switch (type) {
    case 'o':
      return (prefix ? '0o' : '') + whole(8)
    case 'x':
      return (prefix ? '0x' : '') + whole(16)
    case 'X':
      return ((prefix ? '0x' : '') + whole(16)).toUpperCase()
    case 'e':
    case 'E':
      return inCase(type, exponent(value.toExponential(fraction)))
    case 'f':
    case 'F':
      return value.toFixed(fraction)
    case 'g':
    case 'G':
      return inCase(type, general(value, Math.max(fraction, 1)))
    default:
      return whole(10)
  }
}

/** Python writes at least two digits of exponent. */
function exponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

function general(value: number, precision: number): string {
  const scientific = value.toExponential(precision - 1)
  const power = Number(scientific.slice(scientific.indexOf('e') + 1))
  const isPlain = power >= -4 && power < precision
  const text = isPlain ? value.toFixed(Math.min(precision - 1 - power, 100)) : exponent(scientific)
  return text.replace(/(\.\d*?)0+(?=e|$)/, '$1').replace(/\.(?=e|$)/, '')
}

function inCase(type: string, text: string): string {
  return type === type.toUpperCase() ? text.toUpperCase() : text
}

function padded(text: string, { flags, width }: Placeholder): string {
  if (flags.includes('-')) return text.padEnd(width)
  if (!flags.includes('0')) return text.padStart(width)
  const sign = /^[-+ ]?(?:0[xo])?/i.exec(text)?.[0] ?? ''
  return sign + text.slice(sign.length).padStart(width - sign.length, '0')
}
