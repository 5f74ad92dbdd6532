"""docs/reference/data-files.md says what the loader does."""

from pathlib import Path

from streams.columns import ROLES, SHAPES
from streams.tape import Dropped, Kind
from trading.calendar import Calendar

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "data-files.md").read_text()


def test_the_page_names_every_role_and_every_name_it_is_found_as() -> None:
    """A column that needs no mapping is one that the page lists."""
    columns_of_both = {f"{side}_{name}" for side in ("bid", "ask") for name in ("high", "low")}
    columns_of_both |= {"bid_close", "ask_open"}
    for role, names in ROLES.items():
        for name in {role, *names} - columns_of_both:
            assert f"`{name}`" in PAGE, f"{role}: {name}"


def test_the_page_names_every_form_count_calendar_and_kind() -> None:
    """What can be counted or chosen stands on the page."""
    assert all(f"| {shape.name} |" in PAGE for shape in SHAPES)
    assert all(f"| `{name}` |" in PAGE for name in Dropped.__dataclass_fields__)
    assert all(f"| `{product}` |" in PAGE for product in Calendar.products())
    assert all(f"{kind.value} {kind.name.lower().replace('_', ' ')}" in PAGE for kind in Kind)
