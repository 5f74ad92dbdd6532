"""The edge between Decimal and integers at 1e-8 loses nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.money import from_1e8, show_1e8, to_1e8


@given(amount_1e8=st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1))
def test_every_integer_survives_the_way_out_and_back(amount_1e8: int) -> None:
    """Money is exact at 1e-8, never a float."""
    assert to_1e8(from_1e8(amount_1e8)) == amount_1e8


@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", "0.000000001", "92233720368.54775808", "1e999999"]
)
def test_what_cannot_be_an_amount_is_refused(amount: str) -> None:
    """Not finite, too fine or too large: an error, never a rounded amount."""
    with pytest.raises(ValueError, match="was"):
        to_1e8(Decimal(amount))


def test_the_largest_amount_is_taken() -> None:
    """Exactly at the limit."""
    assert to_1e8(Decimal("92233720368.54775807")) == 2**63 - 1


@pytest.mark.parametrize(
    ("amount_1e8", "text"), [(150_000_000, "1.5"), (-1, "-0.00000001"), (0, "0")]
)
def test_amounts_read_as_people_write_them(amount_1e8: int, text: str) -> None:
    """No trailing zeros, no exponent."""
    assert show_1e8(amount_1e8) == text
