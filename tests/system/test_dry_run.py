"""DRY_RUN: everything up to the final request; the rest of an order's life is the paper venue's."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.rounds import SYSTEM
from actors.tape_source import generated_plan
from brokers.alpaca.orders import prepare
from brokers.base import CannotPrepareError, Prepared
from streams.generate import ensure_generated
from streams.tape import Tape
from tests.support.play import CONFIGS, Played, play
from trading.config_reader import load
from trading.run_options import Mode


def played(directory: Path, mode: Mode, make: Callable[[bytes], Prepared] | None) -> Played:
    """The demonstration's session in this mode."""
    config = load(CONFIGS / "demo.toml")
    tape = Tape(ensure_generated(generated_plan(config, None), directory))
    return play(config, tape, mode=mode, change=lambda ports: replace(ports, prepare=make))


def test_each_order_is_prepared_and_logged_with_the_book_and_lives_on_paper(
    tmp_path: Path,
) -> None:
    """BR-3: the exact bytes that LIVE would send, the market as it stood, the whole life behind."""
    run = played(tmp_path, Mode.DRY_RUN, prepare)
    prepared = {each["client_order_id"]: each for each in run.payloads("OrderPrepared", SYSTEM)}
    intents = [payload for _, kind, _, payload in run.rows() if kind == "OrderIntended"]
    assert intents
    assert len(prepared) == len(intents)
    for intent in intents:
        logged = prepared[orjson.loads(intent)["client_order_id"]]
        made = prepare(intent)
        assert logged["body"].encode() == made.body
        assert logged["body_sha256"] == sha256(made.body).hexdigest()
        assert (logged["method"], logged["path"]) == ("POST", "/v2/orders")
        seen: dict[str, Any] = logged["book"]["Bar"]
        assert seen["instrument"] == orjson.loads(intent)["instrument"]
        assert "volume_1e8" not in logged["book"]["OpenPrint"]
    assert run.trades()
    on_paper = played(tmp_path, Mode.PAPER, None)
    assert [figures(each) for each in run.trades()] == [figures(each) for each in on_paper.trades()]


def test_a_dry_run_prepares_the_bytes_that_live_sends(tmp_path: Path) -> None:
    """BR-3: nothing but the id names a mode in them, and the id is LIVE's (`Mode::tag`)."""

    def bodies(mode: Mode) -> list[bytes]:
        rows = played(tmp_path, mode, None).rows()
        return [prepare(payload).body for _, kind, _, payload in rows if kind == "OrderIntended"]

    dry = bodies(Mode.DRY_RUN)
    assert dry
    assert all(b'"client_order_id":"l-' in body for body in dry)
    assert dry == [body.replace(b'"p-', b'"l-') for body in bodies(Mode.PAPER)]


def figures(trade: dict[str, Any]) -> dict[str, int]:
    """Its prices, times and amounts; the ids say whether a venue could see them."""
    return {name: value for name, value in trade.items() if isinstance(value, int)}


def test_what_the_venue_has_no_words_for_is_held_back(tmp_path: Path) -> None:
    """EX-10: an order that cannot be prepared is NOT_SENT, with the venue's rule as the reason."""

    def refuse(_: bytes) -> Prepared:
        raise CannotPrepareError("fractional quantities are for the day only")

    run = played(tmp_path, Mode.DRY_RUN, refuse)
    changed = run.payloads("OrderChanged")
    assert {each["new"] for each in changed} == {"NOT_SENT"}
    assert all("for the day only" in each["cause"] for each in changed)
    assert not run.payloads("OrderFilled")


@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.BACKTEST])
def test_only_a_dry_run_logs_payloads(tmp_path: Path, mode: Mode) -> None:
    """BR-3: the other modes have no venue outside to prepare for."""
    assert not played(tmp_path, mode, None).payloads("OrderPrepared", SYSTEM)
