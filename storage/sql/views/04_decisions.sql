-- Why something was traded, and why something was not.

CREATE VIEW signals AS
SELECT journal.run, mode, account, field(payload, '$.signal_id') AS signal_id,
    field(payload, '$.strategy') AS strategy,
    field(payload, '$.setup_instance') AS setup_instance,
    day(whole(payload, '$.session_date')) AS session_date,
    field(payload, '$.legs[0].instrument') AS instrument,
    field(payload, '$.legs[0].side') AS side,
    field(payload, '$.order_type') AS order_type,
    amount(whole(payload, '$.qty_1e8')) AS qty,
    amount(whole(payload, '$.reference_1e8')) AS reference_price,
    amount(whole(payload, '$.confidence_ratio_1e8')) AS confidence_ratio,
    field(payload, '$.reason') AS reason,
    moment(at_ns) AS event_at, at_ns,
    tape_seq, payload, pos
FROM journal JOIN runs USING (run)
WHERE kind = 'SignalReceived';

CREATE VIEW risk_verdicts AS
SELECT journal.run, mode, account, field(payload, '$.signal_id') AS signal_id,
    nullif(field(payload, '$.client_order_id'), '') AS client_order_id,
    field(payload, '$.strategy') AS strategy,
    field(payload, '$.instrument') AS instrument,
    flag(payload, '$.is_approved') AS is_approved,
    amount(whole(payload, '$.qty_1e8')) AS qty,
    list_transform(json_extract(payload, '$.sizing[*]'), lambda step: concat_ws(' ',
        field(step, '$.name'), amount(whole(step, '$.before_1e8')), '->',
        amount(whole(step, '$.after_1e8')))) AS sizing,
    json_extract_string(payload, '$.failed[*].name') AS failed_checks,
    json_extract_string(payload, '$.failed[*].detail') AS failed_texts,
    moment(at_ns) AS event_at, at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind = 'VerdictGiven';

CREATE VIEW decisions AS
WITH repeated AS (
    SELECT run, account, field(payload, '$.signal_id') AS signal_id, count(*) AS duplicates
    FROM journal WHERE kind = 'DuplicateRefused' GROUP BY ALL
), verdicts AS (
    SELECT run, account, signal_id, arg_max(is_approved, pos) AS is_approved,
        arg_max(client_order_id, pos) AS client_order_id, arg_max(qty, pos) AS sized_qty,
        arg_max(sizing, pos) AS sizing, arg_max(failed_checks, pos) AS failed_checks,
        arg_max(failed_texts, pos) AS failed_texts
    FROM risk_verdicts GROUP BY ALL
)
SELECT signals.run, signals.mode, signals.account, signals.signal_id, signals.strategy,
    signals.instrument, signals.session_date, signals.side, signals.reference_price, signals.reason,
    CASE WHEN is_approved THEN 'APPROVED' WHEN is_approved IS NULL THEN 'UNDECIDED' ELSE 'REFUSED' END
        AS decision,
    sized_qty, sizing, failed_checks, failed_texts, coalesce(duplicates, 0) AS duplicates,
    verdicts.client_order_id, orders.state AS order_state, orders.filled_qty,
    trades.net AS trade_net, signals.event_at, signals.at_ns
FROM signals
LEFT JOIN verdicts USING (run, account, signal_id)
LEFT JOIN repeated USING (run, account, signal_id)
LEFT JOIN orders ON orders.run = signals.run
    AND orders.client_order_id = verdicts.client_order_id
LEFT JOIN trades ON trades.run = signals.run AND trades.account = signals.account
    AND trades.trade_id = orders.position_id;

-- Evaluations without a signal are counted per strategy and session, not journaled one by one (SG-2).
CREATE VIEW no_trades AS
WITH counted AS (
    SELECT run, mode, payload, unnest(json_keys(payload, '$.counts')) AS reason
    FROM journal JOIN runs USING (run)
    WHERE kind = 'NoTradesCounted'
)
SELECT run, mode, field(payload, '$.strategy') AS strategy,
    day(whole(payload, '$.session_date')) AS session_date, reason,
    CAST(sum(whole(payload, '$.counts.' || reason)) AS BIGINT) AS count
FROM counted GROUP BY ALL;
