//! How the figures of an outcome are written.

use crate::{
    job::OutcomeKind,
    page::number::{between, decimals},
    result::OutcomeResult,
};

/// How the figures of one outcome are written: a share in percent, or an amount; with as many
/// decimals as its standard error supports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    share: bool,
    decimals: usize,
}

impl Scale {
    /// The scale that fits `outcome`.
    pub(super) fn of(outcome: &OutcomeResult) -> Self {
        let share = outcome.kind == OutcomeKind::Binary;
        let error = outcome.diff_in_means.as_ref().map_or(0.01, |diff| diff.se);
        let unit = if share { error * 100.0 } else { error };
        Self { share, decimals: decimals(unit) }
    }

    /// A level, such as the mean of an arm.
    pub(super) fn level(self, number: f64) -> String {
        let shown = format!("{:.*}", self.decimals, self.in_shown_units(number));
        if self.share { format!("{shown} %") } else { shown }
    }

    /// A difference of levels, with its sign and without its unit.
    pub(super) fn bare_change(self, number: f64) -> String {
        format!("{:+.*}", self.decimals, self.in_shown_units(number))
    }

    /// A number in the units that are shown: percent for a share.
    pub(super) fn in_shown_units(self, number: f64) -> f64 {
        if self.share { number * 100.0 } else { number }
    }

    /// The unit of a difference: percentage points for a share.
    pub(super) fn unit_of_change(self) -> &'static str {
        if self.share { "pp" } else { "" }
    }

    /// A difference of levels; shares differ by percentage points.
    pub(super) fn change(self, number: f64) -> String {
        let text = format!("{} {}", self.bare_change(number), self.unit_of_change());
        text.trim_end().to_owned()
    }

    /// An interval of differences; an end that is not there is infinite.
    pub(super) fn interval(self, ends: [Option<f64>; 2]) -> String {
        between(ends, |end| self.bare_change(end))
    }
}
