"""Where a Decimal becomes an integer at 1e-8, and back; arithmetic on money is in rust_core."""

from decimal import Decimal
from typing import Final

SCALE_1E8: Final = 100_000_000
_MAX_1E8: Final = 2**63 - 1


def to_1e8(amount: Decimal | int) -> int:
    """An amount, price, quantity or ratio as the integer that rust_core counts in.

    Raises:
        ValueError: Not finite, finer than 1e-8, or beyond what 64 bits hold.
    """
    exact = Decimal(amount)
    if not exact.is_finite():
        raise ValueError(f"expected a finite number, was {amount}")
    if abs(exact.adjusted()) > 40:  # noqa: PLR2004 - keeps the shift below from filling memory
        raise ValueError(f"expected a number that 64 bits hold at 1e-8, was {amount}")
    numerator, denominator = exact.as_integer_ratio()
    whole, rest = divmod(numerator * SCALE_1E8, denominator)
    if rest:
        raise ValueError(f"expected at most 8 decimals, was {amount}")
    if abs(whole) > _MAX_1E8:
        raise ValueError(f"expected a number that 64 bits hold at 1e-8, was {amount}")
    return whole


def from_1e8(amount_1e8: int) -> Decimal:
    """An integer at 1e-8 as the same number in Decimal, without trailing zeros."""
    return Decimal(show_1e8(amount_1e8))


def show_1e8(amount_1e8: int) -> str:
    """An integer at 1e-8 as people write it: 150000000 is `1.5`; never an exponent."""
    whole, rest = divmod(abs(amount_1e8), SCALE_1E8)
    text = f"{whole}.{rest:08d}".rstrip("0").rstrip(".")
    return f"-{text}" if amount_1e8 < 0 else text
