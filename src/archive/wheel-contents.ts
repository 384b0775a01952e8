import { entryPointsProblem } from '../packaging/entry-points.js'
import type { ParsedFilename } from '../packaging/filename.js'
import { isStemOf } from '../packaging/metadata-match.js'
import { parseRecordPaths } from '../packaging/record.js'
import { badArchive } from './archive-error.js'
import type { ByteSource } from './byte-source.js'
import { shownName } from './member-path.js'
import { readZipMember, type ZipDirectory, type ZipMember } from './zip.js'

const maxRecordBytes = 16 * 2 ** 20
const maxTextBytes = 2 ** 20
const unlisted: readonly string[] = ['RECORD', 'RECORD.jws', 'RECORD.p7s']

/** A wheel to be checked; its framing was found in order. */
export interface WheelToCheck {
  readonly source: ByteSource
  readonly directory: ZipDirectory
  readonly parsed: ParsedFilename
}

/**
 * Checks what every wheel must hold (PyPA specification "Binary distribution format"): one `.dist-info` folder named like
 * the file, with METADATA, a WHEEL of version 1, a RECORD that lists exactly the members, and entry points whose names can
 * be file names. What METADATA says is not looked at here.
 * @throws `ERR_PYPI_BAD_ARCHIVE`
 */
export function checkWheelContents({ source, directory, parsed }: WheelToCheck): void {
  const members = new Map(directory.members.map((member) => [member.name, member]))
  const info = distInfoFolder(members, parsed)
  const required = (file: string): ZipMember => {
    const member = members.get(`${info}/${file}`)
    if (member !== undefined) return member
    throw badArchive(`Wheel '${parsed.filename}' does not contain the required ${file} file: ${info}/${file}`)
  }
  required('METADATA')
  checkWheelFile(textOf(source, required('WHEEL'), maxTextBytes))
  checkRecord(textOf(source, required('RECORD'), maxRecordBytes), members, info)
  const entryPoints = members.get(`${info}/entry_points.txt`)
  const problem = entryPoints && entryPointsProblem(textOf(source, entryPoints, maxTextBytes))
  if (problem !== undefined) throw badArchive(`invalid entry points in ${info}/entry_points.txt: ${problem}`)
}

function distInfoFolder(members: ReadonlyMap<string, ZipMember>, parsed: ParsedFilename): string {
  const folders = new Set([...members.keys()].flatMap((name) => /^([^/]+\.dist-info)\//.exec(name)?.[1] ?? []))
  const [folder, second] = folders
  if (folder === undefined) throw badArchive(`Wheel '${parsed.filename}' does not contain a .dist-info folder`)
  if (second !== undefined)
    throw badArchive(`more than one .dist-info folder: ${shownName(folder)}, ${shownName(second)}`)
  if (isStemOf(folder.slice(0, -'.dist-info'.length), parsed)) return folder
  throw badArchive(`${shownName(folder)} is the folder of another distribution than ${parsed.filename}`)
}

function checkWheelFile(text: string): void {
  const [, version = ''] = /^Wheel-Version:[ \t]*(\S*)/im.exec(text) ?? []
  if (!/^1\.\d+$/.test(version)) throw badArchive(`Wheel-Version ${shownName(version)} in WHEEL is not 1.x`)
}

function checkRecord(text: string, members: ReadonlyMap<string, ZipMember>, info: string): void {
  const mismatch = (what: string) => badArchive(`RECORD does not match the wheel's contents: ${what}`)
  const paths = parseRecordPaths(text)
  if (paths === undefined) throw mismatch('it is no CSV')
  const listed = new Set(paths)
  const exempt = new Set(unlisted.map((file) => `${info}/${file}`))
  for (const name of members.keys()) {
    if (!name.endsWith('/') && !exempt.has(name) && !listed.has(name))
      throw mismatch(`member ${shownName(name)} is not listed`)
  }
  for (const path of listed) {
    if (!members.has(path) && !exempt.has(path)) throw mismatch(`${shownName(path)} is listed and not there`)
  }
}

function textOf(source: ByteSource, member: ZipMember, maxBytes: number): string {
  return new TextDecoder().decode(readZipMember(source, member, { maxBytes }))
}
