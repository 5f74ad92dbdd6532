-- Positions as they stand now, and the trades they became.

CREATE VIEW positions AS
WITH newest AS (
    SELECT run, account, substr(stream, 10) AS position_id, arg_max(payload, pos) AS payload,
        min(at_ns) AS opened_at_ns, max(at_ns) AS updated_ns, max(pos) AS pos
    FROM journal WHERE kind = 'PositionChanged' GROUP BY ALL
)
SELECT run, mode, account, position_id,
    field(payload, '$.strategy') AS strategy,
    field(payload, '$.instrument') AS instrument,
    day(whole(payload, '$.session_date')) AS session_date,
    field(payload, '$.setup_instance') AS setup_instance,
    field(payload, '$.phase') AS phase,
    field(payload, '$.phase') <> 'CLOSED' AS is_open,
    field(payload, '$.side') AS side,
    amount(whole(payload, '$.qty_1e8')) AS qty,
    amount(whole(payload, '$.average_entry_1e8')) AS average_entry,
    amount(whole(payload, '$.realised_1e8')) AS realised,
    amount(whole(payload, '$.fees_1e8')) AS fees,
    field(payload, '$.entry_order_id') AS entry_order_id,
    nullif(field(payload, '$.exit_order_id'), '') AS exit_order_id,
    CASE WHEN field(payload, '$.phase') = 'CLOSED' THEN field(payload, '$.exit_reason') END
        AS close_reason,
    moment(opened_at_ns) AS opened_at, opened_at_ns,
    CASE WHEN field(payload, '$.phase') = 'CLOSED' THEN moment(updated_ns) END AS closed_at,
    CASE WHEN field(payload, '$.phase') = 'CLOSED' THEN updated_ns END AS closed_at_ns,
    moment(updated_ns) AS updated_at, updated_ns,
    pos
FROM newest JOIN runs USING (run);

CREATE VIEW trades AS
WITH newest AS (
    SELECT run, account, field(payload, '$.trade_id') AS trade_id, arg_max(payload, pos) AS payload,
        max(pos) AS pos
    FROM journal WHERE kind = 'TradeClosed' GROUP BY ALL
)
SELECT run, mode, account, trade_id,
    field(payload, '$.strategy') AS strategy,
    field(payload, '$.instrument') AS instrument,
    day(whole(payload, '$.session_date')) AS session_date,
    field(payload, '$.setup_instance') AS setup_instance,
    field(payload, '$.side') AS side,
    amount(whole(payload, '$.qty_1e8')) AS qty,
    moment(whole(payload, '$.entry_ns')) AS entry_at, whole(payload, '$.entry_ns') AS entry_ns,
    moment(whole(payload, '$.exit_ns')) AS exit_at, whole(payload, '$.exit_ns') AS exit_ns,
    amount(whole(payload, '$.entry_1e8')) AS entry_price,
    amount(whole(payload, '$.exit_1e8')) AS exit_price,
    amount(whole(payload, '$.gross_1e8')) AS gross,
    amount(whole(payload, '$.fees_1e8')) AS fees,
    amount(whole(payload, '$.net_1e8')) AS net,
    amount(whole(payload, '$.risk_1e8')) AS risk,
    CASE WHEN whole(payload, '$.risk_1e8') <> 0 THEN amount(whole(payload, '$.r_1e8')) END AS r,
    field(payload, '$.reason') AS reason,
    amount(whole(payload, '$.entry_intended_1e8')) AS entry_intended,
    amount(whole(payload, '$.exit_intended_1e8')) AS exit_intended,
    amount(whole(payload, '$.exit_threshold_1e8')) AS exit_threshold,
    amount(whole(payload, '$.entry_slippage_1e8')) AS entry_slippage,
    amount(whole(payload, '$.exit_slippage_1e8')) AS exit_slippage,
    amount(whole(payload, '$.gap_1e8')) AS gap,
    field(payload, '$.entry_order_id') AS entry_order_id,
    field(payload, '$.exit_order_id') AS exit_order_id,
    pos
FROM newest JOIN runs USING (run);

CREATE VIEW exits AS
SELECT journal.run, mode, account, field(payload, '$.position_id') AS position_id,
    field(payload, '$.strategy') AS strategy,
    field(payload, '$.instrument') AS instrument,
    field(payload, '$.reason') AS reason,
    amount(nullif(whole(payload, '$.trigger_1e8'), 0)) AS trigger_price,
    amount(nullif(whole(payload, '$.threshold_1e8'), 0)) AS threshold,
    amount(whole(payload, '$.qty_1e8')) AS qty,
    nullif(field(payload, '$.client_order_id'), '') AS client_order_id,
    field(payload, '$.text') AS text,
    moment(at_ns) AS event_at, at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind = 'ExitTriggered';

CREATE VIEW sessions AS
WITH opened AS (
    SELECT run, account, whole(payload, '$.session_date') AS session_date,
        any_value(payload) AS payload
    FROM journal WHERE kind = 'SessionOpened' GROUP BY ALL
), closed AS (
    SELECT run, account, whole(payload, '$.session_date') AS session_date,
        arg_max(payload, pos) AS closing
    FROM journal WHERE kind = 'SessionClosed' GROUP BY ALL
)
SELECT run, mode, account, day(session_date) AS session_date,
    moment(whole(payload, '$.open_ns')) AS open_at, whole(payload, '$.open_ns') AS open_ns,
    moment(whole(payload, '$.close_ns')) AS close_at, whole(payload, '$.close_ns') AS close_ns,
    amount(whole(payload, '$.equity_1e8')) AS start_equity,
    closing IS NOT NULL AS is_closed,
    whole(closing, '$.entries') AS entries,
    whole(closing, '$.trades') AS trades,
    amount(whole(closing, '$.gross_1e8')) AS gross,
    amount(whole(closing, '$.fees_1e8')) AS fees,
    amount(whole(closing, '$.net_1e8')) AS net,
    amount(whole(closing, '$.equity_1e8')) AS equity,
    whole(closing, '$.positions_open') AS positions_open
FROM opened JOIN runs USING (run)
LEFT JOIN closed USING (run, account, session_date);
