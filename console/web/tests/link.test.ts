import { expect, test } from 'vitest'
import { linkOf, noLink, STALE_AFTER_MS, step, wordAge, type LinkFacts, type LinkInput } from '../src/lib/link'

function after(...inputs: LinkInput[]): LinkFacts {
  return inputs.reduce(step, noLink(0))
}
const opened: LinkInput = { kind: 'opened', at_ms: 10 }
const live: LinkInput = { kind: 'heard', at_ms: 100, trader: 'live', trader_age_ms: 0 }

test('UI-8: nothing heard yet is connecting, and after a while down', () => {
  expect(linkOf(noLink(0), 100)).toBe('connecting')
  expect(linkOf(noLink(0), 10_000)).toBe('down')
})

test('UI-8: a word of the trader makes it live, silence makes it stale', () => {
  const facts = after(opened, live)
  expect(linkOf(facts, 100)).toBe('live')
  expect(linkOf(facts, 100 + STALE_AFTER_MS)).toBe('live')
  expect(linkOf(facts, 101 + STALE_AFTER_MS)).toBe('stale')
})

test('UI-8: a word that is said again counts anew, though nothing in it changed', () => {
  const again: LinkInput = { kind: 'heard', at_ms: 2100, trader_age_ms: 50 }
  expect(wordAge(after(opened, live, again), 2200)).toBe(150)
})

test('UI-8: a console that speaks of a silent trader is not live', () => {
  const beat: LinkInput = { kind: 'heard', at_ms: 200, trader_age_ms: STALE_AFTER_MS + 1 }
  expect(linkOf(after(opened, live, beat), 200)).toBe('stale')
  expect(linkOf(after(opened, live, { ...live, trader: 'silent' }), 100)).toBe('stale')
  expect(wordAge(after(opened, live, beat), 300)).toBe(STALE_AFTER_MS + 101)
})

test('UI-8: without a way or without a trader it is down, at once', () => {
  expect(linkOf(after(opened, live, { kind: 'closed', at_ms: 150 }), 150)).toBe('down')
  expect(linkOf(after(opened, { ...live, trader: 'gone' }), 100)).toBe('down')
})

test('UI-8: trying again is still down, an open way is not yet live', () => {
  const closed: LinkInput = { kind: 'closed', at_ms: 150 }
  const again: LinkInput = { kind: 'opening', at_ms: 9000 }
  expect(linkOf(after(opened, live, closed, again), 9000)).toBe('down')
  const open = after(opened, live, closed, again, { kind: 'opened', at_ms: 9100 })
  expect(linkOf(open, 9100)).toBe('stale')
  expect(linkOf(step(open, { ...live, at_ms: 9200 }), 9200)).toBe('live')
})
