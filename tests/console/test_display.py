"""What a person sees while a run goes on, and the report lines it is made of."""

import io
import os

import orjson
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from console.display import LiveDisplay, PlainDisplay, SilentDisplay, make_display
from trading.run_report import Happened, Notice, Progress, Reporter, money_fragment, read_line

NINE_THIRTY_NS = 1_583_760_600_000_000_000
SHOWN = Progress(
    mode="PAPER",
    is_synthetic=True,
    source="seed 7",
    session_yyyymmdd=20200309,
    session=2,
    sessions=55,
    now_ns=NINE_THIRTY_NS,
    instrument="ES",
    price_1e8=275_025_000_000,
    vwap_1e8=275_112_345_678,
    position_qty_1e8=-200_000_000,
    pnl_session_1e8=-123_400_000_000,
    orders_working=3,
    kill_level="FLATTEN",
    speed_ratio=60.0,
)

AGAIN = Happened(
    at_ns=NINE_THIRTY_NS,
    kind="DuplicateRefused",
    payload={"client_order_id": "o-1", "signal_id": "s", "strategy": "v"},
)


def test_the_live_panel_shows_the_session_as_it_is() -> None:
    """UI-11: mode, synthetic mark, time, price, VWAP, position, P&L, kill state, last events."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=110, color_system=None)
    with LiveDisplay(console) as display:
        display.progress(SHOWN)
        display.notice(Notice(at_ns=NINE_THIRTY_NS, text="sold 2 ES [bold]", severity="WARNING"))
        display.happened(AGAIN)
        display.line("operator port http://127.0.0.1:1/kill")
    text = screen.getvalue()
    for expected in (
        "PAPER",
        "SYNTHETIC DATA",
        "seed 7 x60",
        "2020-03-09 (2/55)",
        "09:30:00.000",
        "2,750.25",
        "2,751.1235",
        "-2",
        "-1,234.00",
        "working 3",
        "FLATTEN",
        "sold 2 ES [bold]",
        "DuplicateRefused refused: o-1 exists already, and one setup has one order",
        "http://127.0.0.1:1/kill",
        "Ctrl-C",
    ):
        assert expected in text


def test_plain_lines_come_when_there_is_something_to_say() -> None:
    """UI-11: one line each half hour of the session, at a kill, and for warnings."""
    stream = io.StringIO()
    display = PlainDisplay(stream)
    for minute in range(61):
        now_ns = NINE_THIRTY_NS + minute * 60_000_000_000
        display.progress(Progress(mode="PAPER", session_yyyymmdd=20200309, now_ns=now_ns))
    killed = Progress(mode="PAPER", session_yyyymmdd=20200309, now_ns=now_ns, kill_level="PAUSE")
    display.progress(killed)
    display.progress(killed)
    lines = stream.getvalue().splitlines()
    assert [line.split(" · ")[1][11:16] for line in lines] == ["09:30", "10:00", "10:30", "10:30"]
    assert lines[-1].endswith("KILLED PAUSE")


def test_headless_and_pipes_are_told_apart() -> None:
    """UI-11: nothing at all, or plain lines where there is no terminal."""
    assert type(make_display(headless=True, to_stderr=False)) is SilentDisplay
    assert type(make_display(headless=False, to_stderr=True)) is PlainDisplay


def test_reports_go_through_a_pipe_and_back() -> None:
    """UI-11: the front reads what the trader wrote; other lines are passed over."""
    read_fd, write_fd = os.pipe()
    reporter = Reporter(write_fd)
    reporter.progress(SHOWN)
    reporter.notice(Notice(at_ns=1, text="x"))
    reporter.happened(AGAIN)
    reporter.error("wrong column", 2)
    os.close(write_fd)
    with os.fdopen(read_fd, "rb") as lines:
        found = [read_line(line) for line in lines]
    assert found == [
        ("progress", SHOWN),
        ("event", Notice(at_ns=1, text="x")),
        ("happened", AGAIN),
        ("error", {"text": "wrong column", "exit_code": 2}),
    ]
    for odd in (b"", b"{", b"[]", b'{"a":1}', b'{"progress":1}', b'{"progress":{}}', b"null"):
        assert read_line(odd) is None
    newer = orjson.dumps({"event": {"at_ns": 1, "text": "x", "colour": "red"}})
    assert read_line(newer) == ("event", Notice(at_ns=1, text="x"))


def test_a_front_that_stopped_reading_cannot_stop_a_trader() -> None:
    """WD-4: a full pipe drops lines, a closed one is forgotten; neither blocks nor raises."""
    read_fd, write_fd = os.pipe()
    reporter = Reporter(write_fd)
    for _ in range(5_000):
        reporter.progress(SHOWN)
    with os.fdopen(read_fd, "rb", 0) as pipe:
        assert read_line(pipe.read(65_536).splitlines()[0]) == ("progress", SHOWN)
    reporter.progress(SHOWN)
    os.close(write_fd)
    Reporter(-1).notice(Notice(at_ns=1, text="x"))


@given(st.integers(-(2**63), 2**63 - 1))
def test_money_in_json_is_exact(amount_1e8: int) -> None:
    """ME-3: eight decimals as written, for any amount, without a float on the way."""
    text = orjson.dumps(money_fragment(amount_1e8)).decode()
    whole, _, decimals = text.partition(".")
    assert int(whole + decimals) == amount_1e8
    assert len(decimals) == 8
