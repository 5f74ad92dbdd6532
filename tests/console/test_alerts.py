"""Alerts: what is told, to whom, how often, by which way, and that nothing waits for it."""

import asyncio
import logging
import re
import shlex
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from console import cli
from console.alert_channels import AppriseChannel, ChannelThread, open_channels
from console.alert_desk import AlertDesk, Delivery, delivery_of
from console.alert_rules import Alert, AlertKind, Severity, alert_of
from console.alerter import STATE_FILE, Alerter, AlerterParts
from console.board import Board
from console.console_address import ADDRESS_FILE
from console.log_files import ALERTS, EVENTS, LogFile, newest
from storage.warehouse import run_sql
from tests.console.console_client import eventually
from tests.console.inbox import Inbox, inbox
from tests.console.recorded import DATE, ENTRY, ONE, Scribbler, write_record
from tests.support.process import ask
from trading.config_desk import AlertChannel, AlertsSection, LogsSection
from trading.config_reader import load
from trading.errors import ConfigError, SetupError

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
S_NS = 1_000_000_000


def section(*channels: AlertChannel, **fields: Any) -> AlertsSection:
    """A configuration with these channels, or with one that hears of everything."""
    made = channels or (AlertChannel(name="desk", severity_min="INFO"),)
    return AlertsSection(channels=made, **fields)


def alert(subject: str = "o-1", severity: Severity = Severity.WARNING) -> Alert:
    """Something that a person is told."""
    return Alert(
        kind=AlertKind.ORDER_REJECTED, severity=severity, subject=subject, text=f"about {subject}"
    )


# --- what is told ---------------------------------------------------------------------------------

TOLD = [
    ("BreakerChanged", {"name": "orders", "old": "CLOSED", "new": "OPEN", "is_latched": True,
     "cause": "x"}, "breaker-open CRITICAL orders"),
    ("BreakerChanged", {"name": "orders", "new": "OPEN", "is_latched": False, "cause": "x"},
     "breaker-open WARNING orders"),
    ("BreakerChanged", {"name": "orders", "new": "CLOSED", "cause": ""}, ""),
    ("AssertionFailed", {"assertion": "lease", "subject": "main", "text": "t",
     "is_only_stale": False}, "assertion-failed CRITICAL lease main"),
    ("ProtectionTripped", {"name": "MAX_DRAWDOWN", "value": 2, "limit": 1, "until_ns": 0},
     "drawdown CRITICAL max_drawdown"),
    ("ProtectionTripped", {"name": "COOLDOWN_PERIOD", "value": 2, "limit": 1, "until_ns": 0}, ""),
    ("OrderChanged", {"client_order_id": "o-1", "old": "SUBMITTED", "new": "UNKNOWN",
     "cause": "TIMEOUT", "broker_order_id": ""}, "order-unknown CRITICAL o-1"),
    ("OrderChanged", {"client_order_id": "o-1", "old": "SUBMITTED", "new": "REJECTED",
     "cause": "no funds", "broker_order_id": ""}, "order-rejected WARNING o-1"),
    ("OrderChanged", {"client_order_id": "o-1", "old": "SUBMITTED", "new": "WORKING",
     "cause": "ACK", "broker_order_id": ""}, ""),
    ("DriftFound", {"kind": "POSITION_QTY", "instrument": "SPY", "subject": "", "text": "t",
     "is_adopted": False}, "reconciliation CRITICAL SPY"),
    ("KillLevelChanged", {"old": "NONE", "new": "FLATTEN", "author": "a", "reason": "r"},
     "kill CRITICAL FLATTEN"),
    ("KillLevelChanged", {"old": "FLATTEN", "new": "NONE", "author": "a", "reason": "r"}, ""),
    ("KillFinished", {"level": "FLATTEN", "cancelled": 1, "closed": 0, "failed": 0,
     "remaining": 1}, "kill-unfinished CRITICAL FLATTEN"),
    ("KillFinished", {"level": "FLATTEN", "cancelled": 1, "closed": 0, "failed": 0,
     "remaining": 0}, ""),
    ("ActorGaveUp", {"name": "strategy:v", "reason": "r"}, "actor-failed CRITICAL strategy:v"),
    ("Halted", {"scope": "INSTRUMENT", "key": "SPY", "reason": "r"},
     "entries-halted CRITICAL INSTRUMENT SPY"),
    ("Recovered", {"tape_seq_handled": 1}, "trader-recovered WARNING trader"),
    ("GuardLogged", {"kind": "Fenced", "payload": "{}"}, "guard-acted CRITICAL Fenced"),
    ("GuardLogged", {"kind": "Started", "payload": "{}"}, ""),
    ("GuardLost", {"text": "t"}, "guard-lost CRITICAL guard"),
    ("TradeClosed", {}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "payload", "expected"), TOLD)
def test_what_a_person_must_know_is_an_alert_and_the_rest_is_not(
    kind: str, payload: dict[str, Any], expected: str
) -> None:
    """AL-1: breakers, assertions, drawdown, UNKNOWN, differences, kills, failed executions."""
    found = alert_of(kind, payload, at_ns=1)
    said = "" if found is None else f"{found.kind} {found.severity} {found.subject}"
    assert said == expected


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    """AL-1: each alert names docs/runbooks/KIND.md, which is there and listed."""
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {str(kind) for kind in AlertKind}
    listed = set(re.findall(r"\((.+?)\.md\)", (RUNBOOKS / "README.md").read_text()))
    assert listed == pages
    body = delivery_of(alert(), "desk", where="PAPER", section=section()).body
    assert (ROOT / body.rsplit(": ", 1)[1]).is_file()


def test_the_questions_of_the_runbooks_are_answered(tmp_path: Path) -> None:
    """AL-1: what a page tells an operator to ask at night works."""
    write_record(tmp_path)
    asked = [
        shlex.split(line)[2]
        for path in sorted(RUNBOOKS.glob("*.md"))
        for line in re.findall(r"^holdfast sql .+$", path.read_text(), re.MULTILINE)
    ]
    assert len(asked) == 10
    for query in asked:
        run_sql(tmp_path, query)


def test_the_commands_of_the_runbooks_are_there() -> None:
    """AL-1, UI-14: a page names no command that this version does not have."""
    reference = (ROOT / "docs/reference/cli.md").read_text()
    known = set(re.findall(r"^## `holdfast ([a-z-]+)", reference, re.MULTILINE))
    for path in RUNBOOKS.glob("*.md"):
        named = set(re.findall(r"holdfast ([a-z][a-z-]*)\b", path.read_text())) - {"data"}
        assert named <= known | {"does"}, path.name


# --- to whom, how often ---------------------------------------------------------------------------


def test_the_same_alert_is_told_again_only_after_a_while_and_with_the_count() -> None:
    """AL-1: repeated alerts are one; what becomes more urgent is told at once."""
    now_ns = [S_NS]
    desk = AlertDesk(section(repeat_after_s=60), wall_ns=lambda: now_ns[0])
    assert len(desk.take(alert())) == 1
    now_ns[0] += 59 * S_NS
    assert desk.take(alert()) == []
    assert len(desk.take(alert("o-2"))) == 1
    assert len(desk.take(alert(severity=Severity.CRITICAL))) == 1
    now_ns[0] += 1 * S_NS
    (again,) = desk.take(alert())
    assert "(1 more since" in again.body


def test_a_flood_is_capped_keeps_room_for_the_critical_and_is_summed_up() -> None:
    """AL-1: at most so many an hour; a quarter is CRITICAL's; the rest is counted and told."""
    now_ns = [S_NS]
    desk = AlertDesk(section(hourly_max=8), wall_ns=lambda: now_ns[0])
    told = [bool(desk.take(alert(f"w-{n}"))) for n in range(10)]
    assert told == [True] * 6 + [False] * 4
    urgent = [bool(desk.take(alert(f"c-{n}", Severity.CRITICAL))) for n in range(3)]
    assert urgent == [True, True, False]
    assert desk.due() == []
    now_ns[0] += 3600 * S_NS
    (summed,) = desk.due()
    assert (summed.alert.kind, summed.alert.text) == (
        AlertKind.WITHHELD,
        "5 alerts were withheld: order-rejected 5",
    )
    assert desk.due() == []


def test_a_channel_hears_what_is_urgent_enough_and_a_fallback_what_another_did_not_take() -> None:
    """AL-1: severities, and the fallback, which is asked once."""
    channels = (
        AlertChannel(name="desk", severity_min="INFO"),
        AlertChannel(name="phone", severity_min="CRITICAL"),
        AlertChannel(name="spare", is_fallback=True),
    )
    desk = AlertDesk(section(*channels), wall_ns=lambda: S_NS)
    (mild,) = desk.take(alert())
    assert mild.channel == "desk"
    both = desk.take(alert("o-2", Severity.CRITICAL))
    assert [each.channel for each in both] == ["desk", "phone"]
    (instead,) = desk.failed(mild, "it answered 500")
    assert (instead.channel, instead.instead_of) == ("spare", "desk")
    assert "(channel desk did not take this: it answered 500)" in instead.body
    assert desk.failed(instead, "it answered 500") == []


# --- by which way ---------------------------------------------------------------------------------


def sent(channel: AppriseChannel, *, limit_s: float = 15.0) -> str:
    """Why a channel did not take a message; empty when it did."""
    delivery = delivery_of(alert(), "desk", where="PAPER main", section=section())
    thread = ChannelThread("desk", channel, limit_s=limit_s)
    return asyncio.run(thread.send(delivery)).reason


def test_a_message_reaches_an_inbox_with_its_page() -> None:
    """AL-1: through the library, over a real socket."""
    with inbox() as found:
        assert sent(AppriseChannel(found.address)) == ""
        (message,) = found.heard
    assert message["title"] == "WARNING · PAPER main · order-rejected"
    assert message["message"] == "about o-1\nWhat to do: docs/runbooks/order-rejected.md"
    assert message["type"] == "warning"


def test_why_a_channel_failed_is_said_without_its_address(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """AL-1, BR-4: an address holds a token; no reason, log or output repeats it."""
    caplog.set_level(logging.DEBUG)
    with inbox() as found:
        found.status = 500
        assert sent(AppriseChannel(found.address)) == "it answered 500"
        address = found.address
    assert sent(AppriseChannel(address)) == "it cannot be reached"
    with pytest.raises(ValueError, match="does not take it") as refused:
        AppriseChannel("discord://s3cr3t-t0ken")
    with pytest.raises(ValueError, match="does not take it"):
        AppriseChannel("nosuch://s3cr3t-t0ken")
    out, err = capfd.readouterr()
    assert "s3cr3t" not in f"{out}{err}{caplog.text}{refused.value}"


def test_a_channel_that_never_answers_counts_as_failed_and_is_not_waited_for_again() -> None:
    """AL-1: its thread is its own; the next message is refused at once while it hangs."""

    class Hangs:
        scheme = "test"

        def send(self, _delivery: Delivery) -> str:
            ended.wait(30)
            return ""

    ended = threading.Event()

    async def scenario() -> list[str]:
        thread = ChannelThread("hangs", Hangs(), limit_s=0.05)
        delivery = delivery_of(alert(), "hangs", where="", section=section())
        found = [(await thread.send(delivery)).reason for _ in range(2)]
        ended.set()
        return found

    assert asyncio.run(scenario()) == [
        "it did not answer within 0.05 s",
        "it still hangs with an earlier message",
    ]


# --- the whole of it ------------------------------------------------------------------------------


def alerter(
    data_dir: Path,
    found: dict[str, Inbox],
    board: Board | None = None,
    *,
    wall_ns: Callable[[], int] = lambda: 0,
    **fields: Any,
) -> Alerter:
    """One that reads the record from its beginning, with an inbox for each channel."""
    channels = [
        AlertChannel(name=name, severity_min="INFO", is_fallback=name == "spare") for name in found
    ]
    parts = AlerterParts(
        data_dir=data_dir,
        board=board or Board(),
        alerts=section(*channels, **fields),
        logs=LogsSection(),
        channels={name: AppriseChannel(each.address) for name, each in found.items()},
        wall_ns=wall_ns,
    )
    return Alerter(parts)


def unknown(scribe: Scribbler, order_id: str, minute: int) -> None:
    """An order whose submission was not answered."""
    scribe.put(
        "OrderChanged", f"order/{order_id}", minute, client_order_id=order_id, old="SUBMITTED",
        new="UNKNOWN", cause="TIMEOUT", broker_order_id="", venue_ns=0,
    )  # fmt: skip


def test_what_is_journaled_is_told_once_also_over_a_restart(tmp_path: Path) -> None:
    """AL-1: an alerter that is ended and started again goes on where it was."""
    scribe = Scribbler(tmp_path)
    unknown(scribe, "o-1", 1)
    scribe.record.settle()
    with inbox() as desk:
        asyncio.run(alerter(tmp_path, {"desk": desk}).drain())
        unknown(scribe, "o-2", 2)
        scribe.close()
        asyncio.run(alerter(tmp_path, {"desk": desk}).drain())
        asyncio.run(alerter(tmp_path, {"desk": desk}).drain())
        assert [m["message"].splitlines()[0] for m in desk.heard] == [
            "order o-1: SUBMITTED → UNKNOWN (TIMEOUT)",
            "order o-2: SUBMITTED → UNKNOWN (TIMEOUT)",
        ]
    assert orjson.loads((tmp_path / STATE_FILE).read_bytes()) == {"pos": 2}


def test_an_alert_whose_message_was_under_way_at_the_end_is_told_after_it(tmp_path: Path) -> None:
    """AL-1: twice rather than never: the position moves on when messages have come to an end."""
    scribe = Scribbler(tmp_path)
    unknown(scribe, "o-1", 1)
    scribe.close()

    async def cut_off(hanging: Inbox) -> None:
        await alerter(tmp_path, {"desk": hanging}).look()

    with inbox() as silent:
        silent.is_silent = True
        asyncio.run(cut_off(silent))
    with inbox() as desk:
        asyncio.run(alerter(tmp_path, {"desk": desk}).drain())
        assert desk.titles == ["CRITICAL · order-unknown"]


def test_a_failing_channel_is_replaced_and_holds_up_nobody(tmp_path: Path) -> None:
    """AL-1: one answers 500, one never; the third and the fallback have it meanwhile."""
    scribe = Scribbler(tmp_path)
    unknown(scribe, "o-1", 1)
    scribe.close()

    async def scenario(found: dict[str, Inbox]) -> None:
        watch = alerter(tmp_path, found)
        await watch.look()
        await eventually(lambda: bool(found["good"].heard and found["spare"].heard))

    with inbox() as bad, inbox() as silent, inbox() as good, inbox() as spare:
        bad.status, silent.is_silent = 500, True
        asyncio.run(scenario({"bad": bad, "silent": silent, "good": good, "spare": spare}))
        assert good.titles == ["CRITICAL · order-unknown"]
        assert "channel bad did not take this: it answered 500" in spare.heard[0]["message"]


def test_a_session_that_ends_is_summed_up(tmp_path: Path) -> None:
    """AL-2: the daily summary is sent by the channels at the session's end."""
    write_record(tmp_path)
    with inbox() as desk:
        asyncio.run(alerter(tmp_path, {"desk": desk}).drain())
        (summary,) = [m for m in desk.heard if m["title"].endswith("daily-summary")]
    assert "trades      1 (1 won, 0 lost)" in summary["message"]
    assert "WARMUP 20, IN_POSITION 11" in summary["message"]  # counted behind the session's end


def _live(board: Board, **health: Any) -> None:
    board.put("trader", {"state": "live"})
    board.put("run", {"run": "r1", "ended_ns": None})
    board.put("health", {"is_ready": True, "feeds": [], **health})


RED = {"name": "es", "freshness": "RED", "age_ns": 90 * S_NS}


@pytest.mark.parametrize(
    ("wrong", "title"),
    [
        (lambda board: _live(board, feeds=[RED]), "WARNING · feed-red"),
        (
            lambda board: _live(board, is_ready=False, why_not_ready=["halted: x"]),
            "WARNING · health-failed",
        ),
        (lambda board: board.put("trader", {"state": "gone"}), "CRITICAL · trader-gone"),
        (lambda board: board.put("trader", {"state": "silent"}), "CRITICAL · trader-gone"),
    ],
    ids=["feed", "health", "gone", "silent"],
)
def test_what_stays_wrong_is_told_once(
    tmp_path: Path, wrong: Callable[[Board], None], title: str
) -> None:
    """AL-1: feed red, health failure, a trader that is away; not for a moment's lapse."""
    now_ns, board = [S_NS], Board()
    _live(board)

    async def scenario(desk: Inbox) -> None:
        watch = alerter(tmp_path, {"desk": desk}, board, wall_ns=lambda: now_ns[0], lasting_s=10)

        async def after(seconds: int) -> list[str]:
            now_ns[0] += seconds * S_NS
            await watch.drain()
            return desk.titles

        wrong(board)
        assert await after(0) == []
        assert await after(9) == []
        _live(board)
        assert await after(5) == []  # it was over before it lasted
        wrong(board)
        assert await after(0) == []
        assert await after(10) == [title]
        assert await after(3600) == [title]

    with inbox() as desk:
        asyncio.run(scenario(desk))


def test_a_run_that_ended_well_is_no_trader_gone(tmp_path: Path) -> None:
    """AL-1: nobody is woken because a session is over."""
    board = Board()
    board.put("trader", {"state": "gone"})
    board.put("run", {"run": "r1", "ended_ns": 5})
    with inbox() as desk:
        watch = alerter(tmp_path, {"desk": desk}, board, lasting_s=0)
        asyncio.run(watch.drain())
        assert desk.titles == []


# --- logs -----------------------------------------------------------------------------------------


def test_the_journal_is_a_log_with_the_ids_to_search_by(tmp_path: Path) -> None:
    """AL-4: structured lines, with order, trade and signal ids."""
    write_record(tmp_path)
    with inbox() as desk:
        asyncio.run(alerter(tmp_path, {"desk": desk}).drain())
    lines = newest(tmp_path, EVENTS, 1000)
    assert lines[0]["kind"] == "SessionOpened"
    (closed,) = [line for line in lines if line["kind"] == "TradeClosed"]
    assert closed["trade_id"]
    of_entry = [line["kind"] for line in lines if line.get("order_id") == ENTRY]
    assert {"OrderIntended", "OrderFilled"} <= set(of_entry)
    (crash,) = [line for line in lines if line["kind"] == "ActorCrashed"]
    assert crash["level"] == "WARNING"
    told = newest(tmp_path, ALERTS, 10)
    assert {"channel": "desk", "is_taken": True}.items() <= told[0].items()


def test_a_log_never_grows_beyond_its_limits(tmp_path: Path) -> None:
    """AL-4: rotated at a size, so many files, whole lines only."""
    log = LogFile(tmp_path, "events", LogsSection(file_bytes_max=10_000, files_max=3))
    for number in range(1_000):
        assert log.write([{"n": number, "text": "x" * 80}])
    files = sorted((tmp_path / "logs").iterdir())
    assert [file.name for file in files] == ["events.1.jsonl", "events.2.jsonl", "events.jsonl"]
    assert max(file.stat().st_size for file in files) <= 10_000
    assert newest(tmp_path, "events", 5)[-1]["n"] == 999
    assert files[0].stat().st_mode & 0o077 == 0 or (tmp_path / "logs").stat().st_mode & 0o077 == 0


def test_a_disk_that_is_full_ends_no_log(tmp_path: Path) -> None:
    """AL-4: what cannot be written is dropped; the journal holds it."""
    (tmp_path / "logs").write_text("a file where the folder would be")
    assert not LogFile(tmp_path, "events", LogsSection()).write([{"n": 1}])


# --- configuration and commands -------------------------------------------------------------------


def configured(tmp_path: Path, channels: str) -> Path:
    """The demonstration's configuration with channels."""
    text = (ROOT / "configs/demo.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("\nchannels = []", f"\nchannels = {channels}"))
    return path


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ('[{ name = "desk" }, { name = "desk" }]', "each name once, found desk twice"),
        ('[{ name = "spare", is_fallback = true }]', "found fallbacks only"),
        ('[{ name = "desk", url = "json://x" }]', "unknown key"),
        ('[{ name = "desk", token = "x" }]', "secrets never stand in the configuration"),
        ('[{ name = "Desk Top" }]', "expected a text like"),
        ('[{ name = "desk", severity_min = "LOUD" }]', "severity_min"),
    ],
)
def test_a_wrong_channel_is_named(tmp_path: Path, channels: str, said: str) -> None:
    """AL-1, BR-4: configuration errors say where; an address is refused in the file."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        load(configured(tmp_path, channels), environment={})


def test_an_address_without_its_channel_is_refused(tmp_path: Path) -> None:
    """AL-1: a misspelt variable would silence a channel without a word."""
    path = configured(tmp_path, '[{ name = "desk" }]')
    with pytest.raises(ConfigError, match=r"HOLDFAST_ALERT_DEKS.*did you mean HOLDFAST_ALERT_DESK"):
        load(path, environment={"HOLDFAST_ALERT_DEKS": "json://127.0.0.1"})


def test_an_address_comes_from_a_variable_or_a_private_file(tmp_path: Path) -> None:
    """AL-1, BR-4: a file that others can read is refused, and so is none at all."""
    asked = section()
    file = tmp_path / "desk.url"
    file.write_text("json://127.0.0.1:9/x\n")
    variable = {"HOLDFAST_ALERT_DESK_FILE": str(file)}
    with pytest.raises(SetupError, match="chmod 600"):
        open_channels(asked, variable)
    file.chmod(0o600)
    assert open_channels(asked, variable)["desk"].scheme == "json"
    with pytest.raises(SetupError, match="channel desk has no address: set HOLDFAST_ALERT_DESK"):
        open_channels(asked, {})
    with pytest.raises(SetupError, match="must begin with scheme://") as refused:
        open_channels(asked, {"HOLDFAST_ALERT_DESK": "s3cr3t"})
    assert "s3cr3t" not in str(refused.value)


def test_the_channels_are_tried_by_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """AL-1: `holdfast alert test` names each channel's result; 1 when one fails, 2 without any."""
    path = configured(tmp_path, '[{ name = "desk" }, { name = "phone" }]')
    with inbox() as desk, inbox() as phone:
        phone.status = 403
        monkeypatch.setenv("HOLDFAST_ALERT_DESK", desk.address)
        monkeypatch.setenv("HOLDFAST_ALERT_PHONE", phone.address)
        assert cli.run(["alert", "test", "--config", str(path), "--json"]) == 1
        found = orjson.loads(capsys.readouterr().out)
        assert [(c["name"], c["scheme"], c["reason"]) for c in found["channels"]] == [
            ("desk", "json", ""),
            ("phone", "json", "it answered 403"),
        ]
        assert desk.titles == ["INFO · channel-test"]
        assert cli.run(["alert", "test", "--config", str(path), "--channel", "desk"]) == 0
        assert cli.run(["alert", "test", "--config", str(path), "--channel", "dsk"]) == 2
        assert "did you mean desk" in capsys.readouterr().err
    monkeypatch.delenv("HOLDFAST_ALERT_PHONE")
    assert cli.run(["alert", "test", "--config", str(path)]) == 2
    assert cli.run(["alert", "test", "--config", str(ROOT / "configs/demo.toml")]) == 2


def test_what_was_told_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """AL-1: `holdfast alert log`."""
    write_record(tmp_path)
    assert cli.run(["--data-dir", str(tmp_path), "alert", "log"]) == 0
    assert "nobody was told anything yet" in capsys.readouterr().out
    with inbox() as desk:
        asyncio.run(alerter(tmp_path, {"desk": desk}).drain())
    assert cli.run(["--data-dir", str(tmp_path), "alert", "log", "--json"]) == 0
    (line,) = orjson.loads(capsys.readouterr().out)["alerts"]
    assert (line["kind"], line["channel"]) == ("daily-summary", "desk")


def test_a_session_is_summed_up_by_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """AL-2: trades, P&L, skips by reason, protections, assertions, data, uptime, anomalies."""
    write_record(tmp_path)
    assert cli.run(["--data-dir", str(tmp_path), "daily", "--json"]) == 0
    found = orjson.loads(capsys.readouterr().out)
    assert found["session_date"] == DATE
    assert found["trades"]["net_1e8"] == 496 * ONE
    assert found["trades"]["by_exit"] == {"TAKE_PROFIT": 1}
    assert found["not_traded"] == {"skipped": {"WARMUP": 20, "IN_POSITION": 11},
                                   "refused": {"cooldown": 1}}  # fmt: skip
    assert found["assertions"] == {"asserted": 10, "sweeps": 390, "decisions": 20, "failed": {}}
    assert found["data"]["gaps"] == 1
    assert [each["kind"] for each in found["anomalies"]] == ["ActorCrashed"]
    assert cli.run(["--data-dir", str(tmp_path), "daily", "2020-03-10"]) == 2
    assert "its sessions: 2020-03-09" in capsys.readouterr().err


def test_a_run_whose_channel_has_no_address_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """AL-1: said before the start, with exit code 2, not found out at night."""
    path = configured(tmp_path, '[{ name = "desk" }]')
    assert cli.run(["run", "--config", str(path), "--data-dir", str(tmp_path / "data")]) == 2
    assert "channel desk has no address" in capsys.readouterr().err
    assert not (tmp_path / "data" / "record.db").exists()


def test_a_run_without_the_page_tells_people_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AL-1: --no-console serves nothing, and the channels hear of what happens."""
    path = configured(tmp_path, '[{ name = "desk" }]')
    data_dir = tmp_path / "data"
    with inbox() as desk:
        monkeypatch.setenv("HOLDFAST_ALERT_DESK", desk.address)
        said = ask("run", "--no-console", "--headless", "--speed", "2400", "--json",
                   "--config", str(path), "--data-dir", str(data_dir))  # fmt: skip
        assert said.code == 0, said.err
        assert any("daily-summary" in title for title in desk.titles), desk.titles
    assert not (data_dir / ADDRESS_FILE).exists()
    assert newest(data_dir, "alerts", 1)
