"""docs/requirements.md is true: every requirement once, every test there, nothing forgotten."""

from pathlib import Path

import pytest

from tools import requirements


def document(**tests: str) -> str:
    rows = [f"| {one} | wording | {tests.get(one, 'not yet')} |" for one in requirements.ALL]
    return "\n".join(rows) + "\n"


def test_the_list_of_requirements_is_true() -> None:
    """The house: each requirement has one row, whose tests are those whose docstrings name it."""
    text = requirements.DOCUMENT.read_text()
    assert requirements.problems(text, requirements.proofs()) == []


def test_every_row_has_its_own_wording() -> None:
    """The house: a row that says nothing, or what another says, is no requirement."""
    wordings = [wording for _, wording, _ in requirements.rows(requirements.DOCUMENT.read_text())]
    assert len(set(wordings)) == len(requirements.ALL)
    assert min(len(wording) for wording in wordings) > len("the view")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (document().replace("| EX-3 |", "| EX-33 |"), "EX-3 has no row"),
        (document().replace("| EX-3 |", "| EX-4 |"), "EX-4 has 2 rows"),
        (document().replace("| EX-3 |", "| EX-33 |"), "EX-33 is no requirement"),
        (document(), "the tests have changed; run"),
        (document().replace("not yet", "`tests/test_gone.py::test_it`", 1), "the tests have"),
    ],
)
def test_a_false_row_is_found(text: str, complaint: str) -> None:
    """The house: missing, twice, unknown, or proved by other tests than the row says."""
    found = requirements.problems(text, {"EX-4": ["tests/test_a.py::test_b"]})
    assert any(complaint in problem for problem in found)


def test_a_docstring_that_names_no_requirement_is_found() -> None:
    """The house: a misspelt id proves nothing."""
    found = requirements.problems(document(), {"EX-99": ["tests/test_a.py::test_b"]})
    assert found == ["EX-99 is no requirement; tests/test_a.py::test_b names it"]


def test_tests_in_python_and_rust_are_read(tmp_path: Path) -> None:
    """The house: functions, methods and Rust tests name requirements in their docstrings."""
    (tmp_path / "tests/room").mkdir(parents=True)
    (tmp_path / "rust_core/core").mkdir(parents=True)
    (tmp_path / "tests/room/test_a.py").write_text(
        'def test_b():\n    """EX-4, RK-16: twice EX-4."""\n\n'
        'async def test_c():\n    """ST-1."""\n\n'
        'class TestIt:\n    def test_d(self):\n        """KC-3."""\n\n'
        'def helper():\n    """EX-1."""\n'
    )
    (tmp_path / "rust_core/core/a.rs").write_text(
        "/// EX-2: not a test.\nfn helper() {}\n\n"
        "    /// EX-5: a repeat.\n    #[test]\n    fn repeats() {}\n\n"
        "    #[test]\n    /// PX-2.\n    fn decides() {}\n\n    #[test]\n    fn says_nothing() {}\n"
    )
    assert requirements.proofs(tmp_path) == {
        "EX-4": ["tests/room/test_a.py::test_b"],
        "RK-16": ["tests/room/test_a.py::test_b"],
        "ST-1": ["tests/room/test_a.py::test_c"],
        "KC-3": ["tests/room/test_a.py::TestIt::test_d"],
        "EX-5": ["rust_core/core/a.rs::repeats"],
        "PX-2": ["rust_core/core/a.rs::decides"],
    }


def test_writing_is_stable() -> None:
    """The house: what --write made, the check accepts."""
    proved = {"EX-4": ["tests/test_a.py::test_b", "tests/test_a.py::test_c"]}
    once = requirements.written(document(), proved)
    assert requirements.written(once, proved) == once
    assert requirements.problems(once, proved) == []


def test_what_a_merge_leaves_behind_is_mended_by_writing() -> None:
    """The house: rows of both branches become one row with all tests."""
    proved = {"EX-4": ["tests/test_a.py::test_b"]}
    merged = document().replace(
        "| EX-4 | wording | not yet |\n",
        "<<<<<<< HEAD\n| EX-4 | wording | `x` |\n=======\n| EX-4 | wording | `y` |\n>>>>>>> mine\n",
    )
    assert requirements.written(merged, proved) == requirements.written(document(), proved)
