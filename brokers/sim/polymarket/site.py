"""One Polymarket venue: its inside, its wallet, its keys and its streams; a reset renews it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from brokers.sim.book import Match
from brokers.sim.clock import seconds
from brokers.sim.core import Core, VenueOptions, dice
from brokers.sim.dialect import Dialect
from brokers.sim.faults import Kind, Rule, Verb
from brokers.sim.limits import Keys
from brokers.sim.polymarket.auth import Doors
from brokers.sim.polymarket.desk import Desk
from brokers.sim.polymarket.engine import Engine
from brokers.sim.polymarket.exchange import ExchangeHub
from brokers.sim.polymarket.feeds import FEEDS, FeedHub
from brokers.sim.polymarket.limits import Limits
from brokers.sim.polymarket.listing import TICKS_1E8, Listing, Token, listings
from brokers.sim.polymarket.market_stream import MarketHub
from brokers.sim.polymarket.orders import Order
from brokers.sim.polymarket.signing import wallet_of
from brokers.sim.polymarket.user_stream import UserHub
from brokers.sim.polymarket.windows import SPOT, Windows, spot
from brokers.sim.site import Site, counted
from brokers.sim.units import NS, load_json, read_1e8, show

NAME: Final = "polymarket"
REDEEMED_NS: Final = 10 * NS
_EMPTY: Final = "0x" + "0" * 64


def _own_id(body: bytes) -> str | None:
    """What a client has written into the order itself; the order's id is not in its body."""
    try:
        found = load_json(body)["order"]["metadata"] if body else None
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and found != _EMPTY else None


VERBS: Final = {
    "settlement_retries": Verb(
        Kind.ORDER, "*", {"seconds": 2.0}, "the settlement of a fill fails at first, and holds then"
    ),
    "engine_restart": Verb(
        Kind.NOW,
        "*",
        {"seconds": 2.0, "post_only_seconds": 2.0},
        "orders and cancels are answered 425, then only post-only orders are taken",
    ),
    "cancel_only": Verb(Kind.NOW, "*", {"seconds": 2.0}, "no new orders are taken"),
}
DIALECT: Final = Dialect(placing="POST /order*", own_id=_own_id, verbs=VERBS)


class PolymarketSite(Site):
    """What the routes serve; `core` and `desk` are new after a reset.

    Attributes:
        wallet: The one that has money here.
        doors: The keys that were made.
        listings: The markets, by the symbol of their book.
        tokens: Their outcomes, by token id.
        engine: Whether new orders are taken.
        chance: Of the forms that answers and frames have.
    """

    limit: Limits

    def __init__(self, options: VenueOptions, wall_ns: Callable[[], int]) -> None:
        """Open it.

        Raises:
            SetupError: What verifies signatures is not installed.
        """
        self.name = NAME
        self.wallet = wallet_of(options.seed)
        self.engine = Engine(wall_ns)
        keys = Keys(wall_ns, key=self.wallet.address, secret=self.wallet.private_key)
        super().__init__(wall_ns, keys)
        self.doors = Doors(options.seed, self.wallet.address, keys)
        self.users = UserHub(self)
        self.ticks = MarketHub(self)
        self.feeds = FeedHub(self)
        self.exchange = ExchangeHub(self)
        self.open(options)

    def open(self, options: VenueOptions) -> None:
        """Begin anew: empty books, a full wallet."""
        self.options = options
        self.begin()
        self.engine.recover()
        self.limit = Limits(self.wall_ns, options.requests_per_min)
        self._redeemed_ns = REDEEMED_NS
        self.listings: dict[str, Listing] = {}
        self.tokens: dict[str, tuple[Listing, Token]] = {}
        for listing in listings():
            self._know(listing)
        self.chance = dice("stream", options.seed)
        self.core = Core(
            replace(options, hours="always"),
            [spot(), *(listing.instrument for listing in self.listings.values())],
            self.wall_ns,
            self._on_matches,
            DIALECT,
        )
        self.desk = Desk(self.core, self.wallet.address, self._tell, self.pace_ns)
        self.ticks.begin()
        hears = [self.ticks.hear_tick, self.feeds.hear_tick, self.exchange.hear_tick]
        self.core.market.listeners += hears
        self._begin_windows()

    def _begin_windows(self) -> None:
        self.feeds.begin()
        self._windows = Windows(
            self.core, self._opened, self._stop, self._decide, self.feeds.tell_oracle
        )

    def _opened(self, window: Listing) -> None:
        self._know(window)
        self.ticks.open_market(window)

    def _stop(self, listing: Listing) -> None:
        """It takes no more orders, and what rested is gone; nothing quotes it any more."""
        listing.accepts = False
        self.core.market.undo(SPOT, listing.symbol)
        self.core.market.quote(listing.symbol, [], [])

    def _decide(self, listing: Listing, winner: Token | None) -> None:
        listing.winner, listing.is_split = winner, winner is None
        listing.accepts, listing.is_closed = False, True
        self.desk.close(listing)
        self.ticks.resolve(listing)
        self.core.soon(partial(self._pay, listing), self._redeemed_ns)

    def _pay(self, listing: Listing) -> None:
        """The venue's own operator redeems for everybody, once every fill is settled."""
        if self.desk.account.is_unsettled(listing):
            self.core.soon(partial(self._pay, listing), self._redeemed_ns)
            return
        self.desk.account.redeem(listing, self.core.now_ns())
        listing.is_redeemed = True

    def admin_actions(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """What only this venue's admin port can do."""
        return {
            "resolve": self._resolve_now,
            "tick": self._tick_now,
            "settlement": self._settlement_now,
            "windows": self._windows_now,
            "feeds": self._feeds_now,
        }

    def _named(self, body: dict[str, Any]) -> Listing:
        listing = self.listings.get(str(body["symbol"]))
        if listing is None or listing.is_closed:
            raise ValueError(f"there is no open market {body['symbol']!r} here")
        return listing

    def _resolve_now(self, body: dict[str, Any]) -> Any:
        """`symbol`, and as `winner` an outcome or `split`; as `gamma` what Gamma says instead."""
        listing, word = self._named(body), body["winner"]
        outcomes = {token.outcome: token for token in listing.tokens}
        rumour = body.get("gamma", listing.first.outcome)
        if (word != "split" and word not in outcomes) or rumour not in outcomes:
            raise ValueError(
                f"winner is {', '.join(outcomes)} or split, and gamma an outcome; was {body!r}"
            )
        listing.rumour = outcomes[rumour] if "gamma" in body else None
        self._stop(listing)
        self._decide(listing, outcomes.get(word))
        return {"symbol": listing.symbol, "winner": word}

    def _tick_now(self, body: dict[str, Any]) -> Any:
        """`symbol` and `tick`: another grid from now on."""
        listing, tick_1e8 = self._named(body), read_1e8(body["tick"])
        if tick_1e8 not in TICKS_1E8:
            raise ValueError(f"tick is one of {', '.join(map(show, TICKS_1E8))}")
        self.ticks.change_tick(listing, tick_1e8)
        return {"symbol": listing.symbol, "tick": show(tick_1e8)}

    def _settlement_now(self, body: dict[str, Any]) -> Any:
        """`mined_s`, `confirmed_s`: how long a trade takes from now on; `paid_s`: a redemption."""
        life = self.desk.life
        life.mined_ns = seconds(float(body.get("mined_s", life.mined_ns / NS)))
        life.confirmed_ns = seconds(float(body.get("confirmed_s", life.confirmed_ns / NS)))
        self._redeemed_ns = seconds(float(body.get("paid_s", self._redeemed_ns / NS)))
        spans = {"mined": life.mined_ns, "confirmed": life.confirmed_ns, "paid": self._redeemed_ns}
        return {f"{name}_s": span_ns / NS for name, span_ns in spans.items()}

    def _feeds_now(self, body: dict[str, Any]) -> Any:
        """`feed` is silent for `seconds`; its prices are off by `shift_ratio` until told else."""
        name, shift_ratio = str(body["feed"]), float(body.get("shift_ratio", 0.0))
        if name not in FEEDS or not abs(shift_ratio) < 1:
            raise ValueError(f"feed is one of {', '.join(FEEDS)}, shift_ratio within 1; was {body}")
        self.feeds.spoil(name, seconds(float(body.get("seconds", 0.0))), shift_ratio)
        return {"feed": name, "shift_ratio": shift_ratio}

    def _windows_now(self, body: dict[str, Any]) -> Any:
        """`count` windows of `seconds`: the first begins in `in_s`, others `every_s` later."""
        spans_ns = [seconds(float(body[name])) for name in ("in_s", "seconds", "every_s")]
        if min(spans_ns) <= 0:
            raise ValueError("in_s, seconds and every_s must be above zero")
        return [
            {
                "symbol": window.symbol,
                "starts_ns": window.starts_ns,
                "ends_ns": window.ends_ns,
                "tokens": [token.token_id for token in window.tokens],
            }
            for window in self._windows.plan(int(body["count"]), *spans_ns)
        ]

    def _know(self, listing: Listing) -> None:
        self.listings[listing.symbol] = listing
        for token in listing.tokens:
            self.tokens[token.token_id] = listing, token

    def pace_ns(self) -> int:
        """The machine's clock, or the venue's where that stands still."""
        return self.wall_ns() if self.core.clock.speed else self.core.now_ns()

    def has_prefix(self) -> bool:
        """Whether statuses are spelled out this time: both have been seen."""
        return bool(self.chance.getrandbits(1))

    def _tell(self, name: str, event: dict[str, Any]) -> None:
        """An event of the account; the book has changed with it."""
        self.users.publish(name, event)
        listing, _ = self.tokens[event["asset_id"]]
        self.ticks.look_at(listing)

    def _on_matches(self, symbol: str, matches: Sequence[Match]) -> None:
        listing = self.listings.get(symbol)
        if listing is not None:
            self.desk.life.on_matches(listing, matches)

    def look(self) -> bool:
        """As every venue, and the dead man's switch."""
        must_restart = super().look()
        self.desk.listen()
        return must_restart

    def _act(self, rule: Rule) -> None:
        lasts_ns = seconds(float(rule.settings.get("seconds", 0)))
        match rule.verb:
            case "engine_restart":
                self.engine.restart(lasts_ns, seconds(float(rule.settings["post_only_seconds"])))
            case "cancel_only":
                self.engine.cancel_only(lasts_ns)
            case _:
                super()._act(rule)

    def pardon(self) -> None:
        """As every venue; the engine takes all again."""
        super().pardon()
        self.engine.recover()

    def cut(self) -> None:
        """Close every stream, without a word."""
        self.users.cut()
        self.ticks.cut()
        self.feeds.cut()
        self.exchange.cut()

    def is_listed(self, symbol: str) -> bool:
        """Whether there is a book of this name."""
        return symbol in self.core.market

    def streams(self) -> dict[str, int]:
        """Who is connected and what they listen to, each with its count."""
        return {
            "order_streams": self.users.clients,
            "order_listeners": self.users.listeners,
            "data_streams": self.ticks.clients,
            "data_subscriptions": self.ticks.subscriptions,
            "feed_streams": self.feeds.clients,
            "feed_subscriptions": self.feeds.subscriptions,
            "exchange_streams": self.exchange.clients,
        }

    def truth(self) -> dict[str, Any]:
        """Orders, trades, executions, shares and cash as the venue has them."""
        account = self.desk.account
        ledger = account.ledger
        orders = [*account.orders.values()]
        return {
            "orders": [_shown(order) for order in orders],
            "open_orders": len(account.open),
            "orders_by_client_id": counted(
                order.metadata for order in orders if order.metadata != _EMPTY
            ),
            "orders_without_client_id": sum(order.metadata == _EMPTY for order in orders),
            "trades": [trade.shown(has_prefix=False) for trade in account.trades.values()],
            **ledger.shown(),
            "markets": {
                symbol: {
                    "condition_id": listing.condition_id,
                    "tokens": [token.token_id for token in listing.tokens],
                    "winner": listing.winner.outcome if listing.winner else None,
                }
                for symbol, listing in self.listings.items()
            },
            "redemptions": [
                {
                    "symbol": one.symbol,
                    "token_id": one.token_id,
                    "qty": show(one.qty_1e8),
                    "paid": show(one.paid_1e8),
                    "at_ns": one.at_ns,
                }
                for one in account.redemptions
            ],
        }


def _shown(order: Order) -> dict[str, Any]:
    return {
        **order.shown(has_prefix=False),
        "symbol": order.listing.symbol,
        "metadata": order.metadata,
        "reason": order.reason,
    }
