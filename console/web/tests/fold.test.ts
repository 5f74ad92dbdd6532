import { expect, test } from 'vitest'
import { folded } from '../src/lib/fold'
import type { Severity, Told } from '../src/lib/types'

let made = 0
function told(kind: string, stream: string, text: string, severity: Severity = 'WARNING'): Told {
  made += 1
  return { id: `main/${made}`, at_ns: made, kind, stream, severity, text }
}

test('UI-1: a refusal that is said again each minute is one line, with its count', () => {
  const events = [1, 2, 3].flatMap((minute) => [
    told('SignalReceived', `signal/${minute}`, `asks at ${minute}`, 'INFO'),
    told('VerdictGiven', `signal/${minute}`, 'vwap refused: it cools down'),
  ])
  const filled = told('OrderFilled', 'order/o-1', 'filled 1', 'INFO')
  const lines = folded([filled, ...events, told('VerdictGiven', 'signal/9', 'dip refused: it cools down')])
  expect(lines.map((line) => [line.event.text, line.times])).toEqual([
    ['dip refused: it cools down', 1],
    ['vwap refused: it cools down', 3],
    ['filled 1', 1],
  ])
  expect(lines[1]?.event.at_ns).toBe(events.at(-1)?.at_ns) // when it was said last
})

test('UI-1: two equal fills are two, and a signal that was taken is told', () => {
  const events = [
    told('SignalReceived', 'signal/a', 'asks at 1', 'INFO'),
    told('OrderFilled', 'order/o-1', 'filled 1', 'INFO'),
    told('OrderFilled', 'order/o-2', 'filled 1', 'INFO'),
  ]
  expect(folded(events).map((line) => line.times)).toEqual([1, 1, 1])
})
