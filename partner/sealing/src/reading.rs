//! How an owner's table is written, where the owner says so: nothing of it is guessed.

use super::convert::DateFormat;
use protocol::identity::Country;
use std::{collections::BTreeMap, fmt, str::FromStr};

/// What the owner says about the table.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Reading {
    /// `FILE'S=CONTRACT'S` names of columns; the other order is read too where it is the only one
    /// that names a column of each.
    pub map: Vec<String>,
    /// Columns of the file that the contract does not know and that stay here.
    pub ignore: Vec<String>,
    /// The country whose national phone numbers there are.
    pub country: Option<Country>,
    /// How days are written, beside YYYY-MM-DD.
    pub dates: Vec<DateFormat>,
    /// Words that mean consent, beside the usual ones.
    pub yes: Vec<String>,
    /// Words that mean no consent, beside the usual ones.
    pub no: Vec<String>,
    /// What stands in front of the decimals of a number.
    pub decimal_sign: DecimalSign,
    /// The one currency that amounts may be marked with, such as EUR.
    pub currency: Option<String>,
    /// Whether numbers with more decimals than the contract has are rounded.
    pub round: bool,
    /// What stands for an empty field, by column of the contract.
    pub empty: BTreeMap<String, String>,
    /// Whether names that the file does not have are passed over, since they are another file's.
    pub several_files: bool,
}

impl Reading {
    /// Holds the words for consent against those for none, and against the usual ones.
    ///
    /// # Errors
    ///
    /// [`InvalidWord`] if a word would turn consent round.
    pub fn check_words(&self) -> Result<(), InvalidWord> {
        let folded = |word: &str| word.trim().to_ascii_lowercase();
        let no: Vec<_> = self.no.iter().map(|word| folded(word)).collect();
        if let Some(word) = self.yes.iter().find(|word| no.contains(&folded(word))) {
            return Err(InvalidWord::Both { word: word.clone() });
        }
        for (option, words, usual, meaning) in
            [("--yes", &self.yes, NO, "no consent"), ("--no", &self.no, YES, "consent")]
        {
            if let Some(word) = words.iter().find(|word| usual.contains(&folded(word).as_str())) {
                let (word, usual) = (word.clone(), usual.join(", "));
                return Err(InvalidWord::Usual { option, word, meaning, usual });
            }
        }
        Ok(())
    }
}

/// Why a word for consent or for none is refused.
///
/// Remedy: give each word to one of --yes, --no and --none, with the meaning that it usually has.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWord {
    /// A word for both.
    #[error("\"{word}\" is given as --yes and as --no")]
    Both {
        /// The word.
        word: String,
    },
    /// A word that means the opposite in every table.
    #[error(
        "{option} \"{word}\" would turn consent round: this word always means {meaning}, as {usual} do \
         (write another word into the table where it means something else)"
    )]
    Usual {
        /// The option that names it.
        option: &'static str,
        /// The word.
        word: String,
        /// What it means.
        meaning: &'static str,
        /// All words that mean this.
        usual: String,
    },
}

/// What stands in front of the decimals of a number.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum DecimalSign {
    /// A point; nothing stands between thousands.
    #[default]
    Point,
    /// A comma; points or blanks may stand between thousands.
    Comma,
    /// A point or a comma, and nothing between thousands.
    Either,
}

/// A share of rows, in millionths.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share(u32);

impl Share {
    /// Whether `part` of `total` is more than this share.
    #[must_use]
    pub fn is_exceeded(self, part: u64, total: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) > u128::from(total) * u128::from(self.0)
    }
}

impl Default for Share {
    /// 1 %.
    fn default() -> Self {
        Self(WHOLE / 100)
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    /// Percent, with up to four decimals: `1`, `0.5`, `2%`.
    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let number = text.trim().trim_end_matches('%').trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty()
            || decimals.len() > 4
            || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        {
            return Err(InvalidShare);
        }
        let digits: u32 = format!("{whole}{decimals:0<4}").parse().map_err(|_| InvalidShare)?;
        if digits <= WHOLE { Ok(Self(digits)) } else { Err(InvalidShare) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:04}", self.0 % PERCENT);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{} %", self.0 / PERCENT),
            decimals => write!(f, "{}.{decimals} %", self.0 / PERCENT),
        }
    }
}

/// A text that is not a share.
///
/// Remedy: write a share in percent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[error("expected percent from 0 to 100, such as 1 or 0.5")]
pub struct InvalidShare;

/// Words that mean consent in every table.
pub(super) const YES: [&str; 5] = ["yes", "y", "true", "t", "1"];
/// Words that mean no consent in every table.
pub(super) const NO: [&str; 5] = ["no", "n", "false", "f", "0"];

const PERCENT: u32 = 10_000;
const WHOLE: u32 = 100 * PERCENT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_turns_consent_round() {
        let words = |yes: &[&str], no: &[&str]| {
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
            Reading { yes: owned(yes), no: owned(no), ..Reading::default() }.check_words()
        };
        for (yes, no) in [(["no"], ["x"]), (["x"], ["Y"]), ([" F "], ["x"]), (["x"], ["1"])] {
            let refused = words(&yes, &no).unwrap_err();
            assert!(matches!(refused, InvalidWord::Usual { .. }), "{refused}");
        }
        let both = InvalidWord::Both { word: "Opt".to_owned() };
        assert_eq!(words(&["Opt"], &["opt"]), Err(both));
        assert_eq!(words(&["opt-in", "yes"], &["opt-out", "0"]), Ok(()));
    }

    #[test]
    fn shares_are_exact() {
        let one: Share = "1".parse().unwrap();
        assert_eq!((one, one.to_string()), (Share::default(), "1 %".to_owned()));
        assert!(!one.is_exceeded(10, 1000) && one.is_exceeded(11, 1000));
        assert_eq!("0.05%".parse::<Share>().unwrap().to_string(), "0.05 %");
        let none: Share = "0".parse().unwrap();
        assert!(none.is_exceeded(1, u64::MAX) && !none.is_exceeded(0, 0));
        for text in ["", "101", "-1", "1,5", "0.00001", "1.2.3", "x"] {
            text.parse::<Share>().unwrap_err();
        }
    }
}
