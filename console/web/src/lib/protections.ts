// Each protection measures in its own unit; the trader sends bare numbers (docs/reference/views.md).

import { money, percent, span } from './format'
import type { Protection } from './types'

type Unit = 'money' | 'ratio' | 'span' | 'minutes' | 'count'

const UNITS: Record<string, Unit> = {
  DAILY_LOSS: 'money',
  WEEKLY_LOSS: 'money',
  MAX_DRAWDOWN: 'ratio',
  VOLATILITY_HALT: 'ratio',
  COOLDOWN_PERIOD: 'span',
  TIME_WINDOW: 'minutes',
}

export function protectionValue(name: string, value: number | null): string {
  if (value === null) return '–'
  switch (UNITS[name] ?? 'count') {
    case 'money':
      return money(value)
    case 'ratio':
      return percent(value / 1e8)
    case 'span':
      return value === 0 ? '–' : span(value)
    case 'minutes':
      return `minute ${value}`
    case 'count':
      return String(value)
  }
}

/** How much of its limit is used up; null where that has no meaning. */
export function used(each: Protection): number | null {
  const unit = UNITS[each.name] ?? 'count'
  if (unit === 'span' || unit === 'minutes' || !each.limit || each.value === null) return null
  return Math.max(0, each.value / each.limit)
}
