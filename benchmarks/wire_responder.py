"""A venue that takes every order at once: the same few bytes for whoever posts, on loopback."""

import asyncio
import json
import re
import sys
from typing import Final

_LENGTH: Final = re.compile(rb"(?i)content-length: *(\d+)")
_ID: Final = re.compile(rb'"client_order_id": *"([^"]+)"')
_AT: Final = "2026-11-20T15:00:00Z"
_ORDER: Final = {
    "id": "7b08df51-c1ac-453c-99f9-323a5f075f0d",
    "created_at": _AT,
    "updated_at": _AT,
    "submitted_at": _AT,
    "symbol": "SPY",
    "asset_class": "us_equity",
    "qty": "1",
    "filled_qty": "0",
    "order_class": "",
    "order_type": "limit",
    "type": "limit",
    "side": "buy",
    "time_in_force": "day",
    "limit_price": "5",
    "status": "pending_new",
    "extended_hours": False,
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each order of one connection."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        name = _ID.search(body)
        order = _ORDER | {"client_order_id": name[1].decode() if name else "none"}
        answer = json.dumps(order).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
            + str(len(answer)).encode()
            + b"\r\n\r\n"
            + answer
        )


async def main() -> None:
    """Say the port, then serve until the reader of it has left."""
    server = await asyncio.start_server(_quiet, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await serve(reader, writer)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


if __name__ == "__main__":
    asyncio.run(main())
