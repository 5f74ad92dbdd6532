// How old something is, by this page's own clock: what was said at receipt, and what passed since.

import type { LinkState } from './link'

export type Freshness = 'fresh' | 'old' | 'late' | 'unknown'

const OLD_NS = 90e9 // a feed of one-minute bars is silent for a minute
const LATE_NS = 180e9

export function ageNow(said_ns: number, received_ms: number, now_ms: number): number {
  return said_ns + Math.max(0, now_ms - received_ms) * 1e6
}

/** Nothing is fresh over a link that is not live, whatever was said before. */
export function freshness(age_ns: number | null, isStale: boolean, link: LinkState): Freshness {
  if (link !== 'live' || age_ns === null) return 'unknown'
  if (isStale || age_ns > LATE_NS) return 'late'
  return age_ns > OLD_NS ? 'old' : 'fresh'
}
