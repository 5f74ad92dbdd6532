-- Runs of this data directory.

CREATE VIEW runs AS
SELECT run, number, mode, config_hash, source, tape_path,
    make_timestamp_ns(started_ns) AS started_at, started_ns,
    make_timestamp_ns(ended_ns) AS ended_at, ended_ns,
    is_clean
FROM run_list;
