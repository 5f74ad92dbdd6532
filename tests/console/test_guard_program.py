"""A guard that does not go with this code is refused before it starts anything."""

import asyncio
import io
import sys
from pathlib import Path

import pytest

from console import guard_program
from console.display import PlainDisplay
from console.front import Command, Front
from console.guard_program import SOURCES, mismatch, sources_digest
from trading.errors import SetupError
from trading.run_options import ExitCode


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("holdfast-guard 0.1.0 (sources 0123abcd)", ""),
        ("holdfast-guard 0.1.0 (sources 0123abce)", "was built from 0123abce"),
        ("holdfast-guard 0.1.0", "was built from unknown ones"),
        ("holdfast-guard 0.0.9 (sources 0123abcd)", "must be version 0.1.0, is 0.0.9"),
        ("something else", "said 'something else'"),
    ],
)
def test_a_guard_of_another_build_is_named(said: str, why: str) -> None:
    """UI-14: what was expected, what was found."""
    found = mismatch(said, ("0.1.0", "0123abcd"))
    assert why in found
    assert bool(found) == bool(why)


def test_without_sources_beside_it_the_version_alone_counts(tmp_path: Path) -> None:
    """WD-7: an installed package has no sources."""
    assert sources_digest(tmp_path) is None
    assert mismatch("holdfast-guard 0.1.0 (sources 0123abcd)", ("0.1.0", None)) == ""


def test_the_guard_of_this_checkout_was_built_from_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """WD-6: both sides count the sources alike, and one changed byte is another guard."""
    assert guard_program.guard_program()
    changed = tmp_path / "src" / "main.rs"
    changed.parent.mkdir()
    changed.write_bytes((SOURCES / "src" / "main.rs").read_bytes() + b"\n")
    monkeypatch.setattr(guard_program, "SOURCES", tmp_path)
    with pytest.raises(SetupError, match=r"make setup"):
        guard_program.guard_program()


def test_what_a_guard_printed_before_it_ended_reaches_the_person(tmp_path: Path) -> None:
    """UI-14: not only the exit code, and not what a trader of long ago printed."""
    (tmp_path / "trader-output.txt").write_text("an older run\n", encoding="utf-8")
    script = "import sys; sys.stderr.write('the plan has no word for me\\n'); sys.exit(2)"
    command = Command(argv=lambda _: [sys.executable, "-c", script], is_guard=True)
    front = Front(command, tmp_path, PlainDisplay(io.StringIO()))
    ended = asyncio.run(front.run())
    assert ended.exit_code == ExitCode.USAGE
    assert "the guard ended with exit code 2: the plan has no word for me" in ended.error
