//! Numbers as people write them.

use std::str::FromStr;

/// A count of releases, steps or draws: `10000` and `1e4` alike.
pub(super) fn whole(text: &str) -> Result<u64, InvalidCount> {
    match text.trim().parse() {
        Ok(Decimal { numerator, denominator: 1 }) if numerator <= MOST => Ok(numerator),
        _ => Err(InvalidCount),
    }
}

/// A real number, with spaces around it or without.
pub(super) fn real(text: &str) -> Result<f64, std::num::ParseFloatError> {
    text.trim().parse()
}

/// A positive decimal number as a fraction in lowest terms.
///
/// Exact up to 64 bits each; longer ones are rounded up by less than 2⁻⁶².
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Decimal {
    pub(super) numerator: u64,
    pub(super) denominator: u64,
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse().map_err(|_| InvalidDecimal)?),
            None => (text, 0_i32),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let digits = format!("{whole}{decimals}");
        if whole.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidDecimal);
        }
        let places = i32::try_from(decimals.len()).map_err(|_| InvalidDecimal)?;
        let power = exponent.checked_sub(places).ok_or(InvalidDecimal)?;
        let ten = 10_u128.checked_pow(power.unsigned_abs()).ok_or(InvalidDecimal)?;
        let digits: u128 = digits.parse().map_err(|_| InvalidDecimal)?;
        let (mut over, mut under) = if power < 0 {
            (digits, ten)
        } else {
            (digits.checked_mul(ten).ok_or(InvalidDecimal)?, 1)
        };
        let common = common_divisor(over, under);
        (over, under) = (over / common, under / common);
        while over > 0 && under > u128::from(u64::MAX) {
            (over, under) = (over.div_ceil(2), under / 2);
        }
        match (u64::try_from(over), u64::try_from(under)) {
            (Ok(numerator @ 1..), Ok(denominator)) => Ok(Self { numerator, denominator }),
            _ => Err(InvalidDecimal),
        }
    }
}

/// The text is not a positive decimal number.
///
/// Remedy: write a number within the range that is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected a decimal number above 0 such as 1.5 or 1e-5, with at most 38 digits and below 1.8e19"
)]
pub(super) struct InvalidDecimal;

/// The text is not a count.
///
/// Remedy: write a number within the range that is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a whole number from 1 to 1e9, such as 10000 or 1e4")]
pub(super) struct InvalidCount;

/// The greatest common divisor of two numbers, the second of which is not zero.
fn common_divisor(mut a: u128, mut b: u128) -> u128 {
    while a > 0 {
        (a, b) = (b % a, a);
    }
    b
}

const MOST: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_taken_exactly() {
        let fraction = |numerator, denominator| Ok(Decimal { numerator, denominator });
        assert_eq!("1.5".parse(), fraction(3, 2));
        assert_eq!("1000".parse(), fraction(1_000, 1));
        assert_eq!("0.1".parse(), fraction(1, 10));
        assert_eq!("1e3".parse(), fraction(1_000, 1));
        assert_eq!("1e-5".parse(), fraction(1, 100_000));
        assert_eq!("12.5E-1".parse(), fraction(5, 4));
        let root = "0.31622776601683794".parse();
        assert_eq!(root, fraction(15_811_388_300_841_897, 50_000_000_000_000_000));
    }

    /// 0.00031622776601683794 is 15811388300841897 / (5 · 10¹⁹), two bits too long below.
    #[test]
    fn a_longer_decimal_is_rounded_up_in_its_last_bits() {
        let long = "0.00031622776601683794".parse::<Decimal>().unwrap();
        let expected =
            Decimal { numerator: 3_952_847_075_210_475, denominator: 12_500_000_000_000_000_000 };
        assert_eq!(long, expected);
        assert_eq!("1e-30".parse::<Decimal>().unwrap().numerator, 1);
        assert!("0.12345678901234567891".parse::<Decimal>().is_ok());
    }

    #[test]
    fn refuses_what_is_no_decimal() {
        for text in [
            "", ".5", "0", "0.0", "-1", "nan", "inf", "1.2.3", "1 ", "１", "1e", "e5", "1e1.5",
            "1e99", "1e-99", "2e19", "0e-30",
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(InvalidDecimal), "{text}");
        }
    }

    #[test]
    fn a_count_may_be_written_as_a_power_of_ten() {
        assert_eq!(whole("10000"), Ok(10_000));
        assert_eq!(whole("1e4"), Ok(10_000));
        assert_eq!(whole("1.5e3"), Ok(1_500));
        assert_eq!(whole("1e9"), Ok(1_000_000_000));
        for text in ["0", "-5", "1.5", "1e10", "1e-1", "many", ""] {
            assert_eq!(whole(text), Err(InvalidCount), "{text}");
        }
    }

    #[test]
    fn a_real_number_may_have_spaces_around_it() {
        assert_eq!(real(" 0.2"), Ok(0.2));
        assert!(real("0. 2").is_err());
    }
}
