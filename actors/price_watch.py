"""Prices beside a run's binary windows: the oracle's reference, and exchanges' spot (MD-10).

Each feed has its own age and its own holes. Where a window begins and ends is journaled with what
each feed said then; when its market is decided, the direction of the reference is laid beside it
(MD-8). Nothing here decides a trade, and no feed stands in for another: what the reference did not
say is not known.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from actors.operator_words import FeedHealth
from actors.prices_seen import CADENCE_NS, SILENCE_NS, Seen, day_of, health_of, newest_of, row_at
from brokers.base import StreamDown, StreamUp
from brokers.prices import (
    PriceNews,
    PriceRole,
    PriceSource,
    PriceStream,
    PriceTick,
    Window,
)
from brokers.venues import Resolution
from streams.gaps import Gap, GapReason
from trading.money import show_1e8

FRESH_NS: Final = 2 * CADENCE_NS
"""A reference that is older at a window's end than this is not that of its end."""
PATIENCE_NS: Final = 2 * CADENCE_NS
"""So long a price of that instant may take to come."""
ONE_1E8: Final = 100_000_000
STARTED, ENDED = "WindowStarted", "WindowEnded"
LOOK_S: Final = 0.25
ASK_AGAIN_S: Final = 2.0


@dataclass(slots=True)
class Market:
    """The outcomes of one window, and what the reference was at its ends; None is not known."""

    window: Window
    pays_up: dict[str, bool] = field(default_factory=dict)
    start_1e8: int | None = None
    end_1e8: int | None = None
    is_started: bool = False
    is_ended: bool = False

    @property
    def is_up(self) -> bool | None:
        """Whether the reference ended where it began, or above; None where that is not known."""
        if self.start_1e8 is None or self.end_1e8 is None:
            return None
        return self.end_1e8 >= self.start_1e8


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePlan:
    """What a watch is made of.

    Attributes:
        source: Knows the windows, and what brings their prices.
        others: Makes further streams for these assets, as configured.
        faults: What asking may raise; it is asked again then.
        now_ns: The lane's clock.
        note: Journals a fact of the system: stream, kind, payload.
        notify: Told severity, text and ids.
        known: What was journaled of windows before a restart: kind and payload, oldest first.
    """

    source: PriceSource
    others: Callable[[Sequence[str]], Sequence[PriceStream]]
    faults: tuple[type[BaseException], ...]
    now_ns: Callable[[], int]
    note: Callable[[str, str, dict[str, Any]], None]
    notify: Callable[[str, str, tuple[str, ...]], None]
    known: Callable[[], Iterable[tuple[str, dict[str, Any]]]] = tuple
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class PriceWatch:
    """Follows the prices of a run's windows until the last of them is over."""

    def __init__(self, plan: PricePlan) -> None:
        """No window is known."""
        self.plan = plan
        self.feeds: dict[tuple[str, str], Seen] = {}
        self.markets: dict[str, Market] = {}

    async def run(self) -> None:
        """Follow until cancelled, or until no window is left."""
        tasks: list[asyncio.Task[None]] = []
        try:
            self._know(await self._windows())
            tasks = [asyncio.create_task(each.follow(self.hear)) for each in self._streams()]
            while any(not each.is_ended for each in self.markets.values()):
                for ended in (task for task in tasks if task.done()):
                    ended.result()  # a stream never ends by itself: what it raised is told
                self.look()
                await self.plan.sleep(LOOK_S)
        finally:
            self.feeds.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.plan.source.close()

    async def _windows(self) -> Sequence[Window]:
        is_told = False
        while True:
            try:
                return await self.plan.source.windows()
            except self.plan.faults as error:
                if not is_told:
                    self.plan.notify("WARNING", f"the windows are not known yet: {error}", ())
                is_told = True
            await self.plan.sleep(ASK_AGAIN_S)

    def _know(self, windows: Sequence[Window]) -> None:
        for window in windows:
            market = self.markets.setdefault(window.market, Market(window))
            market.pays_up[window.instrument] = window.is_up
        for kind, payload in self.plan.known():
            known = self.markets.get(payload["market"])
            if known is None:
                continue
            price_1e8 = (payload["reference"] or {}).get("price_1e8")
            if kind == STARTED:
                known.start_1e8, known.is_started = price_1e8, True
            else:
                known.end_1e8, known.is_ended = price_1e8, True

    def _streams(self) -> Sequence[PriceStream]:
        assets = sorted({each.window.asset for each in self.markets.values()})
        if not assets:
            return ()
        found = [*self.plan.source.streams(assets), *self.plan.others(assets)]
        now_ns = self.plan.now_ns()
        for stream in found:
            for name in stream.feeds:
                seen = self.feeds[name.feed, name.asset] = Seen(name)
                seen.begin(now_ns)
        return found

    # -- what comes -------------------------------------------------------------------------------

    def hear(self, news: PriceNews) -> None:
        """A price, or a connection that was lost or is back (MD-9)."""
        match news:
            case PriceTick():
                seen = self.feeds.get((news.feed, news.asset))
                if seen is not None:
                    self._take(seen, news)
            case StreamDown(stream=stream, cause=cause):
                for seen in self._of(stream):
                    seen.is_down = True
                self.plan.notify("WARNING", f"{stream} is down: {cause}", ())
            case StreamUp():
                pass  # the hole ends with the first price

    def _of(self, stream: str) -> list[Seen]:
        return [seen for seen in self.feeds.values() if seen.name.stream == stream]

    def _take(self, seen: Seen, tick: PriceTick) -> None:
        before = seen.ticks[-1] if seen.ticks else None
        gap = seen.take(tick)
        if gap is None and seen.is_down and before is not None:
            # What came between the two connections is lost, however short that was.
            gap = Gap(
                instrument=tick.asset,
                session_date=day_of(tick.at_ns),
                start_ns=before.source_ns,
                end_ns=tick.source_ns,
                missing=0,
                reason=GapReason.SILENCE,
            )
        seen.is_down = False
        if gap is not None:
            self._note_gap(seen, gap)
        if seen.is_silent:
            seen.is_silent = False
            self.plan.notify("INFO", f"{seen.name.shown}: prices come again", ())

    def _note_gap(self, seen: Seen, gap: Gap) -> None:
        feed = seen.name.feed
        payload = {
            "feed": feed,
            "instrument": gap.instrument,
            "session_date": day_of(gap.end_ns),
            "start_ns": gap.start_ns,
            "end_ns": gap.end_ns,
            "missing": gap.missing,
            "reason": str(gap.reason),
        }
        self.plan.note(f"feed/{feed}", "FeedGap", payload)

    # -- time -------------------------------------------------------------------------------------

    def look(self) -> None:
        """Begin and end the windows that are due, and say what has fallen silent (MD-2)."""
        now_ns = self.plan.now_ns()
        for market in self.markets.values():
            window = market.window
            if not market.is_started and self._is_due(window, window.starts_ns, now_ns):
                market.start_1e8, market.is_started = self._mark(market, STARTED), True
            if not market.is_ended and self._is_due(window, window.ends_ns, now_ns):
                self._end(market)
        for seen in self.feeds.values():
            red_ns = seen.heartbeat.red_ns()
            if red_ns is not None and now_ns >= red_ns and not seen.is_silent:
                seen.is_silent = True
                text = f"{seen.name.shown}: no price for {SILENCE_NS / 1e9:g} s"
                self.plan.notify("WARNING", text, ())

    def _is_due(self, window: Window, at_ns: int, now_ns: int) -> bool:
        """Past, and what its feeds said of that instant has come, or will not any more."""
        if now_ns < at_ns:
            return False
        asked = [seen for seen in self.feeds.values() if seen.name.asset == window.asset]
        return now_ns >= at_ns + PATIENCE_NS or all(seen.is_past(at_ns) for seen in asked)

    def _end(self, market: Market) -> None:
        market.end_1e8, market.is_ended = self._mark(market, ENDED), True

    def _mark(self, market: Market, kind: str) -> int | None:
        """Journal what each feed said at that end of a window; the reference, where it is known."""
        window = market.window
        at_ns = window.starts_ns if kind == STARTED else window.ends_ns
        rows = [
            (seen.name.role, row_at(seen, at_ns))
            for seen in self.feeds.values()
            if seen.name.asset == window.asset
        ]
        references = [row for role, row in rows if role is PriceRole.REFERENCE]
        reference = next((row for row in references if row["age_ns"] is not None), None)
        if reference is not None and reference["age_ns"] > FRESH_NS:
            reference = None
        payload = {
            "market": window.market,
            "instruments": [*market.pays_up],
            "asset": window.asset,
            "at_ns": at_ns,
            "reference": reference,
            "references": references,
            "spots": [row for role, row in rows if role is PriceRole.SPOT],
        }
        self.plan.note(f"window/{window.market}", kind, payload)
        if reference is None:
            text = f"{window.asset}: the reference at {kind} of {window.market[:14]} is not known"
            self.plan.notify("WARNING", text, tuple(market.pays_up))
            return None
        price_1e8: int = reference["price_1e8"]
        return price_1e8

    # -- what others ask --------------------------------------------------------------------------

    def doubts(self, found: Resolution) -> tuple[str, ...]:
        """What the reference has against how a market was decided; nothing where it is not known.

        The venue's word stands: a person is told (MD-8).
        """
        market = self.markets.get(found.market)
        if market is None:
            return ()
        if not market.is_ended and market.is_started:
            self._end(market)  # it was decided before all feeds had spoken
        if market.is_up is None or found.instrument not in market.pays_up:
            return ()
        expected_1e8 = ONE_1E8 if market.pays_up[found.instrument] == market.is_up else 0
        if found.worth_1e8 == expected_1e8:
            return ()
        return (
            f"the reference went from {show_1e8(market.start_1e8 or 0)} to "
            f"{show_1e8(market.end_1e8 or 0)}, so that {show_1e8(expected_1e8)} was expected and "
            f"{show_1e8(found.worth_1e8)} decided",
        )

    def health(self) -> list[FeedHealth]:
        """Each feed for `/health`: its age and the share of the day that is in no hole (MD-2)."""
        now_ns = self.plan.now_ns()
        return [health_of(seen, now_ns) for seen in self.feeds.values()]

    def shown(self) -> list[dict[str, Any]]:
        """Each window for the status: its strike, and what is known of its end."""
        return [
            {
                "market": each.window.market,
                "instruments": [*each.pays_up],
                "asset": each.window.asset,
                "starts_ns": each.window.starts_ns,
                "ends_ns": each.window.ends_ns,
                "start_1e8": each.start_1e8,
                "end_1e8": each.end_1e8,
                "prices": [
                    {"feed": seen.name.feed, "role": str(seen.name.role), **newest_of(seen)}
                    for seen in self.feeds.values()
                    if seen.name.asset == each.window.asset
                ],
            }
            for each in self.markets.values()
        ]
