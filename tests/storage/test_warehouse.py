"""Questions in SQL: every view answers, nothing can be changed, nobody is disturbed."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from storage import NoRecordError, QueryError, SqliteRecord
from storage.warehouse import Table, build_warehouse, open_views, run_sql, view_names
from tests.storage.scripted_session import played
from tests.storage.staging import Inbox, request

PROMISED = {
    *("orders", "order_events", "fills", "positions", "trades", "decisions", "signals"),
    *("no_trades", "risk_verdicts", "assertions", "controls", "feed_gaps", "latency", "bars"),
    *("actors", "kills", "runs"),
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> SqliteRecord:
    """The scripted days, in a record that a trader has open."""
    return played(tmp_path_factory.mktemp("record"))


@pytest.fixture(scope="module")
def data_dir(record: SqliteRecord) -> Path:
    """Where it is."""
    return record.path.parent


def test_every_promised_view_is_there(data_dir: Path) -> None:
    """PM-2: the documented views exist, also those that have nothing to show."""
    database = open_views(data_dir)
    assert set(view_names(database)) >= PROMISED
    for name in view_names(database):
        database.table(name).fetchall()
    database.close()


@pytest.mark.parametrize(
    ("table", "columns", "shown"),
    [
        ("orders", "client_order_id, state, filled_1e8, fees_1e8", "filled_qty, fees"),
        ("fills", "client_order_id, execution_id, price_1e8, fee_1e8", "price, fee"),
        ("positions", "position_id, close_reason, fees_1e8", "fees"),
        ("trades", "trade_id, reason, net_1e8, entry_ns", "net"),
    ],
)
def test_views_agree_with_the_tables_of_the_record(
    record: SqliteRecord, data_dir: Path, table: str, columns: str, shown: str
) -> None:
    """PM-2: what SQL shows is what the trader knows, to 1e-8."""
    amounts = shown.split(", ")
    names = [name for name in columns.split(", ") if not name.endswith("_1e8")]
    raw = [name for name in columns.split(", ") if name.endswith("_1e8")]
    expected = {
        tuple(row[: len(names)]) + tuple(Decimal(v).scaleb(-8) for v in row[len(names) :])
        for row in record.query(f"SELECT {', '.join(names + raw)} FROM {table}", {})  # noqa: S608
    }
    found = run_sql(data_dir, f"SELECT {', '.join(names + amounts)} FROM {table}").rows  # noqa: S608
    assert set(found) == expected
    assert len(found) == len(expected) > 0


def test_amounts_are_exact_decimals(data_dir: Path) -> None:
    """PM-2: prices are dollars with eight decimals, at the edges of their range too."""
    rows = run_sql(
        data_dir,
        """SELECT amount(x), typeof(amount(x)) FROM
        (VALUES (9223372036854775807), (-9223372036854775808), (1), (NULL)) AS t(x)""",
    ).rows
    assert [row[0] for row in rows] == [
        Decimal("92233720368.54775807"),
        Decimal("-92233720368.54775808"),
        Decimal("0.00000001"),
        None,
    ]
    assert rows[0][1] == "DECIMAL(19,8)"


def test_bars_come_from_the_tape_of_the_run(data_dir: Path) -> None:
    """PM-2: what the strategy saw can be joined to what it did."""
    table = run_sql(data_dir, "SELECT close, is_synthetic FROM bars ORDER BY start_ns LIMIT 2")
    assert table == Table(
        columns=["close", "is_synthetic"],
        rows=[(Decimal(3200), False), (Decimal(3201), False)],
    )


def test_bars_that_were_built_of_ticks_stand_beside_those_of_tapes(data_dir: Path) -> None:
    """PM-2, MD-5: a tape of quotes or trades has none of its own; the journal has."""
    query = """SELECT tape_seq, end_ns - start_ns, open, high, low, close, volume, is_synthetic
        FROM bars WHERE instrument = 'NQ'"""
    assert run_sql(data_dir, query).rows == [
        (70, 60_000_000_000, *(Decimal(each) for each in (3201, 3203, 3200, 3202, 7)), True)
    ]


def test_a_gap_says_how_many_bars_it_lacks_and_why(data_dir: Path) -> None:
    """MD-2: in SQL as in the journal."""
    query = "SELECT instrument, length_s, missing, reason FROM feed_gaps"
    assert run_sql(data_dir, query).rows == [("ES", 900.0, 15, "MISSING_BARS")]


def test_a_halt_of_everything_is_among_what_happened_to_actors(data_dir: Path) -> None:
    """PM-2, WD-1: the last that supervision says, beside crashes and restarts."""
    rows = run_sql(data_dir, "SELECT kind, actor, reason FROM actors ORDER BY pos").rows
    assert [row[0] for row in rows] == ["ActorCrashed", "ActorRestarted", "SystemHalted"]
    assert rows[-1][1:] == ("root", "gave up")


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO run_list VALUES ('x')",
        "DROP VIEW orders",
        "CREATE TABLE t (a INT)",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "SET enable_external_access = true",
        "PRAGMA enable_profiling",
        "INSTALL httpfs",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_only_one_reading_statement_is_taken(data_dir: Path, query: str) -> None:
    """PM-2: nothing can be changed from here, and the refusal says what is expected."""
    with pytest.raises(QueryError, match="one statement that only reads is expected") as refused:
        run_sql(data_dir, query)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM query('COPY (SELECT 1) TO ''/tmp/out.csv''')",
    ],
)
def test_no_other_file_can_be_read_or_written(data_dir: Path, query: str) -> None:
    """PM-2: a query sees the record and nothing else of the machine."""
    with pytest.raises(QueryError):
        run_sql(data_dir, query)


def test_a_reader_cannot_loosen_what_was_locked(data_dir: Path) -> None:
    """PM-2: a connection that was handed out stays locked."""
    database = open_views(data_dir)
    for statement in (
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "COPY (SELECT 1) TO '/tmp/holdfast-must-not-exist.csv'",
    ):
        with pytest.raises(duckdb.Error):
            database.execute(statement)
    assert not Path("/tmp/holdfast-must-not-exist.csv").exists()  # noqa: S108
    database.close()


def test_an_unknown_view_is_answered_with_those_there_are(data_dir: Path) -> None:
    """PM-2: a slip of the pen gets the nearest name and the list."""
    with pytest.raises(
        QueryError, match=r"no view 'order'; did you mean orders\? \(views: .*kills"
    ):
        run_sql(data_dir, 'SELECT * FROM "order"')
    with pytest.raises(QueryError, match="stat"):
        run_sql(data_dir, "SELECT stat FROM orders")
    with pytest.raises(QueryError, match="not SQL"):
        run_sql(data_dir, "SELECT FROM WHERE")


def test_a_query_without_end_is_stopped(data_dir: Path) -> None:
    """PM-2: a forgotten query does not take the machine from the trader."""
    endless = "SELECT count(*) FROM range(10000000000) a, range(10000000000) b"
    with pytest.raises(QueryError, match=r"longer than 0\.05 s"):
        run_sql(data_dir, endless, timeout_s=0.05)


def test_an_empty_directory_says_that_nothing_has_run(tmp_path: Path) -> None:
    """PM-2: no record is an error that says so, and makes no files."""
    with pytest.raises(NoRecordError, match="nothing has run on this data directory yet"):
        run_sql(tmp_path, "SELECT 1")
    assert list(tmp_path.iterdir()) == []


def test_a_writer_at_work_is_seen_and_not_disturbed(tmp_path: Path) -> None:
    """PM-2: each query sees what is durable then; the writer goes on in between."""
    record = played(tmp_path)
    inbox = Inbox()
    record.deliver_to(inbox)
    record.resume_run("r0001")
    for count in range(1, 4):
        record.stage(request(count))
        record.settle()
        seen = run_sql(tmp_path, "SELECT count(*) FROM journal WHERE kind = 'Noted'").rows
        assert seen == [(count,)]
    assert len(inbox.outcomes) == 3
    record.close()


def test_a_warehouse_file_opens_in_any_client(data_dir: Path, tmp_path: Path) -> None:
    """PM-2: after a session every view is a table of a plain DuckDB file, nanoseconds kept."""
    target = tmp_path / "warehouse.duckdb"
    build_warehouse(data_dir, target)
    build_warehouse(data_dir, target)
    with duckdb.connect(str(target), read_only=True) as client:
        assert client.execute(
            "SELECT count(*), typeof(any_value(event_at)) FROM fills"
        ).fetchall() == [(12, "TIMESTAMP_NS")]
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]


def test_the_record_does_not_bring_duckdb_into_the_trader() -> None:
    """PM-2: the trading process imports the record, and DuckDB stays outside it."""
    code = "import sys, storage, storage.verify; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
