//! The totals that the engine hands over.

use std::fmt;

use protocol::released::Place;
use protocol::tally::Tally;

use super::Mismatch;

/// The totals of one tally as the engine hands them over: for each figure, a vector over cells.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "the engine builds it, and must see a new field")]
pub struct Totals {
    /// The names of the cells.
    pub cells: Names,
    /// The number of people in each cell. The cells stand in the order of `cells`; one more at the
    /// end is for people who gave no consent.
    pub people: Vec<i64>,
    /// For each measure of the tally, its sum in each cell; 0 where nothing is added up.
    pub sums: Vec<Vec<i64>>,
    /// For each product of the tally, its sum in each cell.
    pub products: Vec<Vec<i64>>,
    /// The number of people in each bin of the tally's spread; empty if it has none.
    pub spread: Vec<i64>,
}

impl fmt::Debug for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Totals(..)")
    }
}

/// The names of the cells.
#[derive(Clone)]
#[expect(clippy::exhaustive_enums, reason = "the engine builds it")]
pub enum Names {
    /// All cells that the tally names, in its order.
    Public,
    /// The cells with people in them, ascending, without the one for people who gave no consent.
    Data(Vec<Vec<Place>>),
}

impl fmt::Debug for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Names(..)")
    }
}

impl Totals {
    /// Checks that there is one total for each cell and figure, so that no figure goes without its
    /// noise.
    pub(super) fn check(&self, tally: &Tally) -> Result<(), Mismatch> {
        let cells = match (&self.cells, tally.cell_count()) {
            (Names::Public, Some(cells)) => usize::try_from(cells).ok(),
            (Names::Data(names), None) if names.is_sorted_by(|a, b| a < b) => {
                names.len().checked_add(1)
            }
            _ => None,
        };
        let mut columns = std::iter::once(&self.people).chain(&self.sums).chain(&self.products);
        let same =
            self.sums.len() == tally.measures.len() && self.products.len() == tally.products.len();
        let same = same && self.spread.len() == tally.spread_bins();
        let fits = cells.is_some_and(|cells| columns.all(|column| column.len() == cells));
        if same && fits { Ok(()) } else { Err(Mismatch::Shape) }
    }

    /// Removes cells without people. A cell whose values are private may exist only through its
    /// people: the δ of the proof relies on that.
    pub(super) fn drop_empty(&mut self) {
        let last = self.people.len().saturating_sub(1);
        let kept = (0..).zip(&self.people).map(|(at, people)| at == last || *people > 0);
        let kept: Vec<bool> = kept.collect();
        if let Names::Data(names) = &mut self.cells {
            keep(names, &kept);
        }
        let columns = std::iter::once(&mut self.people).chain(&mut self.sums);
        columns.chain(&mut self.products).for_each(|column| keep(column, &kept));
    }
}

/// Keeps the entries whose place is marked.
pub(super) fn keep<T>(column: &mut Vec<T>, marked: &[bool]) {
    let mut marks = marked.iter();
    column.retain(|_| marks.next().copied().unwrap_or(false));
}
