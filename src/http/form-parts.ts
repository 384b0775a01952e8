import type { Readable } from 'node:stream'
import busboy from 'busboy'
import { errorMessage, PypiServerError } from '../errors.js'
import {
  checkFieldName,
  type Form,
  type FormLimits,
  fieldCollector,
  malformedMultipart,
  tooMany,
} from './form-fields.js'

/** One file of a form while it arrives. */
export interface FormFile {
  readonly field: string
  /** As sent, not a safe path: may hold slashes, backslashes and leading dots. */
  readonly filename: string
  /** Destroyed with the reason when the form is refused. */
  readonly stream: Readable
  /** The fields that came before it; grows while it arrives. */
  readonly fields: Form['fields']
}

/** Takes one file; see `ReadFormOptions`. */
export type OnFile = (file: FormFile) => Promise<void>

/** What has come of a form so far; grows while the parser runs. */
export interface FormParts {
  /** Rejects with the first refusal; never fulfils. */
  readonly refused: Promise<never>
  /** Of all files, whether read or not. */
  readonly streams: readonly Readable[]
  /** One for each file that was handed on. */
  readonly running: readonly Promise<void>[]
  readonly fields: Form['fields']
  /** File and field parts that the parser told of. */
  count(): number
}

/** A busboy that leaves names as sent and tells of a limit only once it is passed. */
export function formParser(boundary: string, limits: FormLimits): busboy.Busboy {
  try {
    return busboy({
      // Written anew, so that the parser and the scanner cannot disagree about the boundary.
      headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
      // Those with `+ 1` count as passed when they are merely reached.
      limits: {
        fieldSize: limits.fieldSize + 1,
        fields: limits.fields,
        files: limits.files,
        parts: limits.parts + 1,
        fileSize: limits.fileSize + 1,
      },
      defParamCharset: 'utf8',
      preservePath: true,
    })
  } catch (cause) {
    throw malformedMultipart(errorMessage(cause), { cause })
  }
}

/** Takes down what the parser tells. Only field names and values are kept in memory. */
export function collectParts(parser: busboy.Busboy, limits: FormLimits, onFile: OnFile): FormParts {
  const { fields, add } = fieldCollector(limits)
  const streams: Readable[] = []
  const running: Promise<void>[] = []
  let count = 0
  let isRefused = false
  let refuse: (error: unknown) => void = () => {}
  const refused = new Promise<never>((_, reject) => {
    refuse = (error) => {
      isRefused = true
      reject(error)
    }
  })
  // The parser goes on telling of what it has already buffered.
  const unlessRefused = (action: () => void): void => {
    count += 1
    try {
      if (!isRefused) action()
    } catch (error) {
      refuse(error)
    }
  }

  parser.on('error', (cause) => refuse(malformedMultipart(errorMessage(cause), { cause })))
  parser.on('partsLimit', () => refuse(tooMany(limits.parts, 'parts')))
  parser.on('filesLimit', () => refuse(tooMany(limits.files, 'files')))
  parser.on('fieldsLimit', () => refuse(tooMany(limits.fields, 'fields')))
  parser.on('field', (name: string | undefined, value: string | undefined, info) =>
    unlessRefused(() => {
      if (info.valueTruncated) throw tooMany(limits.fieldSize, 'bytes in a field')
      // The parser leaves the value out when the part names a charset that does not exist.
      if (value === undefined) throw malformedMultipart('a field in an unknown charset')
      add(named(name), value)
    }),
  )
  parser.on('file', (name: string | undefined, stream, info) => {
    streams.push(stream)
    // The reason is known from where the stream was destroyed; here it must only not go unheard.
    stream.on('error', () => {})
    stream.on('limit', () =>
      refuse(new PypiServerError('ERR_PYPI_TOO_LARGE', `a file is over ${limits.fileSize} bytes`)),
    )
    unlessRefused(() => {
      const received = receive({ ...fileOf(named(name), info.filename, limits), stream, fields }, onFile)
      running.push(received)
      received.catch(refuse)
    })
  })
  return { refused, streams, running, fields, count: () => count }
}

function named(name: string | undefined): string {
  if (name === undefined) throw malformedMultipart('a part without a name')
  return name
}

function fileOf(field: string, filename: string | undefined, limits: FormLimits): Pick<FormFile, 'field' | 'filename'> {
  checkFieldName(field, limits)
  if (filename === undefined) throw malformedMultipart('a file without a filename')
  return { field, filename }
}

async function receive(file: FormFile, onFile: OnFile): Promise<void> {
  await onFile(file)
  // The parser would wait for its end for ever.
  if (file.stream.destroyed && !file.stream.readableEnded)
    throw new PypiServerError('ERR_PYPI_ABORTED', `the file in field ${file.field} was not read to its end`)
  file.stream.resume()
}
