import { once } from 'node:events'
import { unlinkSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createDigester } from '#src/digests/digest.js'
import { wheel } from '../helpers/archives.js'

/** A wheel that can be uploaded under any number of names, which differ in their build tag. */
export interface UploadSource {
  readonly name: string
  readonly bytes: Buffer
  /** What uploaders claim. */
  readonly fields: Readonly<Record<string, string>>
}

/** What twine claims, and so what is hashed for an upload. */
export const claimedAlgorithms = ['sha256', 'md5', 'blake2b_256'] as const

/** Wheels of about this size, of as many projects. */
export function uploadSources(count: number, bytes: number): Promise<readonly UploadSource[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => uploadSource(`load${index}`, bytes)))
}

async function uploadSource(name: string, bytes: number): Promise<UploadSource> {
  const files = { [`${name}/data.bin`]: Buffer.alloc(bytes, name) }
  const built = wheel({ name, version: '1.0', method: 'stored', files })
  const digester = await createDigester(claimedAlgorithms)
  digester.update(built.bytes)
  const { sha256 = '', md5 = '', blake2b_256 = '' } = digester.finish()
  const digests = { sha256_digest: sha256, md5_digest: md5, blake2_256_digest: blake2b_256 }
  const fields = { ':action': 'file_upload', protocol_version: '1', name, version: '1.0', ...digests }
  return { name, bytes: built.bytes, fields }
}

/** Uploads that one connection after the other makes. */
export interface UploadLoad {
  readonly url: string
  /** Where the server stores them, to have each deleted when it was measured. @default they stay */
  readonly deletedFrom?: string
  readonly sources: readonly UploadSource[]
  readonly connections: number
}

/** What came of it: durations of all uploads in milliseconds, and how long it took in all, in seconds. */
export interface UploadReport {
  readonly durations: readonly number[]
  readonly seconds: number
}

let names = 0

/** Uploads for about as long as asked, at least once on each connection. Rejects for every answer but 200. */
export async function measureUploads(load: UploadLoad, seconds: number): Promise<UploadReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections })
  const startedMs = performance.now()
  const durations: number[] = []
  const connection = async (): Promise<void> => {
    do {
      const index = names++
      const source = load.sources[index % load.sources.length]
      if (source === undefined) throw new Error('there is nothing to upload')
      const filename = `${source.name}-1.0-${index + 1}-py3-none-any.whl`
      const beganMs = performance.now()
      await upload({ ...load, source, filename, agent })
      durations.push(performance.now() - beganMs)
      if (load.deletedFrom !== undefined) unlinkSync(join(load.deletedFrom, filename))
    } while (performance.now() - startedMs < seconds * 1000)
  }
  try {
    await Promise.all(Array.from({ length: load.connections }, connection))
  } finally {
    agent.destroy()
  }
  return { durations, seconds: (performance.now() - startedMs) / 1000 }
}

async function upload(options: UploadLoad & { source: UploadSource; filename: string; agent: Agent }): Promise<void> {
  const { url, source, filename, agent } = options
  const boundary = 'bench-bench-bench'
  const fields = Object.entries(source.fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const head = `${fields.join('')}--${boundary}\r\nContent-Disposition: form-data; name="content"; filename="${filename}"\r\nContent-Type: application/octet-stream\r\n\r\n`
  const tail = `\r\n--${boundary}--\r\n`
  const sent = request(url, {
    method: 'POST',
    agent,
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': head.length + source.bytes.length + tail.length,
    },
  })
  const answered = once(sent, 'response')
  sent.write(head)
  sent.write(source.bytes)
  sent.end(tail)
  const [response] = await answered
  const answer = await text(response)
  if (response.statusCode !== 200) throw new Error(`${url}: ${filename} was answered ${response.statusCode}: ${answer}`)
}
