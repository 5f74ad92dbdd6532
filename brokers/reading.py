"""Reading what a venue sends: exact amounts, exact times, typed JSON, and errors without secrets.

Numbers are read as decimals from their own text, never through floats.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final, TypeVar

import msgspec

from brokers.http_wire import Response

JSON: Final = "application/json"
_UNIT: Final = Decimal(1)
_MAX_1E8: Final = 2**63 - 1
_MAX_NS: Final = 2**63 - 1
_EXPONENT_MAX: Final = 30
_TEXT_MAX: Final = 300
_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})\Z"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WORD_MAX: Final = 40
Wire = TypeVar("Wire")


def unknown_status(word: str) -> str:
    """What is told of a status that is in no document of the venue."""
    return f"the venue says the status {word[:_WORD_MAX]!r}, which is unknown"


class MalformedError(Exception):
    """The venue said something that cannot be read; the text names where and what was expected."""

    def __init__(self, venue: str, where: str, expected: str) -> None:
        """Name venue, endpoint and expectation; never what was found, which may hold anything."""
        super().__init__(f"{venue} {where}: expected {expected}")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what one venue sends.

    Attributes:
        venue: Its name, for the texts of errors.
    """

    venue: str

    def malformed(self, where: str, expected: str) -> MalformedError:
        """The error to raise."""
        return MalformedError(self.venue, where, expected)

    def amount_1e8(self, value: Decimal | str, what: str = "an amount") -> int:
        """An amount, price or quantity at 1e-8; what is finer is rounded half to even.

        Raises:
            MalformedError: Not a finite number, or beyond 64 bits.
        """
        try:
            number = Decimal(value)
            if not number.is_finite() or abs(number.adjusted()) > _EXPONENT_MAX:
                raise self.malformed(what, "a finite number")
            scaled = int(number.scaleb(8).quantize(_UNIT, ROUND_HALF_EVEN))
        except InvalidOperation:
            raise self.malformed(what, "a decimal number") from None
        if abs(scaled) > _MAX_1E8:
            raise self.malformed(what, "a number that 64 bits hold at 1e-8")
        return scaled

    def time_ns(self, text: str, what: str = "a time") -> int:
        """RFC 3339 with up to nanoseconds, `Z` or an offset, as ns UTC.

        Raises:
            MalformedError: It is no such time, or none that 64 bits hold.
        """
        found = _TIME.match(text)
        if found is None:
            raise self.malformed(what, "a time such as 2026-11-20T15:00:00.1Z")
        day, clock, fraction, zone = found.groups()
        try:
            at = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone == 'Z' else zone}")
            seconds = (at - _EPOCH) // timedelta(seconds=1)
        except (ValueError, OverflowError):
            raise self.malformed(what, "a time that exists") from None
        found_ns = seconds * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))
        if abs(found_ns) > _MAX_NS:
            raise self.malformed(what, "a time that 64 bits hold in nanoseconds")
        return found_ns

    def read(self, response: Response, kind: type[Wire], where: str) -> Wire:
        """The body of a response as `kind`.

        Raises:
            MalformedError: Another content type, or JSON that is not of that kind.
        """
        if response.content_type != JSON:
            raise self.malformed(where, f"content type {JSON}")
        return self.decode(response.body, kind, where)

    def decode(self, body: bytes | str, kind: type[Wire], where: str) -> Wire:
        """JSON as `kind`.

        Raises:
            MalformedError: It is not.
        """
        decoder = _DECODERS.get(kind)
        if decoder is None:
            decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
        try:
            found = decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, InvalidOperation, RecursionError) as error:
            name = getattr(kind, "__name__", str(kind))
            raise self.malformed(where, f"{name} as JSON ({_place(error)})") from None
        return found  # type: ignore[return-value]  # the decoder of `kind` makes nothing else


def shown(text: str, secrets: Iterable[str]) -> str:
    """A venue's own words for people and for the journal: short, printable, without our keys.

    A proxy may answer with the request that it was sent, headers and all (BR-4).
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return "".join(each if each.isprintable() else " " for each in text[:_TEXT_MAX]).strip()


_DECODERS: dict[object, "msgspec.json.Decoder[object]"] = {}


def iso(at_ns: int) -> str:
    """Ns UTC as venues read it."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    at = _EPOCH + timedelta(seconds=seconds)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _place(error: Exception) -> str:
    """What msgspec says about types and places; it never quotes a value it was given."""
    return str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
