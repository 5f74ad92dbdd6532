// What became of each click: sending, accepted, done with counts, refused, or unknown.
//
// Every act has an id made here. The trader acts once on an id, so that the same act may be sent
// again after the link broke: it answers as before.

import { count } from './format'
import type { Answer } from './types'

export type ActState = 'sending' | 'accepted' | 'done' | 'refused' | 'unknown'
export type Level = 'PAUSE' | 'FLATTEN' | 'EMERGENCY'

export interface Request {
  type: 'kill' | 'resume' | 'control'
  id: string
  [field: string]: unknown
}

export interface Act {
  readonly request: Request
  readonly label: string
  readonly state: ActState
  readonly at_ms: number
  readonly text: string
  readonly instead: string
}

export const UNKNOWN_AFTER_MS = 2000

export function begin(request: Request, label: string, instead: string, at_ms: number): Act {
  return { request, label, state: 'sending', at_ms, text: '', instead }
}

export function isOpen(act: Act): boolean {
  return act.state === 'sending' || act.state === 'accepted' || act.state === 'unknown'
}

export function answered(act: Act, answer: Answer): Act {
  if (answer.id !== act.request.id || act.state === 'done' || act.state === 'refused') return act
  switch (answer.type) {
    case 'accepted':
      return { ...act, state: 'accepted', text: 'no new risk leaves; still at work' }
    case 'done':
      return { ...act, state: 'done', text: outcome(answer) }
    case 'refused':
      return { ...act, state: 'refused', text: answer.error ?? 'refused without a reason' }
    default:
      return { ...act, state: 'unknown', text: answer.error ?? 'no answer' }
  }
}

/** Without any answer for two seconds its fate is not known, and the page says what to use. */
export function aged(act: Act, now_ms: number): Act {
  if (act.state !== 'sending' || now_ms - act.at_ms < UNKNOWN_AFTER_MS) return act
  return { ...act, state: 'unknown', text: 'no answer from the trader' }
}

function outcome(answer: Answer): string {
  if (answer.cancelled === undefined) {
    return answer.name === 'kill_level'
      ? `${String(answer.old)} lifted`
      : `${answer.name ?? 'value'}: ${show(answer.old)} → ${show(answer.new)}`
  }
  const parts = [`${answer.cancelled} cancelled`, `${answer.closed ?? 0} closed`]
  if (answer.failed) parts.push(`${answer.failed} FAILED`)
  if (answer.remaining) parts.push(`${answer.remaining} REMAIN`)
  return parts.join(', ')
}

function show(value: unknown): string {
  return value === null || value === undefined ? 'as configured' : String(value)
}

/** What a kill will do, in counts, for the one who is asked. */
export function consequence(
  level: Level,
  orders: number,
  positions: number,
  notional: string,
  mode: string,
): string {
  const worth = positions > 0 && notional ? ` (about ${notional})` : ''
  const both = `Cancel ${count(orders, 'order')}, close ${count(positions, 'position')}${worth}`
  switch (level) {
    case 'PAUSE':
      return `No new entries in ${mode}. Exits and stops go on.`
    case 'FLATTEN':
      return `${both} in ${mode}, then pause.`
    case 'EMERGENCY':
      return `${both} in ${mode}, then halt everything. Only a person re-arms.`
  }
}

export type Direction = 'lowers' | 'raises'

/** Whether a control's new value narrows what is allowed. null is what the configuration allows. */
export function direction(old: unknown, value: unknown): Direction {
  if (value === null) return 'raises'
  if (old === null || old === undefined) return 'lowers'
  if (Array.isArray(value)) {
    return Array.isArray(old) && value.every((name) => old.includes(name)) ? 'lowers' : 'raises'
  }
  return Number(value) <= Number(old) ? 'lowers' : 'raises'
}
