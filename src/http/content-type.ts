const defaultType = 'application/octet-stream'
const typesByExtension: readonly (readonly [extension: string, type: string])[] = [
  ['.zip', 'application/zip'],
  ['.tar.gz', 'application/gzip'],
  ['.tgz', 'application/gzip'],
  ['.tar.bz2', 'application/x-bzip2'],
  ['.tar.xz', 'application/x-xz'],
  ['.asc', 'text/plain; charset=UTF-8'],
]

/**
 * The `Content-Type` of a distribution file or its signature, by the end of its name. Wheels, eggs, installers and
 * unknown files are `application/octet-stream`: nothing a browser would render or a client would unpack on its own.
 */
export function contentTypeOf(filename: string): string {
  const name = filename.toLowerCase()
  return typesByExtension.find(([extension]) => name.endsWith(extension))?.[1] ?? defaultType
}
