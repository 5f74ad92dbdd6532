"""`holdfast rehearse`, `arm` and `disarm`, as they are typed."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.rehearsal import CASES, rehearse
from brokers.alpaca.connect import Addresses, Connection
from brokers.alpaca.venue import AlpacaVenue
from brokers.base import Prepared, SendOutcome, Unknown, Venue
from brokers.credentials import Credentials
from brokers.venues import venue_kind
from console import cli
from tests.support.live import simulator
from trading.config_reader import default_path

ACCOUNTS = {
    "alpaca": "PA3SIM000001",
    "polymarket": "0xe959828e1083CB4F26492f91d5223029038a707C",
    "tradier": "VA00000007",
}


class Desk:
    """Commands typed in this process; each gives its exit code and the JSON it ended with."""

    def __init__(self, shown: pytest.CaptureFixture[str], *common: str) -> None:
        """`common` stands behind every command."""
        self._shown, self._common = shown, common

    def type(self, *words: str) -> tuple[int, Any]:
        """One command."""
        self._shown.readouterr()
        code = cli.run([*words, *self._common, "--json"])
        return code, orjson.loads(self._shown.readouterr().out.strip().splitlines()[-1])


def whole_lots(folder: Path, symbol: str) -> Path:
    """The default configuration in whole units of what that venue lists."""
    path = folder / "whole.toml"
    text = re.sub(r"(?m)^lot = \S+", "lot = 1", default_path().read_text())
    path.write_text(text.replace('"SPY"', f'"{symbol}"'))
    return path


@pytest.mark.parametrize("broker", sorted(ACCOUNTS))
def test_an_account_is_armed_by_name_once_everything_is_green(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broker: str,
) -> None:
    """BR-7, BR-9: the lines of `doctor`, then the account's own number and a person's name."""
    desk, account = Desk(capsys, "--data-dir", str(tmp_path)), ACCOUNTS[broker]
    with simulator(venue=broker) as told:
        for word in venue_kind(broker).key_words:
            monkeypatch.setenv(f"HOLDFAST_{broker.upper()}_{word}", told[word.lower()])
        config = str(whole_lots(tmp_path, venue_kind(broker).rehearsed.symbol))
        words = ("--broker", broker, "--url", told["url"], "--config", config)
        by = (*words, "--by", "Ada Byron")
        code, refused = desk.type("arm", account, *by)
        assert (code, "kill drill, rehearsal must be green" in refused["error"]) == (3, True)
        assert desk.type("drill", "--orders", "2", "--positions", "1")[0] == 0
        code, rehearsed = desk.type("rehearse", "--broker", broker)
        assert code == 0, rehearsed
        assert [case["name"] for case in rehearsed["cases"]] == [
            each.name for each in CASES if each.is_for(venue_kind(broker).capabilities)
        ]
        code, other = desk.type("arm", "PA-OF-ANOTHER", *by)
        assert code == 3
        assert f"the keys are those of account {account}" in other["error"]
        code, armed = desk.type("arm", account, *by)
        assert code == 0, armed
        code, looked = desk.type("doctor", "--mode", "LIVE", *words)
        assert code == 0, looked
    names = [check["name"] for check in armed["checks"]]
    assert {"lease", "kill drill", "rehearsal", "account", "clock", "balance", "book"} < set(names)
    assert {check["name"] for check in looked["checks"]} >= set(names)
    assert desk.type("disarm", "--by", "Ada Byron")[0] == 0
    sql = "SELECT kind, payload FROM journal WHERE stream = 'arming' ORDER BY pos"
    rows = desk.type("sql", sql)[1]["rows"]
    assert [row["kind"] for row in rows] == ["Armed", "Disarmed"]
    assert "Ada Byron" in str(rows[0]["payload"])
    assert told[venue_kind(broker).key_words[1].lower()] not in str(rows[0]["payload"])
    assert desk.type("verify")[0] == 0


class Twice(AlpacaVenue):
    """An adapter that sends again when it hears nothing, as client libraries do."""

    async def send(self, prepared: Prepared, release: Any, *, is_entry: bool) -> SendOutcome:
        """Once more."""
        outcome = await super().send(prepared, release, is_entry=is_entry)
        if isinstance(outcome, Unknown):
            outcome = await super().send(prepared, release, is_entry=is_entry)
        return outcome


def test_an_adapter_that_sends_twice_does_not_pass() -> None:
    """BR-9: the verdict is the venue's: what was written to it, and what it booked."""
    with simulator("--still") as told:
        connection = Connection(
            addresses=Addresses.of(told["url"]),
            credentials=Credentials(told["key"], told["secret"]),
            now_ns=time.time_ns,
            mono_ns=time.monotonic_ns,
            calls_per_minute=60_000,
            answer_wait_s=0.3,
        )

        def make() -> Venue:
            honest = connection.venue()
            return Twice(
                honest.rest,
                stream_url=connection.addresses.order_stream,
                credentials=connection.credentials,
                backoff=honest._backoff,  # noqa: SLF001 - its own, for a copy
            )

        judged = asyncio.run(rehearse(make, told["admin_url"]))
    faults = {each.name: each.fault for each in judged if each.fault}
    assert "the answer is lost" in faults
    assert "it is answered with 503 and not booked" in faults
    assert "an order is booked" not in faults
