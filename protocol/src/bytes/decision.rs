//! The decision that a question serves, as its analyst names it.

use crate::text;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What somebody will decide by the answer, in a few words, such as `budget of spring`. The analyst signs it, and everybody who
/// may know of the job reads it: it is the analyst's own word, and nobody checks it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decision(String);

impl Decision {
    /// The most characters that one has.
    pub const MOST: usize = 80;

    /// Its words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Decision {
    type Err = InvalidDecision;

    fn from_str(words: &str) -> Result<Self, InvalidDecision> {
        Self::try_from(words.to_owned())
    }
}

impl TryFrom<String> for Decision {
    type Error = InvalidDecision;

    fn try_from(words: String) -> Result<Self, InvalidDecision> {
        let is_short = (1..=Self::MOST).contains(&words.chars().count());
        let is_plain = text::hidden(&words).is_none() && words.trim() == words;
        if is_short && is_plain { Ok(Self(words)) } else { Err(InvalidDecision) }
    }
}

impl From<Decision> for String {
    fn from(decision: Decision) -> Self {
        decision.0
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text names no decision.
///
/// Remedy: name it in a few words of one line, or leave `decision` out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected a decision in 1 to {most} characters, none of them hidden and no space around them",
    most = Decision::MOST
)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct InvalidDecision;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_a_line_that_everybody_can_read() {
        let good = ["budget of spring", "Frühjahr 2027: TV oder nicht?", "x"];
        for words in good {
            assert_eq!(words.parse::<Decision>().unwrap().as_str(), words);
        }
        let long = "x".repeat(Decision::MOST + 1);
        for words in ["", " ", " spring", "spring ", "two\nlines", "\u{202e}gnirps", &long] {
            assert_eq!(words.parse::<Decision>(), Err(InvalidDecision), "{words:?}");
        }
    }
}
