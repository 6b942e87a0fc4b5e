//! How far off figures will be, and what it costs to have them closer.

use super::{Figure, PriceError, Proof, Request, Split, prove::MOST_RHO};
use crate::{
    loss::{Delta, Epsilon, Rho},
    tally::Tally,
};

/// A figure of a release.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a proof has these three kinds")]
pub enum Wanted {
    /// The head count of a cell.
    People,
    /// The sum of a measure in a cell, by the measure's place.
    Sum(usize),
    /// A product in a cell, by its place.
    Product(usize),
}

/// What noise alone does to a figure; people who happen to be in the data are not its business.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "two sizes of one thing")]
pub struct ErrorBar {
    /// Standard deviation.
    pub sd: f64,
    /// Half of the interval that holds the figure without noise with 95 % probability.
    pub half_width: f64,
}

impl ErrorBar {
    fn of(sd: f64) -> Self {
        Self { sd, half_width: NINETEEN_IN_TWENTY * sd }
    }
}

/// The error bars of one cell, in units of each figure; known before any data is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ErrorBars {
    /// Of the head count.
    pub people: ErrorBar,
    /// Of each sum.
    pub sums: Vec<ErrorBar>,
    /// Of each sum over the head count, at most: for people who all have the largest value that counts.
    pub means: Vec<ErrorBar>,
}

impl Proof {
    /// The error bars of a cell of `audience` people, at least one.
    ///
    /// # Source
    ///
    /// Delta method: the variance of s/n is (σ_s² + (s/n)² σ_n²) / n².
    #[must_use]
    pub fn error_bars(&self, audience: u32) -> ErrorBars {
        let people = self.people.sigma.value();
        let mean = |sum: &Figure| {
            let most = real(sum.linf) / real(self.people.linf.max(1));
            ErrorBar::of(sum.sigma.value().hypot(most * people) / f64::from(audience.max(1)))
        };
        ErrorBars {
            people: ErrorBar::of(people),
            sums: self.sums.iter().map(|sum| ErrorBar::of(sum.sigma.value())).collect(),
            means: self.sums.iter().map(mean).collect(),
        }
    }

    fn figure(&self, wanted: Wanted) -> Option<&Figure> {
        match wanted {
            Wanted::People => Some(&self.people),
            Wanted::Sum(at) => self.sums.get(at),
            Wanted::Product(at) => self.products.get(at),
        }
    }
}

impl Tally {
    /// The least loss of the whole release at which the noise on a figure has a standard deviation of
    /// `sd`, in units of the figure, or less: [`Tally::prove`] gives it at this loss, and at no smaller
    /// one.
    ///
    /// # Errors
    ///
    /// [`PriceError::NoFigure`] if there is no such figure, [`PriceError::TooExact`] if no loss that can
    /// be asked for suffices, and those of [`Tally::prove`].
    pub fn rho_for_error(
        &self,
        split: Split,
        selection_delta: u64,
        wanted: Wanted,
        sd: f64,
    ) -> Result<Rho, PriceError> {
        let prove =
            |rho: u64| self.prove(&Request { rho: Rho(rho), split, threshold: 1, selection_delta });
        let meets = |rho: u64| {
            prove(rho).is_ok_and(|proof| {
                proof.figure(wanted).is_some_and(|figure| figure.sigma.value() <= sd)
            })
        };
        prove(MOST_RHO)?.figure(wanted).ok_or(PriceError::NoFigure)?;
        if !meets(MOST_RHO) {
            return Err(PriceError::TooExact);
        }
        // Noise never grows with the loss.
        let (mut fails, mut holds) = (0, MOST_RHO);
        while holds - fails > 1 {
            let middle = fails.midpoint(holds);
            if meets(middle) { holds = middle } else { fails = middle }
        }
        Ok(Rho(holds))
    }
}

impl Rho {
    /// The least ε that buys this much at `delta`, as a job asks for it; none if a job may not ask for
    /// so much.
    #[must_use]
    pub fn asked_as(self, delta: Delta) -> Option<Epsilon> {
        let buys = |millionths: u64| {
            let epsilon = Epsilon::try_from(millionths).ok()?;
            (Self::from_epsilon(epsilon, delta) >= self).then_some(epsilon)
        };
        let (mut fails, mut holds) = (LEAST_EPSILON - 1, MOST_EPSILON);
        let mut least = buys(holds)?;
        while holds - fails > 1 {
            let middle = fails.midpoint(holds);
            match buys(middle) {
                Some(epsilon) => (holds, least) = (middle, epsilon),
                None => fails = middle,
            }
        }
        Some(least)
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: u64) -> f64 {
    number as f64
}

/// P(|Z| > 1.96) = 0.05.
const NINETEEN_IN_TWENTY: f64 = 1.959_963_984_540_054;

/// Of [`Epsilon`], in millionths.
const LEAST_EPSILON: u64 = 1_000;
const MOST_EPSILON: u64 = 100_000_000;
