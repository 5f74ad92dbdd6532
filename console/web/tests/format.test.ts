import { expect, test } from 'vitest'
import { ageNow, freshness } from '../src/lib/ages'
import { age, clockOffset, completeness, decimalsOf, money, percent, price, quantity, sessionDate, signed, span, time } from '../src/lib/format'
import { protectionValue, used } from '../src/lib/protections'

test('UI-10: a sign stands beside the colour', () => {
  expect(signed(262_000_000)).toBe('+2.62')
  expect(signed(-150_000_000)).toBe('\u22121.50')
  expect(signed(0)).toBe('0.00')
  expect(money(-1)).toBe('0.00')
  expect(money(123_456_789_000_000)).toBe('1,234,567.89')
  expect(money(null)).toBe('–')
})

test('UI-7: a session with a hole is never shown as whole', () => {
  expect([1, 0.99999, 0.9782, 0].map(completeness)).toEqual(['100.0 %', '99.9 %', '97.8 %', '0.0 %'])
})

test('UI-7: a clock that does not answer says why', () => {
  expect(clockOffset({ name: 'venue', offset_ns: -2_000_000, problem: '' })).toBe('venue \u22122.00 ms')
  expect(clockOffset({ name: 'ntp', offset_ns: null, problem: '' })).toBe('ntp no answer')
})

test('prices have as many decimals as their tick', () => {
  expect([1_000_000, 25_000_000, 100_000_000, 1_000].map(decimalsOf)).toEqual([2, 2, 0, 5])
  expect(price(275_025_000_000, 25_000_000)).toBe('2,750.25')
  expect(price(0)).toBe('–')
})

test('quantities, ratios, dates and spans are short', () => {
  expect(quantity(188_200_000)).toBe('1.882')
  expect(quantity(-100_000_000)).toBe('\u22121')
  expect(percent(-0.0123)).toBe('\u22121.23 %')
  expect(sessionDate(20240102)).toBe('2024-01-02')
  expect(percent(-0.00001)).toBe('0.00 %')
  expect([0.5e9, 42.9e9, 90e9].map(age)).toEqual(['< 1 s', '42 s', '1 min'])
  expect([5e2, 5e3, 5e6, 5e9, 90e9, 5400e9].map(span)).toEqual(['500 ns', '5.00 µs', '5.00 ms', '5.00 s', '1 min', '1 h 30 min'])
})

test('times are those of the exchange', () => {
  expect(time(1_704_206_100_000_000_000)).toBe('09:35:00')
})

test('UI-8: an age is what was said and how old that word is, and nothing is fresh over a dead link', () => {
  expect(ageNow(1e9, 3000)).toBe(4e9)
  expect(ageNow(1e9, null)).toBe(1e9)
  const feed = {
    name: 'main', age_ns: 1e9, freshness: 'GREEN', is_stale: false, completeness_ratio: 1,
    repeated: 0, older: 0, disordered: 0,
  } as const
  expect(freshness(feed, 'live')).toBe('fresh')
  expect(freshness(feed, 'stale')).toBe('unknown')
  expect(freshness({ ...feed, freshness: 'RED' }, 'live')).toBe('late')
})

test('RK-15: each protection is shown in its own unit', () => {
  expect(protectionValue('DAILY_LOSS', 1_000_000_000)).toBe('10.00')
  expect(protectionValue('MAX_DRAWDOWN', 15_000_000)).toBe('15.00 %')
  expect(protectionValue('STOPLOSS_GUARD', 3)).toBe('3')
  const loss = { name: 'DAILY_LOSS', instrument: '', status: 'ARMED', is_tripped: false, until_ns: null, value: 5, limit: 10 }
  expect(used(loss)).toBe(0.5)
  expect(used({ ...loss, name: 'TIME_WINDOW' })).toBe(null)
})
