// Snapshot and deltas put together. A delta that does not continue what is here is a gap.

import type { Changes, Told, Topics } from './types'

export const EVENTS_KEPT = 500

export interface Seen {
  readonly epoch: string
  readonly seq: number
  readonly topics: Partial<Topics>
  readonly events: readonly Told[]
}

export const nothing: Seen = { epoch: '', seq: 0, topics: {}, events: [] }

/** What is seen after `said`; null is a gap: ask for everything again. */
export function merged(seen: Seen, said: Changes): Seen | null {
  if (said.type === 'snapshot') {
    return { epoch: said.epoch, seq: said.seq, topics: said.topics, events: said.events }
  }
  if (said.epoch !== seen.epoch || said.since > seen.seq) return null
  const known = new Set(seen.events.slice(-EVENTS_KEPT).map((each) => each.id))
  const added = said.events.filter((each) => !known.has(each.id))
  return {
    epoch: said.epoch,
    seq: said.seq,
    topics: { ...seen.topics, ...said.topics },
    events: added.length ? [...seen.events, ...added].slice(-EVENTS_KEPT) : seen.events,
  }
}
