import { PypiServerError } from '../errors.js'

/** How much of a form is read; beyond each limit the form is refused, never cut. */
export interface FormLimits {
  /** Bytes of one field name. @default 200 */
  readonly fieldNameSize: number
  /** Bytes of one field value. @default 8 MiB */
  readonly fieldSize: number
  /** Bytes of all field names and values, which are held in memory. @default 16 MiB */
  readonly fieldsSize: number
  /** Fields that are not files. @default 2000 */
  readonly fields: number
  /** @default 3 */
  readonly files: number
  /** Fields and files. @default 2010 */
  readonly parts: number
  /** Bytes of one file. @default 1 GiB */
  readonly fileSize: number
  /** Header fields of one part. @default 50 */
  readonly headerPairs: number
}

/** A form that was received completely. */
export interface Form {
  /** Values in the order they came, by field name as sent. */
  readonly fields: ReadonlyMap<string, readonly string[]>
}

/** Gathers fields and holds them against the limits. */
export interface FieldCollector {
  readonly fields: Form['fields']
  /** @throws PypiServerError `ERR_PYPI_BAD_REQUEST` when a limit is passed. */
  add(name: string, value: string): void
}

const mebibyte = 1024 * 1024

export const defaultFormLimits: FormLimits = {
  fieldNameSize: 200,
  fieldSize: 8 * mebibyte,
  fieldsSize: 16 * mebibyte,
  fields: 2000,
  files: 3,
  parts: 2010,
  fileSize: 1024 * mebibyte,
  headerPairs: 50,
}

/** The error for a multipart body that breaks the rules (RFC 7578) or a limit. */
export function malformedMultipart(reason: string, options?: ErrorOptions): PypiServerError {
  return new PypiServerError('ERR_PYPI_BAD_REQUEST', `malformed multipart body: ${reason}`, options)
}

/** The error for a form with more of something than its limit. */
export function tooMany(limit: number, what: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_BAD_REQUEST', `the form has more than ${limit} ${what}`)
}

/** @throws PypiServerError `ERR_PYPI_BAD_REQUEST` when the name of a field or file is longer than the limit. */
export function checkFieldName(name: string, limits: FormLimits): void {
  if (Buffer.byteLength(name) > limits.fieldNameSize) throw tooMany(limits.fieldNameSize, 'bytes in a field name')
}

/** An empty collection of form fields. */
export function fieldCollector(limits: FormLimits): FieldCollector {
  // A map, because `__proto__` is a field name like any other.
  const fields = new Map<string, string[]>()
  let count = 0
  let totalSize = 0
  const add = (name: string, value: string): void => {
    checkFieldName(name, limits)
    const size = Buffer.byteLength(value)
    if (size > limits.fieldSize) throw tooMany(limits.fieldSize, 'bytes in a field')
    count += 1
    totalSize += size + Buffer.byteLength(name)
    if (count > limits.fields) throw tooMany(limits.fields, 'fields')
    if (totalSize > limits.fieldsSize) throw tooMany(limits.fieldsSize, 'bytes in all its fields')
    const values = fields.get(name)
    if (values === undefined) fields.set(name, [value])
    else values.push(value)
  }
  return { fields, add }
}
