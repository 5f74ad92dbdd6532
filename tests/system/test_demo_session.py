"""What `make run` shows: a session worth watching, each part of it by the product's own path."""

from pathlib import Path

import pytest

from storage.warehouse import run_sql
from tests.support.process import Said, ask

HAPPENS = {
    "a stop-out": "TradeClosed STOP_LOSS",
    "a partial fill": "→ PARTIALLY_FILLED",
    "a gap": "FeedGap ",
    "a refused duplicate": "DuplicateRefused refused: p-main-dip_buyer-",
    "a protection that trips": "ProtectionTripped COOLDOWN_PERIOD tripped",
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    """The whole session at full speed; what a person sees goes to standard error."""
    data_dir = tmp_path_factory.mktemp("demo")
    said = ask("run", "--speed", "max", "--json", "--data-dir", str(data_dir))
    assert said.code == 0, said.err
    return data_dir, said


@pytest.mark.parametrize("what", HAPPENS)
def test_each_thing_worth_watching_is_on_the_screen(played: tuple[Path, Said], what: str) -> None:
    """UI-11: it happens, and passes by before whoever watches."""
    _, said = played
    assert HAPPENS[what] in said.err, said.err


def test_the_refused_duplicate_left_no_second_order(played: tuple[Path, Said]) -> None:
    """EX-4: a setup that was asked for again has the one order that it had."""
    data_dir, _ = played
    rows = run_sql(
        data_dir,
        """SELECT json_extract_string(payload, '$.client_order_id') AS id, count(*) AS times,
        (SELECT count(*) FROM orders o WHERE o.client_order_id = id) AS orders
        FROM journal WHERE kind = 'DuplicateRefused' GROUP BY id""",
    ).rows
    assert rows
    assert {row[2] for row in rows} == {1}
