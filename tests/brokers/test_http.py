"""Our own HTTP client, against sockets on loopback that misbehave."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import http
from brokers.http import Channel, Endpoint, Link, NoAnswerError, NotConnectedError
from brokers.http_wire import Response, ResponseReader, WireError, request_bytes
from brokers.limiter import Limiter, Priority
from trading.errors import SetupError

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"4;x=y\r\nabcd\r\n2\r\nef\r\n0\r\ntrailer: 1\r\n\r\n"
)


def read_in_parts(whole: bytes, cuts: list[int]) -> Response | None:
    """Feed a response cut at these places."""
    reader, start = ResponseReader(), 0
    for cut in sorted({min(each, len(whole)) for each in cuts} | {len(whole)}):
        response = reader.feed(whole[start:cut])
        start = cut
        if response is not None:
            assert start == len(whole)
            return response
    return None


@given(st.lists(st.integers(0, 200)))
def test_an_answer_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    """BR-1: neither the network's packets nor chunks change what was said."""
    for whole, body in ((OK, b"{}"), (CHUNKED, b"abcdef")):
        response = read_in_parts(whole, cuts)
        assert response is not None
        assert (response.status, response.body, response.keeps_alive) == (200, body, True)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_answer_are_refused_or_waited_for(noise: bytes) -> None:
    """EX-6: whatever arrives, the reader ends with an answer, a refusal, or the wish for more."""
    reader = ResponseReader()
    try:
        response = reader.feed(b"HTTP/1.1 200 OK\r\n" + noise)
    except WireError:
        return
    assert response is None or response.status == 200


@pytest.mark.parametrize(
    "bad",
    [
        b"SMTP hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10000001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
    ],
)
def test_what_cannot_be_relied_on_is_no_answer(bad: bytes) -> None:
    """EX-6: a strict reader says that nothing is known where a lenient one would guess."""
    with pytest.raises(WireError):
        ResponseReader().feed(bad)


def test_an_interim_answer_is_passed_over() -> None:
    """BR-1: 100 Continue is not the answer."""
    response = ResponseReader().feed(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
    assert response is not None
    assert response.status == 200


def test_a_cut_off_answer_is_none() -> None:
    """EX-6: half an answer is no answer; without a length the end of the connection is its end."""
    reader = ResponseReader()
    reader.feed(OK[:-1])
    with pytest.raises(WireError):
        reader.eof()
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert reader.eof().body == b"abc"


def test_a_header_cannot_smuggle_another() -> None:
    """BR-4: what would end its line is refused, without the value in the text."""
    with pytest.raises(ValueError, match="printable") as caught:
        request_bytes("GET", "/", {"key": "secret\r\nx: y"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://u:p@h/", "http://h/?k=v", "nothing", "http://h:x"]
)
def test_an_address_must_be_plain(url: str) -> None:
    """BR-4: no secrets in an address, and no guessing."""
    with pytest.raises(SetupError, match="the address of a venue"):
        Endpoint.of(url)


# -- with sockets ----------------------------------------------------------------------------------

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def against(serve: Serve, use: Callable[[Channel], Coroutine[Any, Any, None]]) -> None:
    """Run `use` with a channel to a server of our making."""

    async def run() -> None:
        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

        server = await asyncio.start_server(served, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        limiter = Limiter(1000, time.monotonic_ns)
        channel = Channel(
            endpoint=Endpoint.of(f"http://127.0.0.1:{port}/a"),
            headers={"key": "hidden"},
            limiter=limiter,
            answer_wait_s=0.2,
        )
        try:
            async with asyncio.timeout(10):
                await use(channel)
        finally:
            channel.close()
            limiter.close()
            server.close()
            await server.wait_closed()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)

    asyncio.run(run())


async def read_request(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def test_a_connection_is_kept_and_used_again() -> None:
    """EX-15: a warm connection costs no handshake; each request carries prefix and headers."""
    seen: list[bytes] = []
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            seen.append(await read_request(reader))
            writer.write(OK)

    async def use(channel: Channel) -> None:
        for _ in range(2):
            response = await channel.call(channel.request("GET", "/v2/x"), Priority.POLL)
            assert response.body == b"{}"
        assert "hidden" not in repr(channel)

    against(serve, use)
    assert connections == 1
    assert seen[0].startswith(b"GET /a/v2/x HTTP/1.1\r\n")
    assert b"\r\nkey: hidden\r\n" in seen[0]


def test_spare_connections_of_a_rush_are_closed_and_the_newest_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """WD-8: open files return to where they were; a warm connection stands (EX-15)."""
    open_now: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        try:
            while True:
                await read_request(reader)
                while len(open_now) < channel_links and is_rush[0]:  # noqa: ASYNC110 - a rush
                    await asyncio.sleep(0)  # so that each call needs one of its own
                writer.write(OK)
        finally:
            open_now.discard(writer)

    channel_links, is_rush = 4, [True]

    async def use(channel: Channel) -> None:
        request = channel.request("GET", "/v2/x")
        await asyncio.gather(*(channel.call(request, Priority.POLL) for _ in range(channel_links)))
        assert len(open_now) == channel_links
        is_rush[0] = False
        await channel.call(request, Priority.POLL)
        assert len(open_now) == channel_links  # not old yet
        monkeypatch.setattr(http, "IDLE_MAX_S", -1.0)
        await channel.call(request, Priority.POLL)
        while len(open_now) > 1:  # noqa: ASYNC110 - the server hears of it in its own time
            await asyncio.sleep(0)
        await channel.call(request, Priority.POLL)
        assert len(open_now) == 1

    against(serve, use)


@pytest.mark.parametrize("behaviour", ["silent", "reset", "half", "garbage"])
def test_whatever_goes_wrong_behind_the_write_is_no_answer(behaviour: str) -> None:
    """EX-6: silence, a lost connection, half an answer: nothing is known, nothing is repeated."""
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1
        if behaviour == "silent":
            await reader.read()
        elif behaviour == "half":
            writer.write(OK[:-1])
        elif behaviour == "garbage":
            writer.write(b"\x00\x01\r\n\r\n")

    async def use(channel: Channel) -> None:
        with pytest.raises(NoAnswerError):
            await channel.call(channel.request("POST", "/v2/orders", b"{}"), Priority.ENTRY)

    against(serve, use)
    assert requests == 1


def test_the_gate_is_compared_last_and_a_refusal_sends_nothing() -> None:
    """KC-3: token and connection are in hand before the gate is asked; when it says no, no byte."""
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read())

    class ShutError(Exception):
        pass

    async def use(channel: Channel) -> None:
        def release() -> bytes:
            raise ShutError

        for _ in range(3):
            with pytest.raises(ShutError):
                await channel.hand_over(release, Priority.ENTRY)
        await channel.warm()  # the one connection is still good
        channel.close()

    against(serve, use)
    assert b"".join(arrived) == b""


def test_the_bytes_are_with_the_transport_when_the_release_returns() -> None:
    """KC-3: nothing else runs between the release of the bytes and their hand-over."""
    order: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)

    async def use(channel: Channel) -> None:
        write = Link.write

        def watched(self: Link, request: bytes) -> "asyncio.Future[Response]":
            order.append("written")
            return write(self, request)

        def release() -> bytes:
            asyncio.get_running_loop().call_soon(order.append, "somebody else")
            order.append("released")
            return channel.request("GET", "/")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Link, "write", watched)
            await channel.hand_over(release, Priority.ENTRY)

    against(serve, use)
    assert order[:2] == ["released", "written"]


def test_no_connection_means_nothing_was_sent() -> None:
    """EX-6: a venue that cannot be reached was never sent anything, and the release never asked."""

    async def run() -> None:
        server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        limiter = Limiter(1, time.monotonic_ns)
        channel = Channel(
            endpoint=Endpoint.of(f"http://127.0.0.1:{port}"), headers={}, limiter=limiter
        )

        def never() -> bytes:
            raise AssertionError("there is no connection to release anything to")

        for _ in range(2):  # the token came back
            with pytest.raises(NotConnectedError):
                await channel.hand_over(never, Priority.ENTRY)

    asyncio.run(run())


# -- the limiter -----------------------------------------------------------------------------------


def test_polling_never_takes_the_room_of_cancels_and_exits() -> None:
    """BR-6: with the window full of polling, cancels and exits leave at once, entries next."""

    async def run() -> None:
        now = [0]
        limiter = Limiter(100, lambda: now[0])
        for _ in range(60):
            await limiter.token(Priority.POLL)
        polling = asyncio.create_task(limiter.token(Priority.POLL))
        await asyncio.sleep(0)
        for priority, count in ((Priority.ENTRY, 20), (Priority.EXIT, 15), (Priority.CANCEL, 5)):
            for _ in range(count):
                await limiter.token(priority)
        late = asyncio.create_task(limiter.token(Priority.CANCEL))
        await asyncio.sleep(0)
        assert not polling.done()
        assert not late.done()
        now[0] = 60_000_000_001
        limiter.give_back()  # somebody looks again; 99 of the old window are over
        await asyncio.sleep(0)
        assert late.done()
        assert polling.done()
        limiter.close()

    asyncio.run(run())


def test_after_a_429_only_cancels_and_exits_are_tried() -> None:
    """BR-6: what the venue refused waits for as long as it said."""

    async def run() -> None:
        limiter = Limiter(100, lambda: 0)
        limiter.refused(1_000_000_000)
        await limiter.token(Priority.CANCEL)
        await limiter.token(Priority.EXIT)
        entry = asyncio.create_task(limiter.token(Priority.ENTRY))
        await asyncio.sleep(0)
        assert not entry.done()
        limiter.close()
        with pytest.raises(asyncio.CancelledError):
            await entry

    asyncio.run(run())
