-- Bars of the tapes that runs have read, and those that were built of a tape's quotes or trades.

CREATE VIEW bars AS
WITH known AS (
    SELECT run, mode, instrument, tape_seq, start_ns, end_ns, open_1e8, high_1e8, low_1e8,
        close_1e8, volume_1e8, is_synthetic
    FROM tape_bars JOIN runs USING (tape_path)
    UNION ALL
    SELECT run, mode, field(payload, '$.instrument'), whole(payload, '$.tape_seq'),
        whole(payload, '$.start_ns'), whole(payload, '$.end_ns'),
        whole(payload, '$.open_1e8'), whole(payload, '$.high_1e8'), whole(payload, '$.low_1e8'),
        whole(payload, '$.close_1e8'), whole(payload, '$.volume_1e8'),
        flag(payload, '$.is_synthetic')
    FROM journal JOIN runs USING (run) WHERE kind = 'BarBuilt'
)
SELECT run, mode, instrument, tape_seq,
    moment(start_ns) AS start_at, start_ns,
    moment(end_ns) AS end_at, end_ns,
    amount(open_1e8) AS open, amount(high_1e8) AS high, amount(low_1e8) AS low,
    amount(close_1e8) AS close, amount(volume_1e8) AS volume,
    is_synthetic
FROM known;
