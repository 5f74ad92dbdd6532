"""Files in a user's folder: found by name, found again, and none stops another."""

from pathlib import Path

import pytest

from trading.errors import ConfigError
from trading.strategies import Strategy
from trading.strategies.harness import answers
from trading.strategies.loader import Folder, load_file
from trading.strategies.templates import write_template

GOOD = """
from trading.strategies import Answer, NoTrade, NoTradeReason, Strategy, View

class Quiet(Strategy):
    def evaluate(self, view: View) -> Answer:
        return NoTrade(NoTradeReason.NO_SETUP)
"""


def folder(path: Path, enabled: frozenset[str] = frozenset()) -> Folder[Strategy]:
    return Folder(path, Strategy, enabled)  # type: ignore[type-abstract]


def test_a_file_is_found_by_its_name(tmp_path: Path) -> None:
    """SG-1: one-file strategies load from the user's own folder by name."""
    (tmp_path / "quiet.py").write_text(GOOD)
    kind = folder(tmp_path).require("quiet", "strategies[0].name")
    assert kind.name == "quiet"
    assert len(answers(kind, [1.0])) == 1


def test_only_what_is_configured_and_there_from_the_start_is_enabled(tmp_path: Path) -> None:
    """SG-1: a new file is found without a restart and loaded disabled, its hash reported."""
    (tmp_path / "first.py").write_text(GOOD)
    found = folder(tmp_path, frozenset({"first", "second"}))
    (tmp_path / "second.py").write_text(GOOD)
    (new,) = found.rescan()
    assert [(one.name, one.is_enabled) for one in found] == [("first", True), ("second", False)]
    assert len(new.sha256) == 64
    assert found.rescan() == []


def test_a_changed_file_is_reported_once_and_waits_disabled(tmp_path: Path) -> None:
    """SG-1: other bytes are another strategy, whatever the name and the clock say."""
    path = tmp_path / "quiet.py"
    path.write_text(GOOD)
    found = folder(tmp_path, frozenset({"quiet"}))
    before = found.get("quiet")
    path.write_text(GOOD + "# new\n")
    (changed,) = found.rescan()
    assert before is not None
    assert before.is_enabled
    assert not changed.is_enabled
    assert changed.sha256 != before.sha256
    assert found.rescan() == []
    path.unlink()
    assert found.rescan() == []
    assert list(found) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("class Quiet(:\n", "line 1: invalid syntax"),
        ("x = 1\n", "expected one class derived from Strategy, found none"),
        (GOOD + GOOD.replace("Quiet", "Loud"), "found Loud, Quiet"),
        ("\nimport no_such_module\n", "line 2: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
        (GOOD.replace("def evaluate", "def evalute"), "Quiet has no method evaluate"),
        ("from trading.strategies import Strategy\n", "found none"),
    ],
)
def test_a_broken_file_says_why_and_leaves_the_others(
    tmp_path: Path, text: str, complaint: str
) -> None:
    """SG-1, PF-1: one that cannot be loaded is reported; the others go on."""
    (tmp_path / "broken.py").write_text(text)
    (tmp_path / "quiet.py").write_text(GOOD)
    found = folder(tmp_path, frozenset({"broken", "quiet"}))
    broken = found.get("broken")
    assert broken is not None
    assert (broken.kind, broken.is_enabled) == (None, False)
    assert complaint in broken.error
    assert str(tmp_path / "broken.py") in broken.error
    assert found.require("quiet", "x").name == "quiet"
    with pytest.raises(ConfigError, match=r"strategies\[0\]\.name: .*broken\.py"):
        found.require("broken", "strategies[0].name")


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    """UI-12: a misspelt strategy is exit code 2 with the name that is near."""
    (tmp_path / "quiet.py").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"found none; did you mean quiet\?"):
        folder(tmp_path).require("quite", "strategies[0].name")


def test_a_missing_folder_is_an_empty_one(tmp_path: Path) -> None:
    """SG-1: nobody has to make a folder before the first run."""
    found = folder(tmp_path / "none")
    assert list(found) == []
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "quiet.py").write_text(GOOD)
    assert [one.name for one in found.rescan()] == ["quiet"]


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    """UI-12: no traceback."""
    with pytest.raises(ConfigError, match=r"none\.py: cannot be read"):
        load_file(tmp_path / "none.py", Strategy)  # type: ignore[type-abstract]


def test_names_that_cannot_be_modules_are_refused(tmp_path: Path) -> None:
    """UI-12: `holdfast new` writes nothing it could not load."""
    for name in ["a-b", "", "class", "../up", "_x", "test_x", "a" * 33, "é"]:
        with pytest.raises(ConfigError, match="expected up to 32 letters"):
            write_template("strategy", name, tmp_path)
    assert list(tmp_path.iterdir()) == []
