"""What Tradier answers when it says no: plain text, or HTTP 200 with `errors`."""

from aiohttp import web

from brokers.sim.server import NOTHING_BOOKED
from brokers.sim.units import dump_json


class Refusal(Exception):  # noqa: N818 - the venue's no is an answer, not a fault of ours
    """An answer that is no success; nothing was done."""

    def __init__(self, status: int, text: str = "", *, messages: tuple[str, ...] = ()) -> None:
        """Keep what is answered.

        Args:
            status: Of HTTP; 200 for what the account or the order's rules do not allow.
            text: The whole body, where it is plain text.
            messages: The `errors`, where it is JSON.
        """
        super().__init__(f"{status} {text or messages}")
        self.status = status
        self.text = text
        self.messages = messages

    def answer(self) -> web.Response:
        """As it goes over the wire."""
        if not self.messages:
            return web.Response(status=self.status, text=self.text)
        return errors(*self.messages)


def errors(*messages: str) -> web.Response:
    """HTTP 200 that is none: one message stands bare, several are a list."""
    told = messages[0] if len(messages) == 1 else [*messages]
    body = dump_json({"errors": {"error": told}})
    response = web.Response(body=body, content_type="application/json")
    response[NOTHING_BOOKED] = True
    return response


def invalid(name: str, why: str) -> Refusal:
    """A parameter is missing or wrong."""
    return Refusal(400, f"Invalid parameter, {name}: {why}.")


def forbidden(code: str, *more: str) -> Refusal:
    """The account or the order's own rules do not allow it."""
    return Refusal(200, messages=(*more, code))


def bad_token() -> Refusal:
    """The token is missing or wrong."""
    return Refusal(401, "Invalid Access Token")


def unknown_order(account: str) -> Refusal:
    """There is no such order, or no such account: the same words."""
    return Refusal(401, f"Unauthorized Account: {account}")


def finalized(status: str) -> Refusal:
    """The order is over; of a filled one the words are by analogy."""
    return Refusal(400, f"order already in finalized state: {status}")


def too_many() -> web.Response:
    """The limit is used up; the gateway's words, the body at the venue was not verified."""
    body = {
        "fault": {
            "faultstring": "Rate limit quota violation. Quota limit exceeded.",
            "detail": {"errorcode": "policies.ratelimit.QuotaViolation"},
        }
    }
    return web.Response(status=429, body=dump_json(body), content_type="application/json")
