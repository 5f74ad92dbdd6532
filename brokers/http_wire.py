"""HTTP/1.1 as bytes, without a socket: requests written whole, responses read strictly.

What is not plainly a whole answer is none: the caller learns that nothing is known, which for an
order means UNKNOWN (EX-6). So the reader refuses what a lenient one would guess at, and says what
it expected: never what it found, which may repeat our keys (BR-4).
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

BODY_BYTES_MAX: Final = 8_000_000
_HEAD_BYTES_MAX: Final = 65_536
_CHUNK_LINE_MAX: Final = 1_024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\Z")
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,8}\Z")
_NO_BODY: Final = frozenset({204, 304})
_INTERIM_END: Final = 200


class _Chunks(Enum):
    """What comes next in a body that is sent in chunks."""

    SIZE = "SIZE"
    BYTES = "BYTES"
    END = "END"
    TRAILER = "TRAILER"


class WireError(Exception):
    """The bytes are no HTTP response that can be relied on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One whole response; header names are in lower case, the last of a name counts."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    keeps_alive: bool = True

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty when there is none."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


def request_bytes(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A whole request, to be written in one go.

    Raises:
        ValueError: A header or the target holds what would end its line.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    if any(ord(each) <= ord(" ") or ord(each) > ord("~") for each in method + target):
        raise ValueError(f"the target of a request must be printable ASCII, was {target!r}")
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"the header {name} must be printable ASCII")  # its value is secret
        lines.append(f"{name}: {value}")
    if body or method in ("POST", "PATCH", "PUT"):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ResponseReader:
    """Reads one response; `feed` what arrives until it returns it."""

    def __init__(self, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        """Nothing has arrived."""
        self._buffer = bytearray()
        self._body = bytearray()
        self._body_max = body_bytes_max
        self._head: Response | None = None
        self._length: int | None = None
        self._is_chunked = False
        self._chunk_left = 0
        self._chunks = _Chunks.SIZE

    @property
    def has_begun(self) -> bool:
        """A byte has arrived."""
        return bool(self._buffer) or self._head is not None

    def feed(self, arrived: bytes) -> Response | None:
        """Take bytes; the response once it is whole.

        Raises:
            WireError: It cannot be relied on, or is larger than allowed.
        """
        self._buffer += arrived
        while self._head is None:
            if not self._read_head():
                return None
        if self._is_chunked:
            return self._feed_chunks()
        self._take(len(self._buffer))
        if self._length is None or len(self._body) < self._length:
            return None
        if len(self._body) > self._length:
            raise WireError("more bytes than content-length says")
        return self._whole()

    def eof(self) -> Response:
        """The connection has ended; a response whose length nobody said is whole now.

        Raises:
            WireError: It was cut off.
        """
        if self._head is None or self._is_chunked or self._length is not None:
            raise WireError("the connection ended before the answer was whole")
        return self._whole(keeps_alive=False)

    # -- the head ---------------------------------------------------------------------------------

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _HEAD_BYTES_MAX:
                raise WireError(f"its head is longer than {_HEAD_BYTES_MAX} bytes")
            return False
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        status = _STATUS.match(lines[0])
        if status is None:
            raise WireError("its first line must be an HTTP status")
        code = int(status[1])
        headers = _headers(lines[1:])
        if code < _INTERIM_END:
            if code == 101:  # noqa: PLR2004 - switching protocols
                raise WireError("it switches protocols, which nobody asked for")
            return self._read_head()
        self._frame(code, headers, is_old=lines[0].startswith(b"HTTP/1.0"))
        return True

    def _frame(self, code: int, headers: dict[str, str], *, is_old: bool) -> None:
        coding = headers.get("transfer-encoding", "").lower()
        if coding not in ("", "chunked"):
            raise WireError("its transfer-encoding must be chunked, if it has one")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise WireError("its content-encoding must be identity, as was asked for")
        self._is_chunked = coding == "chunked"
        length = headers.get("content-length")
        if length is not None:
            if self._is_chunked or not (length.isascii() and length.isdigit()):
                raise WireError("its content-length must be a number, and the only length")
            self._length = int(length)
            if self._length > self._body_max:
                raise WireError(_too_long(self._body_max))
        if code in _NO_BODY:
            self._is_chunked, self._length = False, 0
        wish = headers.get("connection", "").lower()
        has_end = self._is_chunked or self._length is not None
        keeps_alive = has_end and wish != "close" and (not is_old or wish == "keep-alive")
        self._head = Response(status=code, headers=headers, keeps_alive=keeps_alive)

    # -- the body ---------------------------------------------------------------------------------

    def _take(self, count: int) -> None:
        if len(self._body) + count > self._body_max:
            raise WireError(_too_long(self._body_max))
        self._body += self._buffer[:count]
        del self._buffer[:count]

    def _feed_chunks(self) -> Response | None:
        while True:
            if self._chunks is _Chunks.BYTES and not self._feed_chunk():
                return None
            line = self._line()
            if line is None:
                return None
            if self._chunks is _Chunks.TRAILER:
                if line == b"":
                    return self._whole()
            elif self._chunks is _Chunks.END:
                if line != b"":
                    raise WireError("a chunk is longer than its size says")
                self._chunks = _Chunks.SIZE
            else:
                self._chunk_left = _chunk_size(line)
                self._chunks = _Chunks.BYTES if self._chunk_left else _Chunks.TRAILER

    def _feed_chunk(self) -> bool:
        count = min(self._chunk_left, len(self._buffer))
        self._take(count)
        self._chunk_left -= count
        if self._chunk_left == 0:
            self._chunks = _Chunks.END
        return self._chunk_left == 0

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _CHUNK_LINE_MAX:
                raise WireError("the line before a chunk is too long")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _whole(self, *, keeps_alive: bool = True) -> Response:
        head = self._head
        if head is None:
            raise WireError("there is no head")
        return Response(
            status=head.status,
            headers=head.headers,
            body=bytes(self._body),
            keeps_alive=head.keeps_alive and keeps_alive and not self._buffer,
        )


def _too_long(most: int) -> str:
    return f"its body must not be longer than {most} bytes"


def _headers(lines: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _TOKEN.match(name) is None:
            raise WireError("each header must be a name, a colon and a value")
        key, text = name.decode().lower(), value.strip().decode("latin-1")
        if key == "content-length" and found.get(key, text) != text:
            raise WireError("it has two lengths")
        found[key] = text
    return found


def _chunk_size(line: bytes) -> int:
    text = line.split(b";")[0].strip()
    if _HEX.match(text) is None:
        raise WireError("a chunk's size must be a hexadecimal number")
    return int(text, 16)
