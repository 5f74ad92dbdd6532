"""Orders as Polymarket wants them: signed, and refused here where it would refuse them (EX-10).

Pure: the same intent gives the same bytes and the same hash in every process, for the salt and the
stamp are taken from the intent itself. So an order is found again after a restart without a list of
ids, and the same intent handed over twice would be one order for the venue, never two.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec
import orjson

from brokers.base import CannotPrepareError, Capabilities, Prepared, Replacing
from brokers.polymarket.rules import SIZE_STEP_1E8, Rulebook, Rules
from brokers.polymarket.words import ONE_1E8, PER_MILLIONTH, VENUE
from rust_core import OrderSigner
from trading.money import show_1e8

NS: Final = 1_000_000_000
CAPABILITIES: Final = Capabilities(
    venue=VENUE,
    order_types=frozenset({"MARKET", "LIMIT"}),
    tifs=frozenset({"DAY", "GTC", "IOC", "FOK", "GTX"}),
    replacing=Replacing.NONE,
    has_look_up_by_our_id=True,
    has_cancel_all=True,
    has_fill_stream=True,
    is_id_unique=True,
    is_fractional=True,
    id_length_max=128,
    calls_per_minute=2_400,
    flight_max_ns=10 * NS,
    heartbeat_every_ns=2_500_000_000,
    heartbeat_lapse_ns=10 * NS,
    needs_intents=True,
)
PATH: Final = "/order"
CHAIN: Final = 137
EXCHANGE: Final = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE: Final = "0xe2222d279d744050d28e00520010520000310F59"
MARKETABLE_MIN_1E8: Final = ONE_1E8
"""An order that trades at once must be worth a dollar."""
RESTING: Final = frozenset({"GTC", "GTD"})
ZEROS: Final = "0x" + "00" * 32
_KINDS: Final = {"DAY": "GTC", "GTC": "GTC", "IOC": "FAK", "FOK": "FOK", "GTX": "GTC"}
"""The venue never closes, so its day never ends: what a day order has of one is its own time to
live (EX-8)."""
_CENT_1E8: Final = 1_000_000
EARLY_S: Final = 60
"""The venue ends an order so long before its expiration."""
AHEAD_S: Final = 180
"""An expiration that is nearer than this is refused."""
_SALT_BITS: Final = 52


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What the wire needs of an order's journaled bytes."""

    client_order_id: str
    instrument: str
    purpose: str
    side: str
    order_type: str
    tif: str
    qty_1e8: int
    reference_ns: int = 0
    limit_1e8: int | None = None
    deadline_ns: int = 0
    expires_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPrepared(Prepared):
    """A prepared order with what must still be true when it leaves.

    Attributes:
        token_id: The outcome.
        side: BUY or SELL.
        qty_1e8: Of the whole order.
        epoch: Of the tick it was prepared for.
    """

    token_id: str
    side: str
    qty_1e8: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An order in the venue's own terms; amounts at 1e-8, `expiration` in seconds, 0 for none."""

    kind: str
    side: str
    price_1e8: int
    qty_1e8: int
    expiration: int = 0
    is_post_only: bool = False


_read = msgspec.json.Decoder(Asked).decode


def prepare(intent: bytes, signer: OrderSigner, book: Rulebook, owner: str) -> SignedPrepared:
    """The exact request of a journaled intent, without the headers, which hold the time.

    Args:
        intent: The journaled bytes.
        signer: Signs it.
        book: The rules of the outcomes.
        owner: The API key, which is not signed.

    Raises:
        CannotPrepareError: Polymarket has no words for it; nothing was sent.
    """
    asked = _read(intent)
    rules = book.get(asked.instrument)
    if rules is None:
        raise CannotPrepareError(
            f"{asked.client_order_id}: no rules of {asked.instrument[:80]} are known: "
            "name a token id of Polymarket in [[instruments]]"
        )
    terms = _terms(asked, rules)
    dollars, shares = terms.price_1e8 * terms.qty_1e8 // ONE_1E8, terms.qty_1e8
    given, taken = (dollars, shares) if terms.side == "BUY" else (shares, dollars)
    salt = int.from_bytes(hashlib.sha256(intent).digest()[:8], "big") >> (64 - _SALT_BITS)
    stamp_ms = asked.reference_ns // 1_000_000
    try:
        signed = signer.order(
            token_id=rules.token_id,
            side=terms.side,
            maker_amount=given // PER_MILLIONTH,
            taker_amount=taken // PER_MILLIONTH,
            salt=salt,
            timestamp_ms=stamp_ms,
            is_neg_risk=rules.is_neg_risk,
        )
    except (ValueError, OverflowError) as error:
        raise CannotPrepareError(f"{asked.client_order_id}: {error}") from None
    order = {
        "salt": salt,
        "maker": signer.address,
        "signer": signer.address,
        "tokenId": rules.token_id,
        "makerAmount": str(given // PER_MILLIONTH),
        "takerAmount": str(taken // PER_MILLIONTH),
        "side": terms.side,
        "expiration": str(terms.expiration),
        "signatureType": 0,
        "timestamp": str(stamp_ms),
        "metadata": ZEROS,
        "builder": ZEROS,
        "signature": signed.signature,
    }
    body = {
        "order": order,
        "owner": owner,
        "orderType": terms.kind,
        "deferExec": False,
        "postOnly": terms.is_post_only,
    }
    return SignedPrepared(
        client_order_id=asked.client_order_id,
        intent=intent,
        method="POST",
        path=PATH,
        body=orjson.dumps(body),
        venue_id=signed.id,
        token_id=rules.token_id,
        side=terms.side,
        qty_1e8=terms.qty_1e8,
        epoch=rules.epoch,
    )


def _terms(asked: Asked, rules: Rules) -> Terms:
    name = asked.client_order_id
    if asked.purpose == "ENTRY" and asked.side != "BUY":
        raise CannotPrepareError(
            f"{name}: an outcome that is not held cannot be sold; buy the other outcome instead"
        )
    if asked.tif not in _KINDS:
        raise CannotPrepareError(
            f"{name}: the time in force must be one of {', '.join(_KINDS)}, was {asked.tif}"
        )
    if asked.order_type == "MARKET":
        terms = _market(asked, rules)
    elif asked.order_type == "LIMIT" and asked.limit_1e8 is not None:
        terms = _limit(asked, asked.limit_1e8)
    else:
        raise CannotPrepareError(
            f"{name}: the venue has limit orders, and market orders that sell; a stop is kept "
            f"here; was {asked.order_type}"
        )
    _check(name, terms, rules)
    return terms


def _limit(asked: Asked, price_1e8: int) -> Terms:
    """At a price; what rests with a time to live is ended by the venue too, should we be gone.

    Our own timer cancels first (EX-8). The expiration is no part of what is signed, so the order's
    hash is the same without it; it is far enough away for the venue until the last instant at which
    the order may leave.
    """
    kind, expiration = _KINDS[asked.tif], 0
    if kind == "GTC" and asked.expires_ns:
        kind = "GTD"
        expiration = max(
            -(-asked.expires_ns // NS) + EARLY_S, -(-asked.deadline_ns // NS) + AHEAD_S
        )
    return Terms(
        kind=kind,
        side=asked.side,
        price_1e8=price_1e8,
        qty_1e8=asked.qty_1e8,
        expiration=expiration,
        is_post_only=asked.tif == "GTX",
    )


def _market(asked: Asked, rules: Rules) -> Terms:
    """At any price, at once, for what is there: only to sell.

    What a market order buys is counted in dollars by this venue, so a quantity of shares would be
    read as money (polymarket.md, 4).
    """
    if asked.side != "SELL":
        raise CannotPrepareError(
            f"{asked.client_order_id}: a market order to buy is in dollars at this venue, not in "
            "shares: send a limit order, IOC or FOK to have it at once"
        )
    return Terms(kind="FAK", side="SELL", price_1e8=rules.tick_1e8, qty_1e8=asked.qty_1e8)


def _check(name: str, terms: Terms, rules: Rules) -> None:
    tick_1e8, price_1e8, qty_1e8 = rules.tick_1e8, terms.price_1e8, terms.qty_1e8
    if price_1e8 % tick_1e8 or not tick_1e8 <= price_1e8 <= ONE_1E8 - tick_1e8:
        raise CannotPrepareError(
            f"{name}: the price must be a multiple of the tick {show_1e8(tick_1e8)}, from it to "
            f"{show_1e8(ONE_1E8 - tick_1e8)}, was {show_1e8(price_1e8)}"
        )
    if qty_1e8 <= 0 or qty_1e8 % SIZE_STEP_1E8:
        raise CannotPrepareError(
            f"{name}: sizes are above zero and have two decimals, was {show_1e8(qty_1e8)}"
        )
    is_resting = terms.kind in RESTING
    if is_resting and qty_1e8 < rules.size_min_1e8:
        raise CannotPrepareError(
            f"{name}: the least size of a resting order is {show_1e8(rules.size_min_1e8)}, "
            f"was {show_1e8(qty_1e8)}"
        )
    dollars_1e8 = price_1e8 * qty_1e8 // ONE_1E8
    if not is_resting and terms.side == "BUY":
        if dollars_1e8 < MARKETABLE_MIN_1E8:
            raise CannotPrepareError(
                f"{name}: an order that buys at once must be worth {show_1e8(MARKETABLE_MIN_1E8)} "
                f"dollar, was {show_1e8(dollars_1e8)}"
            )
        if dollars_1e8 % _CENT_1E8:
            raise CannotPrepareError(
                f"{name}: price x size of an order that buys at once must be whole cents, was "
                f"{show_1e8(dollars_1e8)}: choose another size"
            )
