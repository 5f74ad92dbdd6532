"""`holdfast-guard` by itself: kills without any Python, and what it refuses to start with."""

import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import orjson
import pytest

from storage import open_record
from storage.guard_log import guard_lines
from storage.lease import FenceWord, Hold
from tests.support.guard import GUARD, TAG, Setting, guarding, setting
from tests.support.live import simulator
from tests.support.process import ask

NOWHERE = {"url": "http://127.0.0.1:1", "key": "K", "secret": "S"}


def place(told: dict[str, str], client_order_id: str) -> None:
    """A limit order far from the market, as another program would place it."""
    order = {"symbol": "SPY", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "gtc"}
    body = orjson.dumps({**order, "limit_price": "1.00", "client_order_id": client_order_id})
    headers = {"APCA-API-KEY-ID": told["key"], "APCA-API-SECRET-KEY": told["secret"]}
    request = urllib.request.Request(f"{told['url']}/v2/orders", data=body, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - a venue on loopback
        assert answer.status == 200


def working(told: dict[str, str]) -> set[str]:
    """Client order ids that work, in the venue's own book."""
    with urllib.request.urlopen(f"{told['admin_url']}/admin/truth") as answer:  # noqa: S310
        truth: dict[str, Any] = orjson.loads(answer.read())
    return {each["client_order_id"] for each in truth["orders"] if each["status"] == "new"}


def fault(told: dict[str, str], **settings: Any) -> None:
    """Arm a fault of the venue."""
    body = orjson.dumps(settings)
    url = f"{told['admin_url']}/admin/faults"
    with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:  # noqa: S310
        assert answer.status == 200


def test_a_kill_without_a_guard_and_without_python_takes_off_ours_and_nothing_else(
    tmp_path: Path,
) -> None:
    """KC-2, KC-4, WD-6: a direct kill fences, cancels by our tag, counts, and holds trading."""
    with simulator("--still") as told:
        where = setting(tmp_path, told)
        record = open_record(where.data_dir)
        fence = record.fence
        ours = {f"{TAG}t-1", f"{TAG}t-2", f"{TAG}t-3"}
        for client_order_id in (*sorted(ours), "l-mainly-1", "by-hand"):
            place(told, client_order_id)
        assert ours < working(told)
        code, answer, said = where.ask("kill", "EMERGENCY", "--reason", "a test", "--by", "me")
        assert working(told) == {"l-mainly-1", "by-hand"}
    assert (code, answer["type"]) == (0, "done"), said
    assert (answer["cancelled"], answer["failed"], answer["remaining"]) == (3, 0, 0)
    assert (answer["foreign"], answer["positions"]) == (2, 0)
    assert record.lease.is_lost()
    assert record.lease.word.read() == fence + 1
    assert record.lease.word.hold() is Hold.PERSON
    record.close()
    kinds = [line.kind for line in guard_lines(where.data_dir)]
    assert kinds == ["Kill", "Fenced", "Swept"]


def test_a_guard_that_runs_answers_a_kill_with_counts_and_releases_when_told(
    tmp_path: Path,
) -> None:
    """KC-1, KC-2, WD-6: through the control socket; no trader starts until it is released."""
    with simulator("--still") as told:
        where = setting(tmp_path, told)
        place(told, f"{TAG}t-1")
        with guarding(where):
            where.socket.unlink()  # it is made again at the next look
            again = guarding_twice(where)
            code, answer, _ = ask_until_heard(where, "kill", "FLATTEN", "--reason", "a test")
            assert (code, answer["cancelled"], answer["remaining"]) == (0, 1, 0)
            assert working(told) == set()
            word = FenceWord(where.data_dir)
            assert word.hold() is Hold.PERSON
            place(told, f"{TAG}late")  # it was on its way when the fence rose
            while working(told):
                pass
            code = 3
            while code == 3:  # until two lists in a row are clean again
                code, answer, _ = where.ask("release", "--reason", "looked at the venue")
            assert (code, answer["type"]) == (0, "done")
            assert word.hold() is Hold.FREE
            word.close()
    assert again == 2
    assert not where.socket.exists()
    swept = [line["payload"]["cancelled"] for line in where.log() if line["kind"] == "Swept"]
    assert swept == [1, 1]


AT_TRADIER = {'name = "alpaca"': 'name = "tradier"'}
OPEN_AT_TRADIER = ("open", "pending", "held", "partially_filled")


def place_at_tradier(told: dict[str, str], tag: str, **fields: str) -> None:
    """Orders of Tradier's form, as another program would place them."""
    body = urllib.parse.urlencode({"duration": "gtc", "tag": tag, **fields}).encode()
    request = urllib.request.Request(  # noqa: S310
        f"{told['url']}/v1/accounts/{told['account']}/orders",
        data=body,
        headers={"Authorization": f"Bearer {told['token']}", "Accept": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - a venue on loopback
        said = orjson.loads(answer.read())
    assert said["order"]["status"] == "ok", said


def at_tradier(told: dict[str, str]) -> list[tuple[str, str]]:
    """Tag and status of every order, in the venue's own book."""
    with urllib.request.urlopen(f"{told['admin_url']}/admin/truth") as answer:  # noqa: S310
        truth: dict[str, Any] = orjson.loads(answer.read())
    return [(each["tag"], each["status"]) for each in truth["orders"]]


def test_a_kill_at_tradier_takes_off_parents_of_ours_and_nothing_else(tmp_path: Path) -> None:
    """KC-2, WD-6: no cancel-all there: listed, each parent cancelled, listed until twice clean."""
    share = {"class": "equity", "symbol": "SPY", "side": "buy", "quantity": "1", "type": "limit"}
    bracket = {
        "class": "otoco",
        **{f"symbol[{leg}]": "SPY" for leg in range(3)},
        **{f"quantity[{leg}]": "1" for leg in range(3)},
        "type[0]": "limit",
        "side[0]": "buy",
        "price[0]": "1.00",
        "type[1]": "limit",
        "side[1]": "sell",
        "price[1]": "9000.00",
        "type[2]": "stop",
        "side[2]": "sell",
        "stop[2]": "0.50",
    }
    with simulator("--still", venue="tradier") as told:
        where = setting(tmp_path, told, names=("account", "token"), changes=AT_TRADIER)
        place_at_tradier(told, f"{TAG}t-1", price="1.00", **share)
        place_at_tradier(told, f"{TAG}t-2", **bracket)
        place_at_tradier(told, "theirs", price="1.00", **share)
        code, answer, said = where.ask("kill", "FLATTEN", "--reason", "a test")
        counts = [answer[name] for name in ("cancelled", "failed", "remaining", "foreign")]
        assert (code, counts) == (0, [2, 0, 0, 1]), (answer, said)
        ours = [status for tag, status in at_tradier(told) if (tag or "").startswith(TAG)]
        assert not set(ours) & set(OPEN_AT_TRADIER), at_tradier(told)
        assert ("theirs", "open") in at_tradier(told)


def test_a_token_that_tradier_does_not_know_is_never_reported_done(tmp_path: Path) -> None:
    """KC-5: without a list nothing is known, and the answer says so."""
    with simulator("--still", venue="tradier") as told:
        wrong = {**told, "token": "not-the-token"}
        where = setting(tmp_path, wrong, names=("account", "token"), changes=AT_TRADIER)
        kill = ("kill", "FLATTEN", "--reason", "a test", "--timeout", "1")
        code, answer, said = where.ask(*kill)
    assert (code, answer["type"]) == (1, "failed")
    assert "an unknown number of orders of ours may work" in said


def guarding_twice(where: Setting) -> int:
    """The exit code of a second guard of the same data directory."""
    done = subprocess.run(where.command("watch"), capture_output=True, timeout=20, check=False)
    assert b"another guard is alive" in done.stderr
    return done.returncode


def ask_until_heard(where: Setting, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Ask once the socket is there again."""
    while not where.socket.exists():
        pass
    return where.ask(*arguments)


def test_a_venue_that_talks_nonsense_is_never_reported_done(tmp_path: Path) -> None:
    """KC-5, WD-6: it is asked again and again, and the answer says that nothing is known."""
    with simulator("--still") as told:
        where = setting(tmp_path, told)
        place(told, f"{TAG}t-1")
        fault(told, verb="malformed", on="GET /v2/orders", how="truncated", times=1000)
        code, answer, said = where.ask("kill", "EMERGENCY", "--reason", "a test", "--timeout", "2")
    assert (code, answer["type"]) == (1, "failed")
    assert "an unknown number of orders of ours may work" in said
    assert "Swept" not in [line["kind"] for line in where.log("guard-kill.log")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"heartbeat_s = 1.0\n": ""}, "missing field `heartbeat_s`"),
        ({'tag = "l-main-"': 'tag = "l-"'}, "venue.tag must be"),
        ({'url = "http://127.0.0.1:1"': 'url = "http://example.org"'}, "must begin with https://"),
    ],
)
def test_a_guard_without_explicit_limits_does_not_start(
    tmp_path: Path, changes: dict[str, str], expected: str
) -> None:
    """WD-6, RK-14: the error names what is missing; exit 2, and nothing is left behind."""
    where = setting(tmp_path, NOWHERE, changes=changes)
    code, _, said = where.ask("watch")
    assert code == 2
    assert expected in said
    assert list(where.data_dir.iterdir()) == []


def test_a_run_whose_guard_cannot_reach_its_venue_starts_nothing(tmp_path: Path) -> None:
    """WD-6: exit 2 with the reason; with a limit missing as well."""
    where = setting(tmp_path, NOWHERE)
    run = ("run", "--headless", "--data-dir", str(where.data_dir), "--guard", str(where.config))
    said = ask(*run)
    assert (said.code, "the guard's venue cannot be used" in said.err) == (2, True), said.err
    assert not (where.data_dir / "record.db").exists()
    text = where.config.read_text(encoding="utf-8")
    where.config.write_text(text.replace("heartbeat_s = 1.0\n", ""), encoding="utf-8")
    said = ask(*run)
    assert (said.code, "missing field `heartbeat_s`" in said.err) == (2, True), said.err


def test_a_guard_that_only_watches_needs_its_venue_too_while_nothing_is_to_be_guarded_yet(
    tmp_path: Path,
) -> None:
    """WD-6: exit 2 with the reason; where trading is held it begins, as it has work to do."""
    where = setting(tmp_path, NOWHERE)
    code, _, said = where.ask("watch")
    assert code == 2
    assert "the guard's venue cannot be used" in said
    assert not where.socket.exists()
    where.ask("kill", "FLATTEN", "--reason", "a test", "--timeout", "1")
    with guarding(where):
        assert where.ask("status")[1]["is_held"]


def test_a_run_with_keys_or_a_socket_that_cannot_be_used_starts_nothing(tmp_path: Path) -> None:
    """BR-4, WD-6: the same refusals through `holdfast run`: exit 2, and no record."""
    with simulator("--still") as told:
        where = setting(tmp_path, told)
        keys = tmp_path / "keys"
        run = ("run", "--headless", "--data-dir", str(where.data_dir), "--guard", str(where.config))
        text = keys.read_text(encoding="ascii")
        keys.chmod(0o640)
        said = [ask(*run)]
        keys.unlink()
        said.append(ask(*run))
        keys.touch(0o600)
        said.append(ask(*run))
        keys.write_text(text, encoding="ascii")
        where.socket.write_text("mine")
        said.append(ask(*run))
    reasons = ("chmod 600", "cannot be read", "must hold two lines", "is taken")
    for found, reason in zip(said, reasons, strict=True):
        assert (found.code, reason in found.err) == (2, True), found.err
    assert not (where.data_dir / "record.db").exists()


def test_keys_that_others_can_read_and_a_path_that_is_taken_are_refused(tmp_path: Path) -> None:
    """BR-4, WD-6: exit 2, with the line that puts it right."""
    where = setting(tmp_path, NOWHERE)
    (tmp_path / "keys").chmod(0o644)
    for command in (("watch",), ("check",), ("kill", "FLATTEN", "--reason", "a test")):
        code, _, said = where.ask(*command)
        assert code == 2
        assert "chmod 600" in said
    (tmp_path / "keys").chmod(0o600)
    where.socket.write_text("mine")
    with simulator("--still") as told:
        code, _, said = setting(tmp_path, told).ask("watch")
    assert code == 2
    assert "is taken" in said
    assert where.socket.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("wach",), "a command is one of"),
        (("kill", "HARDER", "--reason", "a test"), "PAUSE, FLATTEN or EMERGENCY"),
        (("kill", "PAUSE"), "a reason is needed"),
        (("status",), "no guard answers"),
        (("kill", "PAUSE", "--reason"), "needs a value"),
    ],
)
def test_a_usage_error_is_exit_2(tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    """UI-14: what was expected and what was found."""
    where = setting(tmp_path, NOWHERE)
    done = subprocess.run(
        [GUARD, "--config", str(where.config), *arguments],
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert expected in done.stderr.decode()


def test_the_supervisor_is_told_that_the_guard_is_ready_works_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-7: READY once it watches, WATCHDOG at each look, STOPPING at SIGTERM, exit 0."""
    with (
        simulator("--still") as told,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor,
    ):
        where = setting(tmp_path, told)
        supervisor.settimeout(20)
        supervisor.bind(str(tmp_path / "n"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        with guarding(where) as guard:
            heard = [supervisor.recv(64) for _ in range(3)]
        while heard[-1] != b"STOPPING=1":
            heard.append(supervisor.recv(64))
    assert heard[:3] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert guard.wait(20) == 0
    assert [line.kind for line in guard_lines(where.data_dir)] == ["Started", "Stopped"]
