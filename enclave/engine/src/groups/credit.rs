//! What a person's outcomes are credited to, among the exposures before them.
//!
//! All that is said of a person follows from that person's rows, in whatever order they are: outcomes of one day are one amount,
//! and exposures of one day and place are told apart by their number alone.

mod first;
mod last;
mod linear;
mod position;
mod rule;
mod window;

use std::sync::Arc;

use protocol::sealed::MISSING;
use protocol::tally::{Credit, Quantity, Rule as Named, Side as Which, Tally};

use super::columns::{Part, WIDEST};
use super::side::Person;
use crate::fault::Fault;
use crate::mix::mix;
use crate::ordered::{Id, Ordered, wide};
use rule::Rule;
use window::{Touch, Window};

/// The columns that outcomes and exposures are read from.
pub(super) struct Credits<'t> {
    credit: &'t Credit,
    part: Part<'t>,
    exposed: &'t [i32],
    outcome: &'t [i32],
    amounts: Vec<Amount<'t>>,
    rule: Box<dyn Rule>,
    /// Most values of a person whose exposures are looked at. There is one more place for outcomes without one.
    most: usize,
}

/// What is credited: the numbers of a column, or one for each row, in parts; at most so many parts of a person.
struct Amount<'t> {
    numbers: Option<&'t [i64]>,
    parts: u32,
    most: i64,
}

/// What is credited of one person, kept between people for its memory.
#[derive(Default)]
pub(super) struct Credited {
    touches: Vec<Touch>,
    outcomes: Vec<(i32, u32)>,
    /// Values that a person has exposures of, with the numbers that choose among them.
    ranks: Vec<(u64, u32)>,
    weights: Vec<u64>,
    /// By place, whether anything goes there.
    is_in: Vec<bool>,
    /// By place and amount.
    values: Vec<i64>,
    amounts: usize,
    left: Vec<i64>,
}

impl<'t> Credits<'t> {
    /// Of a tally that credits outcomes; none of another.
    pub(super) fn of(tally: &'t Tally, tables: &'t [Arc<Ordered>]) -> Result<Option<Self>, Fault> {
        let Some(credit) = tally.credit() else { return Ok(None) };
        let table = |which: Which| tables.get(which.place()).ok_or(Fault::Tables);
        let (population, joined) = (table(Which::POPULATION)?, table(Which::JOINED)?);
        let amounts = tally.measures.iter().map(|measure| {
            let Quantity::Credit { column, parts } = &measure.of else { return Err(Fault::Tables) };
            let numbers = match column {
                None => None,
                Some(column) => Some(joined.numbers(column)?),
            };
            Ok(Amount { numbers, parts: *parts, most: measure.clamp.most() })
        });
        let most = usize::try_from(tally.cells_per_person).unwrap_or(usize::MAX);
        Ok(Some(Self {
            credit,
            part: Part::group(population, &credit.column, credit.values)?,
            exposed: population.days(&credit.day)?,
            outcome: joined.days(&credit.outcome)?,
            amounts: amounts.collect::<Result<_, Fault>>()?,
            rule: match credit.rule {
                Named::Last => Box::new(last::Last),
                Named::First => Box::new(first::First),
                Named::Linear => Box::new(linear::Linear),
                Named::Position => Box::new(position::Position),
            },
            most: most.saturating_sub(1),
        }))
    }

    /// Credits the outcomes of the person with this id.
    pub(super) fn of_person(&self, id: Id, people: &[Person], credited: &mut Credited) {
        let rows = |which: Which| people.get(which.place()).map(Person::rows).unwrap_or_default();
        credited.clear(wide(self.credit.nothing()) + 1, self.amounts.len());
        credited.outcomes.extend(on_days(self.outcome, rows(Which::JOINED)));
        if credited.outcomes.is_empty() {
            credited.is_in(self.credit.nothing());
            return;
        }
        credited.outcomes.sort_unstable();
        let exposures = on_days(self.exposed, rows(Which::POPULATION));
        credited
            .touches
            .extend(exposures.map(|(day, row)| Touch { day, place: self.part.rank(wide(row)) }));
        credited.touches.sort_unstable();
        self.keep_fewer_values(id, credited);
        credited.left.extend(self.amounts.iter().map(|amount| amount.most));
        let (touches, outcomes) =
            (std::mem::take(&mut credited.touches), std::mem::take(&mut credited.outcomes));
        let mut window = Window::new(&touches, self.credit.window, wide(self.credit.values) + 1);
        for same_day in outcomes.chunk_by(|one, other| one.0 == other.0) {
            let day = same_day.first().map_or(MISSING, |(day, _)| *day);
            window.go_to(day);
            credited.weights.clear();
            credited.weights.resize(window.counts().len(), 0);
            self.rule.weigh(&window, &mut credited.weights);
            self.share(same_day, credited);
        }
        (credited.touches, credited.outcomes) = (touches, outcomes);
    }

    /// Leaves out the exposures of some values, of a person who has too many: by the person's key and the values alone.
    fn keep_fewer_values(&self, id: Id, credited: &mut Credited) {
        let Credited { touches, ranks, .. } = credited;
        let key = id.hash();
        ranks.extend(touches.iter().map(|touch| (mix(key, u64::from(touch.place)), touch.place)));
        ranks.sort_unstable();
        ranks.dedup();
        if ranks.len() > self.most {
            ranks.truncate(self.most);
            touches.retain(|touch| ranks.iter().any(|(_, place)| *place == touch.place));
        }
    }

    /// Credits the outcomes of one day in the shares of these weights.
    fn share(&self, same_day: &[(i32, u32)], credited: &mut Credited) {
        let weights = std::mem::take(&mut credited.weights);
        let all = weights.iter().fold(0_u64, |all, weight| all.saturating_add(*weight));
        let places = (0_u32..).zip(weights.iter().copied()).filter(|(_, weight)| *weight > 0);
        if all == 0 {
            credited.is_in(self.credit.unexposed());
        }
        places.clone().for_each(|(place, _)| credited.is_in(place));
        for (at, amount) in self.amounts.iter().enumerate() {
            let Some(left) = credited.left.get_mut(at) else { continue };
            let found = amount.of(same_day).min(i128::from(*left));
            let found = i64::try_from(found).unwrap_or(0);
            *left -= found;
            if all == 0 {
                credited.add(self.credit.unexposed(), at, found);
            }
            // What all places up to one have, less what those before it have: together just what was found.
            let upto = |weight: u64| {
                let share = i128::from(found) * i128::from(weight) / i128::from(all.max(1));
                i64::try_from(share).unwrap_or(found)
            };
            let mut before = 0_u64;
            for (place, weight) in places.clone() {
                let with = before.saturating_add(weight);
                credited.add(place, at, upto(with) - upto(before));
                before = with;
            }
        }
        credited.weights = weights;
    }
}

impl Amount<'_> {
    /// What the outcomes of one day amount to, in parts. So many rows of at most 2⁴⁰ each do not overflow.
    fn of(&self, same_day: &[(i32, u32)]) -> i128 {
        let units = match self.numbers {
            None => i128::try_from(same_day.len()).unwrap_or(i128::MAX),
            Some(numbers) => same_day.iter().fold(0, |sum, (_, row)| {
                let number = numbers.get(wide(*row)).copied().unwrap_or(0);
                sum + i128::from(number.clamp(0, WIDEST))
            }),
        };
        units.saturating_mul(i128::from(self.parts))
    }
}

impl Credited {
    fn clear(&mut self, places: usize, amounts: usize) {
        self.touches.clear();
        self.outcomes.clear();
        self.ranks.clear();
        self.left.clear();
        self.is_in.clear();
        self.is_in.resize(places, false);
        self.values.clear();
        self.values.resize(places.saturating_mul(amounts), 0);
        self.amounts = amounts;
    }

    fn is_in(&mut self, place: u32) {
        if let Some(is_in) = self.is_in.get_mut(wide(place)) {
            *is_in = true;
        }
    }

    fn add(&mut self, place: u32, amount: usize, value: i64) {
        if let Some(sum) = self.values.get_mut(wide(place) * self.amounts + amount) {
            *sum += value;
        }
    }

    /// The places in which the person counts, each with what is credited to it.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, &[i64])> {
        let places = (0_u32..).zip(&self.is_in).filter(|(_, is_in)| **is_in);
        places.map(|(place, _)| {
            let start = wide(place) * self.amounts;
            (place, self.values.get(start..start + self.amounts).unwrap_or_default())
        })
    }
}

/// The rows that have a day, with it.
fn on_days(days: &[i32], rows: &[u32]) -> impl Iterator<Item = (i32, u32)> {
    let day =
        |row: &u32| Some((days.get(wide(*row)).copied().filter(|day| *day != MISSING)?, *row));
    rows.iter().filter_map(day)
}
