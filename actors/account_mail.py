"""What an account's core is told, in its own words."""

from collections.abc import Callable
from typing import Any

from actors.questions import Asked
from brokers.base import Stated
from rust_core import Message
from trading.market import (
    Bar,
    MarketMessage,
    Quote,
    SessionClosed,
    SessionOpened,
    TradePrint,
)


def message_of(stated: Stated, asked: Asked) -> Message:
    """The venue's own account, as the core is told of it."""
    orders, positions, cash = stated.orders, stated.positions, stated.cash
    return Message.stated(
        asked.version,
        orders=None
        if orders is None
        else [
            (
                each.client_order_id,
                each.broker_order_id,
                each.instrument,
                each.side or "BUY",  # a side that we have no word for is foreign, and only counted
                each.qty_1e8,
                each.filled_1e8,
                each.price_1e8,
            )
            for each in orders
        ],
        positions=None
        if positions is None
        else [(each.instrument, each.qty_1e8, each.price_1e8) for each in positions],
        positions_of=None if stated.positions_of is None else sorted(stated.positions_of),
        cash=None
        if cash is None
        else (
            cash.equity_1e8,
            cash.cash_1e8,
            cash.buying_power_1e8,
            cash.at_ns,
            cash.is_movement,
        ),
        fills=None if stated.fills is None else list(stated.fills),
        fills_after_ns=asked.fills_after_ns,
        fills_known_ns=asked.fills_known_ns,
        is_forced=asked.is_forced,
    )


def account_message(message: MarketMessage) -> Message | None:
    """A market message as the account's core is told of it; None for what does not concern it."""
    tell = _TOLD.get(type(message))
    return None if tell is None else tell(message)


def _bar(bar: Bar) -> Message:
    return Message.mark(bar.instrument, "BAR", bar.at_ns, bar.close_1e8)


def _quote(quote: Quote) -> Message | None:
    if quote.is_crossed:
        return None
    return Message.mark(quote.instrument, "QUOTE", quote.at_ns, 0, quote.bid_1e8, quote.ask_1e8)


def _trade(trade: TradePrint) -> Message:
    return Message.mark(trade.instrument, "TRADE", trade.at_ns, trade.price_1e8)


def _opened(session: SessionOpened) -> Message:
    return Message.session_opened(session.session_date, session.open_ns, session.close_ns)


def _closed(session: SessionClosed) -> Message:
    return Message.session_closed(session.session_date)


# An open print is for the venue.
_TOLD: dict[type, Callable[[Any], Message | None]] = {
    Bar: _bar,
    Quote: _quote,
    TradePrint: _trade,
    SessionOpened: _opened,
    SessionClosed: _closed,
}
