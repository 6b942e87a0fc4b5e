//! Releases figures: each leaves with the noise that was paid for, or not at all.

use std::fmt;

use protocol::contract::Contract;
use protocol::policy::Admitted;
use protocol::proof::{self, Leaves, Proven, Sigma, Vectors};
use protocol::released::{self, Figures, Released, Thresholds, View};
use protocol::result::JobResult;
use protocol::tally::Tally;
use protocol::time::Time;

use crate::ledger::Paid;
use crate::sampler::{Noise, Variance};

pub use totals::{Names, Totals};

mod arms;
mod choice;
mod contrasts;
mod groups;
mod totals;

use contrasts::Amounts;

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

    /// Releases what was paid for, if `paid` is for the same question with the same proof: noisy
    /// figures, or the place that the proof's [`Choice`](proof::Choice) names.
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
    pub fn release(self, paid: Paid, noise: &mut impl Noise) -> Result<Release, Mismatch> {
        if paid.admitted().proven() != &self.proven {
            return Err(Mismatch::OtherQuestion);
        }
        let released = match self.proven.proof().leaves.clone() {
            Leaves::Place(choice) => Released::Place(self.choose(choice, noise)?),
            Leaves::Figures(vectors) => Released::Figures(self.figures(&vectors, noise)?),
            // Its steps leave by [`Steps`](crate::Steps), one after another.
            Leaves::Steps(_) => return Err(Mismatch::OtherQuestion),
        };
        Ok(Release { paid, released })
    }

    fn figures(self, vectors: &Vectors, noise: &mut impl Noise) -> Result<Figures, Mismatch> {
        let Self { proven, totals } = self;
        let noisy = Noisy::draw(proven.tally(), vectors, totals, noise)?;
        let tally = proven.tally();
        let shows = Thresholds::of(&proven, noisy.people.is_noisy());
        Ok(if tally.compares_arms() {
            arms::arms(tally, &noisy, shows)
        } else {
            groups::groups(tally, noisy, shows)
        })
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Raw(..)")
    }
}

/// Why nothing was released. This is decided before any figure is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The payment is for another question.
    #[error("the payment is for another question than the totals answer")]
    OtherQuestion,
    /// The sampler cannot draw the noise. A price that was derived from a tally never asks for such
    /// noise.
    #[error("the price names noise that cannot be drawn")]
    Undrawable,
    /// The totals are of other cells or measures. A correct engine never hands over such totals.
    #[error("the totals are not one for each cell and figure of the question")]
    Shape,
}

/// What may leave, and the payment that it used up. Only [`Raw::release`] and [`Steps::draw`](crate::Steps::draw) make one:
///
/// ```compile_fail,E0451
/// fn forged(paid: privacy::Paid) -> privacy::Release {
///     privacy::Release { paid, released: panic!() }
/// }
/// ```
#[derive(Debug)]
pub struct Release {
    paid: Paid,
    released: Released,
}

impl Release {
    pub(crate) fn of(paid: Paid, released: Released) -> Self {
        Self { paid, released }
    }

    /// The question that was paid for, and the payment.
    pub fn paid(&self) -> &Paid {
        &self.paid
    }

    /// The released figures or place.
    #[must_use]
    pub fn released(&self) -> &Released {
        &self.released
    }

    /// The figures with the noise in each; `None` if something else was released.
    #[must_use]
    pub fn view(&self) -> Option<View<'_>> {
        self.released.view(self.paid.admitted().proven())
    }

    /// The result that the receivers of `admitted`, which the key called `analyst_key` signed, read, made at `time`. `admitted` is the job that
    /// paid, or another one that asks for the same figures. `None` if what was released does not
    /// answer its question.
    #[must_use]
    pub fn result(
        &self,
        admitted: &Admitted,
        analyst_key: &str,
        contract: &Contract,
        time: Time,
    ) -> Option<JobResult> {
        JobResult::new(
            contract,
            admitted,
            analyst_key,
            &self.released,
            &self.paid.remaining(),
            time,
        )
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

    fn at(&self, place: usize) -> i64 {
        self.values.get(place).copied().unwrap_or(0)
    }

    fn is_noisy(&self) -> bool {
        self.noise_variance > 0.0
    }
}

/// All figures of all cells, noise included. The last cell holds people who gave no consent.
#[derive(Debug)]
struct Noisy {
    names: Names,
    people: Column,
    /// Of measures that leave cell by cell.
    sums: Vec<Column>,
    /// Of products that leave cell by cell.
    products: Vec<Column>,
    /// One for each segment, if there are any.
    contrasts: Vec<released::Contrasts>,
    /// The number of cells, with noise if their names come from the data.
    cells: i64,
    /// People by in how many cells they would be.
    spread: Vec<i64>,
}

impl Noisy {
    fn draw(
        tally: &Tally,
        vectors: &Vectors,
        mut totals: Totals,
        noise: &mut impl Noise,
    ) -> Result<Self, Mismatch> {
        totals.check(tally)?;
        if let Names::Data(_) = totals.cells {
            totals.drop_empty();
        }
        let Totals { cells: names, people, sums, products, spread } = totals;
        let cells = i64::try_from(people.len()).unwrap_or(i64::MAX) - 1;
        let Amounts { people, sums, products, pooled } =
            Amounts::new(tally, people, sums, products);
        let people = Column::draw(people, &vectors.people, noise)?;
        let mut draw = |totals: Vec<Vec<i64>>, figures: &[proof::Figure]| {
            let pairs = totals.into_iter().zip(figures);
            pairs
                .map(|(totals, figure)| Column::draw(totals, figure, noise))
                .collect::<Result<Vec<_>, _>>()
        };
        let mut sums = draw(sums, &vectors.sums)?;
        let mut products = draw(products, &vectors.products)?;
        let pooled = draw(pooled, &vectors.pooled)?;
        let contrasts = contrasts::taken(tally, &mut sums, &mut products, &pooled);
        let cells = match &vectors.selection {
            Some(it) => Column::draw(vec![cells], &it.withheld, noise)?.at(0),
            None => cells,
        };
        let spread = match &vectors.spread {
            Some(figure) => Column::draw(spread, figure, noise)?.values,
            None => Vec::new(),
        };
        Ok(Self { names, people, sums, products, contrasts, cells, spread })
    }

    /// Everything in the cell at `place`.
    fn totals(&self, place: usize) -> released::Totals {
        let of = |columns: &[Column]| columns.iter().map(|column| column.at(place)).collect();
        released::Totals {
            people: self.people.at(place),
            sums: of(&self.sums),
            products: of(&self.products),
        }
    }
}

pub(crate) fn width(sigma: Sigma) -> Result<Variance, Mismatch> {
    let (numerator, denominator) = sigma.variance();
    Variance::new(numerator, denominator).map_err(|_| Mismatch::Undrawable)
}
