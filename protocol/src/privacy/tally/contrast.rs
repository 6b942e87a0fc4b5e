//! Sums over two compared arms that leave as a contrast and a pooled total.

use super::{Product, Tally};
use crate::limits::{self, at_most};
use serde::{Deserialize, Serialize};

/// Two forms in which sums over a test and a control arm leave in place of one sum for each cell: the *contrast*, which is
/// the test arm's sum times its weight less the control arm's times its own, and the *pooled* total, which has a
/// plus in place of the minus. An arm is all of its people, found or not.
///
/// A product of two such measures leaves in the same two forms, with the squares of the weights.
///
/// # Privacy
///
/// A person is in one arm, so one form moves by what the person adds times the larger weight. Both
/// forms get noise of their own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever adds up must see a new field")]
pub struct Contrast {
    /// Weight of the test arm, 1 to [`Self::MOST`].
    pub test: u32,
    /// Weight of the control arm, 1 to [`Self::MOST`].
    pub control: u32,
    /// The places of the measures that leave so, in ascending order.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub measures: Vec<u32>,
}

impl Contrast {
    /// The largest weight.
    pub const MOST: u32 = 16;
    /// The share of the loss of both forms that the one has which decides the difference of the arms: of sums the contrast; of squares,
    /// from which the sampling error of the difference follows, the pooled total.
    pub const OF_DIFFERENCE: f64 = 0.9;

    /// The contrast of the sums of the test and of the control arm, and their pooled total.
    #[must_use]
    pub fn of_sums(&self, arms: [i128; 2]) -> [i128; 2] {
        forms([self.test, self.control].map(i128::from), arms)
    }

    /// The contrast of the sums of products of the test and of the control arm, and their pooled total.
    #[must_use]
    pub fn of_products(&self, arms: [i128; 2]) -> [i128; 2] {
        let weights = [self.test, self.control].map(i128::from);
        forms(weights.map(|weight| weight * weight), arms)
    }

    /// The larger weight.
    #[must_use]
    pub fn larger(&self) -> u64 {
        self.test.max(self.control).into()
    }

    /// Whether the weights are allowed, and the measures are some of `measures`, each once.
    pub(crate) fn is_sound(&self, measures: usize) -> bool {
        let is_weight = |weight: u32| (1..=Self::MOST).contains(&weight);
        let exists = |at: &u32| usize::try_from(*at).is_ok_and(|at| at < measures);
        is_weight(self.test)
            && is_weight(self.control)
            && !self.measures.is_empty()
            && self.measures.is_sorted_by(|a, b| a < b)
            && self.measures.iter().all(exists)
    }
}

fn forms(weights: [i128; 2], [test, control]: [i128; 2]) -> [i128; 2] {
    let [test, control] = [test.saturating_mul(weights[0]), control.saturating_mul(weights[1])];
    [test.saturating_sub(control), test.saturating_add(control)]
}

impl Tally {
    /// The contrast as which the sum of the measure at this place leaves; `None` if it leaves cell by cell.
    #[must_use]
    pub fn contrast_of_sum(&self, at: usize) -> Option<&Contrast> {
        let at = u32::try_from(at).ok()?;
        self.contrast.as_ref().filter(|contrast| contrast.measures.binary_search(&at).is_ok())
    }

    /// The contrast as which the product at this place leaves; `None` if it leaves cell by cell.
    #[must_use]
    pub fn contrast_of_product(&self, at: usize) -> Option<&Contrast> {
        let Product { one, other, .. } = self.products.get(at)?;
        let measure = |at: u32| self.contrast_of_sum(usize::try_from(at).ok()?);
        measure(*one).filter(|_| measure(*other).is_some())
    }

    /// The place of a measure among those whose sums leave cell by cell; `None` if it leaves as a contrast.
    #[must_use]
    pub fn cell_place_of_sum(&self, at: usize) -> Option<usize> {
        let by_cell = |at: &usize| self.contrast_of_sum(*at).is_none();
        by_cell(&at).then(|| (0..at).filter(by_cell).count())
    }

    /// The place of a product among those that leave cell by cell; `None` if it leaves as a contrast.
    #[must_use]
    pub fn cell_place_of_product(&self, at: usize) -> Option<usize> {
        let by_cell = |at: &usize| self.contrast_of_product(*at).is_none();
        by_cell(&at).then(|| (0..at).filter(by_cell).count())
    }

    /// How often one unit of a person counts in the sum at this place, at most.
    pub(crate) fn weight_of_sum(&self, at: usize) -> u64 {
        self.contrast_of_sum(at).map_or(1, Contrast::larger)
    }

    /// How often one unit of a person counts in the product at this place, at most.
    pub(crate) fn weight_of_product(&self, at: usize) -> u64 {
        let weight = self.contrast_of_product(at).map_or(1, Contrast::larger);
        weight.saturating_mul(weight)
    }

    /// The places of the measures and of the products that leave as contrasts.
    pub(crate) fn contrasted(&self) -> (Vec<usize>, Vec<usize>) {
        let sums = 0..self.measures.len();
        let products = 0..self.products.len();
        (
            sums.filter(|at| self.contrast_of_sum(*at).is_some()).collect(),
            products.filter(|at| self.contrast_of_product(*at).is_some()).collect(),
        )
    }
}

/// The most that one measure has of the loss for sums, beside one that has least.
pub(crate) const MAX_WEIGHT: u32 = 1_000;
