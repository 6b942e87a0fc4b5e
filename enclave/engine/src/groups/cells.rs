//! Adding people up.

use std::collections::BTreeMap;

use privacy::{Names, Totals};
use protocol::released::Place;
use protocol::tally::{Product, Tally};

use super::side::Tuple;

/// Where a person counts, over at most `N` tables.
#[derive(Clone, Copy)]
pub(crate) struct Cell<const N: usize> {
    key: Key<N>,
    rows: [u32; N],
}

/// The tuple in each table and the place in the dimensions that no row has one in.
type Key<const N: usize> = ([u32; N], u64);

impl<const N: usize> Cell<N> {
    fn new(tuples: &[Tuple; N], number: u64) -> Self {
        Self { key: (tuples.map(|tuple| tuple.code), number), rows: tuples.map(|tuple| tuple.row) }
    }

    /// The place in the dimensions that no row has one in.
    pub(crate) fn number(&self) -> u64 {
        self.key.1
    }

    /// A row of the table at this place that is in this cell, or of nobody.
    pub(crate) fn row(&self, table: usize) -> u32 {
        self.rows.get(table).copied().unwrap_or(u32::MAX)
    }
}

/// Totals by cell.
pub(crate) struct Counted<const N: usize> {
    /// By name, where the values of cells are private; else cells have numbers.
    named: Option<BTreeMap<Key<N>, usize>>,
    cells: Vec<Cell<N>>,
    people: Vec<i64>,
    sums: Vec<Vec<i64>>,
    products: Vec<Vec<i64>>,
    refused: i64,
    spread: Vec<i64>,
}

impl<const N: usize> Counted<N> {
    /// Nobody.
    pub(crate) fn new(tally: &Tally) -> Self {
        let named = tally.is_named_by_data().then(BTreeMap::new);
        let public = tally.cell_count().and_then(|cells| usize::try_from(cells).ok());
        let cells = public.map_or(0, |cells| cells.saturating_sub(1));
        let columns = |count: usize| vec![vec![0; cells]; count];
        Self {
            named,
            cells: Vec::new(),
            people: vec![0; cells],
            sums: columns(tally.measures.len()),
            products: columns(tally.products.len()),
            refused: 0,
            spread: vec![0; tally.spread_bins()],
        }
    }

    /// Adds a person who did not agree.
    pub(crate) fn refuse(&mut self) {
        self.refused += 1;
    }

    /// Adds a person to one bin of the spread.
    pub(crate) fn spread(&mut self, bin: usize) {
        add(&mut self.spread, bin, 1);
    }

    /// Adds a person to one cell.
    pub(crate) fn add(
        &mut self,
        tuples: &[Tuple; N],
        number: u64,
        values: &[i64],
        products: &[Product],
    ) {
        let slot = if self.named.is_some() {
            self.slot(&Cell::new(tuples, number))
        } else {
            let number = tuples.iter().fold(number, |sum, it| sum + u64::from(it.code));
            usize::try_from(number).unwrap_or(usize::MAX)
        };
        add(&mut self.people, slot, 1);
        for (column, value) in self.sums.iter_mut().zip(values) {
            add(column, slot, *value);
        }
        let value = |at: u32| usize::try_from(at).ok().and_then(|at| values.get(at));
        for (column, product) in self.products.iter_mut().zip(products) {
            let factors = value(product.one).zip(value(product.other));
            add(column, slot, factors.map_or(0, |(one, other)| product.of(*one, *other)));
        }
    }

    /// The people of both.
    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.refused += other.refused;
        self.spread.iter_mut().zip(&other.spread).for_each(|(own, more)| *own += more);
        let public = 0..if self.named.is_some() { 0 } else { other.people.len() };
        let slots: Vec<_> = public
            .map(|slot| (slot, slot))
            .chain(other.cells.iter().enumerate().map(|(from, cell)| (self.slot(cell), from)))
            .collect();
        let columns = |it: Self| std::iter::once(it.people).chain(it.sums).chain(it.products);
        let own = std::iter::once(&mut self.people).chain(&mut self.sums).chain(&mut self.products);
        for (column, others) in own.zip(columns(other)) {
            for (to, from) in &slots {
                add(column, *to, others.get(*from).copied().unwrap_or(0));
            }
        }
        self
    }

    /// In the order of [`Totals`], with names that `name` gives.
    pub(crate) fn into_totals(mut self, name: impl Fn(&Cell<N>) -> Vec<Place>) -> Totals {
        let mut names = Names::Public;
        if self.named.is_some() {
            let mut order: Vec<_> = self.cells.iter().map(name).zip(0_usize..).collect();
            order.sort_unstable();
            let columns = std::iter::once(&mut self.people).chain(&mut self.sums);
            for column in columns.chain(&mut self.products) {
                let sorted = order.iter().map(|(_, at)| column.get(*at).copied().unwrap_or(0));
                *column = sorted.collect();
            }
            names = Names::Data(order.into_iter().map(|(name, _)| name).collect());
        }
        self.people.push(self.refused);
        self.sums.iter_mut().chain(&mut self.products).for_each(|column| column.push(0));
        let Self { people, sums, products, spread, .. } = self;
        Totals { cells: names, people, sums, products, spread }
    }

    /// Where a cell is that the data name.
    fn slot(&mut self, cell: &Cell<N>) -> usize {
        let Some(named) = &mut self.named else { return usize::MAX };
        let next = self.cells.len();
        let slot = *named.entry(cell.key).or_insert(next);
        if slot == next {
            self.cells.push(*cell);
            self.people.push(0);
            self.sums.iter_mut().chain(&mut self.products).for_each(|column| column.push(0));
        }
        slot
    }
}

/// Cannot overflow: the engine checked the tally's range against the number of people.
fn add(column: &mut [i64], slot: usize, value: i64) {
    if let Some(total) = column.get_mut(slot) {
        *total = total.saturating_add(value);
    }
}
