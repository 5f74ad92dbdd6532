// The state of the link to the trader: one machine, one writer (lib/socket.ts).
//
// connecting: nothing was heard yet. live: the newest word of the trader is young.
// stale: the way stands and the trader's word is old. down: no way, or no trader behind it.
// Age is judged by the browser's own clock against the last receipt, so that a page which hears
// nothing cannot look alive.

import type { TraderState } from './types'

export type LinkState = 'connecting' | 'live' | 'stale' | 'down'

export const STALE_AFTER_MS = 2500
const GIVE_UP_CONNECTING_MS = 4000

export interface LinkFacts {
  readonly socket: 'opening' | 'open' | 'closed'
  readonly since_ms: number
  readonly heard_ms: number | null
  readonly trader: TraderState
  readonly trader_age_ms: number
}

export type LinkInput =
  | { kind: 'opening' | 'opened' | 'closed'; at_ms: number }
  | { kind: 'heard'; at_ms: number; trader?: TraderState; trader_age_ms?: number }

export function noLink(at_ms: number): LinkFacts {
  return { socket: 'opening', since_ms: at_ms, heard_ms: null, trader: 'connecting', trader_age_ms: 0 }
}

export function step(facts: LinkFacts, input: LinkInput): LinkFacts {
  switch (input.kind) {
    case 'opening':
      return { ...facts, socket: facts.socket === 'closed' ? 'closed' : 'opening' }
    case 'opened':
      return { ...facts, socket: 'open', since_ms: input.at_ms }
    case 'closed':
      return { ...facts, socket: 'closed', since_ms: input.at_ms }
    case 'heard':
      return {
        ...facts,
        heard_ms: input.at_ms,
        trader: input.trader ?? facts.trader,
        trader_age_ms: input.trader_age_ms ?? 0,
      }
  }
}

/** Milliseconds since the trader's own word reached the console, as far as this page knows. */
export function wordAge(facts: LinkFacts, now_ms: number): number | null {
  return facts.heard_ms === null ? null : Math.max(0, now_ms - facts.heard_ms) + facts.trader_age_ms
}

export function linkOf(facts: LinkFacts, now_ms: number): LinkState {
  if (facts.socket === 'closed') return 'down'
  const age = wordAge(facts, now_ms)
  if (age === null) return now_ms - facts.since_ms > GIVE_UP_CONNECTING_MS ? 'down' : 'connecting'
  if (facts.trader === 'gone') return 'down'
  if (facts.trader === 'connecting') return 'connecting'
  return age > STALE_AFTER_MS || facts.trader === 'silent' ? 'stale' : 'live'
}
