-- The record's ground: what is written once and never changed, and what belongs to the process.
-- Money, prices and quantities are integers at 1e-8, times integer nanoseconds UTC.

CREATE TABLE boots (
    boot INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL,          -- of the kernel: monotonic times compare only within one
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    opened_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    mode TEXT NOT NULL,
    config_hash TEXT NOT NULL,
    source TEXT NOT NULL,
    tape_path TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    ended_ns INTEGER,
    is_clean INTEGER NOT NULL DEFAULT 0 CHECK (is_clean IN (0, 1))
) STRICT;

CREATE TABLE journal (
    pos INTEGER PRIMARY KEY,        -- given by the writer, gapless over all journals and runs
    journal_id TEXT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (run),
    seq INTEGER NOT NULL,
    stream TEXT NOT NULL,
    stream_version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    schema_ver INTEGER NOT NULL,
    payload TEXT NOT NULL CHECK (json_valid(payload)),
    prev_hash BLOB NOT NULL CHECK (length(prev_hash) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    tape_seq INTEGER NOT NULL,
    boot INTEGER NOT NULL REFERENCES boots (boot),
    fence INTEGER NOT NULL,
    committed_ns INTEGER NOT NULL,
    mono_ns INTEGER NOT NULL,
    UNIQUE (journal_id, run, seq),
    UNIQUE (run, stream, journal_id, stream_version)   -- also finds the history of one order
) STRICT;

CREATE INDEX journal_snapshots ON journal (journal_id, run, seq) WHERE kind = 'AccountSnapshot';

CREATE TRIGGER journal_is_never_updated BEFORE UPDATE ON journal
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: a row may not be changed');
END;

CREATE TRIGGER journal_is_never_deleted BEFORE DELETE ON journal
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: a row may not be deleted');
END;

-- INSERT OR REPLACE slips past a delete trigger on a connection without recursive_triggers: what is
-- not the next row of everything it belongs to is refused before it can replace anything.
CREATE TRIGGER journal_is_gapless BEFORE INSERT ON journal
WHEN new.pos <> coalesce((SELECT max(pos) FROM journal), 0) + 1
    OR new.seq <> coalesce(
        (SELECT max(seq) FROM journal WHERE journal_id = new.journal_id AND run = new.run), 0) + 1
    OR new.stream_version <> coalesce(
        (SELECT max(stream_version) FROM journal
         WHERE journal_id = new.journal_id AND run = new.run AND stream = new.stream), 0) + 1
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: a row must be the next of its journal');
END;

CREATE TABLE claims (
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    pos INTEGER NOT NULL,           -- of the first event of the request that made the claim
    PRIMARY KEY (run, name, key)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER claims_are_never_updated BEFORE UPDATE ON claims
BEGIN
    SELECT raise(ABORT, 'a claim may not be changed');
END;

CREATE TRIGGER claims_are_never_deleted BEFORE DELETE ON claims
BEGIN
    SELECT raise(ABORT, 'a claim may not be deleted');
END;

CREATE TRIGGER claims_are_never_replaced BEFORE INSERT ON claims
WHEN EXISTS (SELECT 1 FROM claims WHERE run = new.run AND name = new.name AND key = new.key)
BEGIN
    SELECT raise(ABORT, 'a claim may be made once');
END;

CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    taken_ns INTEGER NOT NULL
) STRICT;

-- Wall-clock measurements of the order path (EX-15): never hashed, never part of a projection.
CREATE TABLE latency_marks (
    run TEXT NOT NULL,
    order_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    mono_ns INTEGER NOT NULL,
    boot INTEGER NOT NULL
) STRICT;

CREATE INDEX latency_by_order ON latency_marks (run, order_id);
