"""Alpaca's order stream: `trade_updates`, in binary frames or text, reconnected for ever (MD-9).

It has neither sequence numbers nor a replay: after each connection what was missed is fetched by
REST, which is the adapter's business (`StreamUp`).
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import aiohttp
import orjson

from brokers import following
from brokers.alpaca import reports
from brokers.alpaca.words import (
    Authorised,
    Listening,
    StreamFrame,
    TradeUpdate,
    decode,
)
from brokers.backoff import Backoff
from brokers.base import Reported, StreamNews, StreamUp
from brokers.credentials import Credentials
from brokers.following import StreamError
from brokers.http_wire import BODY_BYTES_MAX
from brokers.reading import MalformedError, unknown_status

NAME: Final = "alpaca trade_updates"
_HEARTBEAT_S: Final = 10.0
_SIGN_IN_S: Final = 5.0
_QUIET: Final = frozenset({"pending_cancel", "pending_replace", "order_replace_rejected"})
"""Events that change nothing for us: the order goes on as it is."""
Answer = TypeVar("Answer", Authorised, Listening)


async def follow(
    url: str,
    credentials: Credentials,
    hear: Callable[[StreamNews], None],
    heard: reports.Heard,
    backoff: Backoff,
) -> None:
    """Follow the stream until cancelled; each loss and each return is told."""
    async with aiohttp.ClientSession() as session:
        once = partial(_once, session, url, credentials, hear, heard, backoff)
        await following.follow(NAME, once, hear, backoff)


async def _once(
    session: aiohttp.ClientSession,
    url: str,
    credentials: Credentials,
    hear: Callable[[StreamNews], None],
    heard: reports.Heard,
    backoff: Backoff,
) -> None:
    async with session.ws_connect(
        url, heartbeat=_HEARTBEAT_S, max_msg_size=BODY_BYTES_MAX, autoping=True
    ) as socket:
        async with asyncio.timeout(_SIGN_IN_S):
            await _sign_in(socket, credentials)
        backoff.reset()
        hear(StreamUp(stream=NAME))
        async for message in socket:
            if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                raise StreamError("expected a frame of bytes or text")
            news = understand(message.data, heard)
            if news is not None:
                hear(news)


async def _sign_in(socket: aiohttp.ClientWebSocketResponse, credentials: Credentials) -> None:
    keys = {"key_id": credentials.key, "secret_key": credentials.secret}
    await socket.send_str(orjson.dumps({"action": "authenticate", "data": keys}).decode())
    answer = _frame(await _next(socket), "authorization", Authorised)
    if answer.status != "authorized":
        raise StreamError("the keys were not accepted")
    listen = {"action": "listen", "data": {"streams": ["trade_updates"]}}
    await socket.send_str(orjson.dumps(listen).decode())
    listening = _frame(await _next(socket), "listening", Listening)
    if "trade_updates" not in listening.streams:
        raise StreamError("trade_updates is not listened to")


async def _next(socket: aiohttp.ClientWebSocketResponse) -> bytes | str:
    message = await socket.receive()
    if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
        raise StreamError("the stream ended while signing in")
    data: bytes | str = message.data
    return data


def _frame(data: bytes | str, stream: str, kind: type[Answer]) -> Answer:
    try:
        frame = decode(data, StreamFrame, "stream")
        if frame.stream != stream:
            raise StreamError(f"expected an answer on the stream {stream}")
        return decode(bytes(frame.data), kind, stream)
    except MalformedError as error:
        raise StreamError(str(error)) from None


def understand(data: bytes | str, heard: reports.Heard) -> Reported | None:
    """What a frame says of an order; None for what is not about one.

    A frame that cannot be read is a hole in the stream: it raises, and the stream begins anew, with
    everything that was missed fetched.

    Raises:
        StreamError: It cannot be read.
    """
    try:
        frame = decode(data, StreamFrame, "stream")
        if frame.stream != "trade_updates":
            return None
        return reported(decode(bytes(frame.data), TradeUpdate, "trade_updates"), heard)
    except MalformedError as error:
        raise StreamError(str(error)) from None


def reported(update: TradeUpdate, heard: reports.Heard) -> Reported:
    """What one event means (alpaca.md, 7 and 8)."""
    order = update.order
    ours = order.client_order_id
    reversal = reports.busted(update, heard) if update.event == reports.BUST else None
    if reversal is not None:
        # Another execution may stand at its place already, taken for it until now, and names may
        # not tell them apart: so all is compared before an entry leaves.
        return Reported(
            client_order_id=ours, reports=(reversal,), asks_look_up=True, is_correction=True
        )
    if update.event in reports.CORRECTIONS:
        text = (
            f"{update.event} of {ours}: the venue corrects an execution; orders, fills and "
            "positions are compared, a price that it changed is not"
        )
        return Reported(
            client_order_id=ours,
            asks_look_up=True,
            is_in_doubt=True,
            is_correction=True,
            warning=text,
        )
    if not reports.is_known(order):
        text = f"{ours}: {unknown_status(order.status)}"
        return Reported(client_order_id=ours, asks_look_up=True, is_in_doubt=True, warning=text)
    fill = reports.pushed_fill(update, heard)
    is_whole = heard.is_whole(order.id, order.filled_1e8)
    end = reports.ended(order)
    said = [] if fill is None else [fill]
    if fill is None and end is None and update.event not in _QUIET:
        said.append(reports.accepted(order))
    if end is not None and is_whole:
        said.append(end)
    if update.event == reports.CANCEL_REFUSED:
        return Reported(client_order_id=ours, reports=tuple(said), asks_look_up=True)
    return Reported(client_order_id=ours, reports=tuple(said), asks_look_up=not is_whole)
