-- Wall-clock measurements of the order path (EX-15), in microseconds; only marks of one boot of the
-- machine are compared, because monotonic clocks start anew with it.

CREATE VIEW latency AS
WITH stages AS (
    SELECT run, order_id AS client_order_id, boot_id,
        min(mono_ns) FILTER (stage = 'tick') AS tick_ns,
        min(mono_ns) FILTER (stage = 'signal') AS signal_ns,
        min(mono_ns) FILTER (stage = 'risk') AS risk_ns,
        min(mono_ns) FILTER (stage = 'durable') AS durable_ns,
        min(mono_ns) FILTER (stage = 'sent') AS sent_ns,
        min(mono_ns) FILTER (stage = 'acknowledged') AS answered_ns,
        max(mono_ns) FILTER (stage = 'filled') AS filled_ns
    FROM latency_marks JOIN boots USING (boot) GROUP BY ALL
)
SELECT stages.run, orders.mode, stages.client_order_id, orders.strategy, orders.instrument,
    orders.session_date, orders.order_type, orders.purpose,
    (signal_ns - tick_ns) / 1e3 AS tick_to_signal_us,
    (risk_ns - signal_ns) / 1e3 AS signal_to_risk_us,
    (durable_ns - risk_ns) / 1e3 AS risk_to_durable_us,
    (sent_ns - durable_ns) / 1e3 AS durable_to_sent_us,
    (answered_ns - sent_ns) / 1e3 AS sent_to_acknowledged_us,
    (filled_ns - sent_ns) / 1e3 AS sent_to_filled_us,
    (filled_ns - tick_ns) / 1e3 AS tick_to_filled_us
FROM stages LEFT JOIN orders USING (run, client_order_id);

CREATE VIEW latency_by_session AS
WITH long AS (
    UNPIVOT (SELECT run, session_date, order_type, COLUMNS('.*_us$') FROM latency)
    ON COLUMNS('.*_us$') INTO NAME stage VALUE us
)
SELECT run, session_date, order_type, replace(stage, '_us', '') AS stage, count(*) AS orders,
    quantile_cont(us, 0.5) AS p50_us, quantile_cont(us, 0.9) AS p90_us,
    quantile_cont(us, 0.95) AS p95_us, quantile_cont(us, 0.99) AS p99_us,
    quantile_cont(us, 0.999) AS p999_us, max(us) AS max_us
FROM long GROUP BY ALL;
