"""The watch over the prices of a live run's windows: put together from venue and configuration."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from actors.price_watch import ENDED, STARTED, PricePlan, PriceWatch
from actors.rounds import SYSTEM
from brokers.backoff import Backoff
from brokers.calls import CALL_ERRORS
from brokers.json_prices import JsonPriceStream
from brokers.venues import Connection, venue_kind
from trading.config_prices import SpotFeed
from trading.ports import Record


def price_watch(
    broker: str,
    connection: Connection,
    spot_feeds: Sequence[SpotFeed],
    note: Callable[[str, str, dict[str, Any]], None],
    notify: Callable[[str, str, tuple[str, ...]], None],
    known: Callable[[], Sequence[tuple[str, dict[str, Any]]]],
) -> PriceWatch | None:
    """The watch, not started; None at a venue without windows.

    Args:
        broker: The venue.
        connection: The ways to it.
        spot_feeds: Further exchanges that the configuration names.
        note: Journals a fact of the system: stream, kind, payload.
        notify: Told severity, text and ids.
        known: What was journaled of windows before a restart.
    """
    make = venue_kind(broker).prices
    if make is None:
        return None

    def others(assets: Sequence[str]) -> list[JsonPriceStream]:
        wanted = [each for each in spot_feeds if each.asset in assets]
        return [
            JsonPriceStream(
                spec=each, now_ns=connection.now_ns, backoff=Backoff(seed=f"{each.name} prices")
            )
            for each in wanted
        ]

    return PriceWatch(
        PricePlan(
            source=make(connection),
            others=others,
            faults=CALL_ERRORS,
            now_ns=connection.now_ns,
            note=note,
            notify=notify,
            known=known,
        )
    )


def known_windows(record: Record, run: str) -> list[tuple[str, dict[str, Any]]]:
    """What a run journaled of its windows so far, oldest first."""
    rows = (row for row in record.events(SYSTEM, run) if row.kind in (STARTED, ENDED))
    return [(row.kind, orjson.loads(row.payload)) for row in rows]
