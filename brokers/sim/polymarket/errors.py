"""What Polymarket answers when it says no: `{"error": ...}`, or HTTP 200 that is none."""

from typing import Any

from aiohttp import web

from brokers.sim.server import NOTHING_BOOKED
from brokers.sim.units import dump_json


class Refusal(Exception):  # noqa: N818 - the venue's no is an answer, not a fault of ours
    """An answer that is no success; nothing was done."""

    def __init__(self, status: int, text: str, **more: Any) -> None:
        """Keep what is answered.

        Args:
            status: Of HTTP; the venue turns "not found" into 404 and "unauthorized" into 401.
            text: The `error`.
            more: Other fields of the body.
        """
        super().__init__(f"{status} {text}")
        words = text.lower()
        self.status = 404 if "not found" in words else 401 if "unauthorized" in words else status
        self.text = text
        self.more = more
        self.headers: dict[str, str] = {}

    def answer(self) -> web.Response:
        """As it goes over the wire."""
        body = {"error": self.text, **self.more}
        return json_answer(body, status=self.status, headers=self.headers)


class Unmatched(Exception):  # noqa: N818 - the venue's no is an answer, not a fault of ours
    """The order was read and checked, and the matching engine would not have it."""

    def __init__(self, text: str, order_id: str = "") -> None:
        """Keep the `errorMsg`."""
        super().__init__(text)
        self.text = text
        self.order_id = order_id


def invalid(order_id: str, why: str) -> Refusal:
    """The order breaks a rule of its market."""
    return Refusal(400, f"order {order_id} is invalid. {why}")


def payload() -> Refusal:
    """The body is no order."""
    return Refusal(400, "Invalid order payload")


def json_answer(
    value: object,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    is_idle: bool = False,
) -> web.Response:
    """JSON; `is_idle` says that nothing was booked, whatever the status."""
    body = dump_json(value)
    response = web.Response(
        body=body, status=status, headers=headers, content_type="application/json"
    )
    if is_idle:
        response[NOTHING_BOOKED] = True
    return response
