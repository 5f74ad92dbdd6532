"""The reference says what the code does."""

import re
from pathlib import Path

from actors.operator import OperatorServer, OperatorSettings
from console.reference import reference
from console.venue_routes import routes_page
from tests.console.fake_trader import FakeTrader
from trading.controls import CONTROLS
from trading.run_options import ExitCode

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_commands_is_current() -> None:
    """UI-14: after a change, `python -m console.reference > docs/reference/cli.md`."""
    assert (DOCS / "reference/cli.md").read_text() == reference()


def test_the_page_of_the_venues_routes_is_current() -> None:
    """BR-2: after a change, `python -m console.venue_routes > docs/reference/venue-routes.md`."""
    page = (DOCS / "reference/venue-routes.md").read_text()
    assert page == routes_page()
    assert "|  |" not in page, "each route says what it answers"


def test_every_route_and_control_of_the_operator_port_is_documented(tmp_path: Path) -> None:
    """UI-13: its schema is published."""
    page = (DOCS / "reference/operator-port.md").read_text()
    server = OperatorServer(
        FakeTrader(),
        OperatorSettings(data_dir=tmp_path, run="r"),
        wall_ns=lambda: 0,
        monotonic_ns=lambda: 0,
    )
    for method, path in server.routes():
        assert re.search(rf"`?{method} {re.escape(path)}`?|page `{re.escape(path)}`", page), path
    for name in CONTROLS:
        assert f"`{name}`" in page


def test_every_exit_code_is_documented() -> None:
    """UI-11: exit codes documented."""
    page = (DOCS / "reference/exit-codes.md").read_text()
    for code in ExitCode:
        assert f"| {code.value} |" in page
