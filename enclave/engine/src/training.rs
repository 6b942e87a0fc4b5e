//! People as a training sees them: one bin for each feature, and a label. They are read once; each step is then a sum
//! over them.
//!
//! What a person is, is a function of that person's rows alone. Who refuses consent in one of the datasets is in no
//! step, and nobody counts how many these are. Who is held out follows from the key alone.
//!
//! Sums are exact: neither the order of people nor the number of threads moves them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use privacy::{Ask, RawStep};
use protocol::learning::{Adding, Grid, Link, People, Plan, label_quanta};
use protocol::limits;
use protocol::proof::Proven;
use protocol::tally::{Program, Side, Tally};

use crate::fault::Fault;
use crate::groups::{Merge, Partners};
use crate::mix::mix;
use crate::ordered::{Id, Order, Ordered, cores, wide};
use read::{BinRead, LabelRead};

mod read;

/// The people of a proven training.
pub struct Trainees {
    proven: Proven,
    plan: Plan,
    link: Link,
    edges: Vec<i32>,
    found: Found,
    threads: usize,
}

/// Who was found.
#[derive(Debug)]
struct Found {
    trained: People,
    held_out: People,
    /// The sum of the labels of those who are trained on.
    labels: i64,
}

impl Trainees {
    /// Reads the people of a proven training from its datasets, in the tally's order. Needs a Tokio runtime.
    ///
    /// # Privacy
    ///
    /// Nothing of them can be read but sums that are released. No value of a row can make this fail, if there is the
    /// memory that [`need_of_cells`](crate::need_of_cells) says.
    ///
    /// # Errors
    ///
    /// [`Fault`], from tally, datasets and public sizes; or if memory runs out.
    pub async fn read(proven: &Proven, tables: &[Arc<Ordered>]) -> Result<Arc<Self>, Fault> {
        Self::read_on(proven, tables, cores()).await
    }

    /// On so many threads.
    pub(crate) async fn read_on(
        proven: &Proven,
        tables: &[Arc<Ordered>],
        threads: usize,
    ) -> Result<Arc<Self>, Fault> {
        let (proven, tables) = (proven.clone(), tables.to_vec());
        let reading = move || Self::of(&proven, &tables, threads.max(1)).map(Arc::new);
        tokio::task::spawn_blocking(reading).await.map_err(|_| Fault::Engine)?
    }

    fn of(proven: &Proven, tables: &[Arc<Ordered>], threads: usize) -> Result<Self, Fault> {
        let tally = proven.tally();
        let program = tally.program.as_ref().ok_or(Fault::Tables)?;
        let mut named = tally.datasets().zip(tables);
        if tables.len() != tally.tables.len() || named.any(|(name, table)| table.name() != name) {
            return Err(Fault::Tables);
        }
        let found = match tables.len() {
            1 => Reading::<1>::new(tally, program, tables)?.all(threads)?,
            2 => Reading::<2>::new(tally, program, tables)?.all(threads)?,
            _ => Reading::<{ limits::TABLES }>::new(tally, program, tables)?.all(threads)?,
        };
        let plan = program.plan();
        let link = Link::new(plan.loss, plan.cap);
        let edges = program.held_out.as_ref().map(|held| held.edges.clone()).unwrap_or_default();
        Ok(Self { plan, link, edges, found, threads, proven: proven.clone() })
    }

    /// What the release at `place`, counted from 0, is made of.
    ///
    /// # Errors
    ///
    /// [`Fault::Engine`] if adding up failed, which is a defect.
    pub async fn add(self: &Arc<Self>, place: u32, ask: Ask) -> Result<RawStep, Fault> {
        let people = Arc::clone(self);
        let adding = move || people.sums(&ask);
        let sums = tokio::task::spawn_blocking(adding).await.map_err(|_| Fault::Engine)??;
        Ok(RawStep::new(self.proven.clone(), place, sums))
    }

    fn sums(&self, ask: &Ask) -> Result<Vec<i64>, Fault> {
        let Found { trained, held_out, labels } = &self.found;
        match ask {
            Ask::Label => Ok(vec![*labels]),
            Ask::Step(grid) => {
                let adding = Adding::new(&self.plan, &self.link, grid);
                self.over(trained, self.plan.bins(), &|range| adding.sums(trained, range))
            }
            Ask::Scores(grid) => {
                let entries = 2 * (self.edges.len() + 1);
                self.over(held_out, entries, &|range| self.counts(grid, held_out, range))
            }
        }
    }

    /// How many people have which label and score.
    fn counts(&self, grid: &Grid, people: &People, range: Range<usize>) -> Vec<i64> {
        let bins = self.edges.len() + 1;
        let mut counts = vec![0; 2 * bins];
        people.scores(grid, range, &mut |score, label| {
            let above = score.saturating_sub(grid.intercept);
            let bin = self.edges.partition_point(|edge| *edge <= above);
            let bin = if label > 0 { bins + bin } else { bin };
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        });
        counts
    }

    /// Adds up `entries` sums over all people, each thread over some of them.
    fn over(
        &self,
        people: &People,
        entries: usize,
        of: &(dyn Fn(Range<usize>) -> Vec<i64> + Sync),
    ) -> Result<Vec<i64>, Fault> {
        let all = people.len();
        let part = all.div_ceil(self.threads).max(FEWEST);
        let mut ranges = (0..all).step_by(part).map(|start| start..all.min(start + part));
        let own = ranges.next().unwrap_or(0..0);
        thread::scope(|scope| {
            let others: Vec<_> = ranges.map(|range| scope.spawn(move || of(range))).collect();
            let mut sums = of(own);
            sums.resize(entries, 0);
            for other in others {
                let other = other.join().map_err(|_| Fault::Engine)?;
                for (sum, other) in sums.iter_mut().zip(other) {
                    *sum += other;
                }
            }
            Ok(sums)
        })
    }
}

impl fmt::Debug for Trainees {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Trainees(..)")
    }
}

/// How people are read from at most `N` tables.
struct Reading<'t, const N: usize> {
    program: &'t Program,
    plan: Plan,
    orders: Vec<&'t Order>,
    partners: Vec<Partners>,
    features: Vec<BinRead<'t>>,
    label: LabelRead<'t>,
}

impl<'t, const N: usize> Reading<'t, N> {
    fn new(
        tally: &'t Tally,
        program: &'t Program,
        tables: &'t [Arc<Ordered>],
    ) -> Result<Self, Fault> {
        let sides = (0..).map(Side).zip(tables);
        let orders = sides.map(|(side, table)| Partners::order(tally, side, table));
        let features = program.features.iter().map(|feature| BinRead::new(feature, tables));
        Ok(Self {
            program,
            plan: program.plan(),
            orders: orders.collect::<Result<_, Fault>>()?,
            partners: Partners::all(tally, tables)?,
            features: features.collect::<Result<_, Fault>>()?,
            label: LabelRead::new(&program.label, tables)?,
        })
    }

    /// Everybody, read on so many threads, of which each takes one range of keys after another.
    fn all(&self, threads: usize) -> Result<Found, Fault> {
        let (next, parts) = (AtomicUsize::new(0), threads.saturating_mul(PARTS));
        let read = || self.some(&next, parts);
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(read)).collect();
            let own = read();
            others.into_iter().try_fold(own, |mut all, other| {
                let other = other.join().map_err(|_| Fault::Engine)?;
                all.trained.append(other.trained);
                all.held_out.append(other.held_out);
                all.labels += other.labels;
                Ok(all)
            })
        })
    }

    fn some(&self, next: &AtomicUsize, parts: usize) -> Found {
        let nobody = || People::with_room(&self.plan.features, 0);
        let mut found = Found { trained: nobody(), held_out: nobody(), labels: 0 };
        let mut rows: [Vec<u32>; N] = std::array::from_fn(|_| Vec::new());
        let mut bins = Vec::with_capacity(self.features.len());
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                return found;
            }
            let mut merge = Merge::<N>::new((&self.orders, &self.partners), 1, part, parts);
            while let Some((id, own)) = merge.next_person() {
                if !merge.agrees(&own) {
                    continue;
                }
                for ((order, own), rows) in self.orders.iter().zip(own).zip(&mut rows) {
                    rows_of(order, own, rows);
                }
                bins.clear();
                bins.extend(self.features.iter().map(|feature| feature.bin(&rows)));
                let label = self.label.number(&rows);
                let quanta = label_quanta(label, self.plan.cap);
                if self.program.holds_out(chance(id)) {
                    found.held_out.add(&bins, quanta);
                } else {
                    found.trained.add(&bins, quanta);
                    found.labels += i64::from(label);
                }
            }
        }
    }
}

/// The rows of one person of a table, who may not be in it.
fn rows_of(order: &Order, own: Option<usize>, rows: &mut Vec<u32>) {
    rows.clear();
    let Some(own) = own else { return };
    let places = order.places(own);
    match order.rows() {
        None => rows.extend(places),
        Some(all) => {
            let own = all.get(wide(places.start)..wide(places.end));
            rows.extend_from_slice(own.unwrap_or_default());
        }
    }
}

/// What decides who is held out: a number that follows from the key alone.
fn chance(id: Id) -> u64 {
    mix(HELD_OUT, id.hash())
}

/// So that this number says nothing of others that are made of keys: "held out".
const HELD_OUT: u64 = 0x6865_6c64_206f_7574;
/// Ranges of keys for each thread.
const PARTS: usize = 8;
/// Fewer people are not worth a thread.
const FEWEST: usize = 1 << 13;

#[cfg(test)]
mod tests;
