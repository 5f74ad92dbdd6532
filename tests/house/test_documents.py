"""The documents point at what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_every_link_leads_somewhere(path: Path) -> None:
    """UI-14: a document that points at a missing page is mended with the change that moved it."""
    missing = [
        link for link in _LINK.findall(path.read_text()) if not (path.parent / link).exists()
    ]
    assert missing == []


def test_the_commands_of_the_readme_are_targets() -> None:
    """UI-14: what the README tells a newcomer to type exists."""
    targets = (ROOT / "Makefile").read_text().split(".PHONY:", 1)[1].splitlines()[0].split()
    named = set(re.findall(r"`?make ([\w-]+)", (ROOT / "README.md").read_text()))
    assert named <= set(targets)
    assert {"run", "test", "check", "setup", "bench", "soak"} <= named


def test_the_build_runs_the_commands_of_the_readme() -> None:
    """UI-14: .ci/run checks what people are told to run."""
    script = (ROOT / ".ci" / "run").read_text()
    assert "\nmake check\n" in script
    assert "\nmake test " in script
    assert "\nmake test-wire\n" in script
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
