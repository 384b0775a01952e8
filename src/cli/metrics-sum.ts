interface Family {
  readonly head: readonly string[]
  /** By name and labels. */
  readonly samples: Map<string, number>
}

/**
 * What several processes counted, as if one had: texts in Prometheus' format with the same families, of which counters and
 * histograms are added up, and gauges are the greatest.
 */
export function sumMetrics(texts: readonly string[]): string {
  const families = new Map<string, Family>()
  for (const text of texts) for (const part of text.split(/^(?=# HELP )/m)) add(families, part)
  return [...families.values()].map(textOf).join('')
}

function add(families: Map<string, Family>, part: string): void {
  const [help = '', type = '', ...lines] = part.split('\n')
  if (help === '') return
  const { samples } = families.get(help) ?? put(families, help, type)
  for (const line of lines) {
    const at = line.lastIndexOf(' ')
    if (at < 0) continue
    const [key, value] = [line.slice(0, at), Number(line.slice(at))]
    const known = samples.get(key) ?? 0
    samples.set(key, type.endsWith(' gauge') ? Math.max(known, value) : known + value)
  }
}

function put(families: Map<string, Family>, help: string, type: string): Family {
  const family = { head: [help, type], samples: new Map<string, number>() }
  families.set(help, family)
  return family
}

function textOf({ head, samples }: Family): string {
  return [...head, ...[...samples].map(([key, value]) => `${key} ${value}`), ''].join('\n')
}
