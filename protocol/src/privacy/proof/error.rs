//! How far off figures will be, and what it costs to have them more exact.

use super::{Figure, PriceError, Proven, Request, Split, Vectors, Wanted};
use crate::{loss::Rho, tally::Tally};

/// The error that noise alone makes in a figure. That the people in the data are a sample is not
/// part of it.
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

/// The error bars of one group or arm, in units of each figure. They are known before there is any
/// data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ErrorBars {
    /// Error bar of the head count. An arm is two cells, matched and unmatched, each with noise of
    /// its own.
    pub people: ErrorBar,
    /// Error bars of each sum, of the test and of the control arm, or of any group twice. They differ only for a contrast whose
    /// weights do: an arm's sum follows from both forms, and that of the larger arm, with the smaller weight, is less exact.
    pub sums: Vec<[ErrorBar; 2]>,
    /// Largest error bar of each mean: if all people have the value that is farthest from 0 and
    /// still counts, and noise makes them as few as it hardly ever does. `None` if that leaves no
    /// useful mean, and without an audience.
    pub means: Vec<Option<ErrorBar>>,
    /// Error bar of each difference between the means of two arms, of which the smaller one has as many people as the
    /// audience; the larger one has the share that the weights of a contrast say, or as many. The noise of head counts is
    /// not in it: it is multiplied by the mean, and nothing where there is no effect. `None` without an audience,
    /// and where no arms are compared.
    pub differences: Vec<Option<ErrorBar>>,
}

impl Proven {
    /// The error bars of a group or arm of `audience` people; `None` if no such figures are released.
    #[must_use]
    pub fn error_bars(&self, audience: Option<u32>) -> Option<ErrorBars> {
        let (tally, proof) = (self.tally(), self.proof());
        let vectors = proof.vectors()?;
        let people = vectors.sd_of_people(tally);
        let amounts = || 0..vectors.sums.len();
        let sum = |at: usize| vectors.sds_of_sum(tally, at).unwrap_or([0.0; 2]).map(ErrorBar::of);
        let mean = |at: usize| {
            let audience = audience?;
            let half_width = self.half_width_of_mean(vectors, at, real(audience.into()))?;
            Some(ErrorBar { sd: vectors.sd(tally, Wanted::Mean(at, audience))?, half_width })
        };
        let difference = |at: usize| {
            let people = real(audience.filter(|_| tally.compares_arms())?.into()).max(1.0);
            Some(ErrorBar::of(vectors.sd_of_difference(tally, at)? / people))
        };
        Some(ErrorBars {
            people: ErrorBar::of(people),
            sums: amounts().map(sum).collect(),
            means: amounts().map(mean).collect(),
            differences: amounts().map(difference).collect(),
        })
    }

    /// Half of the interval of a mean that a result shows, at most: of lift to first order, of a table the
    /// extreme quotients of both intervals, each at half the error.
    fn half_width_of_mean(&self, vectors: &Vectors, at: usize, audience: f64) -> Option<f64> {
        let (tally, noise) = (self.tally(), vectors.sd_of_people(self.tally()));
        let of_sum = vectors.sd_of_smaller(tally, at)?;
        let (fewest, largest) =
            (audience - RARELY * noise, vectors.reach(tally, at)? * audience + RARELY * of_sum);
        if tally.compares_arms() {
            let mean = largest / fewest;
            let sd = length(of_sum, mean * noise) / fewest;
            return (fewest > 0.0).then_some(NINETEEN_IN_TWENTY * sd);
        }
        // The head count is far enough above the threshold that the threshold plays no part.
        let least = fewest - BONFERRONI * noise;
        let is_clear = fewest >= real(self.shown_from()) + RARELY * noise;
        let upper = (largest + BONFERRONI * of_sum) / least - largest / fewest;
        (is_clear && least > 0.0).then_some(upper)
    }
}

impl Vectors {
    /// Standard deviation of the noise on the head count that is shown of an arm or a group, in people. An
    /// arm is several cells ([`Tally::cells_of_arm`]), each with noise of its own.
    #[must_use]
    pub fn sd_of_people(&self, tally: &Tally) -> f64 {
        let cells = if tally.compares_arms() { f64::from(tally.cells_of_arm()) } else { 1.0 };
        cells.sqrt() * self.people.sigma.value()
    }

    /// The most that one person adds to the sum of a measure in a cell.
    fn reach(&self, tally: &Tally, at: usize) -> Option<f64> {
        let moved = real(self.sums.get(at)?.linf) / real(tally.weight_of_sum(at));
        Some(moved / real(self.people.linf.max(1)))
    }

    /// Standard deviations of the noise on the sum of a measure over the test and over the control arm, or over any cell twice.
    /// Of a contrast D and a pooled total P with weights w, an arm's sum is (P ± D)/2w. `None` if there is no such measure.
    #[must_use]
    pub fn sds_of_sum(&self, tally: &Tally, at: usize) -> Option<[f64; 2]> {
        let own = self.sums.get(at)?.sigma.value();
        Some(match (tally.contrast_of_sum(at), self.pooled_of_sum(tally, at)) {
            (Some(contrast), Some(pooled)) => [contrast.test, contrast.control]
                .map(|weight| length(own, pooled.sigma.value()) / 2.0 / f64::from(weight)),
            _ => [own; 2],
        })
    }

    /// Standard deviation of the noise on the sum of the smaller arm, which has the larger weight. The mean of the larger arm, whose
    /// weighted size is alike, is as exact.
    fn sd_of_smaller(&self, tally: &Tally, at: usize) -> Option<f64> {
        let [test, control] = self.sds_of_sum(tally, at)?;
        Some(test.min(control))
    }

    /// Standard deviation of the noise on the difference of two arms' sums, each over its share of the smaller arm's people.
    fn sd_of_difference(&self, tally: &Tally, at: usize) -> Option<f64> {
        let own = self.sums.get(at)?.sigma.value();
        let of_both = || own * core::f64::consts::SQRT_2;
        let is_contrast = tally.contrast_of_sum(at).is_some();
        Some(if is_contrast { own / real(tally.weight_of_sum(at)) } else { of_both() })
    }

    /// Standard deviation of the noise on a figure; of a mean to first order, for people who all have the value
    /// farthest from 0.
    ///
    /// # Source
    ///
    /// Delta method: the variance of s/n is (σ_s² + (s/n)² σ_n²) / n².
    fn sd(&self, tally: &Tally, wanted: Wanted) -> Option<f64> {
        let of = |figure: &Figure| figure.sigma.value();
        match wanted {
            Wanted::People => Some(self.sd_of_people(tally)),
            // Of both arms.
            Wanted::Sum(at) => self.sds_of_sum(tally, at).map(|[test, control]| test.max(control)),
            Wanted::Product(at) => self.products.get(at).map(of),
            Wanted::Mean(at, audience) => {
                let of_people = self.reach(tally, at)? * self.sd_of_people(tally);
                Some(length(self.sd_of_smaller(tally, at)?, of_people) / f64::from(audience.max(1)))
            }
            Wanted::Label | Wanted::Step => None,
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
        let sd_at = |rho: u64| {
            let request = Request { rho: Rho(rho), split, threshold: 1, selection_delta };
            let proof = self.prove(&request)?;
            Ok(proof.vectors().and_then(|vectors| vectors.sd(self, wanted)))
        };
        let meets = |rho: u64| sd_at(rho).is_ok_and(|found| found.is_some_and(|found| found <= sd));
        sd_at(MOST_RHO)?.ok_or(PriceError::NoFigure)?;
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

/// The standard deviation of the sum of two independent parts.
fn length(one: f64, other: f64) -> f64 {
    (one * one + other * other).sqrt()
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: u64) -> f64 {
    number as f64
}

/// P(|Z| > 1.96) = 0.05.
const NINETEEN_IN_TWENTY: f64 = 1.959_963_984_540_054;

/// P(|Z| > 2.2414) = 0.025; a twentieth more, for what the threshold adds to an interval four deviations above it.
const BONFERRONI: f64 = 2.35;
/// Deviations that noise keeps within in all but one of 30,000 draws.
const RARELY: f64 = 4.0;
/// More than the ρ of the largest ε at the largest δ.
const MOST_RHO: u64 = 100_000_000_000_000;
