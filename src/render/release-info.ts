import type { CoreMetadata } from '../packaging/core-metadata.js'

/** What a description of a release takes out of core metadata, in the shapes of PyPI's JSON API. */
export type ReleaseInfo = Readonly<Record<string, string | null | readonly string[] | Readonly<Record<string, string>>>>

const indent = /\n(?: {7}\||[ \t]{1,8})/g

/**
 * The part of PyPI's `info` that comes out of core metadata. Without metadata, or without a field: the empty text for plain
 * text, no classifiers, and `null` for everything that has a grammar.
 */
export function releaseInfo(metadata: CoreMetadata | undefined): ReleaseInfo {
  const text = (field: string): string => textsOf(metadata, field)[0] ?? ''
  const list = (field: string): readonly string[] | null => nullIfEmpty(textsOf(metadata, field))
  return {
    summary: metadata?.summary ?? '',
    description: metadata?.description ?? '',
    description_content_type: text('description-content-type') || null,
    keywords: text('keywords'),
    license: licenseText(metadata),
    license_expression: text('license-expression') || null,
    license_files: list('license-file'),
    classifiers: textsOf(metadata, 'classifier'),
    author: text('author'),
    author_email: text('author-email'),
    maintainer: text('maintainer'),
    maintainer_email: text('maintainer-email'),
    requires_python: metadata?.requiresPython ?? null,
    requires_dist: list('requires-dist'),
    provides_extra: list('provides-extra'),
    platform: textsOf(metadata, 'platform').join(', '),
    dynamic: list('dynamic'),
    home_page: text('home-page'),
    download_url: text('download-url'),
    project_urls: projectUrls(metadata),
  }
}

/** The values of a field on one line each, without those that old build tools wrote for what nobody had set. */
export function textsOf(metadata: CoreMetadata | undefined, field: string): readonly string[] {
  const values = metadata?.fields.get(field) ?? []
  return values.map((value) => value.replace(/\s+/g, ' ').trim()).filter(isKnown)
}

/** The one field of several lines: those after the first lose their indent (PyPA specification "Core metadata"). */
function licenseText(metadata: CoreMetadata | undefined): string | null {
  const license = metadata?.fields.get('license')?.[0]?.replace(indent, '\n').trim() ?? ''
  return isKnown(license) ? license : null
}

/**
 * Addresses by label (`Project-URL: label, address`), with the two that have fields of their own; of one label the last
 * counts. What has no comma is no address.
 */
function projectUrls(metadata: CoreMetadata | undefined): Readonly<Record<string, string>> | null {
  const own = textsOf(metadata, 'project-url').flatMap((value) => {
    const comma = value.indexOf(',')
    return comma < 0 ? [] : [[value.slice(0, comma).trim(), value.slice(comma + 1).trim()] as const]
  })
  const homepage = textsOf(metadata, 'home-page').slice(0, 1)
  const download = textsOf(metadata, 'download-url').slice(0, 1)
  const entries = [
    ...homepage.map((url) => ['Homepage', url] as const),
    ...download.map((url) => ['Download', url] as const),
    ...own,
  ]
  return entries.length === 0 ? null : Object.fromEntries(entries)
}

function nullIfEmpty(values: readonly string[]): readonly string[] | null {
  return values.length === 0 ? null : values
}

function isKnown(value: string): boolean {
  return value !== '' && value !== 'UNKNOWN'
}
