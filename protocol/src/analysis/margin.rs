//! Margins that an effect is tested against: equivalence, non-inferiority, superiority by a margin.
//!
//! A margin is in the question as it is signed, and then it was fixed before anybody knew an answer. Anybody can test another
//! one at home, on released figures: that costs nothing, and its page says that it was chosen afterwards.

use super::toml::{TemplateError, value};
use serde::{Deserialize, Serialize};

/// What an effect is to be shown to be, and by how much.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Margin {
    /// The test.
    pub test: MarginTest,
    /// What the margin is a margin of.
    pub scale: MarginScale,
    /// The margin, in millionths.
    pub millionths: u64,
    /// Whether more or less of the outcome is better.
    pub better: Better,
}

/// A test against a margin.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever shows it must see a new one")]
pub enum MarginTest {
    /// The effect is smaller than the margin, up or down.
    Equivalence,
    /// The effect is not worse than nothing by the margin or more.
    NonInferiority,
    /// The effect is better than nothing by more than the margin.
    Superiority,
}

impl MarginTest {
    /// The test in a word, as a job writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Equivalence => "equivalence",
            Self::NonInferiority => "non_inferiority",
            Self::Superiority => "superiority",
        }
    }
}

/// What a margin is a margin of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever shows it must see a new one")]
pub enum MarginScale {
    /// The difference of the means, in units of the amount: dollars, not cents; 0.01 for one percentage point.
    Absolute,
    /// The relative lift: 0.1 for 10 % of the control mean.
    Relative,
}

/// Which way an outcome is better.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Better {
    /// More is better.
    #[default]
    More,
    /// Less is better, as of refunds.
    Less,
}

impl Margin {
    /// A margin that an analyst gives.
    ///
    /// # Errors
    ///
    /// What was expected of it, in words.
    pub fn new(
        test: MarginTest,
        scale: MarginScale,
        margin: f64,
        better: Better,
    ) -> Result<Self, &'static str> {
        let scaled = (margin * 1e6).round();
        let is_whole = (scaled - margin * 1e6).abs() < 1e-3;
        if !(1.0..=MOST).contains(&scaled) || !is_whole {
            return Err("expected a number above 0, at most 1000000000, in whole millionths");
        }
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to lie in 1..2^53"
        )]
        let millionths = scaled as u64;
        let made = Self { test, scale, millionths, better };
        made.check()?;
        Ok(made)
    }

    /// Says what does not make sense.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let [above, below] = self.bounds();
        let loses_all = above.into_iter().chain(below).any(|bound| bound <= -1.0);
        if self.scale == MarginScale::Relative && loses_all {
            return Err("expected less than 1: no outcome is less by all of the control mean");
        }
        if self.test == MarginTest::Equivalence && self.better == Better::Less {
            return Err("expected no better: equivalence has no better side");
        }
        if self.millionths == 0 || self.value() * 1e6 > MOST {
            return Err("expected a margin above 0, at most 1000000000");
        }
        Ok(())
    }

    /// The margin as a number.
    #[must_use]
    pub fn value(&self) -> f64 {
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "at most 2^53")]
        let millionths = self.millionths as f64;
        millionths / 1e6
    }

    /// What the effect is to be above, and below.
    #[must_use]
    pub fn bounds(&self) -> [Option<f64>; 2] {
        let margin = self.value();
        match (self.test, self.better) {
            (MarginTest::Equivalence, _) => [Some(-margin), Some(margin)],
            (MarginTest::NonInferiority, Better::More) => [Some(-margin), None],
            (MarginTest::NonInferiority, Better::Less) => [None, Some(margin)],
            (MarginTest::Superiority, Better::More) => [Some(margin), None],
            (MarginTest::Superiority, Better::Less) => [None, Some(-margin)],
        }
    }
}

/// A margin as a job writes it: `{ test = "equivalence", relative = 0.05 }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ test = \"equivalence\", relative = 0.05 }")]
pub(crate) struct RawMargin {
    test: MarginTest,
    relative: Option<f64>,
    absolute: Option<f64>,
    #[serde(default)]
    better: Better,
}

impl RawMargin {
    pub(crate) fn margin(&self, field: &str) -> Result<Margin, TemplateError> {
        let (scale, name, margin) = match (self.relative, self.absolute) {
            (Some(margin), None) => (MarginScale::Relative, "relative", margin),
            (None, Some(margin)) => (MarginScale::Absolute, "absolute", margin),
            (None, None) => return Err(value(field, "not given", ONE_OF)),
            (Some(_), Some(_)) => return Err(value(field, "given twice", ONE_OF)),
        };
        let made = Margin::new(self.test, scale, margin, self.better);
        made.map_err(|expected| value(&format!("{field}.{name}"), margin, expected))
    }
}

const ONE_OF: &str = "expected one of relative (0.05 for 5 % of the control mean) and absolute";
/// A thousand million, in millionths.
const MOST: f64 = 1e15;

#[cfg(test)]
mod tests {
    use super::*;

    fn made(test: MarginTest, scale: MarginScale, margin: f64, better: Better) -> Margin {
        Margin::new(test, scale, margin, better).unwrap()
    }

    #[test]
    fn bounds_are_where_an_effect_would_no_longer_be_what_is_to_be_shown() {
        use MarginTest::{Equivalence, NonInferiority, Superiority};
        let of = |test, better| made(test, MarginScale::Relative, 0.05, better).bounds();
        assert_eq!(of(Equivalence, Better::More), [Some(-0.05), Some(0.05)]);
        assert_eq!(of(NonInferiority, Better::More), [Some(-0.05), None]);
        assert_eq!(of(NonInferiority, Better::Less), [None, Some(0.05)]);
        assert_eq!(of(Superiority, Better::More), [Some(0.05), None]);
        assert_eq!(of(Superiority, Better::Less), [None, Some(-0.05)]);
    }

    #[test]
    fn refuses_a_margin_that_means_nothing() {
        let refused =
            |test, scale, margin, better| Margin::new(test, scale, margin, better).unwrap_err();
        for margin in [0.0, -0.1, f64::NAN, f64::INFINITY, 1e10, 1e-7, 0.123_456_78] {
            let why = refused(MarginTest::Superiority, MarginScale::Absolute, margin, Better::More);
            assert!(why.starts_with("expected a number above 0"), "{margin}: {why}");
        }
        for test in [MarginTest::Equivalence, MarginTest::NonInferiority] {
            let why = refused(test, MarginScale::Relative, 1.0, Better::More);
            assert!(why.starts_with("expected less than 1"), "{why}");
        }
        let why = refused(MarginTest::Equivalence, MarginScale::Relative, 0.1, Better::Less);
        assert!(why.contains("no better side"), "{why}");
        // Twice as much is an effect that can be; and so is a loss of 50 of a balance.
        made(MarginTest::Superiority, MarginScale::Relative, 1.0, Better::More);
        made(MarginTest::NonInferiority, MarginScale::Absolute, 50.0, Better::More);
    }
}
