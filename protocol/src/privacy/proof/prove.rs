//! Derives the noise of a tally from the loss that it may cost.

use super::{Figure, Leaves, Proof, Selection, Sigma, Split, Vectors, Wanted, tail::tail};
use crate::{
    canonical,
    digest::Digest,
    loss::{Loss, Rho},
    tally::{COARSEST, Product, Tally},
};

/// The request for a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever asks must see a new field")]
pub struct Request {
    /// Loss of the whole release, without selection's δ.
    pub rho: Rho,
    /// How the loss is divided between figures.
    pub split: Split,
    /// Smallest head count that is shown, in people.
    pub threshold: u32,
    /// δ for selecting cells whose values are private, in units of 10⁻¹⁵.
    pub selection_delta: u64,
}

impl Tally {
    /// Noise and cost for a given loss.
    ///
    /// # Privacy
    ///
    /// Each vector is Δ₂²/(2σ²)-zCDP, and they add; cells whose values are private add δ. The cost is at
    /// most what `request` allows.
    ///
    /// # Errors
    ///
    /// [`PriceError`] if a figure would get no share of the loss, or noise too large to draw.
    ///
    /// # Source
    ///
    /// Canonne, Kamath and Steinke 2020, <https://arxiv.org/abs/2004.00010>, Theorem 4
    /// (discrete Gaussian: zCDP). Gaussian thresholding: Rogers 2023, <https://arxiv.org/abs/2309.09170>,
    /// and PROOFS.md. The truncated geometric of Desfontaines et al. 2022,
    /// <https://arxiv.org/abs/2006.03684>, selects with a little less δ, but gives no head counts, which
    /// here are the same draw and cost nothing more.
    pub fn prove(&self, request: &Request) -> Result<Proof, PriceError> {
        let Request { rho, threshold, selection_delta, .. } = *request;
        let shares = self.shares(request);
        let tenth = |is_counted: bool| Rho(if is_counted { shares.people.0 / 10 } else { 0 });
        let withheld = tenth(self.is_named_by_data());
        let spread = tenth(!self.spread.is_empty());
        let people = Rho(shares.people.0 - withheld.0 - spread.0);
        let people = self.figure(Wanted::People, self.linf_of_people(), people)?;
        let sum = |at: usize, rho: Rho| self.figure(Wanted::Sum(at), self.linf_of_sum(at), rho);
        let product =
            |at: usize, rho: Rho| self.figure(Wanted::Product(at), self.linf_of_product(at), rho);
        let sums = (0..self.measures.len())
            .map(|at| sum(at, self.parts_of_sum(at, &shares).own))
            .collect::<Result<_, PriceError>>()?;
        let products = (0..self.products.len())
            .map(|at| product(at, self.parts_of_product(at, &shares).own))
            .collect::<Result<_, PriceError>>()?;
        let (contrasted, with_products) = self.contrasted();
        let pooled_sums =
            contrasted.iter().map(|at| sum(*at, self.parts_of_sum(*at, &shares).pooled));
        let pooled_products =
            with_products.iter().map(|at| product(*at, self.parts_of_product(*at, &shares).pooled));
        let pooled = pooled_sums.chain(pooled_products).collect::<Result<_, PriceError>>()?;
        let selection = self.is_named_by_data().then(|| {
            let cells = u64::from(self.cells_per_person) * u64::from(self.ids_per_person);
            let none = PriceError::NoNoise(Wanted::People);
            let sigma = Sigma::for_cost(1, cells, withheld).ok_or(none)?;
            let withheld = Figure { cells: 1, linf: cells, rho: withheld, sigma };
            let above = tail(people.sigma, cells, selection_delta).ok_or(none)?;
            let least = above.saturating_add(people.linf).max(u64::from(threshold));
            Ok(Selection { threshold: least, delta: selection_delta, withheld })
        });
        let selection = selection.transpose()?;
        // A person is in one bin.
        let spread = (!self.spread.is_empty()).then(|| {
            let linf = u64::from(self.ids_per_person);
            let sigma = Sigma::for_cost(1, linf, spread);
            let sigma = sigma.ok_or(PriceError::NoNoise(Wanted::People))?;
            Ok(Figure { cells: 1, linf, rho: spread, sigma })
        });
        let spread = spread.transpose()?;
        let delta = selection.map_or(0, |selection| selection.delta);
        let digest = Digest::of("glovebox tally v1", &canonical::to_vec(self));
        let cost = Loss::zcdp(rho).with_delta(delta);
        let leaves = Leaves::Figures(Vectors { people, sums, products, pooled, selection, spread });
        Ok(Proof { tally: digest, leaves, threshold, cost })
    }

    /// Makes every product as coarse as it must be, and no coarser, for its noise to be drawn and for the sum
    /// over as many people as the largest dataset has rows, at least 2²⁶, to fit into 62 bits. The noise has then
    /// a standard deviation of 2⁴⁰ units or more, or values have 36 bits: what rounding each person's product
    /// moves is nothing beside it.
    pub(crate) fn coarsen(&mut self, request: &Request, rows: u64) {
        let shares = self.shares(request);
        let (cells, ids) = (u64::from(self.cells_per_person), u64::from(self.ids_per_person));
        let fits = |at: usize, product: Product| {
            let share = self.parts_of_product(at, &shares).least();
            let reach = product.reach(&self.measures);
            let reach = reach.and_then(|reach| reach.checked_mul(self.weight_of_product(at)));
            let sum = reach.and_then(|reach| reach.checked_mul(rows.max(FEWEST_ROWS)));
            let linf = reach.and_then(|reach| reach.checked_mul(ids));
            sum.is_some_and(|sum| sum <= 1 << 62)
                && linf.is_some_and(|linf| Sigma::for_cost(cells, linf, share).is_some())
        };
        let coarse = |(at, product): (usize, &Product)| {
            let coarser = (0..=COARSEST).map(|coarse| Product { coarse, ..*product });
            coarser.clone().find(|coarser| fits(at, *coarser)).unwrap_or(*product)
        };
        self.products = self.products.iter().enumerate().map(coarse).collect();
    }

    /// The share of the loss for each figure of a kind.
    fn shares(&self, request: &Request) -> Shares {
        let Request { rho, split, .. } = *request;
        let part = |thousandths: u32, among: usize| {
            let among = u64::try_from(among).unwrap_or(u64::MAX).max(1);
            Rho(rho.0 / 1000 * u64::from(thousandths) / among)
        };
        // Nothing to add up: everything is for head counts. No products: their part goes to sums.
        let (n, sum) = match (self.measures.is_empty(), self.products.is_empty()) {
            (true, _) => (1000, 0),
            (false, true) => (split.n, split.sum.saturating_add(split.products)),
            (false, false) => (split.n, split.sum),
        };
        Shares {
            people: part(n, 1),
            sums: part(sum, 1),
            product: part(split.products, self.products.len()),
        }
    }

    /// What the measure at this place has of the loss for sums: its weight beside those of all.
    fn parts_of_sum(&self, at: usize, shares: &Shares) -> Parts {
        let weight = |at: usize| u64::from(self.weights.get(at).copied().unwrap_or(1));
        let all = (0..self.measures.len()).map(weight).sum::<u64>().max(1);
        let rho = shares.sums.0 / all * weight(at) + shares.sums.0 % all * weight(at) / all;
        let whole = Parts { own: Rho(rho), pooled: Rho(0) };
        if self.contrast_of_sum(at).is_some() {
            whole.divided(PER_MILLE_OF_DIFFERENCE)
        } else {
            whole
        }
    }

    fn parts_of_product(&self, at: usize, shares: &Shares) -> Parts {
        let whole = Parts { own: shares.product, pooled: Rho(0) };
        let own = 1000 - PER_MILLE_OF_DIFFERENCE;
        if self.contrast_of_product(at).is_some() { whole.divided(own) } else { whole }
    }

    /// The most that one person moves one head count.
    pub(super) fn linf_of_people(&self) -> Option<u64> {
        Some(u64::from(self.ids_per_person))
    }

    /// The most that one person moves one entry of a sum.
    pub(super) fn linf_of_sum(&self, at: usize) -> Option<u64> {
        let reach = self.measures.get(at)?.clamp.reach().checked_mul(self.weight_of_sum(at))?;
        reach.checked_mul(u64::from(self.ids_per_person))
    }

    /// The most that one person moves one entry of a product, in its units.
    pub(super) fn linf_of_product(&self, at: usize) -> Option<u64> {
        let reach = self.products.get(at)?.reach(&self.measures)?;
        let reach = reach.checked_mul(self.weight_of_product(at))?;
        reach.checked_mul(u64::from(self.ids_per_person))
    }

    pub(super) fn figure(
        &self,
        which: Wanted,
        linf: Option<u64>,
        rho: Rho,
    ) -> Result<Figure, PriceError> {
        let cells = match which {
            Wanted::People => self.cells_per_person,
            _ => self.cells_of_amounts(),
        };
        let sigma = linf.and_then(|linf| Sigma::for_cost(u64::from(cells), linf, rho));
        let both = linf.zip(sigma).ok_or(PriceError::NoNoise(which))?;
        Ok(Figure { cells, linf: both.0, rho, sigma: both.1 })
    }
}

/// The share of the loss for each figure of a kind.
struct Shares {
    people: Rho,
    /// Of all sums together.
    sums: Rho,
    product: Rho,
}

/// The share of a sum or product over cells; or that of its contrast, and that of its pooled total.
struct Parts {
    own: Rho,
    pooled: Rho,
}

impl Parts {
    /// So many thousandths for the contrast, and the rest for the pooled total.
    fn divided(self, thousandths: u64) -> Self {
        let own = Rho(self.own.0 / 1000 * thousandths);
        Self { pooled: Rho(self.own.0 - own.0), own }
    }

    /// The smaller share of the two, if there are two.
    fn least(&self) -> Rho {
        if self.pooled == Rho(0) { self.own } else { self.own.min(self.pooled) }
    }
}

impl Sigma {
    /// The smallest σ that makes a Gaussian on `cells` entries, of which each moves by at most `linf`,
    /// cost at most `rho`: √cells·linf/√(2ρ), rounded up.
    pub(super) fn for_cost(cells: u64, linf: u64, rho: Rho) -> Option<Self> {
        if rho == Rho(0) {
            return None;
        }
        let sigma = 1024.0 * real(linf) * real(cells).sqrt() / (2.0 * rho.value()).sqrt();
        natural(sigma).filter(|units| *units <= LARGEST_SIGMA).map(Self)
    }
}

/// Rounded up, by more than the operations before can have rounded down.
fn natural(number: f64) -> Option<u64> {
    let up = (number * (1.0 + 1e-12)).ceil();
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in 0..2^53"
    )]
    (0.0..9e15).contains(&up).then_some(up as u64)
}

/// Why a tally has no price.
///
/// Remedy: ask for less noise on fewer figures, raise epsilon, or lower the caps; `glovebox job price` tells what a
/// job would cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PriceError {
    /// A figure gets no share of the loss, or its noise would be too large to draw.
    #[error("a figure would get no share of the loss, or noise too large to draw")]
    NoNoise(Wanted),
    /// The tally has another shape than what is to leave of it: no public places, or nothing to train.
    #[error("the tally is of another shape than what is to leave of it")]
    NoChoice,
    /// The tally has no such figure.
    #[error("the question has no such figure")]
    NoFigure,
    /// No loss is large enough for this error.
    #[error("even the largest epsilon that a job may ask for does not make a figure this exact")]
    TooExact,
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "rounded up by the caller, or shown"
)]
fn real(number: u64) -> f64 {
    number as f64
}

/// [`Contrast::OF_DIFFERENCE`](crate::tally::Contrast::OF_DIFFERENCE).
const PER_MILLE_OF_DIFFERENCE: u64 = 900;
/// The number of rows that is planned for at least, so that a price before there is data equals
/// that of the data.
const FEWEST_ROWS: u64 = 1 << 26;
/// 2⁴¹ in units of 1/1024: what the exact sampler draws at most.
pub(super) const LARGEST_SIGMA: u64 = 1 << 51;
