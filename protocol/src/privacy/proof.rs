//! The proof of a tally: for *all* data its figures have this sensitivity, get this noise, cost
//! this much, and are withheld below this threshold.
//!
//! [`Tally::prove`] makes a [`Proof`]. [`check()`] derives everything again, in whole numbers and
//! by other means. It is the only way to a [`Proven`] tally, and an engine runs nothing else.

mod check;
mod choice;
mod error;
mod prove;
mod shown;
mod steps;
mod tail;
mod wanted;

pub use check::{Flaw, check};
pub use choice::{By, Choice};
pub use error::{ErrorBar, ErrorBars};
pub use prove::{PriceError, Request};
pub use steps::{Drawn, Steps, Sums};
pub use wanted::Wanted;

use crate::{
    digest::Digest,
    limits::{self, at_most},
    loss::{Loss, Rho},
    tally::Tally,
};
use serde::{Deserialize, Serialize};

/// Noise, cost and thresholds of a [`Tally`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Digest of the tally's canonical encoding under the tag `glovebox tally v1`.
    pub tally: Digest,
    /// What is released, with its noise.
    pub leaves: Leaves,
    /// Smallest noisy head count that is shown, in people.
    pub threshold: u32,
    /// Loss of the whole release: what each dataset is charged.
    pub cost: Loss,
}

/// What a proof permits to be released: figures, one place, or the steps of a training, and never two of these.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever releases must see a new door")]
pub enum Leaves {
    /// Every figure of every cell, each with noise of its own.
    Figures(Vectors),
    /// One public place, and none of the figures that it was chosen by.
    Place(Choice),
    /// The steps of a training, each once.
    Steps(Steps),
}

/// The vectors of figures that are released, each over all cells.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vectors {
    /// Head counts.
    pub people: Figure,
    /// Sums of each measure, in the tally's order.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub sums: Vec<Figure>,
    /// Each product, in the tally's order.
    #[serde(deserialize_with = "at_most::<{ limits::PRODUCTS }, _, _>")]
    pub products: Vec<Figure>,
    /// The pooled totals of the measures that leave as contrasts, and after them those of such products. Their contrasts
    /// are among `sums` and `products`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_POOLED }, _, _>")]
    pub pooled: Vec<Figure>,
    /// How cells whose values are private are selected; `None` for public cells.
    pub selection: Option<Selection>,
    /// People by in how many cells they would be, in the bins of [`Tally::spread`]; `None` if that is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Figure>,
}

impl Vectors {
    /// All vectors, in the order in which their noise is drawn.
    pub fn all(&self) -> impl Iterator<Item = &Figure> {
        let withheld = self.selection.iter().map(|selection| &selection.withheld);
        let amounts = self.sums.iter().chain(&self.products).chain(&self.pooled);
        std::iter::once(&self.people).chain(amounts).chain(withheld).chain(&self.spread)
    }

    /// The pooled total beside the contrast of the measure at this place; `None` if its sum leaves cell by cell.
    #[must_use]
    pub fn pooled_of_sum(&self, tally: &Tally, at: usize) -> Option<&Figure> {
        let (sums, _) = tally.contrasted();
        self.pooled.get(sums.binary_search(&at).ok()?)
    }

    /// The pooled total beside the contrast of the product at this place; `None` if it leaves cell by cell.
    #[must_use]
    pub fn pooled_of_product(&self, tally: &Tally, at: usize) -> Option<&Figure> {
        let (sums, products) = tally.contrasted();
        self.pooled.get(sums.len() + products.binary_search(&at).ok()?)
    }
}

impl Proof {
    /// The vectors of figures; `None` if something else is released.
    #[must_use]
    pub fn vectors(&self) -> Option<&Vectors> {
        match &self.leaves {
            Leaves::Figures(vectors) => Some(vectors),
            Leaves::Place(_) | Leaves::Steps(_) => None,
        }
    }

    /// The releases of a training; `None` if something else is released.
    #[must_use]
    pub fn steps(&self) -> Option<Steps> {
        match &self.leaves {
            Leaves::Steps(steps) => Some(*steps),
            Leaves::Figures(_) | Leaves::Place(_) => None,
        }
    }

    /// How the released place is chosen; `None` if something else is released.
    #[must_use]
    pub fn choice(&self) -> Option<Choice> {
        match &self.leaves {
            Leaves::Figures(_) | Leaves::Steps(_) => None,
            Leaves::Place(choice) => Some(*choice),
        }
    }
}

/// The proof of one vector over cells: how far one person moves it at most, its share of the loss,
/// and its noise.
///
/// L1 is `cells * linf` and L2 is `sqrt(cells) * linf`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// L0: how many entries one person moves at most.
    pub cells: u32,
    /// L∞: the most that one person moves one entry, in units of the figure.
    pub linf: u64,
    /// The figure's share of the loss.
    pub rho: Rho,
    /// Standard deviation of the discrete Gaussian noise on each entry.
    pub sigma: Sigma,
}

/// Private selection of cells whose values are private.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The noisy head count from which a cell is shown. It lies above [`Proof::threshold`] as far
    /// as δ asks.
    pub threshold: u64,
    /// The probability that a cell with one person alone is shown: part of the cost, in units of
    /// 10⁻¹⁵.
    pub delta: u64,
    /// Noise on the number of cells that are withheld.
    pub withheld: Figure,
}

/// A standard deviation of noise, in units of 1/1024: an integer, so that noise and price agree
/// on every machine.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Sigma(pub u64);

impl Sigma {
    /// The standard deviation as a real number, in units of the figure to which the noise is added.
    #[must_use]
    pub fn value(self) -> f64 {
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
        let units = self.0 as f64;
        units / 1024.0
    }

    /// The variance, as numerator and denominator (`1024²`).
    #[must_use]
    pub fn variance(self) -> (u128, u128) {
        (u128::from(self.0) * u128::from(self.0), 1 << 20)
    }
}

/// A tally with a proof that holds. Only [`check()`] makes one:
///
/// ```compile_fail,E0451
/// fn forged(tally: protocol::tally::Tally, proof: protocol::proof::Proof) {
///     let _ = protocol::proof::Proven { tally, proof };
/// }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proven {
    tally: Tally,
    proof: Proof,
}

impl Proven {
    /// The tally.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The proof of the tally.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// How the loss of a tally is divided, in thousandths; they add up to 1000.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Share for head counts.
    pub n: u32,
    /// Share for sums, divided evenly between the measures.
    pub sum: u32,
    /// Share for products, divided evenly between them.
    pub products: u32,
}

#[cfg(test)]
impl Proof {
    /// For tests of proofs that somebody has changed.
    fn vectors_mut(&mut self) -> &mut Vectors {
        match &mut self.leaves {
            Leaves::Figures(vectors) => vectors,
            Leaves::Place(_) | Leaves::Steps(_) => panic!("something else leaves"),
        }
    }
}

#[cfg(test)]
mod tests;
