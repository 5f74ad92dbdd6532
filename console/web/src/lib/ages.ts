// How old something is: what the trader said of it, and how old that word of the trader's is.

import type { LinkState } from './link'
import type { Feed } from './types'

export type Freshness = 'fresh' | 'old' | 'late' | 'closed' | 'unknown'

const MEANING: Record<Feed['freshness'], Freshness> = { GREEN: 'fresh', YELLOW: 'old', RED: 'late', CLOSED: 'closed' }

/** A word that was said again counts anew, though it is the same and was not sent once more. */
export function ageNow(said_ns: number, word_age_ms: number | null): number {
  return said_ns + (word_age_ms ?? 0) * 1e6
}

/** The trader judges a feed by its cadence; over a link that is not live its word counts no more. */
export function freshness(feed: Feed, link: LinkState): Freshness {
  return link === 'live' ? (MEANING[feed.freshness] ?? 'unknown') : 'unknown'
}
