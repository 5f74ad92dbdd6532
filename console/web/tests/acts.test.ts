import { expect, test } from 'vitest'
import { aged, answered, begin, consequence, direction, UNKNOWN_AFTER_MS, type Request } from '../src/lib/acts'

const request: Request = { type: 'kill', id: 'k-1', level: 'FLATTEN' }
const act = begin(request, 'FLATTEN', 'holdfast kill FLATTEN', 0)

test('KC-1: an act is sending, accepted, then done with counts', () => {
  expect(act.state).toBe('sending')
  const accepted = answered(act, { type: 'accepted', id: 'k-1' })
  expect(accepted.state).toBe('accepted')
  const done = answered(accepted, { type: 'done', id: 'k-1', cancelled: 2, closed: 1, failed: 0, remaining: 0 })
  expect([done.state, done.text]).toEqual(['done', '2 cancelled, 1 closed'])
})

test('KC-2: what failed or remains is never left out', () => {
  const done = answered(act, { type: 'done', id: 'k-1', cancelled: 0, closed: 0, failed: 1, remaining: 2 })
  expect(done.text).toBe('0 cancelled, 0 closed, 1 FAILED, 2 REMAIN')
})

test('UI-8: without an answer for two seconds it is unknown, and a late answer still counts', () => {
  expect(aged(act, UNKNOWN_AFTER_MS - 1).state).toBe('sending')
  const unknown = aged(act, UNKNOWN_AFTER_MS)
  expect([unknown.state, unknown.instead]).toEqual(['unknown', 'holdfast kill FLATTEN'])
  expect(answered(unknown, { type: 'accepted', id: 'k-1' }).state).toBe('accepted')
})

test('an answer to another act, or after the last one, changes nothing', () => {
  expect(answered(act, { type: 'done', id: 'k-2' })).toBe(act)
  const done = answered(act, { type: 'done', id: 'k-1', cancelled: 0, closed: 0 })
  expect(answered(done, { type: 'unknown', id: 'k-1' })).toBe(done)
})

test('UI-1: a question names how much', () => {
  expect(consequence('FLATTEN', 3, 5, '12,400', 'PAPER')).toBe(
    'Cancel 3 orders, close 5 positions (about 12,400) in PAPER, then pause.',
  )
  expect(consequence('EMERGENCY', 1, 0, '', 'LIVE')).toContain('Cancel 1 order, close 0 positions in LIVE')
})

test('KC-6: lowering risk is told from raising it', () => {
  expect(direction('5', '4')).toBe('lowers')
  expect(direction('5', '5.5')).toBe('raises')
  expect(direction(null, '4')).toBe('lowers')
  expect(direction('4', null)).toBe('raises')
  expect(direction(['SPY', 'ES'], ['ES'])).toBe('lowers')
  expect(direction(['ES'], ['ES', 'SPY'])).toBe('raises')
  expect(direction('10', '9')).toBe('lowers')
})
