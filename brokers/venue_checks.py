"""Lines of the safe-to-trade check that read alike at every venue (BR-5, BR-7)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from brokers import ntp
from brokers.base import Check, StreamDown
from brokers.calls import CALL_ERRORS
from brokers.offset import Offset
from brokers.venues import MarketNews, MarketStream
from trading.money import show_1e8

CLOCK_OFFSET_MAX_NS: Final = 100_000_000  # MD-3
MARKET_WAIT_S: Final = 10.0
TIME_TRIES: Final = 3


async def clock_line(ask: Callable[[], Awaitable[Offset]]) -> Check:
    """The venue's clock beside ours; never raises."""
    cure = "synchronise this machine's clock (NTP); nothing is traded beyond 100 ms (MD-3)"
    try:
        offset = await ask()
    except CALL_ERRORS as error:
        return Check(name="clock", is_ok=False, found=str(error), cure=cure)
    return Check(
        name="clock",
        is_ok=not offset.is_beyond(CLOCK_OFFSET_MAX_NS),
        found=f"the venue's clock is {offset} from ours",
        cure=cure,
    )


async def time_line(server: str, max_ms: int, now_ns: Callable[[], int]) -> Check:
    """A time server's clock beside ours; never raises, and what cannot be told is red (MD-3).

    Args:
        server: `host` or `host:port`; empty where the configuration names none.
        max_ms: Beyond this nothing is traded.
        now_ns: Our clock.
    """
    if not server:
        cure = 'name one: ntp_server = "pool.ntp.org" under [watchdog], or one of your own network'
        return Check(name="ntp", is_ok=False, found="no time server is named", cure=cure)
    answers, problem = [], ""
    for _ in range(TIME_TRIES):
        try:
            answers.append(await ntp.ask(server, now_ns))
        except ntp.NtpError as error:
            problem = str(error)
    if not answers:
        cure = "let UDP out to port 123, or name a server that answers: [watchdog] ntp_server"
        return Check(name="ntp", is_ok=False, found=problem, cure=cure)
    offset = min(answers, key=lambda each: each.half_ns)
    found = f"the time server's clock is {offset} from ours, at most {max_ms} ms"
    limit_ns = max_ms * 1_000_000
    if offset.is_beyond(limit_ns):
        cure = "synchronise this machine's clock: `timedatectl set-ntp true`, or chronyd"
        return Check(name="ntp", is_ok=False, found=found, cure=cure)
    if offset.half_ns > limit_ns:
        cure = "it answers too slowly to tell: name a nearer one, [watchdog] ntp_server"
        return Check(name="ntp", is_ok=False, found=found, cure=cure)
    return Check(name="ntp", is_ok=True, found=found)


def instrument_line(symbol: str, wrong: str) -> Check:
    """An instrument; `wrong` says why it cannot be traded, empty when it can."""
    return Check(
        name=f"instrument {symbol}",
        is_ok=not wrong,
        found=wrong or "tradable",
        cure="correct [[instruments]] in the configuration",
    )


def unknown_holdings(problem: str) -> Check:
    """The venue does not say what the account has and holds."""
    cure = "try again; nothing is traded while the venue does not say what it holds"
    return Check(name="balance", is_ok=False, found=problem, cure=cure)


def holdings_lines(equity_1e8: int, capital_1e8: int, orders: int, positions: int) -> list[Check]:
    """What the account is worth beside what is configured, and whether it is empty.

    Args:
        equity_1e8: What the venue says.
        capital_1e8: What the configuration says.
        orders: How many work there.
        positions: How many it holds.
    """
    return [
        Check(
            name="balance",
            is_ok=equity_1e8 >= capital_1e8,
            found=f"equity {show_1e8(equity_1e8)}, configured {show_1e8(capital_1e8)}",
            cure="lower [account] capital_usd to what is there",
        ),
        Check(
            name="book",
            is_ok=not orders and not positions,
            found=f"{orders} orders and {positions} positions at the venue",
            cure="a new run starts flat: close what is there, or go on with its run by --recover",
        ),
    ]


async def market_check(market: MarketStream) -> Check:
    """Whether the market stream lets us in and takes the subscription; never raises."""
    cure = "see the venue's plan: keys, symbols and connections that it allows"
    news: asyncio.Queue[MarketNews] = asyncio.Queue()
    following = asyncio.create_task(market.follow(news.put_nowait))
    try:
        async with asyncio.timeout(MARKET_WAIT_S):
            first = await news.get()
    except TimeoutError:
        return Check(name="market data", is_ok=False, found="no answer", cure=cure)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    if isinstance(first, StreamDown):
        return Check(name="market data", is_ok=False, found=first.cause, cure=cure)
    return Check(name="market data", is_ok=True, found="subscribed")
