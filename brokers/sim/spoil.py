"""Answers that cannot be read, made from good ones."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

_JSON: Final = "application/json"
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_HUGE_BYTES: Final = 11 << 20


def spoilt(response: web.Response, how: str) -> web.Response:
    """The same status with a body that is broken in one of the ways of the verb `malformed`."""
    body = response.body if isinstance(response.body, bytes) else b""
    if response.content_type != _JSON and how in ("nan", "types", "extra"):
        how = "truncated"  # a text has no numbers and fields to spoil
    content, content_type = _WAYS[how](body)
    return web.Response(status=response.status, body=content, content_type=content_type)


def spoilt_frame(frame: bytes, how: str) -> bytes:
    """A frame of a stream, broken in one of the ways of the verb `malformed_event`."""
    return b"not JSON" if how == "text" else _WAYS[how](frame)[0]


def _truncated(body: bytes) -> tuple[bytes, str]:
    return body[: len(body) // 2] or b"{", _JSON


def _html(_: bytes) -> tuple[bytes, str]:
    return b"<html><body><h1>Service Unavailable</h1></body></html>", "text/html"


def _text(body: bytes) -> tuple[bytes, str]:
    return body, "text/plain"


def _empty(_: bytes) -> tuple[bytes, str]:
    return b"", _JSON


def _nan(body: bytes) -> tuple[bytes, str]:
    return _numbers_become(body, float("nan")), _JSON


def _types(body: bytes) -> tuple[bytes, str]:
    return _numbers_become(body, {"unexpected": [True]}), _JSON


def _extra(body: bytes) -> tuple[bytes, str]:
    """Every object has a field that no document knows."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            found = {key: changed(each) for key, each in value.items()}
            return {**found, "added_last_night": {"by": ["nobody"]}}
        return [changed(each) for each in value] if isinstance(value, list) else value

    return json.dumps(changed(json.loads(body or b"{}"))).encode(), _JSON


def _huge(_: bytes) -> tuple[bytes, str]:
    return b'{"padding":"' + b"x" * _HUGE_BYTES + b'"}', _JSON


def _numbers_become(body: bytes, other: object) -> bytes:
    """Every number of a JSON text, quoted or not, is replaced."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: changed(each) for key, each in value.items()}
        if isinstance(value, list):
            return [changed(each) for each in value]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_text_number = isinstance(value, str) and _NUMBER.fullmatch(value) is not None
        return other if is_number or is_text_number else value

    return json.dumps(changed(json.loads(body or b"{}"))).encode()


_WAYS: Final[dict[str, Callable[[bytes], tuple[bytes, str]]]] = {
    "truncated": _truncated,
    "html": _html,
    "text": _text,
    "empty": _empty,
    "nan": _nan,
    "types": _types,
    "extra": _extra,
    "huge": _huge,
}
