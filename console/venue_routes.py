"""Writes docs/reference/venue-routes.md from the venues: `python -m console.venue_routes`."""

import sys
from collections.abc import Iterator, Mapping

from console.venue import SIMULATED

_HEADING = """# Routes of the simulated venues

Written by `python -m console.venue_routes > docs/reference/venue-routes.md`; a test compares them.
`GET /admin/routes` of a running venue lists the same, and its audit names the route of each request
in these words. What a venue does behind them has a page of its own: [Alpaca](venue-simulator.md),
[Tradier](venue-tradier.md), [Polymarket](venue-polymarket.md).
"""


def routes_page() -> str:
    """The whole page."""
    parts = [_HEADING]
    for name, simulated in SIMULATED.items():
        parts.append("\n".join(_venue(name, simulated.routes())))
    return "\n".join(parts) + "\n"


def _venue(name: str, routes: Mapping[str, str]) -> Iterator[str]:
    yield f"## holdfast venue {name}"
    yield ""
    yield "| route | answer |"
    yield "| --- | --- |"
    by_path = sorted(routes.items(), key=lambda one: one[0].split(" ")[::-1])
    for route, meaning in by_path:
        yield f"| `{route}` | {meaning.replace('|', chr(92) + '|')} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(routes_page())
