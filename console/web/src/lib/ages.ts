// How old something is, by this page's own clock: what was said at receipt, and what passed since.

import type { LinkState } from './link'
import type { Feed } from './types'

export type Freshness = 'fresh' | 'old' | 'late' | 'closed' | 'unknown'

const MEANING: Record<Feed['freshness'], Freshness> = { GREEN: 'fresh', YELLOW: 'old', RED: 'late', CLOSED: 'closed' }

export function ageNow(said_ns: number, received_ms: number, now_ms: number): number {
  return said_ns + Math.max(0, now_ms - received_ms) * 1e6
}

/** The trader judges a feed by its cadence; over a link that is not live its word counts no more. */
export function freshness(feed: Feed, link: LinkState): Freshness {
  return link === 'live' ? (MEANING[feed.freshness] ?? 'unknown') : 'unknown'
}
