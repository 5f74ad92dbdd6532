// A feed for reading: newest first, and what is said again and again is said once, with its count.

import type { Told } from './types'

export interface Line {
  event: Told
  times: number
}

/** Among how many lines a repeat is looked for: one that is further down has scrolled away. */
const NEAR = 12

/**
 * Events as lines, newest first. A refusal that repeats the text of one nearby joins it; the signal
 * that it answers is told by it, so that signal's own line is left out.
 */
export function folded(events: readonly Told[]): Line[] {
  const lines: Line[] = []
  const refused = new Set<string>()
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const event = events[at]
    if (!event) continue
    if (event.kind === 'VerdictGiven') refused.add(event.stream)
    if (event.kind === 'SignalReceived' && refused.has(event.stream)) continue
    const known = event.severity === 'INFO' ? undefined : lines.slice(-NEAR).find((line) => isSame(line.event, event))
    if (known) known.times += 1
    else lines.push({ event, times: 1 })
  }
  return lines
}

const isSame = (one: Told, other: Told) => one.kind === other.kind && one.text === other.text
