import type { Headers } from './message.js'

/**
 * Carried by every page: whatever a page came to hold, a browser neither runs it, nor loads anything for it, nor shows it
 * inside a page of somebody else. Styles and images that are in the page itself are fine, for pages of operators.
 */
export const htmlSafety: Headers = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
