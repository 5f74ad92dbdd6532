"""An order whose status nobody knows: the same play at every venue."""

from typing import Any

from tests.support.live import Live, Venue


async def play_an_unheard_of_status(desk: Live, where: Venue, **entry: Any) -> None:
    """UNKNOWN until the venue says a word that we know, told, and no entry beside it.

    Args:
        desk: The trader, ready and flat; it is flat again afterwards.
        where: Its venue.
        entry: What the entry is beside its instrument.
    """
    await where.fault("odd_status", status="unheard_of", seconds=1.0)
    order = await desk.enter(**entry)
    await desk.until(lambda: desk.state(order) == "UNKNOWN", "doubt")
    before = len(desk.payloads("VerdictGiven"))
    desk.ask(**entry)
    await desk.until(lambda: len(desk.payloads("VerdictGiven")) > before, "a verdict")
    failed = {check["name"] for check in desk.payloads("VerdictGiven")[-1]["failed"]}
    assert "UNKNOWN_ORDER" in failed
    assert any(
        severity == "CRITICAL" and "'unheard_of', which is unknown" in text.lower()
        for severity, text in desk.told.notices
    ), desk.told.notices
    await desk.until(lambda: desk.state(order) == "FILLED", "a word that we know")
    desk.leave()
    await desk.until(lambda: desk.is_flat, "a flat account")
