//! The figures of a comparison of arms, by arm.

use super::Cell;
use crate::{
    released::{Figure, GroupFigures, Place, ProductFigure, View},
    tally::Arm,
};

/// People by cell, and the figures of both arms.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Arms {
    /// People by cell, in the order of [`Cell::ALL`].
    pub cells: Vec<CellFigure>,
    /// Figures of the test arm; `None` if it is below the threshold.
    pub test: Option<ArmFigures>,
    /// Figures of the control arm; `None` if it is below the threshold.
    pub control: Option<ArmFigures>,
}

impl Arms {
    /// Reads the figures from what was released of a tally by arm and match.
    #[must_use]
    pub fn new(view: &View<'_>) -> Self {
        let shown: Vec<_> = view.cells().collect();
        let find = |cell: Cell| {
            let (arm, matched) = places(cell)?;
            Some(shown.iter().filter(move |cell_figures| is_in(cell_figures, arm, matched)))
        };
        let arm = |matched: Cell, unmatched: Cell| {
            let (matched, unmatched) = (find(matched)?.next()?, find(unmatched)?.next()?);
            let measures = matched.sums.iter().enumerate().map(|(at, sum)| {
                let square = view.proven().tally().square_of(at);
                let sum_sq = square.and_then(|(at, _)| matched.products.get(at).copied());
                MeasureFigures { sum: *sum, sum_sq }
            });
            let people = matched.people.plus(unmatched.people);
            Some(ArmFigures { people, measures: measures.collect() })
        };
        let count = |cell: Cell| {
            let people: Vec<Figure> = match find(cell) {
                Some(cells) => cells.map(|cell| cell.people).collect(),
                None => view.no_consent().into_iter().collect(),
            };
            let sum = people.iter().copied().fold(Figure::ZERO, Figure::plus);
            let is_shown = !people.is_empty();
            // A withheld count has noise too: that of one cell.
            let noise_variance =
                if is_shown { sum.noise_variance } else { view.people(0).noise_variance };
            CellFigure { cell, n: is_shown.then_some(sum.value), noise_variance }
        };
        Self {
            cells: Cell::ALL.map(count).to_vec(),
            test: arm(Cell::TestMatched, Cell::TestUnmatched),
            control: arm(Cell::ControlMatched, Cell::ControlUnmatched),
        }
    }

    /// Whether fewer than one person in 200, over the arms that are shown, was found among the outcomes.
    /// Then keys that were made differently are likelier than so rare an outcome.
    #[must_use]
    pub fn low_match(&self) -> bool {
        let people = |wanted: [Cell; 2]| {
            let cells = self.cells.iter().filter(|counted| wanted.contains(&counted.cell));
            cells.filter_map(|counted| counted.n).fold(0_i64, i64::saturating_add)
        };
        let matched = people([Cell::TestMatched, Cell::ControlMatched]);
        let everybody =
            matched.saturating_add(people([Cell::TestUnmatched, Cell::ControlUnmatched]));
        matched.saturating_mul(LOW_MATCH_ONE_IN) < everybody
    }
}

/// The place of a cell: its arm, and whether its people were found; `None` for a cell of both.
fn places(cell: Cell) -> Option<(Arm, Option<bool>)> {
    match cell {
        Cell::TestUnmatched => Some((Arm::Test, Some(false))),
        Cell::TestMatched => Some((Arm::Test, Some(true))),
        Cell::ControlUnmatched => Some((Arm::Control, Some(false))),
        Cell::ControlMatched => Some((Arm::Control, Some(true))),
        Cell::Contaminated => Some((Arm::Several, None)),
        Cell::OtherArm => Some((Arm::Other, None)),
        Cell::NoConsent => None,
    }
}

fn is_in(figures: &GroupFigures, arm: Arm, matched: Option<bool>) -> bool {
    let [Place::Index(in_arm), Place::Index(in_matched)] = figures.name.as_slice() else {
        return false;
    };
    let is_arm = usize::try_from(*in_arm).ok().and_then(|at| Arm::ALL.get(at)) == Some(&arm);
    is_arm && matched.is_none_or(|matched| *in_matched == u32::from(matched))
}

/// How many people a cell has.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CellFigure {
    /// Cell.
    pub cell: Cell,
    /// Number of people; `None` if it is withheld.
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
    /// Figures for each measure of the tally. A person who was not matched adds nothing.
    pub measures: Vec<MeasureFigures>,
}

/// The totals of one measure over one arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MeasureFigures {
    /// Sum of the clamped values.
    pub sum: Figure,
    /// Sum of their squares; `None` if the tally does not ask for squares.
    pub sum_sq: Option<ProductFigure>,
}

const LOW_MATCH_ONE_IN: i64 = 200;
