"""The market of one seed: quotes and bars of one instrument over a short session."""

from collections.abc import Iterator
from random import Random

from msgspec.structs import replace

from trading.market import Bar, MarketMessage, Quote, SessionClosed, SessionOpened

SECOND_NS = 1_000_000_000
UNIT_1E8 = 100_000_000
TICK_1E8 = UNIT_1E8 // 4
SYMBOL = "ES"
SESSION_DATE = 20240311
OPEN_NS = 1_710_163_800 * SECOND_NS  # 2024-03-11 09:30 New York
SESSION_S = 1_800
QUOTE_EVERY_S = 4
BAR_S = 12
_FIRST_TICKS = 20_000
_CROSSED_1E8 = 200 * TICK_1E8
_GAP_TICKS = (20, 120)


class Market:
    """What the market does: a pure function of its generator.

    Args:
        random: Decides every price.
        gap_ratio: Likelihood of a jump between two quotes.
        halt_ratio: Likelihood, for each quote, that trading halts for a while after it.
    """

    def __init__(self, random: Random, *, gap_ratio: float, halt_ratio: float) -> None:
        """Write the session down."""
        self.close_ns = OPEN_NS + SESSION_S * SECOND_NS
        self.gaps = 0
        self.halts = 0
        self.rows: list[MarketMessage] = []
        self._random = random
        self._gap_ratio = gap_ratio
        self._halt_ratio = halt_ratio
        for seq, row in enumerate(self._session()):
            self.rows.append(replace(row, tape_seq=seq))

    def history(self, last_seq: int) -> list[MarketMessage]:
        """The session so far, up to a row."""
        return self.rows[: last_seq + 1]

    def seq_at(self, now_ns: int) -> int:
        """The last row that is out at an instant, -1 for none."""
        low, high = 0, len(self.rows)
        while low < high:
            middle = (low + high) // 2
            if self.rows[middle].at_ns <= now_ns:
                low = middle + 1
            else:
                high = middle
        return low - 1

    def _session(self) -> Iterator[MarketMessage]:
        random, middle = self._random, _FIRST_TICKS
        yield SessionOpened(
            session_date=SESSION_DATE, open_ns=OPEN_NS, close_ns=self.close_ns, at_ns=OPEN_NS
        )
        seen: list[int] = []
        halted_until_s = 0
        for second in range(QUOTE_EVERY_S, SESSION_S, QUOTE_EVERY_S):
            at_ns = OPEN_NS + second * SECOND_NS
            if second >= halted_until_s:
                middle = self._moved(middle)
                seen.append(middle)
                yield self._quote(middle, at_ns)
                if random.random() < self._halt_ratio:
                    self.halts += 1
                    halted_until_s = second + random.randint(20, 120)
            if second % BAR_S == 0 and seen:
                yield _bar(seen, at_ns, random.randint(50, 900))
                seen = seen[-1:] if second >= halted_until_s else []
        yield SessionClosed(session_date=SESSION_DATE, at_ns=self.close_ns)

    def _moved(self, middle: int) -> int:
        random = self._random
        if random.random() < self._gap_ratio:
            self.gaps += 1
            return middle + random.choice((-1, 1)) * random.randint(*_GAP_TICKS)
        pull = (_FIRST_TICKS - middle) // 40
        return middle + random.choice((-9, -5, -3, -2, -1, 0, 1, 2, 3, 5, 9)) + pull

    def _quote(self, middle: int, at_ns: int) -> Quote:
        sizes = [self._random.choice((1, 2, 3, 5, 20)) * UNIT_1E8 for _ in range(2)]
        return Quote(
            instrument=SYMBOL,
            bid_1e8=(middle - 1) * TICK_1E8,
            ask_1e8=(middle + 1) * TICK_1E8,
            bid_size_1e8=sizes[0],
            ask_size_1e8=sizes[1],
            at_ns=at_ns,
            source_ns=at_ns,
        )


def _bar(seen: list[int], at_ns: int, volume: int) -> Bar:
    prices = [ticks * TICK_1E8 for ticks in seen]
    return Bar(
        instrument=SYMBOL,
        open_1e8=prices[0],
        high_1e8=max(prices),
        low_1e8=min(prices),
        close_1e8=prices[-1],
        volume_1e8=volume * UNIT_1E8,
        at_ns=at_ns,
        source_ns=at_ns - BAR_S * SECOND_NS,
    )


def crossed(quote: Quote) -> Quote:
    """The quote as a broken feed sends it: bid far above ask, and said so."""
    return replace(
        quote,
        bid_1e8=quote.ask_1e8 + _CROSSED_1E8,
        ask_1e8=quote.bid_1e8 - _CROSSED_1E8,
        is_crossed=True,
    )
