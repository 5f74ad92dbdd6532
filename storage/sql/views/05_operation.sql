-- How the system itself fared.

CREATE VIEW assertions AS
SELECT journal.run, mode, account, kind,
    coalesce(field(payload, '$.name'), field(payload, '$.assertion'), field(payload, '$.scope'))
        AS name,
    coalesce(field(payload, '$.subject'), field(payload, '$.key')) AS subject,
    coalesce(field(payload, '$.text'), field(payload, '$.reason')) AS text,
    moment(at_ns) AS event_at, at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind IN ('InvariantViolated', 'AssertionFailed', 'Halted');

CREATE VIEW protections AS
SELECT journal.run, mode, account, kind, field(payload, '$.name') AS name,
    field(payload, '$.instrument') AS instrument,
    whole(payload, '$.value') AS value,
    whole(payload, '$.limit') AS limit_value,
    moment(whole(payload, '$.until_ns')) AS until_at, whole(payload, '$.until_ns') AS until_ns,
    moment(at_ns) AS event_at, at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind IN ('ProtectionTripped', 'ProtectionCleared');

CREATE VIEW controls AS
SELECT journal.run, mode, journal_id, field(payload, '$.name') AS name,
    field(payload, '$.old') AS old_value,
    field(payload, '$.new') AS new_value,
    field(payload, '$.author') AS author,
    field(payload, '$.reason') AS reason,
    nullif(field(payload, '$.refused'), '') AS refused,
    moment(at_ns) AS event_at, at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind = 'ControlChanged';

CREATE VIEW kills AS
WITH done AS (
    SELECT field(payload, '$.kill_id') AS kill_id, max(at_ns) AS finished_ns,
        arg_max(payload, pos) AS result
    FROM journal WHERE kind = 'KillDone' GROUP BY ALL
), accepted AS (
    SELECT run, mode, field(payload, '$.kill_id') AS kill_id, field(payload, '$.level') AS level,
        field(payload, '$.reason') AS reason, field(payload, '$.author') AS author,
        at_ns AS accepted_ns, pos
    FROM journal JOIN runs USING (run) WHERE kind = 'KillAccepted'
)
SELECT run, mode, kill_id, level, reason, author,
    moment(accepted_ns) AS accepted_at, accepted_ns,
    moment(finished_ns) AS finished_at, finished_ns,
    (finished_ns - accepted_ns) / 1e6 AS took_ms,
    whole(result, '$.cancelled') AS cancelled,
    whole(result, '$.closed') AS closed,
    whole(result, '$.failed') AS failed,
    whole(result, '$.remaining') AS remaining,
    pos
FROM accepted LEFT JOIN done USING (kill_id);

CREATE VIEW feed_gaps AS
SELECT journal.run, mode, coalesce(field(payload, '$.feed'), substr(stream, 6)) AS feed,
    field(payload, '$.instrument') AS instrument,
    day(whole(payload, '$.session_date')) AS session_date,
    moment(whole(payload, '$.start_ns')) AS start_at, whole(payload, '$.start_ns') AS start_ns,
    moment(whole(payload, '$.end_ns')) AS end_at, whole(payload, '$.end_ns') AS end_ns,
    (whole(payload, '$.end_ns') - whole(payload, '$.start_ns')) / 1e9 AS length_s,
    whole(payload, '$.missing') AS missing, field(payload, '$.reason') AS reason,
    at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind = 'FeedGap';

CREATE VIEW feed_latency AS
SELECT journal.run, mode, field(payload, '$.feed') AS feed,
    day(whole(payload, '$.session_date')) AS session_date,
    whole(payload, '$.ticks') AS ticks,
    whole(payload, '$.p50_ns') / 1e6 AS p50_ms, whole(payload, '$.p99_ns') / 1e6 AS p99_ms,
    whole(payload, '$.max_ns') / 1e6 AS max_ms,
    at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind = 'FeedLatency';

CREATE VIEW feed_sessions AS
SELECT journal.run, mode, coalesce(field(payload, '$.feed'), substr(stream, 6)) AS feed,
    day(whole(payload, '$.session_date')) AS session_date,
    whole(payload, '$.bars') AS bars, whole(payload, '$.ticks') AS ticks,
    whole(payload, '$.late') AS late, whole(payload, '$.outside') AS outside,
    whole(payload, '$.incomplete') AS incomplete, whole(payload, '$.unsound') AS unsound,
    whole(payload, '$.repeated') AS repeated, whole(payload, '$.older') AS older,
    whole(payload, '$.disordered') AS disordered,
    whole(payload, '$.missing_ns') / 1e9 AS missing_s,
    1 - whole(payload, '$.missing_ns') / nullif(whole(payload, '$.watched_ns'), 0) AS completeness,
    at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind = 'FeedCounted';

CREATE VIEW actors AS
SELECT journal.run, mode, coalesce(field(payload, '$.name'), substr(stream, 7)) AS actor, kind,
    whole(payload, '$.incarnation') AS incarnation,
    coalesce(field(payload, '$.reason'), field(payload, '$.error')) AS reason,
    field(payload, '$.detail') AS detail,
    field(payload, '$.message') AS message,
    moment(at_ns) AS event_at, at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind IN ('ActorCrashed', 'ActorRestarted', 'ActorGaveUp', 'MessageQuarantined',
    'WatchdogFired', 'SystemHalted');

CREATE VIEW balances AS
SELECT journal.run, mode, account,
    amount(whole(payload, '$.equity_1e8')) AS equity,
    amount(whole(payload, '$.cash_1e8')) AS cash,
    amount(whole(payload, '$.buying_power_1e8')) AS buying_power,
    moment(at_ns) AS event_at, at_ns, pos
FROM journal JOIN runs USING (run)
WHERE kind = 'BalanceReported';
