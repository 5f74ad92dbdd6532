"""Tables follow events, in the transaction that appends them."""

from pathlib import Path

import pytest

from storage import MemoryRecord, open_record
from storage.verify import verify
from tests.storage.scripted_session import ONE, play, played
from tests.storage.staging import Inbox, event, request
from trading.ports import Duplicate, Failed, Record


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The scripted days, on disk."""
    return played(tmp_path_factory.mktemp("record"))


def test_orders_stand_where_their_events_left_them(record: Record) -> None:
    """EX-3: state, fills, fees and the venue's id follow every transition."""
    rows = record.query(
        """SELECT client_order_id, state, filled_1e8, fees_1e8, broker_order_id, ended_ns IS NULL
        FROM orders WHERE session_date = 20200103 ORDER BY client_order_id""",
        {},
    )
    day = "p-main-vwap-20200103"
    assert rows == [
        (f"{day}-15-0e1", "FILLED", 2 * ONE, 2 * ONE, f"B-{day}-15-0e1", 0),
        (f"{day}-15-0x1", "FILLED", 2 * ONE, 2 * ONE, f"B-{day}-15-0x1", 0),
        (f"{day}-70-0e1", "REJECTED", 0, 0, f"B-{day}-70-0e1", 0),
        (f"{day}-80-0e1", "FILLED", 2 * ONE, 2 * ONE, f"B-{day}-80-0e1", 0),
        (f"{day}-80-0x1", "FILLED", 2 * ONE, 2 * ONE, f"B-{day}-80-0x1", 0),
    ]


def test_positions_close_once_with_their_reason(record: Record) -> None:
    """ST-6: opened_at, closed_at and close_reason stand in one table for all modes."""
    rows = record.query(
        """SELECT mode, phase, qty_1e8, close_reason, opened_at_ns < closed_at_ns
        FROM positions ORDER BY opened_at_ns""",
        {},
    )
    reasons = ["TAKE_PROFIT", "STOP_LOSS", "KILL_SWITCH"]
    assert rows == [("PAPER", "CLOSED", 0, reason, 1) for reason in reasons]


def test_trades_and_sessions_add_up(record: Record) -> None:
    """EX-14: the net of each session is the sum of its trades, fees included."""
    rows = record.query(
        """SELECT sessions.net_1e8 = sum(trades.net_1e8), count(*) FROM sessions
        JOIN trades USING (run, account, session_date) GROUP BY session_date""",
        {},
    )
    assert rows == [(1, 1), (1, 2)]


def test_controls_and_kills_are_as_last_set(record: Record) -> None:
    """KC-6: a change that account and system both journal counts once."""
    control = record.controls()["max_position"]
    assert (control.value, control.version, control.set_by, control.reason) == (
        '"1"',
        1,
        "ann",
        "fog",
    )
    assert record.kill_level() == "FLATTEN"
    rows = record.query("SELECT kill_id, closed, remaining FROM kill_commands", {})
    assert rows == [("k-1", 1, 0)]


def test_memory_and_disk_have_equal_tables_and_hashes(record: Record) -> None:
    """RS-1: the same events give the same tables, wherever they are kept."""
    memory = MemoryRecord()
    run = play(memory)
    assert memory.journal_hash(run) == record.journal_hash(run)
    for table in ("orders", "fills", "positions", "trades", "sessions", "kill_commands"):
        ask = f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4"  # noqa: S608
        assert memory.query(ask, {}) == record.query(ask, {})


def test_a_killed_system_comes_back_killed(tmp_path: Path) -> None:
    """KC-4: the level outlives the process and the run, also before the account has acted on it."""
    record = open_record(tmp_path)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    assert record.kill_level() == "NONE"
    kill = event("KillAccepted", "kill/k", 5, kill_id="k", level="PAUSE", reason="", author="ann")
    record.stage(request(1, kill, journal_id="system"))
    record.close()

    record = open_record(tmp_path)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=6)
    assert record.kill_level() == "PAUSE"
    for at_ns, level in ((7, "EMERGENCY"), (8, "NONE")):
        change = event(
            "KillLevelChanged", "kill/k", at_ns, kill_id="k", new=level, reason="", author="ann"
        )
        record.stage(request(at_ns, change))
        record.settle()
        assert record.kill_level() == level
    record.close()
    assert verify(tmp_path).is_whole


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_setup_cannot_become_two_positions(tmp_path: Path, order: tuple[int, int]) -> None:
    """ST-6: the table itself refuses a second position of one setup, whatever let it through."""
    inbox = Inbox()
    record = open_record(tmp_path, is_eager=False)
    record.deliver_to(inbox)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    changes = [
        event(
            "PositionChanged",
            f"position/{name}",
            2,
            position_id=name,
            strategy="vwap",
            instrument=name,
            session_date=20200102,
            setup_instance="30",
            entry_order_id="o",
            phase="ENTRY",
            side="BUY",
            qty_1e8=ONE,
            unconfirmed_1e8=0,
            average_entry_1e8=ONE,
            realised_1e8=0,
            fees_1e8=0,
            exit_order_id="",
            cause="fill",
        )
        for name in ("ES", "NQ")
    ]
    for at in order:
        record.stage(request(at, changes[at]))
    record.settle()
    assert isinstance(inbox.outcomes[1], Failed)
    assert len(record.query("SELECT 1 FROM positions", {})) == 1
    record.close()


def test_an_execution_counts_once(tmp_path: Path) -> None:
    """EX-5: a fill that is journaled twice is refused by the table of fills."""
    record = played(tmp_path)
    inbox = Inbox()
    record.deliver_to(inbox)
    record.resume_run("r0001")
    rows = record.events("account:main", "r0001")
    again = next(row for row in rows if row.kind == "OrderFilled")
    repeat = event("OrderFilled", again.stream, 9)
    payload = again.payload
    record.stage(
        request(1, type(repeat)(stream=again.stream, kind=again.kind, at_ns=9, payload=payload))
    )
    record.settle()
    assert isinstance(inbox.outcomes[0], Failed)
    assert not isinstance(inbox.outcomes[0], Duplicate)
    record.close()


def test_a_kill_counts_although_an_earlier_run_was_later_in_its_day(tmp_path: Path) -> None:
    """KC-4: virtual times of two runs cannot be compared; what was committed later is later."""
    record = open_record(tmp_path, is_eager=False)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    lifted = event("KillLevelChanged", "kill/a", 99, kill_id="a", new="NONE", reason="", author="x")
    record.stage(request(1, lifted))
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    kill = event("KillAccepted", "kill/b", 5, kill_id="b", level="FLATTEN", reason="", author="x")
    record.stage(request(2, kill, journal_id="system"))
    record.settle()
    assert record.kill_level() == "FLATTEN"
    record.close()
