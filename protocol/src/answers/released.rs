//! What is released of a tally: whole numbers with noise in them, after thresholds and selection.
//!
//! Everything that an answer says is a function of these figures, the job and the contract, so that
//! a stranger who has all three derives it again. How wide the noise is follows from the proof
//! ([`View`]).

use crate::{
    canonical,
    digest::Digest,
    limits::{self, at_most},
    proof::{Proven, Sigma, Vectors},
    tally::{Product, Tally},
};
use serde::{Deserialize, Serialize};

mod agreement;
mod arms;
mod contrasts;
mod names;
mod spread;
mod thresholds;
mod trained;

pub use agreement::{Agreement, Amount, Cells, Compared, FALSE_ALARM, OnlyInOne, Which};
pub use arms::{
    arm_cells, arm_of, creative_of, is_creative, is_named, released_cell, segment_of, segments,
};
pub use contrasts::{Contrasts, Forms, FormsOf};
pub use names::public_name;
pub use thresholds::Thresholds;
pub use trained::{StepSums, Trained};

/// What is released of a tally.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever reads must see a new door")]
pub enum Released {
    /// Figures with noise.
    Figures(Figures),
    /// One chosen place, and no figure.
    Place(Chosen),
    /// The sums of a training.
    Steps(Trained),
}

/// The place that was chosen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Chosen {
    /// Whether noise was added; false only in a rehearsal with the noise off.
    pub noise: bool,
    /// Place of the value in the group's public list, or of the edge among the bins' edges.
    pub place: u32,
}

/// Released figures. They do not contain what was withheld: not its value; if values are private,
/// not its name either; and of its number only what is released for all withheld cells together.
///
/// # Privacy
///
/// Costs nothing: this is what was paid for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Figures {
    /// Whether noise was added; false only in a rehearsal with the noise off.
    pub noise: bool,
    /// Cells that are shown, in the order of their names. Of a comparison of arms a name may end early: then the cell is of all
    /// people whose names begin so and are in no other cell that is shown.
    #[serde(deserialize_with = "at_most::<{ limits::FIGURES }, _, _>")]
    pub cells: Vec<Cell>,
    /// How many more cells passed the threshold and had no room in the answer: those with the
    /// fewest people.
    pub cut: u64,
    /// Totals over the public groups that are not shown; `None` if too few people are in them
    /// together.
    pub other: Option<Totals>,
    /// How many cells are not shown: exact for public cells, noisy for those whose values are private.
    pub withheld: i64,
    /// How many of the public cells that are not shown have no value in some dimension, as people
    /// without a row have none; `None` if the values of cells are private.
    pub withheld_without_value: Option<u64>,
    /// People who refused consent; `None` if they are too few to be shown.
    pub no_consent: Option<i64>,
    /// The sums and products that leave as contrasts of two arms, one for each segment that is shown; empty if there are none, or an
    /// arm is withheld.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "at_most::<{ limits::FIGURES }, _, _>")]
    pub contrasts: Vec<Contrasts>,
    /// People by in how many cells they would be, in the bins of [`Tally::spread`], however few; empty if that is not counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "at_most::<{ limits::SPREAD_EDGES + 1 }, _, _>")]
    pub spread: Vec<i64>,
}

/// A cell that is shown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Cell {
    /// Place of the cell in each dimension of the tally.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub name: Vec<Place>,
    /// Totals of the cell.
    pub totals: Totals,
}

/// Totals over one cell, or over several.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Totals {
    /// Number of people; the noise can make it negative.
    pub people: i64,
    /// The sum of each measure of the tally that does not leave as a contrast, in units of its column; empty where people
    /// alone are shown.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub sums: Vec<i64>,
    /// The sum of each product of the tally that does not leave as a contrast, in its units ([`Product::unit`]); empty where
    /// people alone are shown.
    #[serde(deserialize_with = "at_most::<{ limits::PRODUCTS }, _, _>")]
    pub products: Vec<i64>,
}

/// The place of a cell in one dimension.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "dimensions are public or named by the data")]
pub enum Place {
    /// The number of a public place.
    Index(u32),
    /// A label, zero-padded; all zeros stand for no label.
    Label(#[serde(with = "serde_bytes")] [u8; 32]),
}

/// Figures with what their proof says of the noise in each.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    figures: &'a Figures,
    proven: &'a Proven,
    vectors: &'a Vectors,
}

/// A released whole number and the variance of the noise in it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Figure {
    /// The number, in units of the column; the noise can make it negative.
    pub value: i64,
    /// Variance of the noise, in the square of that unit.
    pub noise_variance: f64,
}

/// A released sum of products. If the tally counts in coarse units, the sum is a multiple of one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProductFigure {
    /// The sum, in the product of both columns' units; the noise can make it negative.
    pub value: i128,
    /// Variance of the noise, in the square of that unit.
    pub noise_variance: f64,
}

/// The figures of one cell, or of several together.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GroupFigures {
    /// Place of the cell in each dimension of the tally; empty for several cells.
    pub name: Vec<Place>,
    /// Number of people.
    pub people: Figure,
    /// The sum of each measure of the tally that does not leave as a contrast.
    pub sums: Vec<Figure>,
    /// The sum of each product of the tally that does not leave as a contrast.
    pub products: Vec<ProductFigure>,
}

impl Released {
    /// Whether noise was added; false only in a rehearsal with the noise off.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        match self {
            Self::Figures(figures) => figures.noise,
            Self::Place(chosen) => chosen.noise,
            Self::Steps(trained) => trained.noise,
        }
    }

    /// The bytes of the released figures, as a package has them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::to_vec(self)
    }

    /// Reads the bytes of released figures.
    ///
    /// # Errors
    ///
    /// [`InvalidReleased`] if they are not what was released for any job.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidReleased> {
        canonical::from_slice_within(bytes, limits::RELEASED).map_err(|_| InvalidReleased)
    }

    /// The digest of these bytes, as a receipt has it.
    #[must_use]
    pub fn digest(bytes: &[u8]) -> Digest {
        Digest::of("glovebox released v1", bytes)
    }

    /// The most bytes that an answer to `tally` can have, whatever the noise is.
    #[must_use]
    pub fn longest(tally: &Tally) -> usize {
        if let Some(program) = &tally.program {
            return trained::numbers(program).saturating_mul(FIGURE).saturating_add(HEAD);
        }
        let figures = 1 + tally.measures.len() + tally.products.len();
        let name = tally.dimensions.iter().map(|dimension| match dimension.places() {
            Some(_) => INDEX,
            None => LABEL,
        });
        let cell = CELL + name.sum::<usize>() + figures.saturating_mul(FIGURE);
        let most = limits::FIGURES / (1 + tally.measures.len());
        // A comparison of arms has a cell more for what is left of each cell of the tally's first two dimensions.
        let cells = if tally.is_named_by_data() { None } else { tally.public_cells() };
        let cells = cells.and_then(|cells| cells.checked_add(REST));
        let cells = cells.and_then(|cells| usize::try_from(cells).ok()).unwrap_or(most).min(most);
        let (sums, products) = tally.contrasted();
        let forms = (sums.len() + products.len()).saturating_mul(contrasts::FORMS);
        let segments = usize::try_from(tally.segment_places()).unwrap_or(usize::MAX);
        let segment = tally.segments().len().saturating_mul(INDEX);
        let forms = (forms + segment + CELL).saturating_mul(segments.saturating_add(1));
        let forms = if sums.is_empty() { 0 } else { forms };
        // Their name is no longer than as many numbers.
        let spread = tally.spread_bins().saturating_mul(2 * FIGURE);
        let once = HEAD.saturating_add(spread);
        cells.saturating_add(1).saturating_mul(cell).saturating_add(once).saturating_add(forms)
    }

    /// The figures with their noise; `None` if something else was released.
    #[must_use]
    pub fn view<'a>(&'a self, proven: &'a Proven) -> Option<View<'a>> {
        match self {
            Self::Figures(figures) => View::new(figures, proven),
            Self::Place(_) | Self::Steps(_) => None,
        }
    }
}

impl<'a> View<'a> {
    /// `figures` as an answer to `proven`; `None` if the proof says that a place is released, or other counts of people by cells.
    #[must_use]
    pub fn new(figures: &'a Figures, proven: &'a Proven) -> Option<Self> {
        let vectors = proven.proof().vectors()?;
        let fits = figures.spread.len() == proven.tally().spread_bins();
        fits.then_some(Self { figures, proven, vectors })
    }

    /// The noise of each figure.
    #[must_use]
    pub fn vectors(&self) -> &'a Vectors {
        self.vectors
    }

    /// The question and its proof.
    #[must_use]
    pub fn proven(&self) -> &'a Proven {
        self.proven
    }

    /// Whether there is noise in the figures; false only in a rehearsal with the noise off.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        self.figures.noise
    }

    /// The noisy counts from which things are shown.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        Thresholds::of(self.proven, self.figures.noise)
    }

    /// How many cells are shown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.figures.cells.len()
    }

    /// True if no cell is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.figures.cells.is_empty()
    }

    /// The cells that are shown, in the order of their names.
    pub fn cells(&self) -> impl Iterator<Item = GroupFigures> + '_ {
        let group = |cell: &Cell| self.group(&cell.name, &cell.totals, self.draws(&cell.name));
        self.figures.cells.iter().map(group)
    }

    /// How many cells were added up in the one of this name: 1, unless it is what is left of an arm.
    fn draws(&self, name: &[Place]) -> u64 {
        let tally = self.proven.tally();
        if !tally.compares_arms() || name.len() == tally.dimensions.len() {
            return 1;
        }
        let longer = self.figures.cells.iter().map(|cell| &cell.name);
        let longer = longer.filter(|other| other.len() > name.len() && other.starts_with(name));
        let apart = longer.map(|other| self.draws(other)).fold(0, u64::saturating_add);
        arms::cells_under(tally, name).saturating_sub(apart).max(1)
    }

    /// The sum of the noisy figures of all public cells that are not shown; `None` if it is itself
    /// below the threshold, or if the values of cells are private. It has no name.
    ///
    /// These people were withheld because their noisy counts are small, so the noise in their sum
    /// is not centred: there may be more people, and not fewer. Sums have noise of their own, which
    /// is centred.
    #[must_use]
    pub fn other(&self) -> Option<GroupFigures> {
        let totals = self.figures.other.as_ref()?;
        let draws = u64::try_from(self.figures.withheld).unwrap_or(0);
        Some(self.group(&[], totals, draws))
    }

    /// How many cells are not shown: exact for public cells, noisy for those whose values are private.
    #[must_use]
    pub fn withheld(&self) -> Figure {
        let selection = self.vectors.selection;
        let noise_variance =
            selection.map_or(0.0, |selected| self.variance(selected.withheld.sigma, 1));
        Figure { value: self.figures.withheld, noise_variance }
    }

    /// How many more cells passed the threshold and had no room in the answer.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.figures.cut
    }

    /// How many of the public cells that are not shown have no value in some dimension; `None` if
    /// the values of cells are private.
    #[must_use]
    pub fn withheld_without_value(&self) -> Option<u64> {
        self.figures.withheld_without_value
    }

    /// People who refused consent; `None` if they are below the threshold.
    #[must_use]
    pub fn no_consent(&self) -> Option<Figure> {
        Some(self.people(self.figures.no_consent?))
    }

    /// A head count of one cell.
    #[must_use]
    pub fn people(&self, value: i64) -> Figure {
        self.people_in(value, 1)
    }

    /// A head count of so many cells together.
    #[must_use]
    pub fn people_in(&self, value: i64, cells: u64) -> Figure {
        Figure { value, noise_variance: self.variance(self.vectors.people.sigma, cells) }
    }

    /// Variance of the noise in the sum of this many draws.
    fn variance(&self, sigma: Sigma, draws: u64) -> f64 {
        if !self.figures.noise {
            return 0.0;
        }
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^53")]
        let draws = draws as f64;
        sigma.value() * sigma.value() * draws
    }

    fn group(&self, name: &[Place], totals: &Totals, draws: u64) -> GroupFigures {
        let (tally, vectors) = (self.proven.tally(), self.vectors);
        let figure = |value: i64, sigma: Sigma| Figure {
            value,
            noise_variance: self.variance(sigma, draws),
        };
        let by_cell = |at: &usize| tally.contrast_of_sum(*at).is_none();
        let noise = vectors.sums.iter().enumerate().filter(|(at, _)| by_cell(at));
        let sums = totals.sums.iter().zip(noise.map(|(_, noise)| noise));
        let by_cell = |at: &usize| tally.contrast_of_product(*at).is_none();
        let noise = vectors.products.iter().zip(&tally.products).enumerate();
        let noise = noise.filter(|(at, _)| by_cell(at)).map(|(_, noise)| noise);
        let products = totals.products.iter().zip(noise);
        GroupFigures {
            name: name.to_vec(),
            people: figure(totals.people, vectors.people.sigma),
            sums: sums.map(|(value, noise)| figure(*value, noise.sigma)).collect(),
            products: products
                .map(|(value, (noise, product))| {
                    ProductFigure::new(figure(*value, noise.sigma), *product)
                })
                .collect(),
        }
    }
}

impl Figure {
    /// No people and no noise.
    pub const ZERO: Self = Self { value: 0, noise_variance: 0.0 };

    /// The sum of two figures, each with noise of its own.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let noise_variance = self.noise_variance + other.noise_variance;
        Self { value: self.value.saturating_add(other.value), noise_variance }
    }
}

impl ProductFigure {
    /// The sum of two figures, each with noise of its own.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let noise_variance = self.noise_variance + other.noise_variance;
        Self { value: self.value.saturating_add(other.value), noise_variance }
    }

    /// A figure that counts units of `product`.
    fn new(figure: Figure, product: Product) -> Self {
        let unit = product.unit();
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a power of two")]
        let real = unit as f64;
        let value = i128::try_from(unit).unwrap_or(i128::MAX);
        Self {
            value: i128::from(figure.value).saturating_mul(value),
            noise_variance: figure.noise_variance * real * real,
        }
    }
}

/// The bytes are not the released figures of any job.
///
/// Remedy: give released.cbor as it lies beside the receipt, byte for byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected the figures that were released for a job (released.cbor)")]
pub struct InvalidReleased;

/// Bytes of a cell's field names and heads, of a place in a public dimension, of a label, and of a number.
const CELL: usize = 48;
const INDEX: usize = 13;
const LABEL: usize = 42;
const FIGURE: usize = 9;
/// The cells of what is left of the arms, found and not.
const REST: u64 = 4;
/// Bytes of what is in the figures once.
const HEAD: usize = 256;
