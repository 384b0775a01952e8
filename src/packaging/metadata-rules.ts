import { type CoreMetadata, parseCoreMetadata } from './core-metadata.js'
import { isProjectName } from './name.js'
import { isRequirement } from './requirement.js'
import { isSpecifierSet } from './specifier.js'
import { isVersion } from './version.js'

const versions: readonly string[] = ['1.0', '1.1', '1.2', '2.1', '2.2', '2.3', '2.4', '2.5', '2.6']
const contentTypes: readonly string[] = ['text/plain', 'text/x-rst', 'text/markdown']
const mandatory: readonly string[] = ['Metadata-Version', 'Name', 'Version']
const single: readonly string[] = [
  ...mandatory,
  'Summary',
  'Description',
  'Description-Content-Type',
  'Keywords',
  'Home-page',
  'Download-URL',
  'Author',
  'Author-email',
  'Maintainer',
  'Maintainer-email',
  'License',
  'License-Expression',
  'Requires-Python',
]
const longestSummary = 512

/** What is wrong with a value; `undefined` when nothing is. */
type ValueRule = (value: string) => string | undefined

const rules: readonly (readonly [field: string, rule: ValueRule])[] = [
  ['Metadata-Version', (value) => (versions.includes(value) ? undefined : `is none of ${versions.join(', ')}`)],
  ['Name', (value) => (isProjectName(value) ? undefined : 'is no project name')],
  ['Version', (value) => (isVersion(value) ? undefined : 'is no version (PEP 440)')],
  ['Summary', (value) => (value.includes('\n') ? 'has more than one line' : longerThan(value, longestSummary))],
  ['Requires-Python', (value) => (isSpecifierSet(value) ? undefined : 'is no set of version specifiers')],
  ['Requires-Dist', (value) => (isRequirement(value) ? undefined : 'is no requirement (PEP 508)')],
  ['Provides-Extra', (value) => (isProjectName(value) ? undefined : 'is no name of an extra')],
  ['Description-Content-Type', contentTypeProblem],
  ['Project-URL', projectUrlProblem],
  ['Dynamic', dynamicProblem],
]

/**
 * What is wrong with core metadata (PyPA specification "Core metadata"), naming the field: bytes that are not UTF-8, lines
 * that are no header, mandatory fields that are missing, fields given twice, and the values of those that indexes and
 * installers read. `undefined` when nothing is.
 */
export function metadataProblem(bytes: Uint8Array): string | undefined {
  const text = decodeUtf8(bytes)
  if (text === undefined) return 'it is not UTF-8'
  const line = brokenLine(text)
  if (line !== undefined) return `line ${line} is neither a field nor a continuation`
  return fieldsProblem(parseCoreMetadata(bytes).fields)
}

function fieldsProblem(fields: CoreMetadata['fields']): string | undefined {
  const values = (field: string): readonly string[] => fields.get(field.toLowerCase()) ?? []
  const missing = mandatory.find((field) => (values(field)[0] ?? '') === '')
  if (missing !== undefined) return `${missing} is missing`
  const repeated = single.find((field) => values(field).length > 1)
  if (repeated !== undefined) return `${repeated} is given more than once`
  if (!isAbsent(values('License-Expression')[0]) && !isAbsent(values('License')[0]))
    return 'License and License-Expression are both given'
  for (const [field, rule] of rules) {
    for (const value of values(field)) {
      const problem = isAbsent(value) ? undefined : rule(value)
      if (problem !== undefined) return `${field} ${JSON.stringify(value.slice(0, 100))} ${problem}`
    }
  }
  return undefined
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The number of the first line that is no header, before the empty line that ends the headers. */
function brokenLine(text: string): number | undefined {
  // Only the headers are split, as a description may be long.
  const [headers = ''] = text.split(/\r?\n\r?\n|\r\r/, 1)
  const lines = headers.split(/\r\n|\r|\n/)
  const at = lines.findIndex(
    (line, index) => line !== '' && !/^[!-9;-~]+:/.test(line) && (index === 0 || !/^[ \t]/.test(line)),
  )
  return at === -1 ? undefined : at + 1
}

function isAbsent(value: string | undefined): boolean {
  return value === undefined || value === '' || value === 'UNKNOWN'
}

function longerThan(value: string, limit: number): string | undefined {
  return value.length > limit ? `has more than ${limit} characters` : undefined
}

function contentTypeProblem(value: string): string | undefined {
  const [type = '', ...parameters] = value.split(';').map((part) => part.trim().toLowerCase())
  if (!contentTypes.includes(type)) return `is none of ${contentTypes.join(', ')}`
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  return charset === undefined || /^charset="?utf-8"?$/.test(charset) ? undefined : 'has a charset other than UTF-8'
}

function projectUrlProblem(value: string): string | undefined {
  const comma = value.indexOf(',')
  const label = value.slice(0, comma).trim()
  if (comma < 1 || label.length > 32) return 'has no label of at most 32 characters before a comma'
  return URL.canParse(value.slice(comma + 1).trim()) ? undefined : 'has no address behind its label'
}

/** A field that other fields are about cannot change between an sdist and its wheels (PEP 643). */
function dynamicProblem(value: string): string | undefined {
  return mandatory.some((field) => field.toLowerCase() === value.toLowerCase()) ? 'cannot be dynamic' : undefined
}
