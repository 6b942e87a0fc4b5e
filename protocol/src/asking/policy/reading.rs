//! Compares what a tally reads with what the contract lists.
//!
//! The code of a kind makes the tally, and this file does not trust it. Whatever the kind is, the
//! analysis must list each dataset and column that the tally reads for that way of reading, and the
//! column's role must allow it. Every field of a tally is taken apart by name: a new field does not
//! compile before somebody has decided here what it may read.
//!
//! A tally has no decimals. Whether a question uses the units of its columns is for its kind to
//! check; it decides what the answer is called, and not what is released. Products and bins name
//! measures by their places; a place without a measure has no proof. A contrast says in which form sums of measures leave, and
//! weights how exact each is.

mod training;

use super::{column_not_permitted, not_permitted};
use crate::{
    analysis::uses::Reading,
    contract::{ColumnRef, Contract, Role, Terms},
    identity::Identifier,
    refusal::{Asked, Limit, Refusal},
    tally::{Condition, Credit, Dimension, Measure, Population, Quantity, Side, Table, Tally},
};
use std::{cell::RefCell, collections::BTreeSet};

/// Refuses a tally that reads anything that `terms` do not list for it; else the columns that it reads.
pub(super) fn check(
    contract: &Contract,
    terms: &Terms,
    tally: &Tally,
) -> Result<BTreeSet<ColumnRef>, Refusal> {
    let Tally {
        population,
        tables,
        dimensions,
        measures,
        products: _,
        contrast: _,
        weights: _,
        cells_per_person,
        spread,
        ids_per_person,
        program,
    } = tally;
    let reader = Reader { contract, terms, tally, read: RefCell::default() };
    reader.datasets()?;
    match population {
        Population::First => {}
        Population::Union { by } => reader.union(*by)?,
    }
    for (side, Table { dataset: _, rows }) in (0..).map(Side).zip(tables) {
        rows.iter().try_for_each(|condition| reader.condition(side, condition))?;
    }
    dimensions.iter().try_for_each(|dimension| reader.dimension(dimension))?;
    measures.iter().try_for_each(|measure| reader.measure(measure))?;
    if !spread.is_empty() {
        reader.rows(Side::POPULATION, Reading::Spread)?;
    }
    if let Some(program) = program {
        training::check(&reader, program)?;
    }
    let (found, most) = (u64::from(*cells_per_person), u64::from(terms.cells_per_person));
    if !(1..=most).contains(&found) {
        return Err(Refusal::OverLimit { limit: Limit::CellsPerPerson, found, most });
    }
    // If there were fewer, the noise would not cover a person with as many ids as the contract
    // allows.
    if *ids_per_person != contract.ids_per_person {
        return Err(Refusal::Malformed);
    }
    Ok(reader.read.into_inner())
}

/// The number of values in the public list of a group column.
fn all_values(role: &Role) -> Option<u32> {
    match role {
        Role::Group(domain) => u32::try_from(domain.len()).ok(),
        _ => None,
    }
}

struct Reader<'c> {
    contract: &'c Contract,
    terms: &'c Terms,
    tally: &'c Tally,
    /// The columns that were found to be permitted so far.
    read: RefCell<BTreeSet<ColumnRef>>,
}

impl<'c> Reader<'c> {
    /// Checks that the datasets are those of the analysis, each in its place. One more would be
    /// read without its owner's word, and without one of them nobody would know who refused there. A joined dataset of which
    /// nothing is read is left out afterwards, here as everywhere.
    ///
    /// A union has some of these datasets, in the contract's order, so that one question has one
    /// tally. Nothing is said about people of a dataset that is left out, so they are not asked for
    /// consent there.
    fn datasets(&self) -> Result<(), Refusal> {
        let mut listed = self.terms.datasets();
        let may_leave_out = match self.tally.population {
            Population::First => false,
            Population::Union { .. } => true,
        };
        for dataset in self.tally.datasets() {
            let found = if may_leave_out {
                listed.any(|listed| listed == dataset)
            } else {
                listed.next() == Some(dataset)
            };
            if !found {
                return Err(self.dataset_not_permitted(dataset));
            }
        }
        if may_leave_out || listed.next().is_none() { Ok(()) } else { Err(Refusal::Malformed) }
    }

    /// Checks that people of several datasets are counted once each, by a kind of match key that
    /// all of the datasets have.
    fn union(&self, by: Identifier) -> Result<(), Refusal> {
        let is_listed = |dataset: &&str| {
            self.terms.permits_dataset(dataset, Reading::Union)
                && self.contract.match_keys(dataset).contains(&by)
        };
        match self.tally.datasets().find(|dataset| !is_listed(dataset)) {
            Some(dataset) => Err(self.dataset_not_permitted(dataset)),
            None => Ok(()),
        }
    }

    fn condition(&self, side: Side, condition: &Condition) -> Result<(), Refusal> {
        match condition {
            Condition::OneOf { column, codes } => {
                let (named, role) = self.column(side, column, Reading::Condition)?;
                self.codes(&named, role, codes)
            }
            Condition::Between { column, least: _, most: _ } => {
                let (named, role) = self.column(side, column, Reading::Condition)?;
                self.demand(&named, matches!(role, Role::Measure(_) | Role::Date))
            }
            Condition::SinceStart { column, side: of, start, first: _, last: _ } => {
                let (named, role) = self.column(side, column, Reading::Condition)?;
                self.demand(&named, *role == Role::Date)?;
                let (named, role) = self.column(*of, start, Reading::Start)?;
                self.demand(&named, *role == Role::Date)
            }
        }
    }

    fn dimension(&self, dimension: &Dimension) -> Result<(), Refusal> {
        match dimension {
            Dimension::Matched | Dimension::MatchedWithConsent => {
                let joined = self.tally.joined().map(|table| table.dataset.as_str());
                match joined.filter(|joined| self.terms.permits_dataset(joined, Reading::Match)) {
                    Some(_) => Ok(()),
                    None => Err(not_permitted(Asked::Column, "matched", None)),
                }
            }
            Dimension::Membership { datasets: _ } => {
                let is_told = |dataset: &str| self.terms.permits_dataset(dataset, Reading::Match);
                match self.tally.datasets().find(|dataset| !is_told(dataset)) {
                    Some(dataset) => Err(self.dataset_not_permitted(dataset)),
                    None => Ok(()),
                }
            }
            // People are known by the union's kind of key, which was checked.
            Dimension::Known => Ok(()),
            Dimension::Arm { column, test, control } => {
                let (named, role) = self.column(Side::POPULATION, column, Reading::Arm)?;
                self.codes(&named, role, test)?;
                self.codes(&named, role, control)
            }
            Dimension::Creative { column, values } => {
                let (named, role) = self.column(Side::POPULATION, column, Reading::Creative)?;
                self.demand(&named, all_values(role) == Some(*values))
            }
            Dimension::Group { side, column, values } => {
                let (named, role) = self.column(*side, column, Reading::Group)?;
                self.demand(&named, all_values(role) == Some(*values))
            }
            Dimension::Only { side, column, values } => {
                let (named, role) = self.column(*side, column, Reading::Only)?;
                let is_label = *role == Role::Label && values.is_none();
                self.demand(&named, is_label || (values.is_some() && all_values(role) == *values))
            }
            Dimension::Earliest { side, column, edges: _ } => {
                let (named, role) = self.column(*side, column, Reading::Earliest)?;
                self.demand(&named, *role == Role::Date)
            }
            Dimension::Days { side, column, edges: _ } => {
                let (named, role) = self.column(*side, column, Reading::Days)?;
                self.demand(&named, *role == Role::Date)
            }
            Dimension::Credited(credit) => self.credit(credit),
            Dimension::Label { side, column } => {
                let (named, role) = self.column(*side, column, Reading::Group)?;
                self.demand(&named, *role == Role::Label)
            }
            Dimension::Bins { measure, edges: _ }
            | Dimension::BinsPerGroup { measure, edges: _ } => {
                let at = usize::try_from(*measure).ok();
                let binned = at.and_then(|at| self.tally.measures.get(at));
                self.bins(binned.ok_or(Refusal::Malformed)?)
            }
        }
    }

    /// Checks by what, in which window and by which rule outcomes are credited to exposures.
    fn credit(&self, credit: &Credit) -> Result<(), Refusal> {
        let Credit { column, values, day, outcome, window, rule } = credit;
        let (named, role) = self.column(Side::POPULATION, column, Reading::Credit)?;
        self.demand(&named, all_values(role) == Some(*values))?;
        for (side, column, reading) in
            [(Side::POPULATION, day, Reading::Exposed), (Side::JOINED, outcome, Reading::Outcome)]
        {
            let (named, role) = self.column(side, column, reading)?;
            self.demand(&named, *role == Role::Date)?;
        }
        if !self.terms.rules.contains(rule) {
            let name = format!("attribution by \"{}\"", rule.name());
            return Err(not_permitted(Asked::Value, &name, None));
        }
        if *window > self.terms.window_days {
            let name = format!("a window of {window} days");
            return Err(not_permitted(Asked::Value, &name, None));
        }
        Ok(())
    }

    fn measure(&self, measure: &Measure) -> Result<(), Refusal> {
        let Measure { side, of, rows, clamp } = measure;
        rows.iter().try_for_each(|condition| self.condition(*side, condition))?;
        match of {
            Quantity::Rows => self.rows(*side, Reading::Rows),
            Quantity::RowsOfAll => self.rows_of_all(Reading::Rows),
            Quantity::Credit { column: None, parts: _ } => self.rows(*side, Reading::Rows),
            Quantity::Sum { column } => self.sum(*side, column, clamp.reach()),
            Quantity::Credit { column: Some(column), parts } => {
                self.sum(*side, column, clamp.reach().div_ceil(u64::from(*parts).max(1)))
            }
            Quantity::Distinct { column } => {
                let (named, role) = self.column(*side, column, Reading::Distinct)?;
                self.demand(&named, matches!(role, Role::Group(_) | Role::Label))
            }
        }
    }

    /// Checks a dimension that divides people by what they have of `binned`.
    fn bins(&self, binned: &Measure) -> Result<(), Refusal> {
        match &binned.of {
            Quantity::Rows => self.rows(binned.side, Reading::Bins),
            Quantity::RowsOfAll => self.rows_of_all(Reading::Bins),
            // No proof allows it.
            Quantity::Credit { .. } => Err(Refusal::Malformed),
            Quantity::Sum { column } | Quantity::Distinct { column } => {
                self.column(binned.side, column, Reading::Bins).map(drop)
            }
        }
    }

    /// Checks a measure that counts rows of a dataset.
    fn rows(&self, side: Side, reading: Reading) -> Result<(), Refusal> {
        let dataset = self.dataset(side)?;
        if self.terms.permits_dataset(dataset, reading) {
            Ok(())
        } else {
            Err(self.dataset_not_permitted(dataset))
        }
    }

    /// Checks a measure that counts rows of every dataset.
    fn rows_of_all(&self, reading: Reading) -> Result<(), Refusal> {
        let is_listed = |dataset: &&str| self.terms.permits_dataset(dataset, reading);
        match self.tally.datasets().find(|dataset| !is_listed(dataset)) {
            Some(dataset) => Err(self.dataset_not_permitted(dataset)),
            None => Ok(()),
        }
    }

    /// The column with its role, if the analysis lists it for this way of reading.
    fn column(
        &self,
        side: Side,
        column: &str,
        reading: Reading,
    ) -> Result<(ColumnRef, &'c Role), Refusal> {
        let named = ColumnRef::new(self.dataset(side)?, column);
        let found = self.contract.column(&named).filter(|_| self.terms.permits(&named, reading));
        match found {
            Some(column) => {
                self.read.borrow_mut().insert(named.clone());
                Ok((named, &column.role))
            }
            None => Err(column_not_permitted(self.contract, &named)),
        }
    }

    /// Checks that codes are places in the column's public list. Another code would choose people
    /// without a value.
    fn codes(&self, named: &ColumnRef, role: &Role, codes: &[i32]) -> Result<(), Refusal> {
        let Role::Group(domain) = role else {
            return Err(column_not_permitted(self.contract, named));
        };
        let is_value = |code: &i32| usize::try_from(*code).is_ok_and(|place| place < domain.len());
        match codes.iter().find(|code| !is_value(code)) {
            Some(code) => {
                let owner =
                    self.contract.datasets.get(&named.dataset).map(|dataset| dataset.owner.clone());
                Err(not_permitted(Asked::Value, &code.to_string(), owner))
            }
            None => Ok(()),
        }
    }

    /// Checks a measure that adds a column up, of one person up to so many units.
    fn sum(&self, side: Side, column: &str, most: u64) -> Result<(), Refusal> {
        let (named, role) = self.column(side, column, Reading::Sum)?;
        self.demand(&named, matches!(role, Role::Measure(_)))?;
        self.cap(&named, most)
    }

    /// Checks that a person's total of a measure counts as no more than the contract allows.
    fn cap(&self, named: &ColumnRef, found: u64) -> Result<(), Refusal> {
        match self.contract.column(named).and_then(|column| column.cap) {
            Some(most) if found > most => {
                Err(Refusal::OverLimit { limit: Limit::CapOfColumn, found, most })
            }
            _ => Ok(()),
        }
    }

    fn demand(&self, named: &ColumnRef, holds: bool) -> Result<(), Refusal> {
        if holds { Ok(()) } else { Err(column_not_permitted(self.contract, named)) }
    }

    fn dataset(&self, side: Side) -> Result<&'c str, Refusal> {
        let table = self.tally.table(side);
        table.map(|table| table.dataset.as_str()).ok_or(Refusal::Malformed)
    }

    fn dataset_not_permitted(&self, dataset: &str) -> Refusal {
        let owner = self.contract.datasets.get(dataset).map(|dataset| dataset.owner.clone());
        not_permitted(Asked::Rows, dataset, owner)
    }
}

#[cfg(test)]
mod tests;
