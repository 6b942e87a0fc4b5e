//! How figures leave: with the noise that was paid for, or not at all.

use std::fmt;

use protocol::proof::{self, Proven, Sigma};
use protocol::tally::Product;

use crate::ledger::Paid;
use crate::sampler::{Noise, Variance};
use arms::Arms;

pub use arms::{ArmFigures, CellFigure, MeasureFigures};
pub use choice::Chosen;
pub use groups::{GroupFigures, Groups, Thresholds};
pub use totals::{Names, Place, Totals};

mod arms;
mod choice;
mod groups;
mod totals;

/// Totals that were computed from rows. Nothing outside this crate can read them:
///
/// ```compile_fail,E0616
/// fn peek(raw: privacy::Raw) {
///     let _ = raw.totals;
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn keep(raw: &privacy::Raw) -> privacy::Raw {
///     privacy::Raw::clone(raw)
/// }
/// ```
///
/// Nor are they totals of anything that has no proof:
///
/// ```compile_fail,E0308
/// fn unproven(tally: protocol::tally::Tally, totals: privacy::Totals) -> privacy::Raw {
///     privacy::Raw::new(tally, totals)
/// }
/// ```
pub struct Raw {
    proven: Proven,
    totals: Totals,
}

impl Raw {
    /// The totals that answer `proven`.
    #[must_use]
    pub fn new(proven: Proven, totals: Totals) -> Self {
        Self { proven, totals }
    }

    /// Lets noisy figures go, if `paid` is for the same question with the same proof.
    ///
    /// # Privacy
    ///
    /// Costs what `paid` cost. Every figure of every cell gets noise, whatever it is: an empty public
    /// cell looks like any other. Cells whose values are private are shown if their noisy head count
    /// passes [`proof::Selection::threshold`], at the δ of the proof. Withholding cells below the
    /// threshold ([`Thresholds`]) and adding them up is decided from noisy figures and costs nothing more.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the payment was for another question, its noise cannot be drawn, or the engine
    /// handed over something else than the tally's cells. None depends on a figure.
    pub fn release(self, paid: Paid, noise: &mut impl Noise) -> Result<Released, Mismatch> {
        let Self { proven, totals } = self;
        if paid.admitted().proven() != &proven {
            return Err(Mismatch::OtherQuestion);
        }
        if proven.proof().choice.is_some() {
            return Err(Mismatch::Mechanism);
        }
        let noisy = Noisy::draw(&proven, totals, noise)?;
        let least = i64::from(proven.proof().threshold.max(paid.min_cell()));
        let is_noisy = noisy.people.noise_variance > 0.0;
        let shows = Thresholds::new(&proven, least, is_noisy);
        let tally = proven.tally();
        let figures = if tally.compares_arms() {
            Figures::Arms(Arms::new(tally, &noisy, least))
        } else {
            Figures::Groups(Box::new(Groups::new(tally, noisy, shows)))
        };
        Ok(Released { paid, figures, is_noisy })
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Raw(..)")
    }
}

/// Why nothing was released, decided before any figure was looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Another question was paid for.
    #[error("the payment is for another question than the totals answer")]
    OtherQuestion,
    /// Figures were asked for where a place was paid for, or the other way round.
    #[error("the payment is for figures and not for a choice, or the other way round")]
    Mechanism,
    /// Noise that the sampler cannot draw; a price that was derived from a tally never has it.
    #[error("the price names noise that cannot be drawn")]
    Undrawable,
    /// Totals of other cells or other measures; an engine that is right never hands them over.
    #[error("the totals are not one for each cell and figure of the question")]
    Shape,
}

/// Figures that may leave. Only [`Raw::release`] makes them:
///
/// ```compile_fail,E0451
/// fn forged(paid: privacy::Paid) -> privacy::Released {
///     privacy::Released { paid, is_noisy: true, ..panic!() }
/// }
/// ```
#[derive(Debug)]
pub struct Released {
    paid: Paid,
    figures: Figures,
    is_noisy: bool,
}

#[derive(Debug)]
enum Figures {
    Arms(Arms),
    Groups(Box<Groups>),
}

impl Released {
    /// What was asked and paid.
    pub fn paid(&self) -> &Paid {
        &self.paid
    }

    /// People by cell of a comparison of arms, in the order of [`protocol::tally::Cell::ALL`]; none for
    /// groups.
    #[must_use]
    pub fn cells(&self) -> &[CellFigure] {
        self.arms().map_or(&[], |it| &it.cells)
    }

    /// The test arm; none if it is below the threshold.
    #[must_use]
    pub fn test(&self) -> Option<&ArmFigures> {
        let [test, _] = &self.arms()?.arms;
        test.as_ref()
    }

    /// The control arm; none if it is below the threshold.
    #[must_use]
    pub fn control(&self) -> Option<&ArmFigures> {
        let [_, control] = &self.arms()?.arms;
        control.as_ref()
    }

    /// Whether fewer than one person in 200, over both arms, was found among the outcomes. Then
    /// keys that were made differently are likelier than so rare an outcome.
    #[must_use]
    pub fn low_match(&self) -> bool {
        self.arms().is_some_and(|it| it.low_match)
    }

    /// Figures by group; none for a comparison of arms.
    #[must_use]
    pub fn groups(&self) -> Option<&Groups> {
        match &self.figures {
            Figures::Groups(groups) => Some(groups),
            Figures::Arms(_) => None,
        }
    }

    /// What the threshold withheld: names of arms and their cells, or how many groups.
    #[must_use]
    pub fn withheld(&self) -> Vec<String> {
        match &self.figures {
            Figures::Arms(arms) => arms.withheld(),
            Figures::Groups(groups) => groups.withheld(),
        }
    }

    /// Whether there is noise in the figures; false only in a rehearsal with the noise off.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        self.is_noisy
    }

    fn arms(&self) -> Option<&Arms> {
        match &self.figures {
            Figures::Arms(arms) => Some(arms),
            Figures::Groups(_) => None,
        }
    }
}

/// A released whole number and the variance of the noise in it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Figure {
    /// The number, in units of the column; possibly below zero.
    pub value: i64,
    /// Variance of its noise, in the square of that unit.
    pub noise_variance: f64,
}

/// A released sum of products. Where the tally counts them in coarse units, it is a multiple of these.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProductFigure {
    /// The sum, in the product of both columns' units; possibly below zero.
    pub value: i128,
    /// Variance of its noise, in the square of that unit.
    pub noise_variance: f64,
}

impl ProductFigure {
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

impl Figure {
    fn plus(self, other: Self) -> Self {
        let noise_variance = self.noise_variance + other.noise_variance;
        Self { value: self.value.saturating_add(other.value), noise_variance }
    }
}

/// One figure over cells, noise included.
#[derive(Debug, Default)]
struct Column {
    values: Vec<i64>,
    noise_variance: f64,
}

impl Column {
    fn draw(
        mut values: Vec<i64>,
        figure: &proof::Figure,
        noise: &mut impl Noise,
    ) -> Result<Self, Mismatch> {
        let width = width(figure.sigma)?;
        noise.add_gaussian(width, &mut values);
        Ok(Self { values, noise_variance: noise.variance_of(width) })
    }

    fn at(&self, place: usize) -> Figure {
        let value = self.values.get(place).copied().unwrap_or(0);
        Figure { value, noise_variance: self.noise_variance }
    }
}

/// All figures of all cells, noise included; the last cell is for who did not agree.
#[derive(Debug)]
struct Noisy {
    names: Names,
    people: Column,
    sums: Vec<Column>,
    products: Vec<Column>,
    /// How many cells there are.
    cells: Figure,
}

impl Noisy {
    fn draw(proven: &Proven, mut totals: Totals, noise: &mut impl Noise) -> Result<Self, Mismatch> {
        let (tally, proof) = (proven.tally(), proven.proof());
        totals.check(tally)?;
        if let Names::Data(_) = totals.cells {
            totals.drop_empty();
        }
        let Totals { cells: names, people, sums, products } = totals;
        let cells = i64::try_from(people.len()).unwrap_or(i64::MAX) - 1;
        let people = Column::draw(people, &proof.people, noise)?;
        let mut draw = |totals: Vec<Vec<i64>>, figures: &[proof::Figure]| {
            let pairs = totals.into_iter().zip(figures);
            pairs
                .map(|(totals, figure)| Column::draw(totals, figure, noise))
                .collect::<Result<Vec<_>, _>>()
        };
        let sums = draw(sums, &proof.sums)?;
        let products = draw(products, &proof.products)?;
        let cells = match &proof.selection {
            Some(it) => Column::draw(vec![cells], &it.withheld, noise)?.at(0),
            None => Figure { value: cells, noise_variance: 0.0 },
        };
        Ok(Self { names, people, sums, products, cells })
    }
}

fn width(sigma: Sigma) -> Result<Variance, Mismatch> {
    let (numerator, denominator) = sigma.variance();
    Variance::new(numerator, denominator).map_err(|_| Mismatch::Undrawable)
}
