//! How far a difference is from the truth, over its standard error.

use super::{pair::Both, spread::Spread};
use crate::special::{normal_sf, normal_upper_quantile, student_sf, student_upper_quantile};

/// The distribution of a difference over its standard error.
pub(super) struct Law {
    pub(super) standard_error: f64,
    pub(super) degrees_of_freedom: Option<f64>,
    spread: Spread,
}

impl Law {
    pub(super) fn new(both: &Both) -> Self {
        let Both { t, c, of_means, spread, noisy } = both;
        let (a, b) = (t.variance_of_mean(), c.variance_of_mean());
        let welch = (a + b) * (a + b) / (a * a / (t.users - 1.0) + b * b / (c.users - 1.0));
        Self {
            standard_error: (a + b - 2.0 * of_means).max(0.0).sqrt(),
            degrees_of_freedom: Some(welch).filter(|df| !noisy && df.is_finite()),
            spread: *spread,
        }
    }

    /// The probability of so much or more, to one side.
    pub(super) fn tail(&self, statistic: f64) -> f64 {
        match self.degrees_of_freedom {
            Some(df) => student_sf(statistic, df),
            None if self.spread.is_noisy() => self.spread.tail(statistic * self.standard_error),
            None => normal_sf(statistic),
        }
    }

    /// What is exceeded with this probability, to one side.
    pub(super) fn quantile(&self, missed: f64) -> f64 {
        match self.degrees_of_freedom {
            Some(df) => student_upper_quantile(missed, df),
            None if self.spread.is_noisy() => self.spread.quantile(missed) / self.standard_error,
            None => normal_upper_quantile(missed),
        }
    }
}
