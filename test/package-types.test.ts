import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>
}
/** What editors and compilers of users read: the declarations as they are packed. */
const entryPoints = Object.values(exports).flatMap((entry) =>
  typeof entry === 'string' ? [] : join(root, entry.types),
)
const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  strict: true,
  exactOptionalPropertyTypes: true,
  types: ['node'],
  skipLibCheck: true,
}
const program = ts.createProgram(entryPoints, compilerOptions)
const checker = program.getTypeChecker()

/** Everything that can be imported, once, by name. */
const exported: ReadonlyMap<string, ts.Symbol> = new Map(
  entryPoints.flatMap((path) => {
    const file = program.getSourceFile(path)
    const module = file && checker.getSymbolAtLocation(file)
    return module === undefined
      ? []
      : checker
          .getExportsOfModule(module)
          .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
          .map((symbol) => [symbol.name, symbol] as const)
  }),
)

/** The members that an interface or a class declares here, without those that it inherits from elsewhere. */
function membersOf(symbol: ts.Symbol): readonly ts.Symbol[] {
  if ((symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class)) === 0) return []
  return checker
    .getDeclaredTypeOfSymbol(symbol)
    .getProperties()
    .filter(({ declarations = [] }) =>
      declarations.some((declaration) => {
        const { fileName } = declaration.getSourceFile()
        return fileName.startsWith(join(root, 'dist')) && !ts.isParameter(declaration)
      }),
    )
}

function textOf(symbol: ts.Symbol): string {
  return ts.displayPartsToString(symbol.getDocumentationComment(checker))
}

function defaultOf(symbol: ts.Symbol): string {
  const tag = symbol.getJsDocTags().find(({ name }) => name === 'default')
  return ts.displayPartsToString(tag?.text)
}

/** What users write down for us, where what they leave out has a meaning. */
const isOptions = (name: string): boolean =>
  /^(?:Config|Limits|Hooks|NewToken|TrustedPublisher|AttestationTrust|\w+Options)$/.test(name)

test('every exported name and every member of an exported interface has a comment that an editor shows', () => {
  assert.ok(exported.size > 60)
  const silent = [...exported].flatMap(([name, symbol]) => [
    ...(textOf(symbol) === '' ? [name] : []),
    ...membersOf(symbol)
      .filter((member) => textOf(member) === '' && defaultOf(member) === '')
      .map((member) => `${name}.${member.name}`),
  ])
  assert.deepEqual(silent, [])
})

test('every option that may be left out says what holds then', () => {
  const options = [...exported].filter(([name]) => isOptions(name))
  assert.ok(options.length > 12)
  const silent = options.flatMap(([name, symbol]) =>
    membersOf(symbol)
      .filter((member) => name === 'Limits' || member.flags & ts.SymbolFlags.Optional)
      .filter((member) => textOf(member) === '' || defaultOf(member) === '')
      .map((member) => `${name}.${member.name}`),
  )
  assert.deepEqual(silent, [])
})

test('an editor explains every key and every limit where somebody types it', () => {
  const [config, limits] = ['Config', 'Limits'].map((name) => {
    const symbol = exported.get(name)
    assert.ok(symbol)
    return membersOf(symbol).map((member) => member.name)
  })
  assert.ok(config && limits && config.length > 20 && limits.length > 20)
  const typed = (keys: readonly string[]) => keys.map((key) => `${key}: undefined as never`).join(', ')
  const others = config.filter((key) => key !== 'limits')
  const path = join(root, 'test', 'typed.mts')
  const text = `import { createApp } from 'pypi-server'\ncreateApp({ ${typed(others)}, limits: { ${typed(limits)} } })`
  const service = ts.createLanguageService({
    getCurrentDirectory: () => root,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    getScriptFileNames: () => [path],
    getScriptVersion: () => '1',
    getScriptSnapshot: (name) => {
      const content = name === path ? text : ts.sys.readFile(name)
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content)
    },
    fileExists: (name) => name === path || ts.sys.fileExists(name),
    readFile: (name) => (name === path ? text : ts.sys.readFile(name)),
    getCompilationSettings: () => compilerOptions,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
  })
  const unexplained = [...others, ...limits, 'limits'].filter((key) => {
    const hover = service.getQuickInfoAtPosition(path, text.search(new RegExp(`\\b${key}: `)))
    const hasDefault = hover?.tags?.some(({ name }) => name === 'default') === true
    return !hasDefault || ts.displayPartsToString(hover?.documentation) === ''
  })
  assert.deepEqual(unexplained, [])
})

test('nothing that can be imported lets the compiler look away', () => {
  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(join(root, 'dist')))
  assert.ok(own.length > 20)
  const found: string[] = []
  for (const file of own) {
    const visit = (node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${file.fileName}: ${node.parent.getText()}`)
      ts.forEachChild(node, visit)
    }
    visit(file)
  }
  assert.deepEqual(found, [])
})
