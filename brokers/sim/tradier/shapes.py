"""Tradier's JSON, a mechanical translation of XML: three shapes of a list, all numbers floats."""

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web

from brokers.sim.units import NS, dump_json, utc_text


def rows(outer: str, inner: str, found: Sequence[Any]) -> dict[str, Any]:
    """A list in its three shapes: the text "null", a bare object, or an array."""
    return {outer: {inner: one_or_many(found)} if found else "null"}


def one_or_many(found: Sequence[Any]) -> Any:
    """A bare element where there is one."""
    return found[0] if len(found) == 1 else [*found]


def moment(ns: int) -> str:
    """2026-11-20T15:00:01.312Z: milliseconds, always three digits."""
    whole = utc_text(ns // NS * NS)
    return f"{whole[:-1]}.{ns % NS // 1_000_000:03d}Z"


def answer(value: object, request: web.Request) -> web.Response:
    """JSON for a client that asks for it, XML for the others."""
    if "json" in request.headers.get("Accept", ""):
        return web.Response(body=dump_json(value), content_type="application/json")
    return web.Response(text=f'<?xml version="1.0"?>{xml(value)}', content_type="application/xml")


def xml(value: object) -> str:
    """What the JSON is a translation of."""
    if isinstance(value, dict):
        parts = []
        for name, each in value.items():
            many = each if isinstance(each, list) else [each]
            parts += [f"<{name}>{xml(one)}</{name}>" for one in many]
        return "".join(parts)
    return "" if value is None else escape(str(value))
