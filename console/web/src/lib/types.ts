// What the console process says; names are those of docs/reference/console.md.

export interface Run {
  run: string
  mode: string
  source: string
  account?: string
  is_synthetic?: boolean
  started_ns: number
  ended_ns: number | null
  is_clean: boolean
  kill_level: string
}

export type TraderState = 'connecting' | 'live' | 'silent' | 'gone'

export interface Trader {
  state: TraderState
  pid: number | null
  kill_url: string | null
}

export interface Account {
  mode: string
  run: string
  kill_level: string
  halted_for: string
  session_date: number
  equity_1e8: number | null
  session_net_1e8: number
  week_net_1e8: number
  throttle_ratio_1e8: number
  halts: string[][]
  crashes: number
  restarts: number
  journal_pending: number
  assertions?: Assertion[]
  breakers?: BreakerSeen[]
}

/** One of the ten, and what was found where it does not hold. */
export interface Assertion {
  name: string
  meaning: string
  found: string[]
}

export interface BreakerSeen {
  name: string
  state: string
  is_latched: boolean
  cause: string
  until_ns?: number
}

export interface Position {
  position_id: string
  strategy: string
  instrument: string
  phase: string
  qty_1e8: number
  average_entry_1e8: number
  unrealised_1e8: number
  stop_1e8: number
  target_1e8: number
  entry_ns: number
}

export interface Order {
  client_order_id: string
  strategy: string
  instrument: string
  purpose: string
  side: string
  order_type: string
  state: string
  qty_1e8: number
  filled_1e8: number
  changed_ns: number
}

export interface Strategy {
  name: string
  instrument: string
  parameters: Record<string, string>
  state: string
  last_answer: string
  no_trades: Record<string, number>
}

export interface Protection {
  name: string
  instrument: string
  status: string
  is_tripped: boolean
  until_ns: number | null
  value: number | null
  limit: number | null
}

/** Best bid and ask; a size is 0 where the source gives none. */
export interface Quote {
  bid_1e8: number
  ask_1e8: number
  bid_size_1e8: number
  ask_size_1e8: number
  at_ns: number
}

export interface Price {
  instrument: string
  price_1e8: number | null
  vwap_1e8: number | null
  quote: Quote | null
  tick_1e8: number
  multiplier_1e8: number
}

export interface Feed {
  name: string
  age_ns: number
  freshness: 'GREEN' | 'YELLOW' | 'RED' | 'CLOSED'
  is_stale: boolean
  completeness_ratio: number
  repeated: number
  older: number
  disordered: number
}

export interface ClockSeen {
  name: string
  offset_ns: number | null
  problem: string
}

export interface Alerts {
  channels: Record<string, Severity>
  told: {
    wall_ns: number
    kind: string
    severity: Severity
    channel: string
    is_taken: boolean
    reason?: string
    text: string
  }[]
}

export interface Health {
  is_live: boolean
  is_ready: boolean
  why_not_ready: string[]
  feeds: Feed[]
  journal_lag_rows: number
  lease_holder: string
  clocks?: ClockSeen[] | null
}

export interface TreeNode {
  name: string
  supervisor: string
  is_actor: boolean
  state: string
  restarts: number
  crashes: number
  last_reason: string
  mailbox: number
  timers: number
  beat_age_ns: number | null
}

export interface Runtime {
  at_ns: number
  handled: number
  queued: number
  timers: number
  dead_letters: Record<string, number>
  shed: number
  quarantined: number
  halted_for: string | null
  nodes: TreeNode[]
}

/** A binary window: what it began at, and what its reference and the exchanges say (MD-10). */
export interface Window {
  market: string
  instruments: string[]
  asset: string
  starts_ns: number
  ends_ns: number
  start_1e8: number | null
  end_1e8: number | null
  prices: { feed: string; role: string; price_1e8: number | null; at_ns: number | null }[]
}
export interface Topics {
  run: Run
  trader: Trader
  account: Account
  positions: Position[]
  orders: Order[]
  strategies: Strategy[]
  protections: Protection[]
  prices: Price[]
  windows: Window[]
  counts: Record<string, number>
  health: Health
  runtime: Runtime
  alerts: Alerts
  now_ns: number
}

export type Severity = 'INFO' | 'WARNING' | 'CRITICAL'

export interface Told {
  id: string
  at_ns: number
  kind: string
  stream: string
  severity: Severity
  text: string
}

export interface Changes {
  type: 'snapshot' | 'delta'
  epoch: string
  seq: number
  since: number
  trader_age_ms: number
  topics: Partial<Topics>
  events: Told[]
}

export interface Beat {
  type: 'beat'
  epoch: string
  seq: number
  trader_age_ms: number
}

export interface Answer {
  type: 'accepted' | 'done' | 'refused' | 'unknown' | 'pending'
  id: string | null
  error?: string
  cancelled?: number
  closed?: number
  failed?: number
  remaining?: number
  name?: string
  old?: unknown
  new?: unknown
}

export type Message = Changes | Beat | { type: 'answer'; answer: Answer }
