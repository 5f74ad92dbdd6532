"""The three classes of mail; a message type names its own in the class attribute `MAIL`."""

from enum import IntEnum


class MailClass(IntEnum):
    """How a message is treated on the lane; a type without `MAIL` is MUST.

    CONTROL (kill, pause, heartbeat) overtakes all other mail. MUST (orders, fills, timers of money)
    is never shed. MARKET is conflated in the live lane: of two waiting messages with an equal `key`
    the newer one stays; a virtual lane never conflates.
    """

    CONTROL = 0
    MUST = 1
    MARKET = 2
