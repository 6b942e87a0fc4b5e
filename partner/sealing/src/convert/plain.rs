//! The short way to what nearly all values look like. It gives nothing where the long way may be needed.

use super::number::Style;
use crate::DecimalSign;

/// The number that `text` is, if it is a minus or none, digits, and perhaps a point with no more decimals than `scale`
/// behind it, in units of 10^-`scale`.
pub(super) fn number(text: &str, scale: u8, style: Style<'_>) -> Option<i64> {
    // Thousands may have points where decimals have a comma.
    if style.sign == DecimalSign::Comma || text.len() > MOST_BYTES {
        return None;
    }
    let bytes = text.as_bytes();
    let (negative, bytes) = bytes.strip_prefix(b"-").map_or((false, bytes), |rest| (true, rest));
    let (mut units, mut digits, mut decimals) = (0_i64, 0_u8, None::<u8>);
    for byte in bytes {
        match byte {
            b'0'..=b'9' => {
                units = units * 10 + i64::from(byte - b'0');
                digits += 1;
                decimals = decimals.map(|decimals| decimals + 1);
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
    }
    let missing = scale.checked_sub(decimals.unwrap_or(0)).filter(|_| digits > 0)?;
    let units = units.checked_mul(10_i64.checked_pow(missing.into())?)?;
    Some(if negative { -units } else { units })
}

/// Whether `text` is a value as it stands: nothing at its ends that nobody sees, no line break, no spreadsheet's quotes.
pub(super) fn is_tidy(text: &str) -> bool {
    let marked = matches!(text.as_bytes().first(), None | Some(b'=' | b'\''));
    !marked && text.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic())
}

/// So many digits have room in 64 bits.
const MOST_BYTES: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::number::decimal;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_plain_number_is_what_the_long_way_makes_of_it(
            text in "-?[0-9]{0,10}\\.?[0-9]{0,9}[-., e+]?[0-9]{0,2}",
            scale in 0_u8..10,
        ) {
            let styles = [DecimalSign::Point, DecimalSign::Either, DecimalSign::Comma];
            for sign in styles {
                let style = Style { sign, ..Style::default() };
                if let Some(units) = number(&text, scale, style) {
                    prop_assert_eq!(decimal(&text, scale, style), Ok(units));
                }
            }
        }
    }

    #[test]
    fn the_usual_numbers_are_plain() {
        let style = Style::default();
        for (text, units) in [
            ("29.99", 2999),
            ("-5", -500),
            ("0", 0),
            ("7.", 700),
            (".5", 50),
            ("123456789012345.6", 12_345_678_901_234_560),
        ] {
            assert_eq!(number(text, 2, style), Some(units), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "+5",
            "1e3",
            "5.001",
            "--5",
            "1.2.3",
            "1,5",
            "NULL",
            "999999999999999999",
        ] {
            assert_eq!(number(text, 2, style), None, "{text}");
        }
    }
}
