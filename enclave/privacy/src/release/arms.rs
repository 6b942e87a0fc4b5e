//! What leaves of a comparison of arms.

use protocol::tally::{Cell, Tally};

use super::{Column, Figure, Noisy, ProductFigure};

/// People by cell, and the figures of both arms.
#[derive(Debug)]
pub(super) struct Arms {
    pub(super) cells: Vec<CellFigure>,
    pub(super) arms: [Option<ArmFigures>; 2],
    pub(super) low_match: bool,
}

impl Arms {
    /// Applies the threshold to the arms.
    ///
    /// With an arm its cells are withheld, which would give it away. All other head counts are shown
    /// whatever they are: they tell whether the design is sound, and an arm that is matched well has few
    /// people who are not. The noise protects them as it does all figures.
    pub(super) fn new(tally: &Tally, noisy: &Noisy, least: i64) -> Self {
        let people = |cell: Cell| noisy.people.over(places(cell));
        let arms = ARMS.map(|[matched, unmatched]| {
            let sums = noisy.sums.iter().enumerate();
            let measures = sums.map(|(at, sum)| {
                let sum_sq = tally.square_of(at).and_then(|(at, product)| {
                    let column = noisy.products.get(at)?;
                    Some(ProductFigure::new(column.over(places(matched)), product))
                });
                MeasureFigures { sum: sum.over(places(matched)), sum_sq }
            });
            let people = people(matched).plus(people(unmatched));
            (people.value >= least).then(|| ArmFigures { people, measures: measures.collect() })
        });
        let cells = Cell::ALL.map(|cell| {
            let withheld =
                ARMS.iter().zip(&arms).any(|(of, arm)| of.contains(&cell) && arm.is_none());
            let Figure { value, noise_variance } = people(cell);
            CellFigure { cell, n: (!withheld).then_some(value), noise_variance }
        });
        let total = |at: usize| {
            let values = ARMS.iter().filter_map(|arm| arm.get(at)).map(|cell| people(*cell).value);
            values.fold(0, i64::saturating_add)
        };
        let (matched, everybody) = (total(0), total(0).saturating_add(total(1)));
        let low_match = matched.saturating_mul(LOW_MATCH_ONE_IN) < everybody;
        Self { cells: cells.to_vec(), arms, low_match }
    }

    pub(super) fn withheld(&self) -> Vec<String> {
        let cells = self.cells.iter().filter(|it| it.n.is_none()).map(|it| it.cell.to_string());
        let names = ["test arm", "control arm"].into_iter().zip(&self.arms);
        let arms = names.filter(|(_, arm)| arm.is_none()).map(|(name, _)| name.to_owned());
        cells.chain(arms).collect()
    }
}

/// The cells of the tally that are shown as one: two for each place of [`Dimension::Arm`], of whom was
/// not found and of whom was, and then the one for excluded people.
///
/// [`Dimension::Arm`]: protocol::tally::Dimension::Arm
fn places(cell: Cell) -> &'static [usize] {
    match cell {
        Cell::TestUnmatched => &[0],
        Cell::TestMatched => &[1],
        Cell::ControlUnmatched => &[2],
        Cell::ControlMatched => &[3],
        Cell::Contaminated => &[4, 5],
        Cell::OtherArm => &[6, 7],
        Cell::NoConsent => &[8],
        _ => &[],
    }
}

impl Column {
    /// The sum of several noisy figures.
    fn over(&self, places: &[usize]) -> Figure {
        let figures = places.iter().map(|place| self.at(*place));
        figures.fold(Figure { value: 0, noise_variance: 0.0 }, Figure::plus)
    }
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
    pub sum_sq: Option<ProductFigure>,
}

/// Cells of each arm: matched, unmatched.
const ARMS: [[Cell; 2]; 2] =
    [[Cell::TestMatched, Cell::TestUnmatched], [Cell::ControlMatched, Cell::ControlUnmatched]];
const LOW_MATCH_ONE_IN: i64 = 200;
