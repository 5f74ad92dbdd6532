//! Money and quantities: integers at 1e-8.
//!
//! Prices, quantities, amounts and exact ratios are `i64` at 1e-8 (names end in `_1e8`). Products pass
//! through `i128` and come back rounded half away from zero unless a function says otherwise. Nothing
//! here wraps: a result that does not fit is `None`, and the caller refuses.

/// One unit (1.0) at 1e-8.
pub const ONE_1E8: i64 = 100_000_000;
const ONE: i128 = ONE_1E8 as i128;

/// `numerator / denominator`, rounded half away from zero; `None` for a zero denominator.
pub fn div_round(numerator: i128, denominator: i128) -> Option<i128> {
    let quotient = numerator.checked_div(denominator)?;
    let rest = numerator.checked_rem(denominator)?;
    if rest.unsigned_abs() * 2 >= denominator.unsigned_abs() && rest != 0 {
        let up = if (numerator < 0) == (denominator < 0) {
            1
        } else {
            -1
        };
        quotient.checked_add(up)
    } else {
        Some(quotient)
    }
}

/// `a × b`, both and the result at 1e-8.
pub fn mul(a_1e8: i64, b_1e8: i64) -> Option<i64> {
    narrow(div_round(i128::from(a_1e8) * i128::from(b_1e8), ONE)?)
}

/// `a ÷ b`, both and the result at 1e-8.
pub fn div(a_1e8: i64, b_1e8: i64) -> Option<i64> {
    narrow(div_round(i128::from(a_1e8) * ONE, i128::from(b_1e8))?)
}

/// `a × b ÷ c` with one rounding, all at 1e-8.
pub fn mul_div(a_1e8: i64, b_1e8: i64, c_1e8: i64) -> Option<i64> {
    narrow(div_round(
        i128::from(a_1e8) * i128::from(b_1e8),
        i128::from(c_1e8),
    )?)
}

/// Amount of `qty` at `price` with a contract `multiplier`; the sign is the quantity's.
///
/// The product of price and quantity is exact (1e-16) before the multiplier joins; one rounding.
pub fn notional(price_1e8: i64, qty_1e8: i64, multiplier_1e8: i64) -> Option<i64> {
    let exact = i128::from(price_1e8) * i128::from(qty_1e8);
    if multiplier_1e8 == ONE_1E8 {
        return narrow(div_round(exact, ONE)?);
    }
    narrow(div_round(
        exact.checked_mul(i128::from(multiplier_1e8))?,
        ONE * ONE,
    )?)
}

/// The largest multiple of `step` that is not above `value` in size; a step of zero or less keeps `value`.
pub fn floor_to(value_1e8: i64, step_1e8: i64) -> i64 {
    if step_1e8 <= 0 {
        return value_1e8;
    }
    value_1e8 - value_1e8 % step_1e8
}

/// `value` is a whole number of `step`s (always, for a step of zero or less).
pub fn is_multiple(value_1e8: i64, step_1e8: i64) -> bool {
    step_1e8 <= 0 || value_1e8 % step_1e8 == 0
}

/// Back to `i64`; `None` when it does not fit.
pub fn narrow(value: i128) -> Option<i64> {
    i64::try_from(value).ok()
}

/// Text of an amount at 1e-8, for people: `-12.5`, `3100.25`, `0`.
pub fn text(value_1e8: i64) -> String {
    let size = value_1e8.unsigned_abs();
    let one = ONE_1E8.unsigned_abs();
    let sign = if value_1e8 < 0 { "-" } else { "" };
    let whole = format!("{sign}{}", size / one);
    if size % one == 0 {
        return whole;
    }
    let fraction = format!("{:08}", size % one);
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// The amount that a decimal text says; `None` when it is none, or has more than eight decimals.
pub fn parse(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 8 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let fraction_1e8: i64 = format!("{fraction:0<8}").parse().ok()?;
    let whole_1e8 = whole.parse::<i64>().ok()?.checked_mul(ONE_1E8)?;
    Some(sign * whole_1e8.checked_add(fraction_1e8)?)
}

/// Products of a price and a quantity are kept exactly, at 1e-16; in JSON they are decimal text, because
/// readers elsewhere hold no more than 64 bits.
pub mod wide {
    use serde::{de, Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;

    /// Writes decimal text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &i128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    /// Reads decimal text.
    ///
    /// # Errors
    /// When it is not a whole number of 128 bits.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i128, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!(div_round(5, 2), Some(3));
        assert_eq!(div_round(-5, 2), Some(-3));
        assert_eq!(div_round(5, -2), Some(-3));
        assert_eq!(div_round(7, 3), Some(2));
        assert_eq!(div_round(1, 0), None);
    }

    #[test]
    fn a_notional_honours_the_multiplier() {
        // Two ES contracts at 3100.25 with multiplier 50.
        assert_eq!(
            notional(310_025_000_000, 2 * ONE_1E8, 50 * ONE_1E8),
            Some(31_002_500_000_000)
        );
        assert_eq!(
            notional(310_025_000_000, -ONE_1E8, ONE_1E8),
            Some(-310_025_000_000)
        );
    }

    #[test]
    fn what_does_not_fit_is_none() {
        assert_eq!(mul(i64::MAX, i64::MAX), None);
        assert_eq!(notional(i64::MAX, i64::MAX, ONE_1E8), None);
    }

    #[test]
    fn quantities_round_down_to_the_lot() {
        assert_eq!(floor_to(123_456_789, 100_000), 123_400_000);
        assert!(is_multiple(25_000_000, 25_000_000));
        assert!(!is_multiple(25_000_001, 25_000_000));
    }

    #[test]
    fn decimal_text_is_read_exactly_or_not_at_all() {
        assert_eq!(parse("-12.5"), Some(-1_250_000_000));
        assert_eq!(parse("0.00000001"), Some(1));
        for wrong in ["", ".5", "1e3", "1.123456789", "x", "99999999999999999999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(text(-1_250_000_000), "-12.5");
        assert_eq!(text(310_025_000_000), "3100.25");
        assert_eq!(text(0), "0");
    }
}
