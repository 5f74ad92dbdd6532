"""Before an entry the broker is asked what may be spent (EX-13)."""

from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest

from actors.messages import BalanceDue
from brokers.base import Stated
from brokers.paper import PaperBroker
from research.crash.market import busy_config, busy_tape
from streams.tape import Tape
from tests.support.play import Played, prepare
from trading.config import Config
from trading.config_reader import load
from trading.ports import Part
from trading.run_options import Mode

CASH = frozenset((Part.CASH,))
Market = tuple[Config, Tape]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """A session with many trades in parts, and cash for all of them."""
    directory = tmp_path_factory.mktemp("busy")
    config = load(busy_config(directory))
    account = msgspec.structs.replace(config.account, capital_usd=Decimal(10**7))
    config = msgspec.structs.replace(config, account=account)
    return config, Tape(busy_tape(directory, sessions=1))


def cached(config: Config, seconds: int) -> Config:
    """The same, with figures that serve for a while."""
    account = msgspec.structs.replace(
        config.account, balance_cache_s=seconds, balance_age_max_s=seconds
    )
    return msgspec.structs.replace(config, account=account)


class Line:
    """The way to the venue, seen; after its first answer it may have a problem with figures."""

    def __init__(self, patch: pytest.MonkeyPatch, *, problem: str | None = None) -> None:
        """Stand before the broker's `state` and `submit`."""
        self.steps: list[str] = []
        self.is_told = False
        state, submit = PaperBroker.state, PaperBroker.submit

        def asked(
            broker: PaperBroker, question: int, parts: frozenset[Part], *when: Any, **how: Any
        ) -> None:
            if parts == CASH:
                self.steps.append("asked")
            if self.is_told and Part.CASH in parts and problem is not None:
                broker._tell(broker._account, Stated(question=question, problem=problem))  # noqa: SLF001
            else:
                self.is_told |= Part.CASH in parts
                state(broker, question, parts, *when, **how)

        def sent(broker: PaperBroker, submission: Any, gate: Any) -> None:
            if submission.adds_risk:
                self.steps.append("entry")
            submit(broker, submission, gate)

        patch.setattr(PaperBroker, "state", asked)
        patch.setattr(PaperBroker, "submit", sent)


def refusals(played: Played) -> list[set[str]]:
    """The failed checks of each signal."""
    return [{one["name"] for one in said["failed"]} for said in played.payloads("VerdictGiven")]


def test_each_entry_rests_on_a_figure_that_was_asked_for_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EX-13: asked anew by default, and the answer is journaled before the intent."""
    line = Line(monkeypatch)
    played = prepare(*market, mode=Mode.LIVE).finish()
    entries = line.steps.count("entry")
    assert entries > 10
    assert line.steps.count("asked") == len(played.payloads("SignalReceived"))
    asked = 0
    for step in line.steps:
        asked += 1 if step == "asked" else -1
        assert asked >= 0, "an entry left without a question of its own"
    kinds = [
        kind
        for _, kind, _, payload in played.rows()
        if kind == "BalanceReported"
        or (kind == "OrderIntended" and orjson.loads(payload)["purpose"] == "ENTRY")
    ]
    assert kinds.count("OrderIntended") == entries
    for at, kind in enumerate(kinds):
        assert kind == "BalanceReported" or kinds[at - 1] == "BalanceReported"


def test_no_answer_is_no_entry(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """EX-13: what is known is too old by then; the verdict says so, and nothing leaves."""
    line = Line(monkeypatch, problem="the venue said 503")
    played = prepare(*market, mode=Mode.LIVE).finish()
    assert "asked" in line.steps
    assert "entry" not in line.steps
    assert refusals(played)
    assert all("BUYING_POWER" in failed for failed in refusals(played))


def test_a_cache_is_a_setting_with_an_age(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """EX-13: younger figures serve; the sweep renews them, so nothing is asked by itself."""
    line = Line(monkeypatch)
    config, tape = market
    prepare(cached(config, 86_400), tape, mode=Mode.LIVE).finish()
    assert line.steps.count("entry") > 10
    assert line.steps.count("asked") <= 1


def test_our_own_books_are_not_asked_for(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """EX-13: on paper the ledger says what may be spent, in the instant of the signal."""
    line = Line(monkeypatch)
    prepare(*market).finish()
    assert line.steps.count("entry") > 10
    assert "asked" not in line.steps


def test_a_question_that_was_answered_leaves_no_deadline_behind(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-8: timers return to where they were, however fast entries follow each other."""
    played = prepare(*market, mode=Mode.LIVE)
    submit, armed = PaperBroker.submit, []

    def sent(broker: PaperBroker, submission: Any, gate: Any) -> None:
        if submission.adds_risk:
            timers = played.lane.timers.armed()
            armed.append(sum(isinstance(timer.message, BalanceDue) for timer in timers))
        submit(broker, submission, gate)

    monkeypatch.setattr(PaperBroker, "submit", sent)
    played.finish()
    assert len(armed) > 10
    assert set(armed) == {0}
