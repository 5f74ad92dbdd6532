"""How the console answers: JSON, errors as `{"error": …}`, plain pages."""

from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import web

_PLAIN: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Holdfast</title>
<meta name="viewport" content="width=device-width">
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui;max-width:40rem;margin:3rem auto;
padding:0 1rem}</style><main>%s</main></html>"""


def json_reply(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A JSON answer that nobody keeps."""
    return web.Response(
        body=orjson.dumps(value, default=_plain),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def error(status: HTTPStatus, text: str, **more: Any) -> web.Response:
    """What was expected, what was found, what to do."""
    return json_reply({"error": text, **more}, status)


def page_reply(body: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A page without scripts."""
    return web.Response(text=_PLAIN % body, status=status, content_type="text/html")


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}") if value.is_finite() else None
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
