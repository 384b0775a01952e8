import { httpDate } from '../http/conditional.js'
import { type Xml, xml, xmlDocument } from './xml.js'

/** An RSS 2.0 channel. */
export interface Feed {
  readonly title: string
  /** Absolute URL of the page that the feed is about. */
  readonly link: string
  readonly description: string
  /** In the order in which they are shown. */
  readonly items: readonly FeedItem[]
}

/** One entry of a feed. */
export interface FeedItem {
  /** Another text for another entry, the same whenever the entry is shown; not a URL. */
  readonly id: string
  readonly title: string
  /** Absolute URL. */
  readonly link: string
  readonly description?: string | undefined
  /** RSS 2.0 wants a mail address here, with or without a name. */
  readonly author?: string | undefined
  /** Milliseconds since the epoch. */
  readonly dateMs: number
}

/** The document (RSS 2.0). It holds nothing of the moment it was made in: equal feeds are equal texts. */
export function rss({ title, link, description, items }: Feed): string {
  return xmlDocument(xml`<rss version="2.0">
<channel>
<title>${title}</title>
<link>${link}</link>
<description>${description}</description>
<language>en</language>
${items.map(itemElement)}</channel>
</rss>`)
}

function itemElement({ id, title, link, description, author, dateMs }: FeedItem): Xml {
  return xml`<item>
<title>${title}</title>
<link>${link}</link>
<guid isPermaLink="false">${id}</guid>
${description !== undefined && xml`<description>${description}</description>`}
${author !== undefined && xml`<author>${author}</author>`}
<pubDate>${httpDate(dateMs)}</pubDate>
</item>
`
}
