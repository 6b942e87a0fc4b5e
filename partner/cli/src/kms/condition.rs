//! Which conditions hold a request to what was written down, and which only seem to.

use super::policy::{Condition, Statement};

/// Why a condition does not hold a key of the request to fixed values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Weakness {
    /// `..IfExists` and `ForAllValues:..` are met by a request that has no such key.
    PassesWithout,
    /// `StringLike` with `*` or `?`.
    Wildcard,
    /// A value with `${..}` is filled in by whoever asks.
    Variable,
    /// `StringNotEquals` and the like say what a value must not be.
    Negated,
    /// Any other operator.
    OtherOperator,
}

impl Weakness {
    /// What is wrong with `operator`.
    pub(crate) fn words(self, operator: &str) -> String {
        let why = match self {
            Self::PassesWithout => "is met by a request without that key, too",
            Self::Wildcard => "with \"*\" or \"?\" is met by values that nobody wrote down",
            Self::Variable => "with \"${..}\" is met by what whoever asks brings along",
            Self::Negated => "says only what the value must not be",
            Self::OtherOperator => "holds no text to a value",
        };
        format!("\"{operator}\" {why}")
    }
}

/// What the conditions of a statement make of a key of the request.
#[derive(Debug)]
pub(crate) enum Hold<'a> {
    /// It has one of these values, or the statement does not apply.
    Fixed(&'a [String]),
    /// Nothing fixed; the first condition on it that only seems to hold it, if there is one.
    Loose(Option<(Weakness, &'a str)>),
}

impl Statement {
    /// How the keys that `is_it` knows are held. All conditions must be met, so one that is fixed is enough.
    pub(crate) fn holds(&self, is_it: impl Fn(&str) -> bool) -> Hold<'_> {
        let mut loose = None;
        for condition in self.conditions.iter().filter(|condition| is_it(&condition.key)) {
            match condition.weakness() {
                None => return Hold::Fixed(&condition.values),
                Some(weakness) => {
                    loose = loose.or(Some((weakness, condition.operator.as_str())));
                }
            }
        }
        Hold::Loose(loose)
    }
}

impl Condition {
    fn weakness(&self) -> Option<Weakness> {
        let operator = self.operator.to_ascii_lowercase();
        if operator.starts_with("forallvalues:") || operator.ends_with("ifexists") {
            return Some(Weakness::PassesWithout);
        }
        let any = |what: &[&str]| {
            self.values.iter().any(|value| what.iter().any(|part| value.contains(part)))
        };
        match operator.strip_prefix("foranyvalue:").unwrap_or(&operator) {
            "stringequals" | "stringequalsignorecase" | "stringlike" if any(&["${"]) => {
                Some(Weakness::Variable)
            }
            "stringequals" | "stringequalsignorecase" => None,
            "stringlike" if any(&["*", "?"]) => Some(Weakness::Wildcard),
            "stringlike" => None,
            other if other.contains("not") => Some(Weakness::Negated),
            _ => Some(Weakness::OtherOperator),
        }
    }
}

/// Whether `text` fits a pattern of IAM, in which `*` stands for any characters and `?` for one. Case does not count.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let lower = |text: &str| text.to_ascii_lowercase().into_bytes();
    let (pattern, text) = (lower(pattern), lower(text));
    let (mut pattern, mut text) = (pattern.as_slice(), text.as_slice());
    // Where to go on if what follows the last star does not fit here.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, text) {
            ([b'*', rest @ ..], _) => {
                again = Some((rest, text));
                pattern = rest;
            }
            ([b'?', rest @ ..], [_, after @ ..]) => (pattern, text) = (rest, after),
            ([one, rest @ ..], [other, after @ ..]) if one == other => {
                (pattern, text) = (rest, after);
            }
            ([], []) => return true,
            _ => match again {
                Some((rest, [_, after @ ..])) => {
                    again = Some((rest, after));
                    (pattern, text) = (rest, after);
                }
                _ => return false,
            },
        }
    }
}
