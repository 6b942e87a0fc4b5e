//! The static certificate of a tally: for *all* data its figures are this sensitive, get this noise,
//! cost this much, and are withheld below this threshold.
//!
//! [`Tally::prove`] makes a [`Proof`]; [`check()`] derives everything again, in whole numbers and by
//! other means, and is the only way to a [`Proven`] tally, which is the only thing an engine runs.

mod check;
mod choice;
mod error;
mod prove;
mod shown;
mod tail;
mod wanted;

pub use check::{Flaw, check};
pub use choice::{By, Choice};
pub use error::{ErrorBar, ErrorBars};
pub use prove::{PriceError, Request};
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
    /// What leaves, with its noise.
    pub leaves: Leaves,
    /// Smallest noisy head count that is shown, in people.
    pub threshold: u32,
    /// Loss of the whole release: what each dataset is charged.
    pub cost: Loss,
}

/// What leaves under a proof: figures or one place, and never both.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever releases must see a new door")]
pub enum Leaves {
    /// Every figure of every cell, each with noise of its own.
    Figures(Vectors),
    /// One public place, and none of the figures that it was chosen by.
    Place(Choice),
}

/// The vectors that leave, each over all cells.
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
    /// How cells whose values are private are selected; none for public cells.
    pub selection: Option<Selection>,
}

impl Vectors {
    /// All of them, in the order in which their noise is drawn.
    pub fn all(&self) -> impl Iterator<Item = &Figure> {
        let withheld = self.selection.iter().map(|selection| &selection.withheld);
        std::iter::once(&self.people).chain(&self.sums).chain(&self.products).chain(withheld)
    }
}

impl Proof {
    /// The vectors that leave; none if a place does.
    #[must_use]
    pub fn vectors(&self) -> Option<&Vectors> {
        match &self.leaves {
            Leaves::Figures(vectors) => Some(vectors),
            Leaves::Place(_) => None,
        }
    }

    /// How the place that leaves is chosen; none if figures do.
    #[must_use]
    pub fn choice(&self) -> Option<Choice> {
        match &self.leaves {
            Leaves::Figures(_) => None,
            Leaves::Place(choice) => Some(*choice),
        }
    }
}

/// One vector over cells: what one person moves at most, its share of the loss, and its noise.
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
    /// A cell is shown if its noisy head count is at least this; above [`Proof::threshold`] as δ asks.
    pub threshold: u64,
    /// The probability that cells of one person alone pass: part of the cost, in units of 10⁻¹⁵.
    pub delta: u64,
    /// Noise on the number of cells that were withheld.
    pub withheld: Figure,
}

/// A standard deviation of noise, in units of 1/1024: an integer, so that noise and price agree
/// on every machine.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Sigma(pub u64);

impl Sigma {
    /// As a real number, in units of the figure it is added to.
    #[must_use]
    pub fn value(self) -> f64 {
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
        let units = self.0 as f64;
        units / 1024.0
    }

    /// The variance as numerator over `1024²`.
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
    /// The question.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Its certificate.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// How the loss of a tally is divided, in thousandths; they add up to 1000.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// For head counts.
    pub n: u32,
    /// For sums, evenly over the measures.
    pub sum: u32,
    /// For products, evenly.
    pub products: u32,
}

#[cfg(test)]
impl Proof {
    /// For tests of proofs that somebody has changed.
    fn vectors_mut(&mut self) -> &mut Vectors {
        match &mut self.leaves {
            Leaves::Figures(vectors) => vectors,
            Leaves::Place(_) => panic!("a place leaves"),
        }
    }
}

#[cfg(test)]
mod tests;
