-- State that changes, kept ready for questions: moved on by storage/sql/projections in the transaction
-- that appends the event. Facts that never change are read from the journal itself.

CREATE TABLE orders (
    run TEXT NOT NULL,
    account TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    signal_id TEXT NOT NULL,
    position_id TEXT NOT NULL,
    strategy TEXT NOT NULL,
    instrument TEXT NOT NULL,
    session_date INTEGER NOT NULL,      -- yyyymmdd
    setup_instance TEXT NOT NULL,
    leg INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    side TEXT NOT NULL,
    qty_1e8 INTEGER NOT NULL,
    order_type TEXT NOT NULL,
    tif TEXT NOT NULL,
    limit_1e8 INTEGER,
    trigger_1e8 INTEGER,
    adds_risk INTEGER NOT NULL,
    deadline_ns INTEGER NOT NULL,
    expires_ns INTEGER NOT NULL,
    reference_1e8 INTEGER NOT NULL,
    reference_ns INTEGER NOT NULL,
    exit_reason TEXT,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    broker_order_id TEXT NOT NULL,
    filled_1e8 INTEGER NOT NULL,
    filled_value_1e16 TEXT NOT NULL,    -- sum of price x quantity, exact; wider than 64 bits
    fees_1e8 INTEGER NOT NULL,
    intended_ns INTEGER NOT NULL,
    submitted_ns INTEGER,
    acknowledged_ns INTEGER,
    cancel_requested_ns INTEGER,
    ended_ns INTEGER,
    updated_ns INTEGER NOT NULL,
    intent_seq INTEGER NOT NULL,
    PRIMARY KEY (run, client_order_id)
) STRICT, WITHOUT ROWID;

-- One execution counts once (EX-5): a repeat that slipped past the core is refused here.
CREATE TABLE fills (
    run TEXT NOT NULL,
    account TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    broker_order_id TEXT NOT NULL,
    position_id TEXT NOT NULL,
    strategy TEXT NOT NULL,
    instrument TEXT NOT NULL,
    side TEXT NOT NULL,
    qty_1e8 INTEGER NOT NULL,
    price_1e8 INTEGER NOT NULL,
    fee_1e8 INTEGER NOT NULL,
    realised_1e8 INTEGER NOT NULL,
    settlement TEXT NOT NULL,
    is_late INTEGER NOT NULL,
    venue_ns INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    reversed_ns INTEGER,
    reversal_reason TEXT,
    PRIMARY KEY (run, account, client_order_id, execution_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE positions (
    run TEXT NOT NULL,
    account TEXT NOT NULL,
    position_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    strategy TEXT NOT NULL,
    instrument TEXT NOT NULL,
    session_date INTEGER NOT NULL,
    setup_instance TEXT NOT NULL,
    entry_order_id TEXT NOT NULL,
    phase TEXT NOT NULL,
    side TEXT NOT NULL,
    qty_1e8 INTEGER NOT NULL,
    unconfirmed_1e8 INTEGER NOT NULL,
    average_entry_1e8 INTEGER NOT NULL,
    realised_1e8 INTEGER NOT NULL,
    fees_1e8 INTEGER NOT NULL,
    exit_order_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    opened_at_ns INTEGER NOT NULL,
    closed_at_ns INTEGER,
    close_reason TEXT,
    updated_ns INTEGER NOT NULL,
    PRIMARY KEY (run, account, position_id)
) STRICT, WITHOUT ROWID;

-- One position per setup instance (ST-6). What a late fill or a reversal leaves over is a position of
-- its own under the same setup, and must be recorded: what a broker did is never refused.
CREATE UNIQUE INDEX positions_by_setup
    ON positions (mode, run, account, strategy, setup_instance, session_date)
    WHERE position_id NOT LIKE '%/over-%';

CREATE TABLE trades (
    run TEXT NOT NULL,
    account TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    strategy TEXT NOT NULL,
    instrument TEXT NOT NULL,
    session_date INTEGER NOT NULL,
    setup_instance TEXT NOT NULL,
    side TEXT NOT NULL,
    qty_1e8 INTEGER NOT NULL,
    entry_ns INTEGER NOT NULL,
    exit_ns INTEGER NOT NULL,
    entry_1e8 INTEGER NOT NULL,
    exit_1e8 INTEGER NOT NULL,
    gross_1e8 INTEGER NOT NULL,
    fees_1e8 INTEGER NOT NULL,
    net_1e8 INTEGER NOT NULL,
    risk_1e8 INTEGER NOT NULL,
    r_1e8 INTEGER NOT NULL,
    reason TEXT NOT NULL,
    entry_intended_1e8 INTEGER NOT NULL,
    exit_intended_1e8 INTEGER NOT NULL,
    exit_threshold_1e8 INTEGER NOT NULL,
    entry_slippage_1e8 INTEGER NOT NULL,
    exit_slippage_1e8 INTEGER NOT NULL,
    gap_1e8 INTEGER NOT NULL,
    entry_order_id TEXT NOT NULL,
    exit_order_id TEXT NOT NULL,
    PRIMARY KEY (run, account, trade_id)
) STRICT, WITHOUT ROWID;

-- Controls and kills outlive runs: a killed system comes back killed (KC-4).
CREATE TABLE runtime_controls (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,                -- JSON text
    version INTEGER NOT NULL,
    set_by TEXT NOT NULL,
    set_at_ns INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE kill_levels (
    journal_id TEXT PRIMARY KEY,        -- whose: an account's journal, or the system's
    level TEXT NOT NULL CHECK (level IN ('NONE', 'PAUSE', 'FLATTEN', 'EMERGENCY')),
    kill_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    since_ns INTEGER NOT NULL,
    pos INTEGER NOT NULL                -- of the change; virtual times of two runs cannot be compared
) STRICT;

CREATE TABLE kill_commands (
    kill_id TEXT PRIMARY KEY,
    level TEXT NOT NULL,
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    run TEXT NOT NULL,
    accepted_ns INTEGER NOT NULL,
    accepted_pos INTEGER NOT NULL,
    finished_ns INTEGER,
    cancelled INTEGER,
    closed INTEGER,
    failed INTEGER,
    remaining INTEGER
) STRICT;

CREATE TABLE sessions (
    run TEXT NOT NULL,
    account TEXT NOT NULL,
    session_date INTEGER NOT NULL,
    open_ns INTEGER NOT NULL,
    close_ns INTEGER NOT NULL,
    start_equity_1e8 INTEGER,           -- null when it was not known
    entries INTEGER,
    trades INTEGER,
    gross_1e8 INTEGER,
    fees_1e8 INTEGER,
    net_1e8 INTEGER,
    equity_1e8 INTEGER,
    positions_open INTEGER,             -- null until the session was closed
    PRIMARY KEY (run, account, session_date)
) STRICT, WITHOUT ROWID;
