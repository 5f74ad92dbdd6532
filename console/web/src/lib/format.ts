// Figures for people. Amounts arrive as integers at 1e-8, times as nanoseconds UTC.

import type { ClockSeen } from './types'

const UNIT = 1e8
const ZONE = 'America/New_York'
const MINUS = '\u2212'

const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: ZONE,
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})
const day = new Intl.DateTimeFormat('en-CA', { timeZone: ZONE })

function plain(value: number, decimals: number): string {
  return Math.abs(value).toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
}

export function money(value_1e8: number | null | undefined, decimals = 2): string {
  if (value_1e8 === null || value_1e8 === undefined) return '–'
  const shown = plain(value_1e8 / UNIT, decimals)
  return value_1e8 < 0 && Number(shown.replace(/,/g, '')) !== 0 ? MINUS + shown : shown
}

/** With its sign, so that colour is not the only mark of a loss. */
export function signed(value_1e8: number | null | undefined, decimals = 2): string {
  if (value_1e8 === null || value_1e8 === undefined) return '–'
  const shown = money(value_1e8, decimals)
  return value_1e8 > 0 ? `+${shown}` : shown
}

export function tone(value: number | null | undefined): 'up' | 'down' | '' {
  if (!value) return ''
  return value > 0 ? 'up' : 'down'
}

/** Decimals that a tick size asks for: 0.01 has two, 0.25 has two, 1 has none. */
export function decimalsOf(tick_1e8: number | undefined): number {
  if (!tick_1e8) return 2
  let decimals = 8
  for (let rest = tick_1e8; decimals > 0 && rest % 10 === 0; rest /= 10) decimals -= 1
  return decimals
}

export function price(value_1e8: number | null | undefined, tick_1e8?: number): string {
  return value_1e8 ? money(value_1e8, decimalsOf(tick_1e8)) : '–'
}

export function quantity(value_1e8: number | null | undefined): string {
  if (value_1e8 === null || value_1e8 === undefined) return '–'
  const shown = (Math.abs(value_1e8) / UNIT).toLocaleString('en-US', { maximumFractionDigits: 8 })
  return value_1e8 < 0 ? MINUS + shown : shown
}

export function percent(ratio: number | null | undefined, decimals = 2): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return '–'
  const shown = plain(ratio * 100, decimals)
  return `${ratio < 0 && Number(shown.replace(/,/g, '')) !== 0 ? MINUS : ''}${shown} %`
}

export function time(at_ns: number | null | undefined): string {
  return at_ns ? clock.format(new Date(at_ns / 1e6)) : '–'
}

export function date(at_ns: number | null | undefined): string {
  return at_ns ? day.format(new Date(at_ns / 1e6)) : '–'
}

export function utc(at_ns: number | null | undefined): string {
  return at_ns ? `${new Date(at_ns / 1e6).toISOString()} (shown in exchange time)` : ''
}

export function sessionDate(yyyymmdd: number | null | undefined): string {
  const text = String(yyyymmdd ?? '')
  return text.length === 8 ? `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}` : '–'
}

/** A span in the unit that keeps it short. */
export function span(ns: number | null | undefined): string {
  if (ns === null || ns === undefined || !Number.isFinite(ns)) return '–'
  if (ns === 0) return '0 s'
  if (ns < 0) return `${MINUS}${span(-ns)}`
  if (ns < 1e3) return `${Math.round(ns)} ns`
  if (ns < 1e6) return `${trim(ns / 1e3)} µs`
  if (ns < 1e9) return `${trim(ns / 1e6)} ms`
  if (ns < 60e9) return `${trim(ns / 1e9)} s`
  if (ns < 3600e9) return `${Math.floor(ns / 60e9)} min`
  return `${Math.floor(ns / 3600e9)} h ${Math.floor((ns % 3600e9) / 60e9)} min`
}

/** An age, in steps that a person can read while it grows. */
export function age(ns: number | null | undefined): string {
  if (ns === null || ns === undefined) return '–'
  if (ns < 1e9) return '< 1 s'
  return ns < 60e9 ? `${Math.floor(ns / 1e9)} s` : span(ns)
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** How much of a session is there, rounded down: 100 % means no hole at all. */
export function completeness(ratio: number): string {
  return percent(Math.floor(ratio * 1000) / 1000, 1)
}

/** How far another clock is ahead of ours, or why that is not known. */
export function clockOffset(clock: ClockSeen): string {
  return `${clock.name} ${clock.offset_ns === null ? clock.problem || 'no answer' : span(clock.offset_ns)}`
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}

/** STOPLOSS_GUARD as "stoploss guard": constants are for programs. */
export function words(constant: string): string {
  return constant.toLowerCase().replace(/_/g, ' ')
}
