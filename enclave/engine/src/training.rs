//! People as a training sees them: one bin for each feature, or numbers, and a label. They are read once; each step is then a sum
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

use privacy::sampler::Noise;
use privacy::{Ask, RawStep, Scoring};
use protocol::learning::{Adding, Grid, Link, People, Plan, dense, label_quanta};
use protocol::limits;
use protocol::proof::Proven;
use protocol::tally::{Plan as Plans, Program, Side, Tally};

use crate::fault::Fault;
use crate::groups::{Merge, Partners};
use crate::mix::mix;
use crate::ordered::{Id, Order, Ordered, cores, wide};
use read::{BinRead, LabelRead};

mod read;

/// The people of a proven training.
pub struct Trainees {
    proven: Proven,
    edges: Vec<i32>,
    found: Found,
    threads: usize,
}

/// Who was found, as the model sees them.
enum Found {
    Additive {
        plan: Plan,
        link: Link,
        trained: People,
        held_out: People,
        /// The sum of the labels of those who are trained on.
        labels: i64,
    },
    Dense {
        plan: dense::Plan,
        /// In the order of their keys, so that a place is the same person's whatever the threads were.
        trained: dense::People,
        held_out: dense::People,
    },
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
        let edges = program.held_out.as_ref().map(|held| held.edges.clone()).unwrap_or_default();
        Ok(Self { edges, found, threads, proven: proven.clone() })
    }

    /// What the release at `place`, counted from 0, is made of. Who is in a batch is drawn here.
    ///
    /// # Privacy
    ///
    /// Each id is drawn for this step anew, on its own and by the secure generator. Nobody learns who was, nor how many.
    ///
    /// # Errors
    ///
    /// [`Fault::Engine`] if adding up failed, which is a defect.
    pub async fn add(
        self: &Arc<Self>,
        place: u32,
        ask: Ask,
        noise: &mut (impl Noise + ?Sized),
    ) -> Result<RawStep, Fault> {
        let batch = match (&ask, &self.found) {
            (Ask::Batch(_, chance), Found::Dense { trained, .. }) => {
                noise.batch(*chance, u32::try_from(trained.len()).map_err(|_| Fault::Engine)?)
            }
            _ => Vec::new(),
        };
        let people = Arc::clone(self);
        let adding = move || people.sums(&ask, &batch);
        let sums = tokio::task::spawn_blocking(adding).await.map_err(|_| Fault::Engine)??;
        Ok(RawStep::new(self.proven.clone(), place, sums))
    }

    fn sums(&self, ask: &Ask, batch: &[u32]) -> Result<Vec<i64>, Fault> {
        match (ask, &self.found) {
            (Ask::Label, Found::Additive { labels, .. }) => Ok(vec![*labels]),
            (Ask::Step(grid), Found::Additive { plan, link, trained, .. }) => {
                let adding = Adding::new(plan, link, grid);
                let of = |range| adding.sums(trained, range);
                self.over(trained.len(), FEWEST, plan.bins(), &of)
            }
            (Ask::Batch(network, _), Found::Dense { plan, trained, .. }) => {
                let adding = dense::Adding::new(plan, network);
                let some = |range| adding.sums(trained, batch.get(range).unwrap_or_default());
                self.over(batch.len(), FEWEST_DRAWN, plan.weights(), &some)
            }
            (Ask::Scores(Scoring::Additive(grid)), Found::Additive { held_out, .. }) => {
                let entries = 2 * (self.edges.len() + 1);
                let of = |range| self.counts(grid, held_out, range);
                self.over(held_out.len(), FEWEST, entries, &of)
            }
            (Ask::Scores(Scoring::Dense(network)), Found::Dense { held_out, .. }) => {
                let entries = 2 * (self.edges.len() + 1);
                let of = |range| self.dense_counts(network, held_out, range);
                self.over(held_out.len(), FEWEST, entries, &of)
            }
            // The payment was for another model.
            _ => Err(Fault::Engine),
        }
    }

    /// How many people have which label and score.
    fn counts(&self, grid: &Grid, people: &People, range: Range<usize>) -> Vec<i64> {
        let mut counts = vec![0; 2 * (self.edges.len() + 1)];
        people.scores(grid, range, &mut |score, label| {
            self.count(score.saturating_sub(grid.intercept), label, &mut counts);
        });
        counts
    }

    /// The same of a dense model, above 0.
    fn dense_counts(
        &self,
        network: &dense::Network,
        people: &dense::People,
        range: Range<usize>,
    ) -> Vec<i64> {
        let mut counts = vec![0; 2 * (self.edges.len() + 1)];
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        network.scores(people, place(range.start)..place(range.end), &mut |score, label| {
            self.count(units(score), label, &mut counts);
        });
        counts
    }

    fn count(&self, above: i32, label: i16, counts: &mut [i64]) {
        let bins = self.edges.len() + 1;
        let bin = self.edges.partition_point(|edge| *edge <= above);
        let bin = if label > 0 { bins + bin } else { bin };
        if let Some(count) = counts.get_mut(bin) {
            *count += 1;
        }
    }

    /// Adds up `entries` sums over so many people, each thread over some of them.
    fn over(
        &self,
        people: usize,
        fewest: usize,
        entries: usize,
        of: &(dyn Fn(Range<usize>) -> Vec<i64> + Sync),
    ) -> Result<Vec<i64>, Fault> {
        let part = people.div_ceil(self.threads).max(fewest);
        let mut ranges = (0..people).step_by(part).map(|start| start..people.min(start + part));
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

/// A score in units of 2⁻¹⁶, rounded down; what is not a number is in the middle.
fn units(score: f32) -> i32 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "what is beyond all edges is beyond them still"
    )]
    let units = (score * 65_536.0).floor() as i32;
    units
}

impl fmt::Debug for Trainees {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Trainees(..)")
    }
}

/// How people are read from at most `N` tables.
struct Reading<'t, const N: usize> {
    program: &'t Program,
    plan: Plans,
    orders: Vec<&'t Order>,
    partners: Vec<Partners>,
    features: Vec<BinRead<'t>>,
    label: LabelRead<'t>,
}

impl Found {
    /// Nobody.
    fn nobody(plan: &Plans) -> Self {
        match plan {
            Plans::Additive(plan) => {
                let nobody = || People::with_room(&plan.features, 0);
                let link = Link::new(plan.loss, plan.cap);
                let (trained, held_out) = (nobody(), nobody());
                Self::Additive { plan: plan.clone(), link, trained, held_out, labels: 0 }
            }
            Plans::Dense(plan) => {
                let nobody = || dense::People::with_room(plan, 0);
                Self::Dense { plan: plan.clone(), trained: nobody(), held_out: nobody() }
            }
        }
    }

    /// Adds those whose keys come next; nobody of another model.
    fn append(&mut self, others: Self) {
        match (self, others) {
            (
                Self::Additive { trained, held_out, labels, .. },
                Self::Additive { trained: others, held_out: other_held, labels: more, .. },
            ) => {
                trained.append(others);
                held_out.append(other_held);
                *labels += more;
            }
            (
                Self::Dense { trained, held_out, .. },
                Self::Dense { trained: others, held_out: other_held, .. },
            ) => {
                trained.append(others);
                held_out.append(other_held);
            }
            _ => {}
        }
    }
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

    /// Everybody in the order of keys, read on so many threads, of which each takes one range of keys after another.
    fn all(&self, threads: usize) -> Result<Found, Fault> {
        let (next, parts) = (AtomicUsize::new(0), threads.saturating_mul(PARTS));
        let read = || self.some(&next, parts);
        let mut found = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(read)).collect();
            let own = read();
            others.into_iter().try_fold(own, |mut all, other| {
                all.extend(other.join().map_err(|_| Fault::Engine)?);
                Ok::<_, Fault>(all)
            })
        })?;
        found.sort_by_key(|(part, _)| *part);
        let mut parts = found.into_iter().map(|(_, part)| part);
        let first = parts.next().ok_or(Fault::Engine)?;
        Ok(parts.fold(first, |mut all, part| {
            all.append(part);
            all
        }))
    }

    /// People of one range of keys after another, until none is left.
    fn some(&self, next: &AtomicUsize, parts: usize) -> Vec<(usize, Found)> {
        let mut found = Vec::new();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                return found;
            }
            found.push((part, self.part(part, parts)));
        }
    }

    fn part(&self, part: usize, parts: usize) -> Found {
        let mut found = Found::nobody(&self.plan);
        let mut rows: [Vec<u32>; N] = std::array::from_fn(|_| Vec::new());
        let (mut bins, mut numbers) = (Vec::new(), Vec::new());
        let mut merge = Merge::<N>::new((&self.orders, &self.partners), 1, part, parts);
        while let Some((id, own)) = merge.next_person() {
            if !merge.agrees(&own) {
                continue;
            }
            for ((order, own), rows) in self.orders.iter().zip(own).zip(&mut rows) {
                rows_of(order, own, rows);
            }
            let label = self.label.number(&rows);
            let quanta = label_quanta(label, self.program.label.cap);
            let is_held_out = self.program.holds_out(chance(id));
            match &mut found {
                Found::Additive { trained, held_out, labels, .. } => {
                    bins.clear();
                    bins.extend(self.features.iter().map(|feature| feature.bin(&rows)));
                    if is_held_out {
                        held_out.add(&bins, quanta);
                    } else {
                        trained.add(&bins, quanta);
                        *labels += i64::from(label);
                    }
                }
                Found::Dense { trained, held_out, .. } => {
                    numbers.clear();
                    for feature in &self.features {
                        feature.numbers(&rows, &mut numbers);
                    }
                    if is_held_out { held_out } else { trained }.add(&numbers, quanta);
                }
            }
        }
        found
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
/// The same of people whose gradients are added up.
const FEWEST_DRAWN: usize = 1 << 10;

#[cfg(test)]
mod tests;
