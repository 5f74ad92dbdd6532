"""What is only shown: the book that stands on the page of an instrument."""

from actors.telemetry import Telemetry
from trading.market import Quote, SessionOpened


def quoted(bid_1e8: int, ask_1e8: int) -> Quote:
    """A quote of ES."""
    return Quote(
        instrument="ES",
        bid_1e8=bid_1e8,
        ask_1e8=ask_1e8,
        bid_size_1e8=1,
        ask_size_1e8=1,
        at_ns=1,
        source_ns=1,
    )


def test_the_book_shown_is_the_newest_sound_quote_of_its_session() -> None:
    """UI-2, MD-4: a crossed quote replaces none, and a session begins without one."""
    telemetry = Telemetry(["ES"])
    telemetry.see(quoted(100, 102))
    telemetry.see(quoted(103, 101))
    assert (telemetry.quotes["ES"].bid_1e8, telemetry.quotes["ES"].ask_1e8) == (100, 102)
    telemetry.see(SessionOpened(session_date=20240102, open_ns=2, close_ns=9, at_ns=2))
    assert telemetry.quotes == {}
    telemetry.see(quoted(104, 106))
    assert telemetry.quotes["ES"].bid_1e8 == 104
