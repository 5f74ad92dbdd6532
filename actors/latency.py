"""Latency marks of the order path (EX-15): wall-clock, beside the journal and never in it."""

from collections.abc import Callable

Mark = Callable[[str, str, int], None]


class LatencyMarks:
    """Notes when an order passed each stage.

    Stages: tick, signal, risk, durable, sent, acknowledged, filled. Times are those of one
    monotonic clock of this process, in nanoseconds.

    Args:
        mark: The record's `mark(order_id, stage, mono_ns)`.
        mono_ns: The clock.
    """

    __slots__ = ("mark", "mono_ns", "tick_ns")

    def __init__(self, mark: Mark, mono_ns: Callable[[], int]) -> None:
        """Nothing was received yet."""
        self.mark = mark
        self.mono_ns = mono_ns
        self.tick_ns = 0

    def ticked(self, _message: object) -> None:
        """A market message was received: what follows from it is measured from here."""
        self.tick_ns = self.mono_ns()

    def intended(self, client_order_id: str, asked_ns: int) -> None:
        """An order was decided on; the core was asked at `asked_ns`."""
        now_ns = self.mono_ns()
        if self.tick_ns:
            self.mark(client_order_id, "tick", self.tick_ns)
        self.mark(client_order_id, "signal", asked_ns)
        self.mark(client_order_id, "risk", now_ns)
