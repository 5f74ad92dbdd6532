"""Where a run's market comes from."""

import pytest

from actors.tape_source import FIRST_DATE, generated_plan
from tests.support.play import CONFIGS
from trading.calendar import CalendarError
from trading.config_reader import load


@pytest.mark.parametrize(
    ("day", "nearest"), [(20240106, "2024-01-05, 2024-01-08"), (20310101, "2027-12-31")]
)
def test_a_day_without_a_session_is_never_replaced_by_another(day: int, nearest: str) -> None:
    """MD-5: a Saturday gives an error that names the sessions beside it, not the Monday."""
    with pytest.raises(CalendarError, match="XNYS has no session on") as refused:
        generated_plan(load(CONFIGS / "demo.toml"), day)
    assert nearest in str(refused.value)


def test_a_day_with_a_session_is_the_one_that_is_made() -> None:
    """MD-5: what was asked for is what is played; without a word it is the first."""
    config = load(CONFIGS / "demo.toml")
    assert generated_plan(config, 20240108).first_date == 20240108
    assert generated_plan(config, None).first_date == FIRST_DATE
