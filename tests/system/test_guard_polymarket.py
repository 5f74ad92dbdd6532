"""`holdfast-guard` at Polymarket: keys made with the wallet, cancels in parts, twice clean."""

import asyncio
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import orjson
import pytest

from brokers.base import Sent
from brokers.credentials import Credentials
from brokers.polymarket.connect import Addresses, Connection
from tests.support.guard import Setting, setting
from tests.support.live import simulator

AT_POLYMARKET = {'name = "alpaca"': 'name = "polymarket"'}
NAMES = ("address", "private_key")
ITS_OWN_LIMITS = ("--still", "--requests-per-min", "2400")
MANY = 150
KILL = ("kill", "EMERGENCY", "--reason", "a test")
ONE = 100_000_000


def at_polymarket(folder: Path, told: dict[str, str]) -> Setting:
    """A guard with that wallet."""
    return setting(folder, told, names=NAMES, changes=AT_POLYMARKET)


def admin(told: dict[str, str], path: str, body: Any = None) -> Any:
    """Ask or tell the venue's admin port."""
    raw = None if body is None else orjson.dumps(body)
    request = urllib.request.Request(told["admin_url"] + path, data=raw)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - a venue on loopback
        return orjson.loads(answer.read())


def rest(told: dict[str, str], count: int) -> None:
    """So many orders far below the market, signed and sent by our adapter."""

    async def place() -> None:
        connection = Connection(
            addresses=Addresses.of(told["url"]),
            credentials=Credentials(told["address"], told["private_key"]),
            now_ns=time.time_ns,
            mono_ns=time.monotonic_ns,
        )
        token_id = admin(told, "/admin/truth")["markets"]["RAIN"]["tokens"][0]
        connection.session.book.want([token_id])
        venue = connection.venue()
        await venue.rest.sign_in()
        await venue.rest.learn()
        for number in range(count):
            intent = {
                "client_order_id": f"l-main-{number}",
                "instrument": token_id,
                "purpose": "ENTRY",
                "side": "BUY",
                "order_type": "LIMIT",
                "tif": "GTC",
                "qty_1e8": 5 * ONE,
                "limit_1e8": ONE // 50,
                "reference_ns": time.time_ns(),
            }
            prepared = venue.prepare(orjson.dumps(intent))
            sent = await venue.send(prepared, lambda: None, is_entry=True)
            assert isinstance(sent, Sent), sent
        await venue.close()

    asyncio.run(place())
    assert admin(told, "/admin/truth")["open_orders"] == count


def deletes(told: dict[str, str]) -> list[tuple[str, int]]:
    """Each request that cancels, and its answer's status."""
    requests = admin(told, "/admin/audit")["requests"]
    return [(each["path"], each["status"]) for each in requests if each["method"] == "DELETE"]


def test_150_open_orders_are_taken_off_though_one_call_for_all_can_never_pass(
    tmp_path: Path,
) -> None:
    """KC-2, WD-6: in parts of 50; what the bucket refuses is asked for at the next look."""
    with simulator(*ITS_OWN_LIMITS, venue="polymarket") as told:
        rest(told, MANY)
        code, answer, said = at_polymarket(tmp_path, told).ask(*KILL)
        assert (code, answer["type"]) == (0, "done"), said
        counts = [answer[name] for name in ("cancelled", "failed", "remaining", "positions")]
        assert counts == [MANY, 0, 0, 0]
        assert admin(told, "/admin/truth")["open_orders"] == 0
        asked = deletes(told)
    assert {path for path, _ in asked} == {"/orders"}
    statuses = [status for _, status in asked]
    assert statuses.count(200) == MANY // 50
    assert 429 in statuses, "the bucket was never empty: this proves nothing of it"


@pytest.mark.parametrize(
    "fault",
    [
        {"verb": "engine_restart", "seconds": 0.5, "post_only_seconds": 0.1},
        {"verb": "malformed", "on": "GET /data/orders", "how": "truncated", "times": 3},
        {"verb": "auth_revoked", "seconds": 0.5},
        {"verb": "cancel_stuck", "seconds": 0.5},
        {"verb": "drop_request", "on": "DELETE /orders"},
    ],
    ids=lambda fault: str(fault["verb"]),
)
def test_whatever_the_venue_does_it_ends_with_an_empty_book(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    """KC-2, KC-5: a restart, nonsense, keys refused, a cancel that takes its time, no answer."""
    with simulator(*ITS_OWN_LIMITS, venue="polymarket") as told:
        rest(told, 3)
        admin(told, "/admin/faults", fault)
        code, answer, said = at_polymarket(tmp_path, told).ask(*KILL, "--timeout", "15")
        assert (code, answer["type"], answer["remaining"]) == (0, "done", 0), said
        assert admin(told, "/admin/truth")["open_orders"] == 0


def test_with_keys_that_cannot_sign_an_order_the_guard_takes_all_off(tmp_path: Path) -> None:
    """WD-6, BR-4: scoped where the venue can; the private key is not in the guard's file then."""
    with simulator(*ITS_OWN_LIMITS, venue="polymarket") as told:
        rest(told, 3)
        where = at_polymarket(tmp_path, told)
        done = subprocess.run(where.command("keys"), capture_output=True, timeout=20, check=True)
        printed = done.stdout.decode()
        assert len(printed.split()) == 4
        assert told["private_key"].removeprefix("0x") not in printed
        (tmp_path / "keys").write_text(printed, encoding="ascii")
        code, answer, said = where.ask(*KILL)
        assert (code, answer["cancelled"], answer["positions"]) == (0, 3, 0), said
        assert admin(told, "/admin/truth")["open_orders"] == 0
        again = subprocess.run(where.command("keys"), capture_output=True, timeout=20, check=False)
        assert (again.returncode, b"open no more" in again.stderr) == (2, True)
        (tmp_path / "keys").write_text(printed.replace("-", "+"), encoding="ascii")
        code, answer, said = where.ask(*KILL, "--timeout", "1")
        assert (code, answer["type"]) == (1, "failed")
        assert all(word not in said for word in printed.split()[2:]), "a secret was shown"


def test_the_key_of_another_wallet_opens_nothing_and_is_in_no_text(tmp_path: Path) -> None:
    """KC-5, BR-4: nothing is known then, and the answer says so."""
    with simulator("--still", venue="polymarket") as told:
        wrong = {**told, "address": "0x" + "1" * 40}
        code, answer, said = at_polymarket(tmp_path, wrong).ask(*KILL, "--timeout", "1")
    assert (code, answer["type"]) == (1, "failed")
    assert "an unknown number of orders of ours may work" in said
    assert "the address must be that of the private key" in said
    assert told["private_key"].removeprefix("0x") not in said
