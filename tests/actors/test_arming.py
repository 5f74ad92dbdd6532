"""LIVE at a venue that is real: armed by a person, for what was looked at, for some hours."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.admission import VenueAwayError
from actors.arming import ARMED, DISARMED, LASTS_NS, Arming, Terms, code_digest
from actors.drill import Drilled
from actors.drill import keep as keep_drill
from actors.live import LiveTrader
from actors.rehearsal import Judged, Rehearsed
from actors.rehearsal import keep as keep_rehearsal
from actors.safe_to_trade import local_checks, red
from actors.trader_port import RunningTrader
from brokers.alpaca.connect import Addresses
from brokers.base import Place
from console.record import write_arming
from storage import open_record
from tests.support.live import Venue, at_venue, live, live_config, simulator
from tests.support.time_server import packet, time_server
from trading.config import Config
from trading.errors import SafetyRefusedError
from trading.run_options import ExitCode, Mode, RunOptions
from trading.run_report import Reporter

MS = 1_000_000
NOW_NS = 1_795_230_000_000_000_000
TERMS = Terms(url="https://api.alpaca.markets", config_sha256="c", code_sha256="v")


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """A simulator with a market."""
    with simulator() as told:
        yield told


@pytest.fixture
def keys(told: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Its keys in the environment."""
    monkeypatch.setenv("HOLDFAST_ALPACA_KEY", told["key"])
    monkeypatch.setenv("HOLDFAST_ALPACA_SECRET", told["secret"])
    return told


def arming(**changes: object) -> Arming:
    fields: dict[str, Any] = {
        "url": TERMS.url,
        "account_number": "PA1",
        "config_sha256": TERMS.config_sha256,
        "code_sha256": TERMS.code_sha256,
        "by": "a test",
        "at_ns": NOW_NS,
        "until_ns": NOW_NS + LASTS_NS,
        "checks": [],
    }
    return Arming(**fields | changes)


@pytest.mark.parametrize(
    ("terms", "now_ns", "why"),
    [
        (TERMS, NOW_NS, ""),
        (TERMS, NOW_NS + LASTS_NS - 1, ""),
        (TERMS, NOW_NS + LASTS_NS, "12.0 h ago"),
        (TERMS, NOW_NS - 1, "h ago"),
        (replace(TERMS, url="https://paper-api.alpaca.markets"), NOW_NS, "another address"),
        (replace(TERMS, config_sha256="d"), NOW_NS, "another configuration"),
        (replace(TERMS, code_sha256="w"), NOW_NS, "another version"),
    ],
    ids=["now", "last instant", "over", "from the future", "address", "configuration", "code"],
)
def test_an_arming_holds_for_what_was_armed(terms: Terms, now_ns: int, why: str) -> None:
    """BR-7: one address, one configuration, one version of the code, twelve hours."""
    found = arming().refusal(terms, now_ns)
    assert (why in found) if why else not found


def timed_config(server: str) -> Config:
    """The account, with that time server."""
    config = live_config()
    watchdog = msgspec.structs.replace(config.watchdog, ntp_server=server)
    return msgspec.structs.replace(config, watchdog=watchdog)


def prepare_data(data_dir: Path) -> None:
    """A drill and a rehearsal of this code that passed."""
    counts = ("orders", "positions", "cancelled", "closed", "failed", "remaining")
    times = ("ms_to_last_cancel", "ms_to_flat", "ms_to_done")
    clean: dict[str, Any] = dict.fromkeys((*counts, *times), 0)
    keep_drill(data_dir, Drilled(**clean, at_ns=time.time_ns()))
    passed = [Judged(name="an order is booked", fault="")]
    keep_rehearsal(
        data_dir,
        Rehearsed(broker="alpaca", code_sha256=code_digest(), at_ns=time.time_ns(), cases=passed),
    )


def arm(where: Venue, data_dir: Path, **changes: object) -> None:
    """As `holdfast arm` does, at a venue that passes for a real one."""
    now_ns = time.time_ns()
    body = arming(
        **{
            "url": where.url,
            "account_number": "PA3SIM000001",
            "config_sha256": live_config().digest(),
            "code_sha256": code_digest(),
            "at_ns": now_ns,
            "until_ns": now_ns + LASTS_NS,
            **changes,
        }
    )
    write_arming(data_dir, ARMED, msgspec.to_builtins(body))


def equity(symbol: str) -> Config:
    """The account with one instrument of that name."""
    config = live_config()
    (instrument,) = config.instruments
    named = msgspec.structs.replace(instrument, symbol=symbol)
    return msgspec.structs.replace(config, instruments=(named,), strategies=())


async def opened(
    where: Venue,
    data_dir: Path,
    place: Place,
    config: Config | None = None,
    *,
    recover: bool = False,
) -> LiveTrader:
    """What the trader's process does first."""
    options = RunOptions(
        mode=Mode.LIVE, broker="alpaca", url=where.url, data_dir=data_dir, recover=recover
    )
    record = open_record(data_dir, is_eager=True)
    try:
        trader = await LiveTrader.open(
            options,
            config or live_config(),
            record,
            Reporter(-1),
            lambda url: replace(Addresses.of(url), place=place),
        )
        trader.lane.close()  # it is never run, and this thread goes on without a lane
        return trader
    finally:
        record.close()


@pytest.mark.parametrize("place", [Place.SANDBOX, Place.LIVE])
def test_real_orders_wait_for_a_person(keys: dict[str, str], tmp_path: Path, place: Place) -> None:
    """BR-7, BR-9: refused before one byte leaves, until rehearsed, drilled, and armed."""

    async def play() -> None:
        async with at_venue(keys) as where:
            if place is Place.LIVE:
                with pytest.raises(SafetyRefusedError, match="live keys are refused"):
                    await opened(where, tmp_path, place)
            prepare_data(tmp_path)
            with pytest.raises(SafetyRefusedError, match="it is not armed"):
                await opened(where, tmp_path, place)
            arm(where, tmp_path, code_sha256="another")
            with pytest.raises(SafetyRefusedError, match="another version of the code"):
                await opened(where, tmp_path, place)
            (tmp_path / "drill.json").unlink()
            arm(where, tmp_path)
            with pytest.raises(SafetyRefusedError, match="kill drill: none was kept"):
                await opened(where, tmp_path, place)
            assert (await where.get("/admin/audit"))["requests"] == []
            prepare_data(tmp_path)
            arm(where, tmp_path, account_number="PA-OF-ANOTHER")
            with pytest.raises(SafetyRefusedError, match="armed account: PA3SIM"):
                await opened(where, tmp_path, place)
            arm(where, tmp_path)
            with pytest.raises(SafetyRefusedError, match="ntp: no time server is named"):
                await opened(where, tmp_path, place)
            async with time_server(lambda asked: [packet(asked, ahead_ns=200 * MS)]) as server:
                timed = timed_config(server)
                arm(where, tmp_path, config_sha256=timed.digest())
                with pytest.raises(SafetyRefusedError, match="ntp: the time server's clock"):
                    await opened(where, tmp_path, place, timed)
            async with time_server(lambda asked: [packet(asked)]) as server:
                timed = timed_config(server)
                arm(where, tmp_path, config_sha256=timed.digest())
                await opened(where, tmp_path, place, timed)

    asyncio.run(play())


def test_what_is_taken_back_is_not_armed(keys: dict[str, str], tmp_path: Path) -> None:
    """BR-7: a person may end it before its time."""

    async def play() -> None:
        async with at_venue(keys) as where:
            prepare_data(tmp_path)
            arm(where, tmp_path)
            write_arming(tmp_path, DISARMED, {"by": "a test", "at_ns": time.time_ns()})
            with pytest.raises(SafetyRefusedError, match="it is not armed"):
                await opened(where, tmp_path, Place.SANDBOX)

    asyncio.run(play())


def test_without_an_arming_entries_are_held_back_and_exits_leave(
    told: dict[str, str], tmp_path: Path
) -> None:
    """BR-7: a run that comes back without one still closes what it holds, and enters nothing."""

    async def play() -> None:
        async with at_venue(told) as where:
            async with live(where, tmp_path) as desk:
                await desk.ready()
                await desk.enter()
                await desk.until(lambda: len(desk.payloads("OrderFilled")) == 1, "a fill")
            async with live(where, tmp_path, recover=True, place=Place.LIVE) as desk:
                await desk.ready()
                desk.leave()
                await desk.until(lambda: len(desk.payloads("OrderFilled")) == 1, "the exit's fill")
                held = await desk.enter(setup_instance="again")
                await desk.until(lambda: desk.state(held) in ("", "NOT_SENT"), "no order")
                health = RunningTrader(desk.trader.system, rescan=dict).health()
                states = {each["name"]: each["state"] for each in health["breakers"]}
                assert states["arming"] == "OPEN"
                assert any("breaker arming is OPEN" in why for why in health["why_not_ready"])
            truth = await where.truth()
            assert len(truth["orders_by_client_id"]) == 2, "one in, one out"
            assert held not in truth["orders_by_client_id"]
            assert not any(float(each["qty"]) for each in truth["positions"].values())

    asyncio.run(play())


def test_a_run_that_was_cut_off_waits_for_its_venue(
    keys: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-2, BR-7: away, it is tried again (75); red, it is said, and what is open looked after."""
    monkeypatch.setattr("actors.admission.VENUE_WAIT_S", 0.1)
    other = equity("NOTLISTED")

    async def play() -> None:
        async with at_venue(keys) as where:
            away = replace(where, told={**keys, "url": "http://127.0.0.1:9"})
            with pytest.raises(SafetyRefusedError, match="does not answer, nothing was started"):
                await opened(away, tmp_path, Place.SIMULATOR)
            with pytest.raises(SafetyRefusedError, match="NOTLISTED: the venue does not know it"):
                await opened(where, tmp_path, Place.SIMULATOR, other)
            async with live(where, tmp_path) as desk:
                await desk.ready()
            with pytest.raises(VenueAwayError, match="does not answer yet") as raised:
                await opened(away, tmp_path, Place.SIMULATOR, recover=True)
            assert raised.value.exit_code == ExitCode.RESTART
            await opened(where, tmp_path, Place.SIMULATOR, other, recover=True)

    asyncio.run(play())


def test_each_local_line_can_be_red(tmp_path: Path) -> None:
    """BR-7: no drill, no rehearsal, a lease that another holds; whatever cannot be read is red."""
    assert red(local_checks(tmp_path, "alpaca", time.time_ns())).count("none was kept") == 2
    prepare_data(tmp_path)
    now_ns = time.time_ns()
    assert not red(local_checks(tmp_path, "alpaca", now_ns))
    day_ns = 24 * 3_600_000_000_000
    assert "kill drill: the newest is 25 h old" in red(
        local_checks(tmp_path, "alpaca", now_ns + day_ns + day_ns // 24)
    )
    (tmp_path / "rehearsal-alpaca.json").write_bytes(b"{")
    assert "rehearsal: " in red(local_checks(tmp_path, "alpaca", now_ns))
    record = open_record(tmp_path)
    try:
        found = red(local_checks(tmp_path, "alpaca", now_ns))
        assert f"lease: held by {record.lease.holder}" in found
        assert "lease" not in red(
            local_checks(tmp_path, "alpaca", now_ns, ours=record.lease.holder)
        )
    finally:
        record.close()
