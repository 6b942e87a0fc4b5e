//! Sums over two arms that leave as contrasts and pooled totals.

use super::{Figure, Place, ProductFigure, View};
use crate::{
    limits::{self, at_most},
    proof::Sigma,
};
use serde::{Deserialize, Serialize};

/// Sums over two arms of one segment, each in two forms ([`Contrast`](crate::tally::Contrast)).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Contrasts {
    /// Place of the segment in each dimension of [`Tally::segments`](crate::tally::Tally::segments). Empty for people as a whole, and
    /// for those of all segments together that are not named by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub segment: Vec<Place>,
    /// One for each measure that leaves so, in the tally's order, in units of its column times a weight.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub sums: Vec<Forms>,
    /// One for each product that leaves so, in the tally's order, in its units times the square of a weight.
    #[serde(deserialize_with = "at_most::<{ limits::PRODUCTS }, _, _>")]
    pub products: Vec<Forms>,
}

/// A contrast of two arms, and their pooled total.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Forms {
    /// Weighted sum of the test arm less that of the control arm.
    pub contrast: i64,
    /// Both weighted sums together.
    pub pooled: i64,
}

/// A sum over two arms in both forms, each with noise of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a pair")]
pub struct FormsOf<F> {
    /// Weighted sum of the test arm less that of the control arm.
    pub contrast: F,
    /// Both weighted sums together.
    pub pooled: F,
}

impl View<'_> {
    /// The sum of the measure at this place over two arms of a segment, or of all that are not named by themselves if `segment` is
    /// empty; `None` if an arm is withheld, or if the measure leaves cell by cell.
    #[must_use]
    pub fn forms_of_sum(&self, segment: &[Place], at: usize) -> Option<FormsOf<Figure>> {
        let (sums, _) = self.proven.tally().contrasted();
        let found = self.contrasts(segment)?;
        let forms = found.sums.get(sums.binary_search(&at).ok()?)?;
        let pooled = self.vectors.pooled_of_sum(self.proven.tally(), at)?;
        Some(self.forms(segment, *forms, self.vectors.sums.get(at)?.sigma, pooled.sigma))
    }

    /// The product at this place over two arms, as [`Self::forms_of_sum`].
    #[must_use]
    pub fn forms_of_product(&self, segment: &[Place], at: usize) -> Option<FormsOf<ProductFigure>> {
        let tally = self.proven.tally();
        let (_, products) = tally.contrasted();
        let found = self.contrasts(segment)?;
        let forms = found.products.get(products.binary_search(&at).ok()?)?;
        let pooled = self.vectors.pooled_of_product(tally, at)?;
        let product = *tally.products.get(at)?;
        let sigma = self.vectors.products.get(at)?.sigma;
        let found = self.forms(segment, *forms, sigma, pooled.sigma);
        let of = |figure| ProductFigure::new(figure, product);
        Some(FormsOf { contrast: of(found.contrast), pooled: of(found.pooled) })
    }

    fn contrasts(&self, segment: &[Place]) -> Option<&Contrasts> {
        self.figures.contrasts.iter().find(|contrasts| contrasts.segment == segment)
    }

    fn forms(
        &self,
        segment: &[Place],
        forms: Forms,
        contrast: Sigma,
        pooled: Sigma,
    ) -> FormsOf<Figure> {
        let draws = if segment.is_empty() {
            let named = self
                .figures
                .contrasts
                .iter()
                .filter(|contrasts| !contrasts.segment.is_empty())
                .count();
            let named = u64::try_from(named).unwrap_or(u64::MAX);
            self.proven.tally().segment_places().saturating_sub(named).max(1)
        } else {
            1
        };
        let figure = |value, sigma| Figure { value, noise_variance: self.variance(sigma, draws) };
        FormsOf { contrast: figure(forms.contrast, contrast), pooled: figure(forms.pooled, pooled) }
    }
}

impl<F> FormsOf<F> {
    /// Both forms of two sums of different people together.
    pub(crate) fn plus(self, other: Self, add: fn(F, F) -> F) -> Self {
        Self {
            contrast: add(self.contrast, other.contrast),
            pooled: add(self.pooled, other.pooled),
        }
    }
}

/// Bytes of both forms with their names.
pub(super) const FORMS: usize = 40;
