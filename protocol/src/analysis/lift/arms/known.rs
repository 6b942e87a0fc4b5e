//! What is known of the people of an arm beside what they did.

use super::{MATCHED, Reading, is_matched};
use crate::{
    released::{Figure, GroupFigures, ProductFigure},
    tally::Side,
};

/// The people of one arm who were reached.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReachedFigures {
    /// Their number.
    pub people: Figure,
    /// For each measure of an outcome its total over them.
    pub totals: Vec<ProductFigure>,
}

/// What was known before of the people of one arm.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CovariateFigures {
    /// Sum of the clamped values.
    pub sum: Figure,
    /// Sum of their squares.
    pub squares: ProductFigure,
    /// For each measure of an outcome the sum of its products with the covariate.
    pub products: Vec<ProductFigure>,
}

impl Reading<'_> {
    /// Who was reached of the people of some cells.
    pub(super) fn reached(&self, cells: &[&GroupFigures]) -> Option<ReachedFigures> {
        let at = self.known().find(|at| self.tally.square_of(*at).is_none())?;
        let (people, totals) = self.totals(cells, at)?;
        Some(ReachedFigures { people, totals })
    }

    /// What was known of them before. The covariate alone has squares.
    pub(super) fn covariate(&self, cells: &[&GroupFigures]) -> Option<CovariateFigures> {
        let at = self.known().find(|at| self.tally.square_of(*at).is_some())?;
        let (sum, products) = self.totals(cells, at)?;
        let squares = self.product(cells.iter().copied(), at, at)?;
        Some(CovariateFigures { sum, squares, products })
    }

    /// The places of the measures that are not of an outcome.
    fn known(&self) -> impl Iterator<Item = usize> {
        let sides = self.tally.measures.iter().map(|measure| measure.side).enumerate();
        sides.filter(|(_, side)| *side == Side::POPULATION).map(|(at, _)| at)
    }

    /// The sum of a measure over people, found among the outcomes or not, and its products with each outcome, which whoever was not found does
    /// not have.
    fn totals(&self, cells: &[&GroupFigures], at: usize) -> Option<(Figure, Vec<ProductFigure>)> {
        let place = self.tally.cell_place_of_sum(at)?;
        let sums = cells.iter().map(|cell| cell.sums.get(place).copied());
        let sum = sums.collect::<Option<Vec<_>>>()?.into_iter().reduce(Figure::plus)?;
        let sides =
            self.tally.measures.iter().take_while(|measure| measure.side != Side::POPULATION);
        let products = (0..sides.count()).map(|outcome| {
            let found = cells.iter().copied().filter(|cell| is_matched(cell, MATCHED));
            self.product(found, outcome, at)
        });
        Some((sum, products.collect::<Option<_>>()?))
    }

    /// The product of two measures over some cells.
    fn product<'c>(
        &self,
        cells: impl Iterator<Item = &'c GroupFigures>,
        one: usize,
        other: usize,
    ) -> Option<ProductFigure> {
        let place = self.tally.cell_place_of_product(self.tally.product_of(one, other)?)?;
        let products = cells.map(|cell| cell.products.get(place).copied());
        products.collect::<Option<Vec<_>>>()?.into_iter().reduce(ProductFigure::plus)
    }
}
