"""What Alpaca answers when it says no: `{"code", "message"}` and sometimes more."""

from typing import Any

from brokers.sim.units import show


class ApiError(Exception):
    """An HTTP answer that is no success."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        """Keep both parts; the message is in the body."""
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def malformed(message: str) -> ApiError:
    """The request cannot be read, or lacks something."""
    return ApiError(422, {"code": 40010001, "message": message})


def unprocessable(message: str, **more: Any) -> ApiError:
    """The request is readable and not possible."""
    return ApiError(422, {"code": 42210000, "message": message, **more})


def not_found(what: str) -> ApiError:
    """There is no such thing."""
    return ApiError(404, {"code": 40410000, "message": f"{what} not found"})


def no_position() -> ApiError:
    """The account is flat in this symbol."""
    return ApiError(404, {"code": 40410000, "message": "position does not exist"})


def unauthorized() -> ApiError:
    """Keys are missing or wrong: the one error without a code."""
    return ApiError(401, {"message": "unauthorized."})


def no_subscription() -> ApiError:
    """The newest data of all exchanges cost money; the text was not verified."""
    return ApiError(
        403,
        {"code": 40310000, "message": "subscription does not permit querying recent SIP data"},
    )


def too_many() -> ApiError:
    """The rate limit is used up."""
    return ApiError(429, {"code": 42910000, "message": "rate limit exceeded"})


def no_power(power_1e8: int, cost_1e8: int) -> ApiError:
    """The account cannot pay for it."""
    return ApiError(
        403,
        {
            "buying_power": show(power_1e8),
            "code": 40310000,
            "cost_basis": show(cost_1e8),
            "message": "insufficient buying power",
        },
    )


def no_shares(symbol: str, asked_1e8: int, existing_1e8: int, held: dict[str, int]) -> ApiError:
    """The shares are not there, or other orders hold them.

    Args:
        symbol: Of the shares.
        asked_1e8: By the order.
        existing_1e8: In the position.
        held: Order id to the quantity it holds.
    """
    held_1e8 = sum(held.values())
    available = show(max(0, existing_1e8 - held_1e8))
    return ApiError(
        403,
        {
            "available": available,
            "code": 40310000,
            "existing_qty": show(existing_1e8),
            "held_for_orders": show(held_1e8),
            "message": "insufficient qty available for order "
            f"(requested: {show(asked_1e8)}, available: {available})",
            "related_orders": [*held],
            "symbol": symbol,
        },
    )


def wash_trade(existing_order_id: str) -> ApiError:
    """An own order stands where this one would trade."""
    return ApiError(
        403,
        {
            "code": 40310000,
            "existing_order_id": existing_order_id,
            "message": "potential wash trade detected. use complex orders",
            "reject_reason": "opposite side limit order exists",
        },
    )
