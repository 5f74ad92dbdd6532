-- positions and trades: what is open, what came of it.

-- on PositionChanged
INSERT INTO positions (
    run, account, position_id, mode, strategy, instrument, session_date, setup_instance,
    entry_order_id, phase, side, qty_1e8, unconfirmed_1e8, average_entry_1e8, realised_1e8,
    fees_1e8, exit_order_id, cause, opened_at_ns, closed_at_ns, close_reason, updated_ns)
VALUES (
    :run, :account, :payload ->> '$.position_id', :mode, :payload ->> '$.strategy',
    :payload ->> '$.instrument', :payload ->> '$.session_date', :payload ->> '$.setup_instance',
    :payload ->> '$.entry_order_id', :payload ->> '$.phase', :payload ->> '$.side',
    :payload ->> '$.qty_1e8', :payload ->> '$.unconfirmed_1e8', :payload ->> '$.average_entry_1e8',
    :payload ->> '$.realised_1e8', :payload ->> '$.fees_1e8', :payload ->> '$.exit_order_id',
    :payload ->> '$.cause', :at_ns,
    CASE WHEN :payload ->> '$.phase' = 'CLOSED' THEN :at_ns END,
    CASE WHEN :payload ->> '$.phase' = 'CLOSED' THEN :payload ->> '$.exit_reason' END,
    :at_ns)
ON CONFLICT (run, account, position_id) DO UPDATE SET
    phase = excluded.phase,
    side = excluded.side,
    qty_1e8 = excluded.qty_1e8,
    unconfirmed_1e8 = excluded.unconfirmed_1e8,
    average_entry_1e8 = excluded.average_entry_1e8,
    realised_1e8 = excluded.realised_1e8,
    fees_1e8 = excluded.fees_1e8,
    exit_order_id = excluded.exit_order_id,
    cause = excluded.cause,
    closed_at_ns = CASE WHEN excluded.phase = 'CLOSED'
        THEN coalesce(positions.closed_at_ns, excluded.closed_at_ns) END,
    close_reason = excluded.close_reason,
    updated_ns = excluded.updated_ns;

-- on TradeClosed
INSERT OR REPLACE INTO trades (
    run, account, trade_id, mode, strategy, instrument, session_date, setup_instance, side, qty_1e8,
    entry_ns, exit_ns, entry_1e8, exit_1e8, gross_1e8, fees_1e8, net_1e8, risk_1e8, r_1e8, reason,
    entry_intended_1e8, exit_intended_1e8, exit_threshold_1e8, entry_slippage_1e8,
    exit_slippage_1e8, gap_1e8, entry_order_id, exit_order_id)
VALUES (
    :run, :account, :payload ->> '$.trade_id', :mode, :payload ->> '$.strategy',
    :payload ->> '$.instrument', :payload ->> '$.session_date', :payload ->> '$.setup_instance',
    :payload ->> '$.side', :payload ->> '$.qty_1e8', :payload ->> '$.entry_ns',
    :payload ->> '$.exit_ns', :payload ->> '$.entry_1e8', :payload ->> '$.exit_1e8',
    :payload ->> '$.gross_1e8', :payload ->> '$.fees_1e8', :payload ->> '$.net_1e8',
    :payload ->> '$.risk_1e8', :payload ->> '$.r_1e8', :payload ->> '$.reason',
    :payload ->> '$.entry_intended_1e8', :payload ->> '$.exit_intended_1e8',
    :payload ->> '$.exit_threshold_1e8', :payload ->> '$.entry_slippage_1e8',
    :payload ->> '$.exit_slippage_1e8', :payload ->> '$.gap_1e8', :payload ->> '$.entry_order_id',
    :payload ->> '$.exit_order_id');

-- on SessionOpened
INSERT INTO sessions (run, account, session_date, open_ns, close_ns, start_equity_1e8)
VALUES (
    :run, :account, :payload ->> '$.session_date', :payload ->> '$.open_ns',
    :payload ->> '$.close_ns', :payload ->> '$.equity_1e8')
ON CONFLICT (run, account, session_date) DO NOTHING;

-- on SessionClosed
UPDATE sessions SET
    entries = :payload ->> '$.entries',
    trades = :payload ->> '$.trades',
    gross_1e8 = :payload ->> '$.gross_1e8',
    fees_1e8 = :payload ->> '$.fees_1e8',
    net_1e8 = :payload ->> '$.net_1e8',
    equity_1e8 = :payload ->> '$.equity_1e8',
    positions_open = :payload ->> '$.positions_open'
WHERE run = :run AND account = :account AND session_date = :payload ->> '$.session_date';
