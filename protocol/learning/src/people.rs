//! People as codes of bins, and what a step adds up over them.
//!
//! Features stand in groups, as many as have no more than 2¹⁰ combinations of bins together: one code says in which bin of
//! each of them a person is, so that a score is one look-up for each group and a residual is added once for each. Of the sums
//! by combination those by bin are made at the end.

use std::fmt;
use std::ops::Range;

use crate::{Feature, Grid, Link, Plan, plan::wide};

/// Who is trained on: the bin of each person in each feature, and the label.
pub struct People {
    groups: Vec<Group>,
    /// For each group, the combination of each person.
    columns: Vec<Vec<u16>>,
    /// Labels in quanta of the cap.
    labels: Vec<i16>,
}

/// Features that share a code.
#[derive(Clone)]
struct Group {
    /// For each feature where its bins begin among all, how many it has, and by how much one bin moves the code.
    features: Vec<(usize, usize, usize)>,
    /// How many combinations of their bins there are.
    combinations: usize,
}

impl People {
    /// Nobody yet, with these features and room for so many people.
    #[must_use]
    pub fn with_room(features: &[Feature], people: usize) -> Self {
        let groups = groups(features);
        let columns = groups.iter().map(|_| Vec::with_capacity(people)).collect();
        Self { groups, columns, labels: Vec::with_capacity(people) }
    }

    /// The most bytes that one person with so many features takes.
    #[must_use]
    pub fn bytes_of_one(features: usize) -> usize {
        2 * features + 2
    }

    /// Adds a person: one bin for each feature, and the label in quanta. A bin that a feature does not have is its first.
    pub fn add(&mut self, bins: &[u8], label: i16) {
        let mut bins = bins.iter().map(|bin| usize::from(*bin));
        for (group, column) in self.groups.iter().zip(&mut self.columns) {
            let code = group.features.iter().fold(0, |code, (_, count, stride)| {
                let bin = bins.next().filter(|bin| bin < count).unwrap_or(0);
                code + bin * stride
            });
            column.push(u16::try_from(code).unwrap_or(0));
        }
        self.labels.push(label);
    }

    /// Adds everybody of `others`, who have the same features.
    pub fn append(&mut self, mut others: Self) {
        for (column, others) in self.columns.iter_mut().zip(&mut others.columns) {
            column.append(others);
        }
        self.labels.append(&mut others.labels);
    }

    /// How many people there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Tells the score of each person at these places, in units of 2⁻¹⁶, and the label in quanta, in the order of people.
    pub fn scores(&self, grid: &Grid, people: Range<usize>, tell: &mut dyn FnMut(i32, i16)) {
        let tables = self.tables(grid);
        let mut scores = [0_i32; BLOCK];
        for block in blocks(people) {
            let Some(labels) = self.labels.get(block.clone()) else { continue };
            self.score(&tables, grid.intercept, &block, &mut scores);
            for (score, label) in scores.iter().zip(labels) {
                tell(*score, *label);
            }
        }
    }

    /// The score of each combination of each group.
    fn tables(&self, grid: &Grid) -> Vec<Table> {
        let of_group = |group: &Group| {
            let mut table = [0_i32; CODES];
            for (code, slot) in table.iter_mut().enumerate().take(group.combinations) {
                *slot = group.bins(code).filter_map(|at| grid.weights.get(at)).sum();
            }
            table
        };
        self.groups.iter().map(of_group).collect()
    }

    fn score(
        &self,
        tables: &[Table],
        intercept: i32,
        block: &Range<usize>,
        scores: &mut [i32; BLOCK],
    ) {
        scores.fill(intercept);
        for (column, table) in self.columns.iter().zip(tables) {
            let Some(codes) = column.get(block.clone()) else { continue };
            for (score, code) in scores.iter_mut().zip(codes) {
                *score += table.get(place(*code)).copied().unwrap_or(0);
            }
        }
    }
}

impl fmt::Debug for People {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("People(..)")
    }
}

impl Group {
    /// The bins of a combination, by their places among all bins of all features.
    fn bins(&self, code: usize) -> impl Iterator<Item = usize> {
        self.features.iter().map(move |(start, count, stride)| start + code / stride % count)
    }
}

/// One step: what is added up over people.
#[derive(Debug)]
pub struct Adding<'d> {
    plan: &'d Plan,
    link: &'d Link,
    grid: &'d Grid,
}

impl<'d> Adding<'d> {
    /// The step that scores people by `grid`.
    #[must_use]
    pub fn new(plan: &'d Plan, link: &'d Link, grid: &'d Grid) -> Self {
        Self { plan, link, grid }
    }

    /// For every bin of every feature, the sum of the clamped residuals of the people at these places: exact, so that
    /// parts of the people may be added up in any order.
    #[must_use]
    pub fn sums(&self, people: &People, range: Range<usize>) -> Vec<i64> {
        let clip = i32::try_from(self.plan.clip).unwrap_or(i32::MAX);
        let tables = people.tables(self.grid);
        let mut all = vec![0_i64; self.plan.bins()];
        let mut sums: Vec<[Table; 2]> = tables.iter().map(|_| [[0; CODES]; 2]).collect();
        let mut scores = [0_i32; BLOCK];
        let mut held = 0;
        for block in blocks(range) {
            let Some(labels) = people.labels.get(block.clone()) else { continue };
            if held + BLOCK > HELD {
                people.put(&mut sums, &mut all);
                held = 0;
            }
            held += BLOCK;
            people.score(&tables, self.grid.intercept, &block, &mut scores);
            for (score, label) in scores.iter_mut().zip(labels) {
                *score = self.link.residual(*score, *label, clip);
            }
            for (column, sums) in people.columns.iter().zip(&mut sums) {
                let Some(codes) = column.get(block.clone()) else { continue };
                add(codes, &scores, sums);
            }
        }
        people.put(&mut sums, &mut all);
        all
    }
}

impl People {
    /// Adds sums by combination to those by bin, and begins anew.
    fn put(&self, sums: &mut [[Table; 2]], all: &mut [i64]) {
        for (group, [even, odd]) in self.groups.iter().zip(sums) {
            let sums = even.iter_mut().zip(odd).take(group.combinations);
            for (code, (even, odd)) in sums.enumerate() {
                let sum = i64::from(*even) + i64::from(*odd);
                (*even, *odd) = (0, 0);
                if sum != 0 {
                    for at in group.bins(code) {
                        if let Some(slot) = all.get_mut(at) {
                            *slot += sum;
                        }
                    }
                }
            }
        }
    }
}

/// Adds the residuals of one block to their combinations. Two sums take turns, so that people in one combination do not
/// wait for each other.
fn add(codes: &[u16], residuals: &[i32; BLOCK], [even, odd]: &mut [Table; 2]) {
    let (two, rest) = codes.as_chunks::<2>();
    let (residuals, last) = residuals.split_at(two.len() * 2);
    let (of_two, _) = residuals.as_chunks::<2>();
    for ([one, other], [of_one, of_other]) in two.iter().zip(of_two) {
        if let Some(sum) = even.get_mut(place(*one)) {
            *sum += of_one;
        }
        if let Some(sum) = odd.get_mut(place(*other)) {
            *sum += of_other;
        }
    }
    for (code, residual) in rest.iter().zip(last) {
        if let Some(sum) = even.get_mut(place(*code)) {
            *sum += residual;
        }
    }
}

/// A code is below [`CODES`] as it is; said so that no look-up has to be checked.
#[inline]
fn place(code: u16) -> usize {
    usize::from(code) & (CODES - 1)
}

/// A number for each combination of a group.
type Table = [i32; CODES];

/// Features in their order, as many together as have no more combinations than there are codes.
fn groups(features: &[Feature]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut start = 0;
    for feature in features {
        let count = wide(feature.bins).max(1);
        match groups.last_mut().filter(|group| group.combinations * count <= CODES) {
            Some(group) => {
                group.features.push((start, count, group.combinations));
                group.combinations *= count;
            }
            None => {
                groups.push(Group { features: vec![(start, count, 1)], combinations: count });
            }
        }
        start += count;
    }
    groups
}

/// Blocks of a range of people.
fn blocks(people: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = people.end;
    people.step_by(BLOCK).map(move |start| start..end.min(start + BLOCK))
}

/// Combinations of one group: such that their sums stay near.
const CODES: usize = 1 << 10;
/// People who are scored at a time: such that their scores stay near.
const BLOCK: usize = 1 << 11;
/// People whose residuals, of at most 2¹² quanta, fit into 32 bits together.
const HELD: usize = 1 << 18;
