"""The feed: complete bars at their end, holes and silence told, nothing lost in a restart."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from actors.feed import FeedActor, FeedMemory, FeedPlan
from actors.lane import Lane
from actors.lane_live import LiveLane
from actors.lane_virtual import VirtualLane
from actors.messages import FEED, MarketLost
from actors.spec import Spec
from actors.trader_port import RunningTrader, status_of
from actors.tree import Tree
from research.crash.market import busy_config, busy_plan
from streams.gaps import GapDetector, Heartbeat
from streams.generate import MarketPlan, ensure_generated
from streams.source import Source
from streams.tape import Kind, Tape, TapeWriter
from streams.tick_bars import BarMessage, TickBars
from tests.support.play import play, prepare
from trading.config import Config
from trading.config_reader import load
from trading.market import (
    Aggressor,
    Bar,
    MarketMessage,
    SessionClosed,
    SessionOpened,
    TradePrint,
)

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
OPEN, CLOSE = 1_000 * MINUTE, 1_010 * MINUTE
OPENED = SessionOpened(session_date=20240102, open_ns=OPEN, close_ns=CLOSE, at_ns=OPEN, tape_seq=0)


def traded(seconds: int, seq: int = -1) -> TradePrint:
    """A trade so many seconds after the open."""
    at_ns = OPEN + seconds * SECOND
    return TradePrint(
        instrument="ES",
        price_1e8=10,
        size_1e8=1,
        aggressor=Aggressor.NONE,
        at_ns=at_ns,
        source_ns=at_ns,
        tape_seq=seq,
    )


@dataclass
class Desk:
    """A feed in a tree of its own, and what it sent."""

    lane: Lane
    is_bars: bool = False
    history: list[MarketMessage] = field(default_factory=list)
    sent: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Bring the feed up."""
        market: Source[MarketMessage] = Source(lambda _: None)
        bars: Source[BarMessage] = Source(lambda _: None)
        for source in (market, bars):
            source.subscribe(self._sent)
        self.memory = FeedMemory(heartbeat=Heartbeat(SECOND))
        plan = FeedPlan(
            market=market,
            bars=bars,
            memory=self.memory,
            history=lambda _: self.history,
            detectors=lambda: [GapDetector("ES", silence_ns=MINUTE)],
            building=lambda: None if self.is_bars else TickBars(["ES"], MINUTE),
            note=lambda _, kind, payload: self.notes.append((kind, payload)),
            silent=self.said.append,
        )
        feed = Spec(name=FEED, make=lambda lane, name: FeedActor(lane, name, plan))
        self.tree = Tree(
            self.lane,
            Spec(name="root", children=(feed,)),
            on_event=lambda _: None,
            halt=self.said.append,
        )
        self.tree.start()

    def _sent(self, message: Any) -> None:
        self.sent.append((self.lane.now_ns() - OPEN, type(message).__name__))

    def hear(self, lane: VirtualLane, *messages: MarketMessage) -> None:
        """Each at its own instant."""
        for message in messages:
            lane.run(until_ns=message.at_ns)
            lane.tell(FEED, message)
        lane.run(until_ns=messages[-1].at_ns)


def test_a_built_bar_leaves_by_its_own_time_and_is_journaled_before_anybody_is_told() -> None:
    """MD-5: nothing has to come after it; venue and account are not sent it."""
    lane = VirtualLane(OPEN)
    desk = Desk(lane)
    desk.hear(lane, OPENED, traded(1))
    desk.sent.clear()
    lane.run(until_ns=OPEN + 2 * MINUTE)
    assert desk.sent == [(MINUTE, "Bar")]
    [(kind, bar)] = desk.notes
    assert (kind, bar["end_ns"], bar["tape_seq"]) == ("BarBuilt", OPEN + MINUTE, -1)


def test_a_feed_that_is_deleted_within_an_interval_still_ends_it_in_time() -> None:
    """MD-5, WD-1: the next incarnation reads the ticks again, and shows no bar twice."""
    lane = VirtualLane(OPEN)
    desk = Desk(lane)
    desk.hear(lane, OPENED, traded(1), traded(61))
    desk.history = [OPENED, traded(1), traded(61)]
    desk.sent.clear()
    desk.tree.kill(FEED)
    lane.run(until_ns=CLOSE)
    assert desk.sent == [(2 * MINUTE, "Bar")]
    assert [note["end_ns"] - OPEN for _, note in desk.notes] == [MINUTE, 2 * MINUTE]


def test_a_tick_at_the_end_of_an_interval_comes_behind_its_bar() -> None:
    """MD-5: at one instant the bar is first, and the tick belongs to the next one."""
    lane = VirtualLane(OPEN)
    desk = Desk(lane)
    desk.hear(lane, OPENED, traded(1), traded(60))
    assert desk.sent[-2:] == [(MINUTE, "Bar"), (MINUTE, "TradePrint")]


def test_silence_is_told_once_and_so_is_its_end() -> None:
    """MD-2: an alert at five cadences, and the feed is red from there on."""
    lane = VirtualLane(OPEN)
    desk = Desk(lane)
    desk.hear(lane, OPENED, traded(1))
    lane.run(until_ns=OPEN + 6 * SECOND - 1)
    assert desk.said == []
    lane.run(until_ns=OPEN + 30 * SECOND)
    assert [text.split(",")[0] for text in desk.said] == [f"{FEED}: nothing for 5 s"]
    desk.hear(lane, traded(40), traded(44))
    assert desk.said[1:] == [f"{FEED}: something comes again"]
    lane.run(until_ns=OPEN + 50 * SECOND)
    assert len(desk.said) == 3
    desk.hear(lane, SessionClosed(session_date=20240102, at_ns=CLOSE))
    lane.run(until_ns=CLOSE + MINUTE)
    assert len(desk.said) == 3  # nobody is missed outside a session


def test_what_was_shed_in_a_restart_leaves_its_interval_without_a_bar() -> None:
    """MD-9, MD-5: on the wall's time, the interval in which a feed was away is incomplete."""

    async def scenario() -> list[int]:
        clock_ns = OPEN + 70 * SECOND
        lane = LiveLane(clock_ns=lambda: clock_ns)
        desk = Desk(lane)
        actor: Any = desk.tree.cell(FEED).actor
        desk.history = [OPENED, traded(1), traded(61)]
        assert actor.building.due_ns > CLOSE  # nothing was heard yet
        desk.tree.kill(FEED)
        actor = desk.tree.cell(FEED).actor
        due = [actor.building.due_ns]
        actor.on_receive(traded(80))
        due.append(actor.building.due_ns)
        actor.on_receive(traded(121))
        due.append(actor.building.due_ns)
        lane.close()
        return due

    due = asyncio.run(scenario())
    assert due[0] > CLOSE
    assert due[1] > CLOSE
    assert due[2] == OPEN + 3 * MINUTE


def test_a_stream_that_was_away_leaves_no_bar_of_the_intervals_it_missed() -> None:
    """MD-9, MD-5: down in one interval and up in the next: neither has a bar, the third has."""
    lane = VirtualLane(OPEN)
    desk = Desk(lane)
    desk.hear(lane, OPENED, traded(1), traded(61))
    for seconds in (70, 130):  # down, up
        lane.run(until_ns=OPEN + seconds * SECOND)
        lane.tell(FEED, MarketLost(until_ns=OPEN + seconds * SECOND))
    desk.hear(lane, traded(140), traded(181))
    lane.run(until_ns=OPEN + 5 * MINUTE)
    ends = [payload["end_ns"] - OPEN for kind, payload in desk.notes if kind == "BarBuilt"]
    assert ends == [MINUTE, 4 * MINUTE]


# -- in the whole system ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Many trades."""
    return load(busy_config(tmp_path_factory.mktemp("busy")))


@pytest.fixture
def short_tape(config: Config, tmp_path: Path) -> Iterator[Tape]:
    """Trades that stop hours before the close, as recordings do, right behind an entry."""
    with Tape(ensure_generated(busy_plan(sessions=1, content="trades"), tmp_path)) as whole:
        stop_ns = play(config, whole).trades()[4]["entry_ns"]
        rows = [row for row in whole.rows() if row[1] != Kind.TRADE or row[0] <= stop_ns]
        path = tmp_path / "short.tape"
        with TapeWriter(path, whole.header) as writer:
            writer.extend(rows)
    with Tape(path) as tape:
        yield tape


def test_a_recording_that_stops_before_the_close_ends(config: Config, short_tape: Tape) -> None:
    """KC-8: a position that nobody takes any more keeps no replay going for ever."""
    played = play(config, short_tape)
    [closed] = played.payloads("SessionClosed")
    assert (closed["trades"], closed["positions_open"]) == (4, 1)
    assert played.lane.now_ns() <= closed_by(short_tape)
    gap = played.payloads("FeedGap", "system")[-1]
    assert (gap["end_ns"], gap["reason"]) == (closed_by(short_tape) - 30 * MINUTE, "SILENCE")


def closed_by(tape: Tape) -> int:
    """Half an hour after the tape's last row: an order that works on is asked about a few times."""
    return tape.row(len(tape) - 1)[0] + 30 * MINUTE


def test_health_knows_that_a_feed_is_stale(config: Config, short_tape: Tape) -> None:
    """MD-2, WD-9: green while trades come, red once they do not, closed after the session.

    UI-7: how complete the session is goes down by what is missing of it, and no further.
    """
    played = prepare(config, short_tape)
    port = RunningTrader(played.system, rescan=dict)
    last = next(row for row in reversed(list(short_tape.rows())) if row[1] == Kind.TRADE)[0]
    seen, complete = [], []
    for at_ns in (last, last + 4 * SECOND, last + 5 * SECOND, closed_by(short_tape)):
        played.lane.run(until_ns=at_ns)
        [feed] = port.health()["feeds"]
        seen.append((feed["freshness"], feed["is_stale"], feed["age_ns"]))
        complete.append(feed["completeness_ratio"])
    assert seen[:3] == [
        ("GREEN", False, 0),
        ("YELLOW", False, 4 * SECOND),
        ("RED", True, 5 * SECOND),
    ]
    assert seen[3][:2] == ("CLOSED", False)
    gaps = played.payloads("FeedGap", "system")
    missing_ns = [gap["end_ns"] - gap["start_ns"] for gap in gaps]
    opened = next(row for row in short_tape.rows() if row[1] == Kind.TRADE)[0]
    opened -= opened % MINUTE
    assert complete[:3] == [pytest.approx(1 - missing_ns[0] / (last - opened), abs=1e-5)] * 3
    assert complete[3] == pytest.approx(1 - sum(missing_ns) / (gaps[-1]["end_ns"] - opened))


def test_a_quote_shows_its_middle_and_bars_of_trades_their_average(
    config: Config, tmp_path: Path
) -> None:
    """MD-5: what is shown of a tape of ticks; quotes have no volume, so no average either."""
    shown = {}
    for content in ("quotes", "trades"):
        plan = MarketPlan(
            seed=7, instrument="ES", calendar="ES", tick_1e8=25_000_000, content=content
        )
        with Tape(ensure_generated(plan, tmp_path)) as tape:
            played = play(config, tape)
            telemetry = played.system.telemetry
            last = [row for row in tape.rows() if row[1] in (Kind.QUOTE, Kind.TRADE)][-1]
        expected = (last[4] + last[5]) // 2 if content == "quotes" else last[4]
        assert telemetry.prices_1e8["ES"] == expected
        shown[content] = telemetry.vwap_1e8("ES")
        book = status_of(played.system)["prices"][0]["quote"]
        if content == "trades":
            assert book is None
        else:
            assert (book["bid_1e8"], book["ask_1e8"]) == (last[4], last[5])
            assert book["at_ns"] == last[0]
        bars = [
            orjson.loads(row.payload)
            for row in played.record.events("system", played.run)
            if row.kind == "BarBuilt"
        ]
        assert len(bars) > 300
    volume = sum(bar["volume_1e8"] for bar in bars)
    typical = sum(
        (bar["high_1e8"] + bar["low_1e8"] + bar["close_1e8"]) * bar["volume_1e8"] for bar in bars
    )
    assert shown["quotes"] is None
    assert shown["trades"] == pytest.approx(typical / 3 / volume, abs=2)


def barred(minute: int, seq: int) -> Bar:
    """The bar of that minute of the session."""
    start_ns = OPEN + minute * MINUTE
    return Bar(
        instrument="ES",
        open_1e8=10,
        high_1e8=12,
        low_1e8=9,
        close_1e8=11,
        volume_1e8=1,
        at_ns=start_ns + MINUTE,
        source_ns=start_ns,
        tape_seq=seq,
    )


def test_a_bar_that_comes_twice_or_late_goes_to_nobody_and_is_counted() -> None:
    """MD-4: the counts stand in the journal at the close, and begin anew with a session."""
    lane = VirtualLane(OPEN)
    desk = Desk(lane, is_bars=True)
    desk.hear(lane, OPENED, barred(0, 1))
    desk.sent.clear()
    lane.tell(FEED, barred(0, 2))
    desk.hear(lane, barred(1, 3))
    lane.tell(FEED, barred(0, 4))
    lane.run(until_ns=CLOSE)
    assert desk.sent == [(2 * MINUTE, "Bar")] * 2  # to the market, and to those who want bars
    desk.hear(lane, SessionClosed(session_date=20240102, at_ns=CLOSE, tape_seq=5))
    [counted] = [note for kind, note in desk.notes if kind == "FeedCounted"]
    assert (counted["bars"], counted["repeated"], counted["older"]) == (2, 1, 1)
    desk.hear(lane, replace(OPENED, at_ns=CLOSE + 1))
    assert (desk.memory.stale.repeated, desk.memory.stale.older) == (0, 0)


def test_a_new_incarnation_knows_what_came_and_counts_it_once() -> None:
    """MD-4, WD-1: what it reads again of the session holds the repeats as they came."""
    lane = VirtualLane(OPEN)
    desk = Desk(lane, is_bars=True)
    desk.history = [OPENED, barred(0, 1), barred(0, 2)]
    desk.hear(lane, *desk.history)
    desk.tree.kill(FEED)
    desk.sent.clear()
    lane.tell(FEED, barred(0, 3))
    lane.run(until_ns=OPEN + MINUTE)
    assert desk.sent == []
    assert desk.memory.stale.repeated == 2
    assert [type(each).__name__ for each in desk.memory.sent] == ["SessionOpened", "Bar"]


def test_bars_whose_trades_were_forgotten_are_still_what_strategies_were_sent() -> None:
    """MD-6, WD-8, WD-1: a live market keeps its newest trades; the feed remembers older bars."""
    lane = VirtualLane(OPEN)
    desk = Desk(lane)
    trades = [traded(seconds, seq) for seq, seconds in enumerate((1, 31, 61, 91, 121, 181), 1)]
    desk.hear(lane, OPENED, *trades)
    before = list(desk.memory.sent)
    ends = [(each.at_ns - OPEN) // MINUTE for each in before if isinstance(each, Bar)]
    assert ends == [1, 2, 3]
    desk.history = [OPENED, *trades[3:]]  # of the second minute half, of the first nothing
    desk.tree.kill(FEED)
    lane.run(until_ns=OPEN + 181 * SECOND)
    assert desk.memory.sent == before
