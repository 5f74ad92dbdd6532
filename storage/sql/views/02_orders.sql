-- Orders, what happened to each, and what was executed.

CREATE VIEW order_events AS
SELECT journal.run, runs.mode, account, substr(stream, 7) AS client_order_id, journal.seq, kind,
    moment(at_ns) AS event_at, at_ns,
    field(payload, '$.old') AS old_state,
    coalesce(field(payload, '$.new'), CASE WHEN kind = 'OrderIntended' THEN 'PENDING' END) AS new_state,
    coalesce(field(payload, '$.cause'), field(payload, '$.reason')) AS cause,
    nullif(field(payload, '$.broker_order_id'), '') AS broker_order_id,
    field(payload, '$.execution_id') AS execution_id,
    amount(whole(payload, '$.qty_1e8')) AS qty,
    amount(whole(payload, '$.price_1e8')) AS price,
    nullif(whole(payload, '$.venue_ns'), 0) AS venue_ns,
    journal.tape_seq, pos, mono_ns
FROM journal JOIN runs USING (run)
WHERE kind IN ('OrderIntended', 'OrderChanged', 'CancelRequested', 'CancelFailed', 'OrderFilled',
    'FillSettled', 'FillReversed');

CREATE VIEW fills AS
WITH reversals AS (
    SELECT run, account, field(payload, '$.client_order_id') AS client_order_id,
        field(payload, '$.execution_id') AS execution_id, max(at_ns) AS reversed_ns,
        arg_max(field(payload, '$.reason'), pos) AS reversal_reason
    FROM journal WHERE kind = 'FillReversed' GROUP BY ALL
), settled AS (
    SELECT run, account, field(payload, '$.client_order_id') AS client_order_id,
        field(payload, '$.execution_id') AS execution_id, max(at_ns) AS settled_ns
    FROM journal WHERE kind = 'FillSettled' GROUP BY ALL
), executed AS (
    SELECT run, account, at_ns, pos, payload,
        field(payload, '$.client_order_id') AS client_order_id,
        field(payload, '$.execution_id') AS execution_id
    FROM journal WHERE kind = 'OrderFilled'
)
SELECT run, mode, account, client_order_id, execution_id,
    field(payload, '$.position_id') AS position_id,
    field(payload, '$.strategy') AS strategy,
    field(payload, '$.instrument') AS instrument,
    field(payload, '$.side') AS side,
    amount(whole(payload, '$.qty_1e8')) AS qty,
    amount(whole(payload, '$.price_1e8')) AS price,
    amount(whole(payload, '$.fee_1e8')) AS fee,
    amount(whole(payload, '$.realised_1e8')) AS realised,
    CASE WHEN settled_ns IS NULL THEN field(payload, '$.settlement') ELSE 'CONFIRMED' END AS settlement,
    coalesce(flag(payload, '$.is_late'), false) AS is_late,
    reversed_ns IS NOT NULL AS is_reversed,
    reversal_reason,
    moment(at_ns) AS event_at, at_ns,
    moment(whole(payload, '$.venue_ns')) AS venue_at,
    whole(payload, '$.venue_ns') AS venue_ns,
    pos
FROM executed JOIN runs USING (run)
LEFT JOIN reversals USING (run, account, client_order_id, execution_id)
LEFT JOIN settled USING (run, account, client_order_id, execution_id);

CREATE VIEW orders AS
WITH changed AS (
    SELECT run, account, field(payload, '$.client_order_id') AS client_order_id,
        arg_max(field(payload, '$.new'), pos) AS state,
        arg_max(field(payload, '$.cause'), pos) AS cause,
        arg_max(nullif(field(payload, '$.broker_order_id'), ''), pos)
            FILTER (field(payload, '$.broker_order_id') <> '') AS broker_order_id,
        min(at_ns) FILTER (field(payload, '$.new') = 'SUBMITTED') AS submitted_ns,
        min(at_ns) FILTER (field(payload, '$.new') IN
            ('WORKING', 'PARTIALLY_FILLED', 'FILLED', 'REJECTED')) AS acknowledged_ns,
        min(at_ns) FILTER (field(payload, '$.new') IN
            ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'NOT_SENT')) AS done_ns
    FROM journal WHERE kind = 'OrderChanged' GROUP BY ALL
), executed AS (
    SELECT run, account, field(payload, '$.client_order_id') AS client_order_id,
        arg_max(whole(payload, '$.filled_1e8'), pos) AS filled_1e8,
        arg_max(field(payload, '$.filled_value_1e16'), pos) AS filled_value_1e16,
        arg_max(whole(payload, '$.order_fees_1e8'), pos) AS fees_1e8
    FROM journal WHERE kind IN ('OrderFilled', 'FillReversed') GROUP BY ALL
), intended AS (
    SELECT run, account, at_ns AS intended_ns, pos, payload,
        field(payload, '$.client_order_id') AS client_order_id
    FROM journal WHERE kind = 'OrderIntended'
)
SELECT run, mode, account, client_order_id,
    field(payload, '$.signal_id') AS signal_id,
    field(payload, '$.position_id') AS position_id,
    field(payload, '$.strategy') AS strategy,
    field(payload, '$.instrument') AS instrument,
    day(whole(payload, '$.session_date')) AS session_date,
    field(payload, '$.setup_instance') AS setup_instance,
    field(payload, '$.purpose') AS purpose,
    whole(payload, '$.attempt') AS attempt,
    field(payload, '$.side') AS side,
    amount(whole(payload, '$.qty_1e8')) AS qty,
    field(payload, '$.order_type') AS order_type,
    field(payload, '$.tif') AS tif,
    amount(whole(payload, '$.limit_1e8')) AS limit_price,
    amount(whole(payload, '$.trigger_1e8')) AS trigger_price,
    amount(whole(payload, '$.reference_1e8')) AS reference_price,
    field(payload, '$.exit_reason') AS exit_reason,
    coalesce(state, 'PENDING') AS state,
    cause,
    broker_order_id,
    amount(coalesce(filled_1e8, 0)) AS filled_qty,
    average(filled_value_1e16, filled_1e8) AS average_price,
    amount(coalesce(executed.fees_1e8, 0)) AS fees,
    moment(intended_ns) AS intended_at, intended_ns,
    submitted_ns, acknowledged_ns,
    CASE WHEN state IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'NOT_SENT') THEN done_ns END
        AS ended_ns,
    pos
FROM intended JOIN runs USING (run)
LEFT JOIN changed USING (run, account, client_order_id)
LEFT JOIN executed USING (run, account, client_order_id);
