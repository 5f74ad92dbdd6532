"""`holdfast status` from the record, from a running trader, and the latencies in it."""

import os
import socket
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.operator_address import OperatorAddress
from actors.operator_door import load_token
from console import cli
from console.latency import WHOLE, histograms, percentile
from console.status import status_of
from tests.console import recorded
from tests.console.recorded import ENTRY, ONE, POSITION, Scribbler
from trading.errors import SetupError


def test_a_finished_run_is_told_from_the_record(tmp_path: Path) -> None:
    """UI-11: P&L, counts, faults, no-trade reasons and the journal without any trader."""
    recorded.write_record(tmp_path)
    found = status_of(tmp_path)
    assert not found["is_running"]
    assert found["is_clean"]
    assert found["pnl"] == {
        "trades": 1,
        "gross_1e8": 500 * ONE,
        "fees_1e8": 4 * ONE,
        "net_1e8": 496 * ONE,
    }
    assert found["equity_1e8"] == 100_496 * ONE
    assert (found["counts"]["orders"], found["counts"]["fills"]) == (2, 2)
    assert found["counts"]["feed_gaps"] == 1
    assert found["faults"]["crashed"] == 1
    assert found["faults"]["latest"][0]["reason"] == "ZeroDivisionError"
    assert found["no_trades"] == {"IN_POSITION": 11, "WARMUP": 20}
    assert set(found["journal"]) == {"account:main", "system"}
    assert len(found["journal_hash"]) == 64
    assert found["positions"] == []
    assert found["orders"] == []
    assert found["kill"] == {"level": "NONE"}


def test_the_newest_look_at_each_clock_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MD-3: how far the venue's clock and a time server's are from ours, or no answer."""
    scribe = Scribbler(tmp_path)
    fields: dict[str, Any] = {"within_ns": 900_000, "at_ns": 1, "problem": ""}
    for minute, offset_ns, verdict in ((1, 500_000_000, "FAR"), (2, -1_500_000, "NEAR")):
        fields |= {"name": "alpaca", "offset_ns": offset_ns, "verdict": verdict}
        scribe.put("ClockOffset", "clock/alpaca", minute, **fields)
    fields |= {"name": "ntp", "offset_ns": None, "verdict": "SILENT", "problem": "no route"}
    scribe.put("ClockOffset", "clock/ntp", 2, **fields)
    scribe.close()
    assert [clock["verdict"] for clock in status_of(tmp_path)["clocks"]] == ["NEAR", "SILENT"]
    assert cli.run(["status", "--data-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "alpaca NEAR, -1.5 ms (within 900" in shown
    assert "ntp SILENT: no route" in shown


def test_a_run_that_was_cut_off_shows_what_is_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """UI-11, ST-2: open orders and positions, UNKNOWN first, and what to do."""
    scribe = Scribbler(tmp_path)
    recorded.order(scribe, ENTRY, "ENTRY", "BUY", 30, 2730)
    recorded.position(scribe, "MONITORING", 31)
    scribe.put(
        "OrderChanged",
        f"order/{ENTRY}",
        31,
        client_order_id=ENTRY,
        old="WORKING",
        new="UNKNOWN",
        cause="no answer",
        broker_order_id="b-1",
        venue_ns=0,
        at_ns=0,
    )
    scribe.close(is_ended=False)
    found = status_of(tmp_path)
    assert [order["state"] for order in found["orders"]] == ["UNKNOWN"]
    assert [position["position_id"] for position in found["positions"]] == [POSITION]
    assert cli.run(["status", "--data-dir", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "run --recover" in text
    assert "UNKNOWN" in text
    assert POSITION in text


def test_status_prints_latencies_and_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """EX-15: p50 to p99.9 of each stage, for people and for machines."""
    recorded.write_record(tmp_path)
    assert cli.run(["--data-dir", str(tmp_path), "status"]) == 0
    text = capsys.readouterr().out
    for expected in (
        "INSUFFICIENT_DATA: under 30 trades",
        "p99.9",
        "durable to sent",
        "250 µs",
        "ZeroDivisionError",
        "+496.00",
    ):
        assert expected in text
    assert cli.run(["status", "--json", "--data-dir", str(tmp_path)]) == 0
    latency = {row["stage"]: row for row in orjson.loads(capsys.readouterr().out)["latency"]}
    assert latency["durable to sent"]["p99_9_ns"] == 250_000
    assert latency[WHOLE]["p50_ns"] == 1_250_000


def test_figures_need_thirty_trades(tmp_path: Path) -> None:
    """ME-1: fewer trades give their sums, and INSUFFICIENT_DATA instead of figures."""
    recorded.write_record(tmp_path)
    metrics = status_of(tmp_path)["metrics"]
    assert metrics["all"]["net_1e8"] == metrics["by_strategy"]["vwap"]["net_1e8"] == 496 * ONE
    assert metrics["all"]["figures"] == "INSUFFICIENT_DATA"


def test_a_directory_without_a_record_says_so(tmp_path: Path) -> None:
    """UI-11: exit code 2 with what to do."""
    with pytest.raises(SetupError, match="no record"):
        status_of(tmp_path)


def test_a_trader_that_died_is_not_taken_for_running(tmp_path: Path) -> None:
    """UI-11: operator.json says where to ask, not that anybody is there."""
    recorded.write_record(tmp_path)
    load_token(tmp_path)
    address = OperatorAddress(host="127.0.0.1", port=9, pid=2**22 + 1, run="r", started_ns=0)
    address.write(tmp_path)
    assert not status_of(tmp_path)["is_running"]


def test_a_trader_that_is_silent_is_said_beside_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-11: its port is open and nothing answers: both facts, and the signals to use."""
    recorded.write_record(tmp_path)
    load_token(tmp_path)
    monkeypatch.setattr("console.operator_client._TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as hung:
        port = hung.getsockname()[1]
        OperatorAddress(host="127.0.0.1", port=port, pid=os.getpid(), run="r", started_ns=0).write(
            tmp_path
        )
        found = status_of(tmp_path)
    assert found["is_running"]
    assert f"kill -USR2 {os.getpid()}" in found["trader_error"]
    assert found["run"] == "r0001"


def test_a_number_that_another_process_has_now_is_not_a_trader(tmp_path: Path) -> None:
    """UI-11: the process lives and the port is closed: the record is what there is."""
    recorded.write_record(tmp_path)
    load_token(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    address = OperatorAddress(host="127.0.0.1", port=port, pid=os.getpid(), run="r", started_ns=0)
    address.write(tmp_path)
    assert not status_of(tmp_path)["is_running"]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=200), st.integers(1, 999))
def test_a_percentile_is_a_value_that_was_seen(values: list[int], per_mille: int) -> None:
    """EX-15: nearest rank: enough values lie at or below it, and fewer below any lesser one."""
    ordered = sorted(values)
    found = percentile(ordered, per_mille)
    assert found in ordered
    assert sum(value <= found for value in ordered) * 1000 >= per_mille * len(ordered)
    assert sum(value < found for value in ordered) * 1000 < per_mille * len(ordered)


def test_marks_of_two_boots_are_never_subtracted() -> None:
    """EX-15: a monotonic clock starts over with the machine."""
    marks = [
        {"order_id": "o", "boot": 1, "stage": "durable", "mono_ns": 900},
        {"order_id": "o", "boot": 2, "stage": "sent", "mono_ns": 5},
        {"order_id": "o", "boot": 2, "stage": "filled", "mono_ns": 7},
    ]
    assert [(row["stage"], row["p50_ns"]) for row in histograms(marks)] == [
        (WHOLE, 2),
        ("sent to filled", 2),
    ]


def test_what_a_feed_said_twice_or_too_late_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MD-4: of the newest session that is over; older records lack it."""
    scribe = Scribbler(tmp_path)
    scribe.put("FeedCounted", "feed/main", 1, session_date=20240102, bars=5)
    assert status_of(tmp_path)["feed"] == {"repeated": 0, "older": 0, "disordered": 0}
    fields: dict[str, Any] = {"repeated": 3, "older": 2, "disordered": 1}
    scribe.put("FeedCounted", "feed/main", 2, session_date=20240103, **fields)
    scribe.close()
    assert status_of(tmp_path)["feed"] == fields
    assert cli.run(["status", "--data-dir", str(tmp_path)]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "too late" in line]
    assert "3, 2, 1" in line
