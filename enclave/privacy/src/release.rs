//! How figures leave: with the noise that was paid for, or not at all.

use std::fmt;

use protocol::tally::{Cell, Sigma, Tally};

use crate::ledger::Paid;
use crate::sampler::{Noise, Variance};

/// Totals that were computed from rows. Nothing outside this crate can read them:
///
/// ```compile_fail,E0616
/// fn peek(raw: privacy::Raw) {
///     let _ = raw.totals;
/// }
/// ```
///
/// ```compile_fail,E0599
/// fn keep(raw: &privacy::Raw) -> privacy::Raw {
///     privacy::Raw::clone(raw)
/// }
/// ```
pub struct Raw {
    tally: Tally,
    totals: [Totals; CELLS],
}

impl Raw {
    /// The totals of each cell, in the order of [`Cell::ALL`], that answer `tally`.
    #[must_use]
    pub fn new(tally: Tally, totals: [Totals; CELLS]) -> Self {
        Self { tally, totals }
    }

    /// Lets noisy figures go, if `paid` is for the same question.
    ///
    /// # Privacy
    ///
    /// Costs what `paid` cost. Every head count gets noise, and the sums of every cell that has
    /// outcomes, whatever the figures are: an empty cell looks like any other. Withholding figures
    /// below the threshold is decided from noisy ones and costs nothing more.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the payment was for another question, or its noise cannot be drawn. Neither
    /// depends on a figure.
    pub fn release(self, paid: Paid, noise: &mut impl Noise) -> Result<Released, Mismatch> {
        let priced = &paid.admitted().priced;
        let same = paid.admitted().tally == self.tally;
        if !same || priced.measures.len() != self.tally.measures.len() {
            return Err(Mismatch::OtherQuestion);
        }
        let n = width(priced.n)?;
        let widths = priced.measures.iter().map(|it| {
            let sum_sq = it.sum_sq.map(width).transpose()?;
            Ok((width(it.sum)?, sum_sq))
        });
        let widths = widths.collect::<Result<Vec<_>, Mismatch>>()?;
        let mut noisy = |total: i64, width: Variance| Figure {
            value: total.saturating_add(noise.gaussian(width)),
            noise_variance: noise.variance_of(width),
        };
        let mut cells = Vec::new();
        for (cell, totals) in Cell::ALL.into_iter().zip(&self.totals) {
            let people = noisy(totals.n, n);
            let mut sums = Vec::new();
            if cell.has_outcomes() {
                for (at, (sum, sum_sq)) in widths.iter().enumerate() {
                    let total = totals.measures.get(at).copied().unwrap_or_default();
                    let sum = noisy(total.sum, *sum);
                    let sum_sq = sum_sq.map(|width| noisy(total.sum_sq, width));
                    sums.push(MeasureFigures { sum, sum_sq });
                }
            }
            cells.push(Noisy { cell, people, sums });
        }
        Ok(Released::new(paid, &cells))
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Raw(..)")
    }
}

/// The totals of one cell, as the engine hands them over.
#[derive(Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, and must see a new field")]
pub struct Totals {
    /// People.
    pub n: i64,
    /// For each measure of the tally, in its order.
    pub measures: Vec<Sums>,
}

/// The totals of one measure over the people of one cell.
#[derive(Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, and must see a new field")]
pub struct Sums {
    /// Of the clamped values of people.
    pub sum: i64,
    /// Of their squares.
    pub sum_sq: i64,
}

impl fmt::Debug for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Totals(..)")
    }
}

impl fmt::Debug for Sums {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sums(..)")
    }
}

/// Why nothing was released, decided before any figure was looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Another question was paid for.
    #[error("the payment is for another question than the totals answer")]
    OtherQuestion,
    /// Noise that the sampler cannot draw; a price that was derived from a tally never has it.
    #[error("the price names noise that cannot be drawn")]
    Undrawable,
}

/// Figures that may leave. Only [`Raw::release`] makes them:
///
/// ```compile_fail,E0451
/// fn forged(paid: privacy::Paid) -> privacy::Released {
///     privacy::Released { paid, cells: Vec::new(), arms: [None, None], low_match: false }
/// }
/// ```
#[derive(Debug)]
pub struct Released {
    paid: Paid,
    cells: Vec<CellFigure>,
    arms: [Option<ArmFigures>; 2],
    low_match: bool,
}

impl Released {
    /// Applies the threshold.
    ///
    /// A cell of an arm that is too small is withheld together with its sibling: the total of the
    /// arm, which is shown, would give it away.
    fn new(paid: Paid, noisy: &[Noisy]) -> Self {
        let least = i64::from(paid.min_cell());
        let people = |cell: Cell| {
            let found = noisy.iter().find(|it| it.cell == cell).map(|it| it.people);
            found.unwrap_or(Figure { value: 0, noise_variance: 0.0 })
        };
        let small = |cell: Cell| people(cell).value < least;
        let arms = ARMS.map(|[matched, unmatched]| {
            let (found, missing) = (people(matched), people(unmatched));
            let measures = noisy.iter().find(|it| it.cell == matched)?.sums.clone();
            let people = Figure {
                value: found.value.saturating_add(missing.value),
                noise_variance: found.noise_variance + missing.noise_variance,
            };
            (people.value >= least).then_some(ArmFigures { people, measures })
        });
        let cells = noisy.iter().map(|it| {
            let arm = ARMS.into_iter().find(|arm| arm.contains(&it.cell));
            let withheld = arm.map_or_else(|| small(it.cell), |arm| arm.into_iter().any(small));
            let noise_variance = it.people.noise_variance;
            let n = (!withheld).then_some(it.people.value);
            CellFigure { cell: it.cell, n, noise_variance }
        });
        let cells = cells.collect();
        let total = |at: usize| {
            let values = ARMS.iter().filter_map(|arm| arm.get(at)).map(|cell| people(*cell).value);
            values.fold(0, i64::saturating_add)
        };
        let (matched, everybody) = (total(0), total(0).saturating_add(total(1)));
        let low_match = matched.saturating_mul(LOW_MATCH_ONE_IN) < everybody;
        Self { paid, cells, arms, low_match }
    }

    /// What was asked and paid.
    pub fn paid(&self) -> &Paid {
        &self.paid
    }

    /// People by cell, in the order of [`Cell::ALL`].
    #[must_use]
    pub fn cells(&self) -> &[CellFigure] {
        &self.cells
    }

    /// The test arm; none if it is below the threshold.
    #[must_use]
    pub fn test(&self) -> Option<&ArmFigures> {
        let [test, _] = &self.arms;
        test.as_ref()
    }

    /// The control arm; none if it is below the threshold.
    #[must_use]
    pub fn control(&self) -> Option<&ArmFigures> {
        let [_, control] = &self.arms;
        control.as_ref()
    }

    /// Whether fewer than one person in 200, over both arms, was found among the outcomes. Then
    /// keys that were made differently are likelier than so rare an outcome.
    #[must_use]
    pub fn low_match(&self) -> bool {
        self.low_match
    }

    /// Names of what the threshold withheld.
    #[must_use]
    pub fn withheld(&self) -> Vec<String> {
        let cells = self.cells.iter().filter(|it| it.n.is_none()).map(|it| it.cell.to_string());
        let names = ["test arm", "control arm"].into_iter().zip(&self.arms);
        let arms = names.filter(|(_, arm)| arm.is_none()).map(|(name, _)| name.to_owned());
        cells.chain(arms).collect()
    }

    /// Whether there is noise in the figures; false only in a rehearsal with the noise off.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        self.cells.iter().any(|it| it.noise_variance > 0.0)
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

/// How many people a cell has.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CellFigure {
    /// Cell.
    pub cell: Cell,
    /// People; none if withheld.
    pub n: Option<i64>,
    /// Variance of the noise on a head count.
    pub noise_variance: f64,
}

/// One arm: everybody who was assigned to it, matched or not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ArmFigures {
    /// People, matched and unmatched.
    pub people: Figure,
    /// For each measure of the tally. Who was not matched adds nothing.
    pub measures: Vec<MeasureFigures>,
}

/// The totals of one measure over one arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MeasureFigures {
    /// Of the clamped values.
    pub sum: Figure,
    /// Of their squares; none where the tally does not ask for them.
    pub sum_sq: Option<Figure>,
}

struct Noisy {
    cell: Cell,
    people: Figure,
    sums: Vec<MeasureFigures>,
}

fn width(sigma: Sigma) -> Result<Variance, Mismatch> {
    let (numerator, denominator) = sigma.variance();
    Variance::new(numerator, denominator).map_err(|_| Mismatch::Undrawable)
}

/// Cells of each arm: matched, unmatched.
const ARMS: [[Cell; 2]; 2] =
    [[Cell::TestMatched, Cell::TestUnmatched], [Cell::ControlMatched, Cell::ControlUnmatched]];
const CELLS: usize = Cell::ALL.len();
const LOW_MATCH_ONE_IN: i64 = 200;
