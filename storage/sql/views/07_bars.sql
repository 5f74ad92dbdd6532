-- Bars of the tapes that runs have read.

CREATE VIEW bars AS
SELECT run, mode, instrument, tape_seq,
    moment(start_ns) AS start_at, start_ns,
    moment(end_ns) AS end_at, end_ns,
    amount(open_1e8) AS open, amount(high_1e8) AS high, amount(low_1e8) AS low,
    amount(close_1e8) AS close, amount(volume_1e8) AS volume,
    is_synthetic
FROM tape_bars JOIN runs USING (tape_path);
