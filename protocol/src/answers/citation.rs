//! The figures of an answer as others quote them: one line for each, with all that a reader of the number needs.
//!
//! A page has the same figures in words and in an order to read; this is for programs. Each kind lists its own
//! figures ([`analysis`](crate::analysis)), and whoever writes a table or a file of them knows no kind.

/// One figure of an answer with its error, so that a number is never taken along without it.
///
/// # Privacy
///
/// Costs nothing: a function of a result.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Citation {
    /// What the figure is, in one word of its kind's, such as `people` or `difference_in_means`.
    pub metric: &'static str,
    /// What it is a figure of: names of ours or of the contract, each with its value. The values may be text that
    /// others chose.
    pub group: Vec<(String, String)>,
    /// Unit of the figure, of its ends and of its errors.
    pub unit: Unit,
    /// The figure; `None` if it is withheld or cannot be estimated.
    pub value: Option<f64>,
    /// Where the true value lies, and what that allows for; `None` if the answer has no range for this figure.
    pub range: Option<Range>,
    /// Standard error: of noise and chance if the range covers both, otherwise of the noise alone; `None` if only
    /// the range is known.
    pub standard_error: Option<f64>,
    /// Standard deviation of the noise alone; `None` if the answer does not say it.
    pub noise_sd: Option<f64>,
    /// P-value of the test that the figure stands for.
    pub p: Option<f64>,
    /// The same, adjusted over all that the job tests.
    pub p_adjusted: Option<f64>,
    /// Whether the figure is not shown, since too few people are behind it.
    pub withheld: bool,
    /// How many cells that belong to the figure are withheld: their people are not in the value, and the range
    /// allows for them.
    pub withheld_cells: u64,
    /// What can mislead in this figure, beside the flags of the whole result.
    pub flags: Vec<String>,
}

/// The unit of a figure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever draws it must see a new one")]
pub enum Unit {
    /// People.
    People,
    /// A share: 1 is all.
    Share,
    /// What the column counts: an amount in its unit (dollars, not cents), or a number of events.
    Amount,
    /// The same for each person.
    AmountPerPerson,
    /// Rows of one person.
    RowsPerPerson,
    /// Cells or groups.
    Cells,
    /// No unit: a ratio, an index, a statistic.
    One,
}

/// Where the true value lies.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "every kind names all of it")]
pub struct Range {
    /// Its ends; `None` for one that is infinite.
    pub ends: [Option<f64>; 2],
    /// How often such a range holds the true value: 0.95 for 95 %.
    pub level: f64,
    /// What the range allows for.
    pub covers: Covers,
}

/// What the range of a figure allows for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever draws it must see a new one")]
pub enum Covers {
    /// The noise that was added, and cells that are withheld: the figure is of these very people.
    Noise,
    /// Noise, and the chance by which other people would have done otherwise.
    NoiseAndChance,
}

impl Unit {
    /// The unit in a word, for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Share => "share",
            Self::Amount => "amount",
            Self::AmountPerPerson => "amount_per_person",
            Self::RowsPerPerson => "rows_per_person",
            Self::Cells => "cells",
            Self::One => "one",
        }
    }
}

impl Covers {
    /// The same in a word, for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::NoiseAndChance => "noise_and_chance",
        }
    }
}

impl Citation {
    /// A figure of which nothing is known yet.
    pub(crate) fn new(metric: &'static str, unit: Unit) -> Self {
        Self {
            metric,
            group: Vec::new(),
            unit,
            value: None,
            range: None,
            standard_error: None,
            noise_sd: None,
            p: None,
            p_adjusted: None,
            withheld: false,
            withheld_cells: 0,
            flags: Vec::new(),
        }
    }

    /// A number of people.
    pub(crate) fn people(metric: &'static str) -> Self {
        Self::new(metric, Unit::People)
    }

    /// The figure is of `value` where something is called `name`.
    pub(crate) fn of(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.group.push((name.into(), value.into()));
        self
    }

    /// The figure is of one value of each of `names`.
    pub(crate) fn of_all(self, names: &[String], values: &[String]) -> Self {
        names.iter().zip(values).fold(self, |figure, (name, value)| figure.of(name, value))
    }

    /// The figure has a value, or none that can be estimated.
    pub(crate) fn value(mut self, value: impl Into<Option<f64>>) -> Self {
        self.value = value.into();
        self
    }

    /// The figure has a value, or is withheld.
    pub(crate) fn shown(mut self, value: Option<f64>) -> Self {
        self.withheld = value.is_none();
        self.value(value)
    }

    /// Some of the figure's cells are withheld.
    pub(crate) fn without(mut self, cells: u64) -> Self {
        self.withheld_cells = cells;
        self
    }

    /// The figure has noise of this standard deviation. Without another error it is the figure's own.
    pub(crate) fn noise(mut self, sd: f64) -> Self {
        self.noise_sd = Some(sd);
        self.standard_error = self.standard_error.or(Some(sd));
        self
    }

    /// Where noise leaves the figure.
    pub(crate) fn noisy_within(mut self, ends: [f64; 2], level: f64) -> Self {
        self.range = Some(Range { ends: ends.map(Some), level, covers: Covers::Noise });
        self
    }

    /// Where noise and chance leave the figure. The noise is then not its whole error.
    pub(crate) fn within(mut self, ends: [Option<f64>; 2], level: f64) -> Self {
        self.range = Some(Range { ends, level, covers: Covers::NoiseAndChance });
        self.standard_error = None;
        self
    }
}

/// A number of people or cells as a number of a citation.
pub(crate) fn real(count: i64) -> f64 {
    // Exact: head counts are far below 2^53.
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^53")]
    let real = count as f64;
    real
}
