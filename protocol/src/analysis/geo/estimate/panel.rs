//! Released totals as a table of places by periods.

use super::real;
use crate::{
    analysis::{
        Scope,
        geo::{question::Geo, tally::used, uses::Listed},
        rules::{column_role, places},
    },
    contract::Role,
    released::{Place, View},
};
use std::collections::BTreeMap;

/// The total of each place and period that counts, of places of which all of them are shown.
pub(super) struct Panel {
    rows: BTreeMap<String, Vec<f64>>,
    noise_variance: f64,
}

impl Panel {
    /// In units of the amount: dollars, not cents. `None` if the contract has no such column.
    pub(super) fn new(
        view: &View<'_>,
        asked: &Geo,
        listed: &Listed<'_>,
        scope: &Scope<'_>,
    ) -> Option<Self> {
        let Role::Group(domain) = column_role(scope.contract, listed.outcome, listed.geo)? else {
            return None;
        };
        let edges = asked.edges();
        let place = |start: &i32| {
            let at = edges.iter().position(|edge| *edge == i64::from(*start))?;
            u32::try_from(at + 1).ok()
        };
        let (periods, _) = asked.periods();
        let periods: Vec<_> = periods.iter().map(place).collect::<Option<_>>()?;
        let unit = asked.outcome.scale.units_per_one();
        let mut totals = BTreeMap::new();
        for cell in view.cells() {
            if let ([Place::Index(geo), Place::Index(period)], Some(sum)) =
                (cell.name.as_slice(), cell.sums.first())
            {
                totals.insert((*geo, *period), real(sum.value) / unit);
            }
        }
        let used: Vec<_> = used(asked).cloned().collect();
        let codes = places(domain, &used).ok()?;
        let row = |code: i32| -> Option<Vec<f64>> {
            let geo = u32::try_from(code).ok()?;
            periods.iter().map(|period| totals.get(&(geo, *period)).copied()).collect()
        };
        let rows = used.into_iter().zip(codes);
        let rows = rows.filter_map(|(name, code)| Some((name, row(code)?))).collect();
        let sigma = view.vectors().sums.first().map_or(0.0, |sum| sum.sigma.value()) / unit;
        let noise_variance = if view.is_noisy() { sigma * sigma } else { 0.0 };
        Some(Self { rows, noise_variance })
    }

    /// A place's totals, period by period; `None` if some of them is not shown.
    pub(super) fn row(&self, place: &str) -> Option<&Vec<f64>> {
        self.rows.get(place)
    }

    /// Standard deviation of the noise in each total.
    pub(super) fn noise_sd(&self) -> f64 {
        self.noise_variance.sqrt()
    }

    /// Variance of the noise in each total.
    pub(super) fn noise_variance(&self) -> f64 {
        self.noise_variance
    }
}
