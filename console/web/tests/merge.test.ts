import { expect, test } from 'vitest'
import { EVENTS_KEPT, merged, nothing } from '../src/lib/merge'
import { branches } from '../src/lib/tree'
import type { Changes, Told, TreeNode } from '../src/lib/types'

const told = (id: string): Told => ({ id, at_ns: 0, kind: 'X', stream: '', severity: 'INFO', text: '' })
const said = (more: Partial<Changes>): Changes => ({
  type: 'delta', epoch: 'e', seq: 2, since: 1, trader_age_ms: 0, topics: {}, events: [], ...more,
})
const seen = { epoch: 'e', seq: 1, topics: { now_ns: 5 }, events: [told('a')] }

test('UI-8: a delta goes on from what is here', () => {
  const after = merged(seen, said({ topics: { counts: { bars: 1 } }, events: [told('b')] }))
  expect(after?.topics).toEqual({ now_ns: 5, counts: { bars: 1 } })
  expect(after?.events.map((each) => each.id)).toEqual(['a', 'b'])
})

test('UI-8: a gap, or the delta of another process, asks for everything', () => {
  expect(merged(seen, said({ since: 2, seq: 3 }))).toBe(null)
  expect(merged(seen, said({ epoch: 'f' }))).toBe(null)
  expect(merged(nothing, said({}))).toBe(null)
})

test('UI-8: a snapshot replaces everything, and an event told twice is shown once', () => {
  expect(merged(seen, said({ type: 'snapshot', epoch: 'f', seq: 9 }))).toEqual({ epoch: 'f', seq: 9, topics: {}, events: [] })
  expect(merged(seen, said({ since: 0, events: [told('a'), told('b')] }))?.events).toHaveLength(2)
})

test('the list of events is bounded', () => {
  const many = Array.from({ length: EVENTS_KEPT + 7 }, (_, at) => told(String(at)))
  expect(merged(seen, said({ events: many }))?.events).toHaveLength(EVENTS_KEPT)
})

test('UI-7: children stand under their supervisor', () => {
  const node = (name: string, supervisor: string): TreeNode => ({
    name, supervisor, is_actor: true, state: 'RUNNING', restarts: 0, crashes: 0, last_reason: '', mailbox: 0, timers: 0, beat_age_ns: null,
  })
  const rows = branches([node('root', ''), node('b', 'root'), node('a', 'root'), node('b1', 'b')])
  expect(rows.map(({ node: { name }, depth }) => [name, depth])).toEqual([['root', 0], ['b', 1], ['b1', 2], ['a', 1]])
})
