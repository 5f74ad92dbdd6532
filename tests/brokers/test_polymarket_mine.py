"""Which orders are ours: found by id and by hash, in a run of any length."""

from typing import Any

import orjson

from brokers.base import CannotPrepareError
from brokers.polymarket.mine import OurOrders
from brokers.polymarket.orders import SignedPrepared

KEPT = 3


class Journal:
    """Intents, and the venue's names for them; counts how often it was read and signed."""

    def __init__(self, count: int) -> None:
        """So many orders, oldest first."""
        self.intents = [intent(number) for number in range(count)]
        self.read = self.signed = 0
        self.has_rules = True

    def all(self) -> list[bytes]:
        """Every intent."""
        self.read += 1
        return self.intents

    def prepare(self, journaled: bytes) -> SignedPrepared:
        """Sign one."""
        if not self.has_rules:
            raise CannotPrepareError("no rules are known")
        self.signed += 1
        name: str = orjson.loads(journaled)["client_order_id"]
        fields: dict[str, Any] = {"method": "POST", "path": "/order", "body": b""}
        return SignedPrepared(
            client_order_id=name,
            intent=journaled,
            venue_id=f"0x{name}",
            token_id="1",  # noqa: S106 - an outcome
            side="BUY",
            qty_1e8=1,
            epoch=0,
            **fields,
        )


def intent(number: int) -> bytes:
    """Of one order."""
    fields = {"client_order_id": f"o{number}", "instrument": "1", "purpose": "ENTRY"}
    return orjson.dumps(fields | {"side": "BUY", "order_type": "LIMIT", "tif": "GTC", "qty_1e8": 1})


def of(journal: Journal) -> OurOrders:
    """An incarnation that knows only the journal."""
    found = OurOrders(journal.prepare, kept_max=KEPT)
    found.intents = journal.all
    return found


def test_a_long_run_keeps_only_what_was_asked_for_last() -> None:
    """WD-8: the newest and the asked for stay; of what is forgotten nothing is left."""
    journal = Journal(0)
    ours, forgotten = of(journal), list[str]()
    ours.forgot = forgotten.append
    for number in range(KEPT):
        ours.accept(ours.prepared(journal.prepare(intent(number))))
    assert ours.by_id("o0") is not None  # it works still, and is polled
    newest = ours.prepared(journal.prepare(intent(KEPT)))
    assert forgotten == ["0xo1"]
    assert ours.by_hash("0xo1") is None
    assert not ours.was_accepted(newest)
    kept = ours.by_hash("0xo0")
    assert kept is not None
    assert ours.was_accepted(kept)


def test_an_order_that_was_forgotten_is_found_in_the_journal_by_its_id() -> None:
    """EX-6: one intent is signed for it, however long the journal is."""
    journal = Journal(100)
    found = of(journal).by_id("o7")
    assert found is not None
    assert found.order_id == "0xo7"
    assert journal.signed == 1


def test_orders_of_others_do_not_have_the_journal_read_again_and_again() -> None:
    """EX-16: every trade names some; the newest of ours are taken over once."""
    journal = Journal(100)
    ours = of(journal)
    assert ours.by_hash("0xo99") is not None
    for number in range(50):
        assert ours.by_hash(f"0xtheirs{number}") is None
    assert (journal.read, journal.signed) == (1, KEPT)


def test_what_cannot_be_signed_yet_is_tried_again_once_the_rules_are_known() -> None:
    """EX-6: a trade may be heard of before the rules of its outcome."""
    journal = Journal(2)
    ours = of(journal)
    journal.has_rules = False
    assert ours.by_hash("0xo1") is None
    journal.has_rules = True
    assert ours.by_hash("0xo1") is not None
