-- Runtime controls and kills (KC-4, KC-6). Each account journals a change that concerns it, the system
-- journals what it was asked: the same value said again is one change.

-- on ControlChanged
INSERT INTO runtime_controls (name, value, version, set_by, set_at_ns, reason)
SELECT :payload ->> '$.name', :payload ->> '$.new', 1, :payload ->> '$.author', :at_ns,
    coalesce(:payload ->> '$.reason', '')
WHERE coalesce(:payload ->> '$.refused', '') = ''
    AND NOT EXISTS (
        SELECT 1 FROM runtime_controls
        WHERE name = :payload ->> '$.name' AND value = :payload ->> '$.new')
ON CONFLICT (name) DO UPDATE SET
    value = excluded.value,
    version = runtime_controls.version + 1,
    set_by = excluded.set_by,
    set_at_ns = excluded.set_at_ns,
    reason = excluded.reason;

-- on KillLevelChanged
INSERT INTO kill_levels (journal_id, level, kill_id, reason, author, since_ns, pos)
VALUES (
    :journal_id, :payload ->> '$.new', :payload ->> '$.kill_id', :payload ->> '$.reason',
    :payload ->> '$.author', :at_ns, :pos)
ON CONFLICT (journal_id) DO UPDATE SET
    level = excluded.level,
    kill_id = excluded.kill_id,
    reason = excluded.reason,
    author = excluded.author,
    since_ns = excluded.since_ns,
    pos = excluded.pos;

-- on KillAccepted
INSERT INTO kill_commands (kill_id, level, reason, author, run, accepted_ns, accepted_pos)
VALUES (
    :payload ->> '$.kill_id', :payload ->> '$.level', :payload ->> '$.reason',
    :payload ->> '$.author', :run, :at_ns, :pos)
ON CONFLICT (kill_id) DO NOTHING;

-- on KillDone
UPDATE kill_commands SET
    finished_ns = :at_ns,
    cancelled = :payload ->> '$.cancelled',
    closed = :payload ->> '$.closed',
    failed = :payload ->> '$.failed',
    remaining = :payload ->> '$.remaining'
WHERE kill_id = :payload ->> '$.kill_id';
