"""What trades here: questions with two outcomes, each a token, both sides of one book.

The book is kept for the first outcome. An order for the second is the opposite order for the
first, at one dollar less its price: buying No at 0.40 is selling Yes at 0.60.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from brokers.sim.book import Side
from brokers.sim.market import Instrument
from brokers.sim.units import ONE_1E8, show, utc_text

CENT_1E8: Final = ONE_1E8 // 100
FINE_1E8: Final = ONE_1E8 // 1000
TICKS_1E8: Final = tuple(ONE_1E8 // n for n in (10, 100, 200, 400, 1000, 10_000))
MIN_SIZE_1E8: Final = 5 * ONE_1E8
# Beyond these prices a market of whole cents is quoted in tenths.
_LOW_1E8, _HIGH_1E8 = 4 * CENT_1E8, 96 * CENT_1E8


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One outcome; `is_first` is the one whose prices the book has."""

    token_id: str
    outcome: str
    is_first: bool

    def price(self, price_1e8: int) -> int:
        """From the book's price to the token's, and back."""
        return price_1e8 if self.is_first else ONE_1E8 - price_1e8

    def side(self, side: Side) -> Side:
        """From the book's side to the token's, and back."""
        return side if self.is_first else side.other


@dataclass(slots=True, kw_only=True)
class Listing:
    """One market.

    Attributes:
        symbol: Of its book, as the admin port has it.
        tick_1e8: The smallest step of a price now.
        fee_rate: Of `shares * rate * (p * (1 - p)) ** exponent`, for takers alone.
        delay_ms: How long an order that would trade at once is held.
        ends_ns: When a window ends; 0 for a question without an end.
        winner: The token that pays a dollar, once that is known.
        is_split: Whether both pay half a dollar.
        rumour: Whom the service of markets calls the winner, where that is another.
    """

    symbol: str
    question: str
    condition_id: str
    first: Token
    second: Token
    tick_1e8: int = CENT_1E8
    min_size_1e8: int = MIN_SIZE_1E8
    is_neg_risk: bool = False
    fee_rate: float = 0.0
    fee_exponent: float = 0.0
    delay_ms: int = 0
    starts_ns: int = 0
    ends_ns: int = 0
    reference_1e8: int = 0
    winner: Token | None = None
    is_split: bool = False
    rumour: Token | None = None
    is_closed: bool = False
    is_redeemed: bool = False
    accepts: bool = True
    tags: list[str] = field(default_factory=list)
    slug: str = ""

    def __post_init__(self) -> None:
        """The slug is the symbol in small letters, where none is given."""
        self.slug = self.slug or self.symbol.lower()

    @property
    def number(self) -> str:
        """What the service of markets calls it."""
        return str(int(self.condition_id[2:10], 16))

    @property
    def is_decided(self) -> bool:
        """Whether it is known what its tokens pay."""
        return self.winner is not None or self.is_split

    def other(self, token: Token) -> Token:
        """The opposite outcome."""
        return self.second if token.is_first else self.first

    @property
    def tokens(self) -> tuple[Token, Token]:
        """Both, the first one first."""
        return self.first, self.second

    @property
    def instrument(self) -> Instrument:
        """As its book knows it."""
        return Instrument(
            symbol=self.symbol,
            start_1e8=ONE_1E8 // 2,
            tick_1e8=self.tick_1e8,
            ceiling_1e8=80 * CENT_1E8,
            below_1e8=ONE_1E8,
        )

    def wants_finer(self, price_1e8: int) -> bool:
        """Whether a price is so near to an end that whole cents are too coarse."""
        near = price_1e8 > 0 and not _LOW_1E8 <= price_1e8 <= _HIGH_1E8
        return near and self.tick_1e8 == CENT_1E8

    def worth_1e8(self, token: Token) -> int | None:
        """What a share pays; None until that is known."""
        if self.is_split:
            return ONE_1E8 // 2
        if self.winner is None:
            return None
        return ONE_1E8 if token is self.winner else 0

    def long_form(self) -> dict[str, Any]:
        """GET /markets/{condition}, without prices."""
        return {
            "enable_order_book": True,
            "active": True,
            "closed": self.is_closed,
            "archived": False,
            "accepting_orders": self.accepts,
            "minimum_order_size": float(show(self.min_size_1e8)),
            "minimum_tick_size": float(show(self.tick_1e8)),
            "condition_id": self.condition_id,
            "question_id": digest("question", self.symbol),
            "question": self.question,
            "description": self.question,
            "market_slug": self.slug,
            "seconds_delay": -(-self.delay_ms // 1000),
            "maker_base_fee": 0,
            "taker_base_fee": 0,
            "neg_risk": self.is_neg_risk,
            "is_50_50_outcome": self.is_split,
            "end_date_iso": utc_text(self.ends_ns) if self.ends_ns else None,
            "tags": self.tags,
        }

    def short_form(self) -> dict[str, Any]:
        """GET /clob-markets/{condition}: what is false or nought is absent."""
        found: dict[str, Any] = {
            "t": [{"t": token.token_id, "o": token.outcome} for token in self.tokens],
            "mos": float(show(self.min_size_1e8)),
            "mts": float(show(self.tick_1e8)),
            "mbf": 0,
            "tbf": 0,
        }
        if self.is_neg_risk:
            found["nr"] = True
        if self.delay_ms:
            found["itode"] = True
        if self.fee_rate:
            found["fd"] = {"r": self.fee_rate, "e": self.fee_exponent, "to": True}
        return found


def digest(kind: str, name: str) -> str:
    """A 32-byte id that is the same in every run."""
    return "0x" + sha256(f"{kind}/{name}".encode()).hexdigest()


def listing(
    symbol: str, question: str, outcomes: tuple[str, str] = ("Yes", "No"), **more: Any
) -> Listing:
    """A market whose ids come from its symbol."""
    tokens = [
        Token(
            token_id=str(int(digest(f"token-{number}", symbol), 16)),
            outcome=outcome,
            is_first=number == 0,
        )
        for number, outcome in enumerate(outcomes)
    ]
    return Listing(
        symbol=symbol,
        question=question,
        condition_id=digest("condition", symbol),
        first=tokens[0],
        second=tokens[1],
        **more,
    )


def listings() -> list[Listing]:
    """Those that are always here."""
    return [
        listing("RAIN", "Will it rain in New York tomorrow?", tags=["Weather"]),
        listing("RATES", "Will rates be cut at the next meeting?", tags=["Economy"]),
        listing("MAYOR", "Will the mayor be elected again?", is_neg_risk=True, tags=["Politics"]),
        listing("MATCH", "Will the home side win?", delay_ms=250, tags=["Sports"]),
        listing("TAXED", "Will the index close higher?", fee_rate=0.25, fee_exponent=2.0),
        listing("FINE", "Will the tower be built this year?", tick_1e8=FINE_1E8),
    ]
