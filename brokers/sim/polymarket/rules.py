"""What an order must be before it is matched: its form, its owner, its signature, its grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brokers.sim.book import Side
from brokers.sim.polymarket.errors import Refusal, invalid, payload
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.polymarket.orders import RESTING
from brokers.sim.polymarket.signing import check_order
from brokers.sim.units import NS, ONE_1E8, show

KINDS: Final = ("GTC", "GTD", "FOK", "FAK")
BATCH_MAX: Final = 15
_FIELDS: Final = (
    *("salt", "maker", "signer", "tokenId", "makerAmount", "takerAmount", "side", "expiration"),
    *("signatureType", "timestamp", "metadata", "builder", "signature"),
)
_UINT_MAX: Final = 2**256
_ONE_1E6: Final = 1_000_000
_SIZE_1E6: Final = 10_000  # two decimals
_GTD_BUFFER_S: Final = 60
_WORD_LENGTH: Final = 66
_ADDRESS_LENGTH: Final = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order that has been read, and whose signature is its owner's."""

    order_id: str
    listing: Listing
    token: Token
    side: Side
    kind: str
    maker_1e6: int
    taker_1e6: int
    expiration: int
    metadata: str
    is_post_only: bool
    price_1e8: int
    size_1e8: int


class Reader:
    """Reads orders for one key of one wallet."""

    def __init__(self, tokens: Mapping[str, tuple[Listing, Token]], now_ns: int) -> None:
        """Know what is listed, and the time."""
        self._tokens = tokens
        self._now_ns = now_ns

    def ticket(self, body: Any, owner: str, address: str) -> Ticket:
        """One order of a request.

        Args:
            body: As it was sent.
            owner: The API key that the request was signed with.
            address: Whose key that is.

        Raises:
            Refusal: It is no order, or not this owner's, or breaks a rule of its market.
        """
        order = _order_of(body)
        signed = _signed(order)
        if body.get("owner") != owner:
            raise Refusal(400, "the order owner has to be the owner of the API KEY")
        if signed["signer"].lower() != address.lower():
            raise Refusal(400, "the order signer address has to be the address of the API KEY")
        if signed["signatureType"] != 0 or signed["maker"].lower() != address.lower():
            raise Refusal(
                400, "invalid signature type: this venue knows wallets of their own alone"
            )
        listing, token = self._listed(order["tokenId"])
        order_id, signer = check_order(signed, order["signature"], is_neg_risk=listing.is_neg_risk)
        if signer.lower() != address.lower():
            raise Refusal(400, "invalid signature")
        return self._ruled(body, signed, order_id, listing, token)

    def _listed(self, token_id: str) -> tuple[Listing, Token]:
        found = self._tokens.get(token_id)
        if found is None:
            raise Refusal(404, "No orderbook exists for the requested token id")
        if not found[0].accepts:
            raise Refusal(400, "the market is not yet ready to process new orders")
        return found

    def _ruled(
        self,
        body: Mapping[str, Any],
        signed: Mapping[str, Any],
        order_id: str,
        listing: Listing,
        token: Token,
    ) -> Ticket:
        kind = body.get("orderType")
        if kind not in KINDS:
            raise payload()
        is_post_only = body.get("postOnly", False)
        if not isinstance(is_post_only, bool) or (is_post_only and kind not in RESTING):
            raise payload()
        expiration = int(body["order"]["expiration"])
        is_late = expiration < self._now_ns // NS + _GTD_BUFFER_S
        if (kind == "GTD" and is_late) or (kind != "GTD" and expiration):
            raise Refusal(400, "invalid expiration")
        side = Side.BUY if signed["side"] == 0 else Side.SELL
        maker, taker = signed["makerAmount"], signed["takerAmount"]
        dollars, shares = (maker, taker) if side is Side.BUY else (taker, maker)
        if not dollars or not shares:
            raise payload()
        if kind not in RESTING:
            _check_accuracy(side, maker, taker, listing)
        price_1e8 = _price(order_id, dollars, shares, listing, is_exact=kind in RESTING)
        size_1e8 = shares * (ONE_1E8 // _ONE_1E6)
        if kind in RESTING and size_1e8 < listing.min_size_1e8:
            least = show(listing.min_size_1e8)
            raise invalid(order_id, f"Size ({show(size_1e8)}) lower than the minimum: {least}")
        return Ticket(
            order_id=order_id,
            listing=listing,
            token=token,
            side=side,
            kind=str(kind),
            maker_1e6=maker,
            taker_1e6=taker,
            expiration=expiration,
            metadata=body["order"]["metadata"],
            is_post_only=is_post_only,
            price_1e8=price_1e8,
            size_1e8=size_1e8,
        )


def _order_of(body: Any) -> dict[str, Any]:
    """The order itself; one of the first version, which had no timestamp, is known and refused."""
    order = body.get("order") if isinstance(body, dict) else None
    if not isinstance(order, dict):
        raise payload()
    if "timestamp" not in order:
        raise Refusal(400, "order_version_mismatch")
    if any(name not in order for name in _FIELDS):
        raise payload()
    return order


def _signed(order: Mapping[str, Any]) -> dict[str, Any]:
    """The eleven fields that are signed, in the types of their struct."""
    kind = order["signatureType"]
    if isinstance(kind, bool) or not isinstance(kind, int) or not 0 <= kind <= 3:  # noqa: PLR2004 - four are known
        raise payload()
    salt = order["salt"]
    if isinstance(salt, bool) or not isinstance(salt, int) or not 0 <= salt < _UINT_MAX:
        raise payload()
    if order["side"] not in ("BUY", "SELL") or not isinstance(order["signature"], str):
        raise payload()
    _digits(order["expiration"])
    return {
        "salt": salt,
        "maker": _hex(order["maker"], _ADDRESS_LENGTH),
        "signer": _hex(order["signer"], _ADDRESS_LENGTH),
        "tokenId": _digits(order["tokenId"]),
        "makerAmount": _digits(order["makerAmount"]),
        "takerAmount": _digits(order["takerAmount"]),
        "side": 0 if order["side"] == "BUY" else 1,
        "signatureType": kind,
        "timestamp": _digits(order["timestamp"]),
        "metadata": bytes.fromhex(_hex(order["metadata"], _WORD_LENGTH)[2:]),
        "builder": bytes.fromhex(_hex(order["builder"], _WORD_LENGTH)[2:]),
    }


def _digits(value: Any) -> int:
    if not (isinstance(value, str) and value.isascii() and value.isdigit()):
        raise payload()
    if len(value) > 78 or int(value) >= _UINT_MAX:  # noqa: PLR2004 - the digits of 2**256
        raise payload()
    return int(value)


def _hex(value: Any, length: int) -> str:
    is_text = isinstance(value, str) and len(value) == length and value.startswith("0x")
    if not is_text or any(letter not in "0123456789abcdefABCDEF" for letter in value[2:]):
        raise payload()
    return str(value)


def _price(order_id: str, dollars: int, shares: int, listing: Listing, *, is_exact: bool) -> int:
    """The price on the grid; of orders that do not rest the amounts may be rounded a little."""
    tick_1e8 = listing.tick_1e8
    step = shares * tick_1e8
    price_1e8 = (2 * dollars * ONE_1E8 + step) // (2 * step) * tick_1e8
    miss = abs(dollars * ONE_1E8 - price_1e8 * shares)
    allowed = 0 if is_exact else ONE_1E8 * 100  # a hundredth of a cent
    if miss > allowed or not tick_1e8 <= price_1e8 <= ONE_1E8 - tick_1e8:
        told = show(dollars * ONE_1E8 // shares)
        raise invalid(order_id, f"Price ({told}) breaks minimum tick size rule: {show(tick_1e8)}")
    if is_exact and shares % _SIZE_1E6:
        raise payload()
    return price_1e8


def _check_accuracy(side: Side, maker: int, taker: int, listing: Listing) -> None:
    """Of orders that do not rest: what is given has two decimals, what is taken four or five."""
    decimals = 4 if listing.tick_1e8 == ONE_1E8 // 100 else 5
    if maker % _SIZE_1E6 or taker % 10 ** (6 - decimals):
        word = "buy" if side is Side.BUY else "sell"
        raise Refusal(
            400,
            f"invalid amounts, the market {word} orders maker amount supports a max accuracy of 2 "
            f"decimals, taker amount a max of {decimals} decimals",
        )
