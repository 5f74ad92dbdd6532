"""The market of a live run: a venue's stream and the calendar's sessions, mailed to the feed.

Messages are numbered as they come, so that a new incarnation of an actor can be shown what it saw:
of each instrument the newest quote, which is what conflation leaves of them anyway, the session's
opening, and of its trades so many. The bars of older trades are the feed's own memory
(`actors.feed`), so the memory stays where it is however much is traded.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from actors.messages import MarketLost
from brokers.base import StreamDown, StreamUp
from brokers.venues import MarketNews, MarketStream
from streams.source_latency import SourceLatency
from trading.calendar import Calendar, Session
from trading.market import (
    MarketMessage,
    Quote,
    SessionClosed,
    SessionOpened,
    TradePrint,
)

KEPT_MAX = 5_000
"""Trades of a session that are kept, about 2 MB; the oldest are forgotten beyond it."""
LONGEST_NAP_S = 1.0
PATIENCE_NS = 60_000_000_000
PATIENCE_MAX_NS = 16 * PATIENCE_NS
"""A stream that answers pings and says nothing for so long within a session is connected anew; each
time in vain twice as long is waited, as a quiet instrument looks the same."""
REACH_NS = 14 * 86_400_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFeedPlan:
    """What a live market is made of.

    Attributes:
        stream: The venue's market data.
        calendar: Whose sessions count.
        now_ns: The lane's clock.
        tell: Mails a message to a name.
        feed: Name of the feed's actor.
        note: Journals a fact of the system: stream, kind, payload.
        notify: Told severity, text and ids.
        capture: Handed every quote and trade that is mailed (MD-6).
        source: Whose market it is, for what is said of its latency.
        first_seq: Number of the first message.
        sleep: Waits; asyncio's by default.
    """

    stream: MarketStream
    calendar: Calendar
    now_ns: Callable[[], int]
    tell: Callable[[str, object], None]
    feed: str
    note: Callable[[str, str, dict[str, Any]], None]
    notify: Callable[[str, str, tuple[str, ...]], None]
    capture: Callable[[Quote | TradePrint], None] = lambda _: None
    source: str = "venue"
    first_seq: int = 0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class LiveFeed:
    """Mails the market of a live run to the feed's actor."""

    def __init__(self, plan: LiveFeedPlan) -> None:
        """Nothing has come."""
        self.plan = plan
        self._kept: deque[MarketMessage] = deque(maxlen=KEPT_MAX)
        self._opened: list[MarketMessage] = []
        self._quotes: dict[str, Quote] = {}
        self._next_seq = plan.first_seq
        self._session: Session | None = None
        self._latency = SourceLatency()
        self._down_ns = self._heard_ns = plan.now_ns()
        self._is_up = False
        self._patience_ns = PATIENCE_NS
        self._following: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin with the session that is under way, then follow stream and calendar."""
        self._turn()
        self._follow()
        self._run(self._sessions())

    async def stop(self) -> None:
        """Follow nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def count(self) -> None:
        """Journal how late the market was in the session under way; its close does so too."""
        if self._session is not None:
            self._note_latency(self._session)

    def history(self, last_seq: int) -> list[MarketMessage]:
        """The session's messages up to that number, of each instrument's quotes the newest."""
        trades = heapq.merge(self._opened, self._kept, key=_number)
        kept = heapq.merge(trades, sorted(self._quotes.values(), key=_number), key=_number)
        return [message for message in kept if message.tape_seq <= last_seq]

    def _follow(self) -> None:
        self._following = self._run(self.plan.stream.follow(self._hear))

    def _run(self, following: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(following)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self.plan.notify("CRITICAL", f"the market feed failed: {task.exception()!r}", ())

    # -- sessions ---------------------------------------------------------------------------------

    async def _sessions(self) -> None:
        while True:
            wait_ns = max(self._turn() - self.plan.now_ns(), 0)
            await self._watch()
            await self.plan.sleep(min(wait_ns / 1e9 + 0.001, LONGEST_NAP_S))

    def _turn(self) -> int:
        """Open or close the session that is due; the instant of the next turn."""
        now_ns = self.plan.now_ns()
        session = self._session
        if session is not None:
            if now_ns < session.close_ns:
                return session.close_ns
            self._session = None
            self._note_latency(session)
            self._send(SessionClosed(session_date=session.session_date, at_ns=session.close_ns))
        found = self.plan.calendar.session_at(now_ns)
        if found is None or now_ns >= found.close_ns:
            coming = self.plan.calendar.overlapping(now_ns, now_ns + REACH_NS)
            return min((each.open_ns for each in coming if each.open_ns > now_ns), default=now_ns)
        self._session = found
        self._kept.clear()
        self._quotes.clear()
        self._send(
            SessionOpened(
                session_date=found.session_date,
                open_ns=found.open_ns,
                close_ns=found.close_ns,
                at_ns=max(now_ns, found.open_ns),  # joined late: what came before is not known
            )
        )
        return found.close_ns

    # -- the stream -------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Connect anew where the connection stands and nothing comes any more (MD-2, MD-9)."""
        session, following = self._session, self._following
        if session is None or following is None or not self._is_up:
            return
        silent_ns = self.plan.now_ns() - max(self._heard_ns, session.open_ns)
        if silent_ns < self._patience_ns:
            return
        text = f"the market stream is up and silent for {silent_ns / 1e9:.0f} s: connecting anew"
        self.plan.notify("WARNING", text, ())
        self._patience_ns = min(2 * self._patience_ns, PATIENCE_MAX_NS)
        self._is_up, self._down_ns = False, self._heard_ns
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        self._tasks.remove(following)
        self._lose()
        self._follow()

    def _hear(self, news: MarketNews) -> None:
        match news:
            case StreamUp(stream=stream):
                gap = {"stream": stream, "start_ns": self._down_ns, "end_ns": self.plan.now_ns()}
                self.plan.note(f"stream/{stream}", "StreamGap", gap)
                self._is_up, self._heard_ns = True, self.plan.now_ns()
                self._lose()
            case StreamDown(stream=stream, cause=cause):
                self._is_up, self._down_ns = False, self.plan.now_ns()
                self.plan.notify("WARNING", f"{stream} is down: {cause}", ())
                self._lose()
            case _:
                self._heard_ns, self._patience_ns = self.plan.now_ns(), PATIENCE_NS
                if self._session is not None:
                    self._send(news)

    def _lose(self) -> None:
        """Ticks are missing: no bar is built of the intervals they belong to."""
        self.plan.tell(self.plan.feed, MarketLost(until_ns=self.plan.now_ns()))

    def _note_latency(self, session: Session) -> None:
        """How long the session's ticks were on their way, as far as they were heard here (MD-1)."""
        latency, self._latency = self._latency, SourceLatency()
        if latency.ticks:
            told = {
                "feed": self.plan.source,
                "session_date": session.session_date,
                "ticks": latency.ticks,
                "p50_ns": latency.quantile_ns(0.5),
                "p99_ns": latency.quantile_ns(0.99),
                "max_ns": latency.max_ns,
            }
            self.plan.note(f"feed/{self.plan.source}", "FeedLatency", told)

    def _send(self, message: MarketMessage) -> None:
        numbered = replace(message, tape_seq=self._next_seq)
        self._next_seq += 1
        if isinstance(numbered, Quote):
            self._quotes[numbered.instrument] = numbered
        elif isinstance(numbered, SessionOpened):
            self._opened = [numbered]
        else:
            self._kept.append(numbered)
        if isinstance(numbered, Quote | TradePrint):
            self._latency.take(numbered.at_ns - numbered.source_ns)
            self.plan.capture(numbered)
        self.plan.tell(self.plan.feed, numbered)


def _number(message: MarketMessage) -> int:
    return message.tape_seq
