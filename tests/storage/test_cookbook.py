"""The cookbook's questions are executed as they are printed."""

import re
from pathlib import Path

import pytest

from storage.warehouse import Table, open_views, run_sql, view_names
from tests.storage.cookbook import COOKBOOK, QUESTIONS, REFERENCE
from tests.storage.scripted_session import played

# A question whose good answer is empty.
EMPTY_IS_WELL = "Does what we think we hold follow from the fills?"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripted days, closed."""
    record = played(tmp_path_factory.mktemp("record"))
    record.close()
    return record.path.parent


def answer(data_dir: Path, title: str) -> Table:
    """What the cookbook's question of that title gives."""
    [query] = [query for found, _, query in QUESTIONS if found == title]
    return run_sql(data_dir, query)


def test_there_are_ten_real_questions() -> None:
    """PM-2: the cookbook has at least ten questions, each with one statement."""
    assert len(QUESTIONS) >= 10
    assert len(re.findall(r"^```sql$", COOKBOOK, re.M)) == len(QUESTIONS)


@pytest.mark.parametrize("title", [title for title, _, _ in QUESTIONS])
def test_a_question_is_answered(data_dir: Path, title: str) -> None:
    """PM-2: each statement runs as it is printed and has something to say about the script."""
    table = answer(data_dir, title)
    assert table.columns
    assert bool(table.rows) is (title != EMPTY_IS_WELL)


def test_answers_are_what_happened(data_dir: Path) -> None:
    """PM-2: spot checks, so that a query that runs and lies is noticed."""
    sessions = answer(data_dir, "What did each session bring?").rows
    assert [str(row[5]) for row in sessions] == ["996.00000000", "-1108.00000000"]
    steps = answer(data_dir, "What happened to one order, step by step?").rows
    assert [row[3] for row in steps if row[3]] == [
        "PENDING",
        "SUBMITTED",
        "PARTIALLY_FILLED",
        "FILLED",
    ]
    refused = answer(
        data_dir, "Which signals did the gate refuse, and which check refused them?"
    ).rows
    assert [row[4] for row in refused] == ["max_entries: at most 2, was 3"]
    wrong = answer(data_dir, "What went wrong, in one list?").rows
    assert {row[1] for row in wrong} == {"actor", "protection", "kill", "control"}


def test_the_reference_lists_every_view_and_column(data_dir: Path) -> None:
    """PM-2: docs/reference/views.md is what the program has, in the same order."""
    database = open_views(data_dir)
    documented = {
        name: re.findall(r"^\| `(\w+)` \| ", body, re.M)
        for name, body in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", REFERENCE, re.M | re.S)
    }
    found = {
        name: [row[0] for row in database.execute(f"DESCRIBE {name}").fetchall()]
        for name in view_names(database)
    }
    database.close()
    assert documented == found
