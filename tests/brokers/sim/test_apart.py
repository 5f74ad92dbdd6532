"""The simulator stands apart: nothing of the product needs it, and no broker's SDK is installed."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("trading", "streams", "storage", "brokers", "actors", "research", "console")
LAUNCHER = ROOT / "console" / "venue.py"
SDKS = (
    *("alpaca", "alpaca_trade_api", "lumiwealth_tradier", "uvatradier", "web3"),
    *("py_clob_client", "py_clob_client_v2", "polymarket"),
)
VERIFIERS = ("eth_account", "eth_keys", "eth_utils", "coincurve")


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_its_command_imports_the_simulator() -> None:
    """BR-2: the judge is no part of what it judges."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    users = {
        path
        for path in files
        if "brokers/sim" not in path.as_posix()
        and any(name.startswith("brokers.sim") for name in imports_of(path))
    }
    assert users == {LAUNCHER}


def test_the_simulator_takes_nothing_from_adapters_or_the_core() -> None:
    """BR-2: it judges by its own book, with its own parsing."""
    allowed = ("brokers.sim", "trading.calendar", "trading.errors")
    for path in (ROOT / "brokers" / "sim").rglob("*.py"):
        ours = {name for name in imports_of(path) if name.split(".")[0] in (*ROOMS, "rust_core")}
        assert {name for name in ours if not name.startswith(allowed)} == set(), path


def test_what_every_venue_shares_names_none_of_them() -> None:
    """BR-2: core, faults, servers and admin port are reused; a venue's own is in its folder."""
    shared = ROOT / "brokers" / "sim"
    venues = {folder.name for folder in shared.iterdir() if (folder / "site.py").is_file()}
    assert "alpaca" in venues
    for path in shared.glob("*.py"):
        own = {name.split(".")[2] for name in imports_of(path) if name.startswith("brokers.sim.")}
        assert not own & venues, path


def test_the_command_imports_the_simulator_only_when_it_runs() -> None:
    """BR-2: `holdfast run` never loads it."""
    tree = ast.parse(LAUNCHER.read_text())
    at_top = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert not any((node.module or "").startswith("brokers.sim") for node in at_top)


@pytest.mark.parametrize("name", SDKS)
def test_no_sdk_of_a_broker_is_installed_here(name: str) -> None:
    """BR-1: the adapters speak the wire themselves."""
    assert find_spec(name) is None


def test_only_the_simulated_polymarket_imports_what_verifies_signatures() -> None:
    """BR-1: the product signs by itself; the judge is an implementation that is not ours."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    users = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if any(name.startswith(VERIFIERS) for name in imports_of(path))
    }
    assert users == {"brokers/sim/polymarket/signing.py"}


@pytest.mark.parametrize("name", ["eth-account", "eth-keys", "coincurve"])
def test_the_runtime_needs_nothing_that_verifies_signatures(name: str) -> None:
    """BR-1: who trades and never simulates installs none of it."""
    pinned = (ROOT / "requirements" / "runtime.txt").read_text()
    assert f"\n{name}==" not in pinned
    assert f"\n{name}==" in (ROOT / "requirements" / "dev.txt").read_text()
