import type { Shell } from './completion-options.js'
import { type CommandOutline, commandOutlines, type OptionOutline } from './outline.js'

/** The script by which a shell completes command lines, made of the definitions of the options. */
export function completionScript(shell: Shell): string {
  const outlines = commandOutlines()
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript }
  return scripts[shell](outlines)
}

/** Tells, word by word, which command a line is about: the same in bash and zsh. */
function commandCases(outlines: readonly CommandOutline[]): string {
  return outlines
    .filter(({ path }) => path.length > 0)
    .map(
      ({ path }) =>
        `      ${quoted(`${path.slice(0, -1).join(' ')}:${path.at(-1)}`)}) command=${quoted(path.join(' '))} ;;`,
    )
    .join('\n')
}

function bashScript(outlines: readonly CommandOutline[]): string {
  const values = outlines.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map((option) => {
        const pattern = option.flags.map((flag) => quoted(`${path.join(' ')}:${flag}`)).join(' | ')
        return `    ${pattern}) words=${quoted(option.words.join(' '))} ;;`
      }),
  )
  const words = outlines.map((outline) => {
    const flags = outline.options.flatMap((option) => option.flags)
    return `      ${quoted(outline.path.join(' '))}) words=${quoted(flags.join(' '))}; plain=${quoted(outline.words.join(' '))} ;;`
  })
  return `# bash completion of pypi-server
_pypi_server() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command='' words='' plain='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command:\${COMP_WORDS[i]}" in
${commandCases(outlines)}
    esac
  done
  case "$command:\${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join('\n')}
    *)
      case "$command" in
${words.join('\n')}
      esac
      [[ $cur == -* ]] || words=$plain ;;
  esac
  # Without words there are files.
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _pypi_server pypi-server
`
}

function zshScript(outlines: readonly CommandOutline[]): string {
  const described = (word: string, help: string): string =>
    quoted(help ? `${word.replaceAll(':', '\\:')}:${help}` : word)
  const cases = outlines.map(({ path, options, words, helps }) => {
    const flags = options.flatMap(({ flags: all, help }) => all.map((flag) => described(flag, help)))
    const plain = words.map((word, at) => described(word, helps[at] ?? ''))
    return `    ${quoted(path.join(' '))}) options=(${flags.join(' ')}); plain=(${plain.join(' ')}) ;;`
  })
  return `#compdef pypi-server
_pypi_server() {
  local command='' i
  local -a options plain
  for ((i = 2; i < CURRENT; i++)); do
    case "$command:\${words[i]}" in
${commandCases(outlines)}
    esac
  done
  case "$command" in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe option options
  elif ((\${#plain})); then _describe word plain
  else _files
  fi
}
if [[ $funcstack[1] == _pypi_server || $funcstack[1] == _pypi-server ]]; then _pypi_server "$@"; else compdef _pypi_server pypi-server; fi
`
}

function fishScript(outlines: readonly CommandOutline[]): string {
  const lines = outlines.flatMap(({ path, options, words, helps }) => {
    const condition =
      path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ') || '__fish_use_subcommand'
    const start = `complete -c pypi-server -n ${quoted(condition)}`
    return [
      ...words.map((word, at) => `${start} -f -a ${quoted(word)} -d ${quoted(helps[at] ?? '')}`),
      ...options.map((option) => `${start} ${fishOption(option)}`),
    ]
  })
  return `# fish completion of pypi-server\n${lines.join('\n')}\n`
}

function fishOption({ flags, takesValue, words, help }: OptionOutline): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  const value = takesValue ? [words.length > 0 ? `-x -a ${quoted(words.join(' '))}` : '-r'] : []
  return [...names, ...value, '-d', quoted(help)].join(' ')
}

/** For a shell, which expands nothing in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
