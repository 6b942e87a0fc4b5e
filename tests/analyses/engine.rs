//! The engine on the sample's rows: against what the tally means, in any order of rows, and without somebody.

use super::{
    counted::{Counted, picked},
    sample::Sample,
};
use crate::meaning::{self, Answer, Id, meaning};
use arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
use privacy::sampler::{Chance, Noise, Scale, Variance};
use protocol::{
    contract::Role,
    loss::Rho,
    proof::{self, Figure, Proof, Proven, Request, Split},
    released::{Figures, Released},
    tally::Tally,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

#[test]
fn the_engine_counts_what_the_tally_means() {
    for (sample, counted) in counting() {
        let tables = counted.in_order();
        // Which cells of a person are kept is the engine's to choose: here all are.
        let mut tally = counted.proven().tally().clone();
        tally.cells_per_person = MOST_CELLS;
        let (meant, fits) = meaning(&tally, &counted.meant(&tables));
        assert!(fits, "{}: somebody is in more than {MOST_CELLS} cells", sample.name());
        let proven = loud(&tally);
        let found = figures(&counted, &proven, &tables);
        agrees(sample.name(), &proven, &found, &meant);
        if !tally.spread.is_empty() {
            let expected = meaning::spread(&tally, &counted.meant(&tables)[0]);
            assert_eq!(found.spread, expected, "{}: people by cells", sample.name());
        }
        assert!(meant.values().any(|(people, ..)| *people > 0), "{}: nobody counts", sample.name());
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    for (sample, counted) in counting() {
        let tables = counted.in_order();
        let proven = loud(counted.proven().tally());
        let expected = figures(&counted, &proven, &tables);
        for seed in 0..3 {
            let mut random = ChaCha20Rng::seed_from_u64(seed);
            let shuffled: Vec<_> = tables.iter().map(|it| shuffled(&it[0], &mut random)).collect();
            let found = figures(&counted, &proven, &shuffled);
            assert_eq!(found, expected, "{}: shuffled by {seed}", sample.name());
        }
    }
}

/// Without all rows of somebody, and with all of them replaced by those of somebody else.
#[test]
fn one_person_moves_no_figure_further_than_the_proof_says() {
    for (sample, counted) in counting() {
        let tables = counted.in_order();
        let tally = counted.proven().tally();
        let proven = loud(tally);
        let meant = counted.meant(&tables);
        let all = figures(&counted, &proven, &tables);
        let people = busiest(tally, &meant);
        let (mut moved, mut pairs) = (0, people.iter().cycle().skip(people.len() / 2));
        for who in &people {
            let removed = with_rows(&counted, &tables, &meant, *who, None);
            let without = figures(&counted, &proven, &removed);
            moved += within(sample.name(), &proven, &all, &without, 1);
            let other = pairs.next().copied();
            let replaced = with_rows(&counted, &tables, &meant, *who, other);
            let changed = figures(&counted, &proven, &replaced);
            within(sample.name(), &proven, &all, &changed, 2);
        }
        assert!(moved > 0, "{}: nobody of the sample moves anything", sample.name());
    }
}

/// Samples of kinds that count in cells; `trained.rs` has those that train.
fn counting() -> impl Iterator<Item = (Sample, Arc<Counted>)> {
    let all = Sample::all().into_iter().map(|sample| {
        let counted = Counted::new(&sample);
        (sample, counted)
    });
    all.filter(|(_, counted)| counted.proven().tally().program.is_none())
}

/// Adds so much that no cell is below a threshold.
struct Offset;

impl Noise for Offset {
    fn gaussian(&mut self, _: Variance) -> i64 {
        OFFSET
    }

    fn laplace(&mut self, _: Scale) -> i64 {
        OFFSET
    }

    fn batch(&mut self, _: Chance, _: u32) -> Vec<u32> {
        panic!("nobody is drawn for this")
    }
}

const OFFSET: i64 = 1 << 50;
/// The most that a proof allows.
const MOST_CELLS: u32 = 16;

/// The tally with a proof by which its figures leave, whatever was to leave of it.
fn loud(tally: &Tally) -> Proven {
    // Forms of two arms are made at the door, of what is counted in cells: `enclave/privacy/tests/contrasts.rs`.
    let tally = Tally { contrast: None, ..tally.clone() };
    let split = Split { n: 400, sum: 300, products: 300 };
    let request =
        Request { rho: Rho(1 << 45), split, threshold: 10, selection_delta: 1_000_000_000 };
    let proof = tally.prove(&request).unwrap();
    proof::check(tally, proof, 10).unwrap()
}

/// All figures, without noise and without thresholds. A comparison shows sums of its arms alone.
fn figures(counted: &Counted, proven: &Proven, tables: &[Vec<RecordBatch>]) -> Figures {
    let release = counted.release(proven, tables, &mut Offset);
    let Released::Figures(mut figures) = release.released().clone() else {
        panic!("figures leave of a proof of figures")
    };
    let quiet = |figure: &mut i64| *figure -= OFFSET;
    for cell in &mut figures.cells {
        quiet(&mut cell.totals.people);
        cell.totals.sums.iter_mut().for_each(quiet);
        cell.totals.products.iter_mut().for_each(quiet);
    }
    figures.no_consent.iter_mut().for_each(quiet);
    figures.spread.iter_mut().for_each(quiet);
    if proven.tally().is_named_by_data() {
        quiet(&mut figures.withheld);
    }
    figures
}

fn agrees(kind: &str, proven: &Proven, found: &Figures, meant: &Answer) {
    let tally = proven.tally();
    let mut left = meant.clone();
    let refused = left.remove(&None).map_or(0, |(people, ..)| people);
    assert_eq!(found.no_consent, Some(refused), "{kind}: people who did not agree");
    for cell in &found.cells {
        let name = Some(cell.name.clone());
        let nobody = || (0, vec![0; tally.measures.len()], vec![0; tally.products.len()]);
        let (people, sums, products) = left.remove(&name).unwrap_or_else(nobody);
        let totals = &cell.totals;
        assert_eq!(totals.people, people, "{kind}: people in {name:?}");
        if !totals.sums.is_empty() {
            assert_eq!(totals.sums, sums, "{kind}: sums in {name:?}");
        }
        if !totals.products.is_empty() {
            assert_eq!(totals.products, products, "{kind}: products in {name:?}");
        }
    }
    assert_eq!((found.withheld, found.cut), (0, 0), "{kind}: nothing is withheld");
    assert!(left.is_empty(), "{kind}: cells that the engine does not have: {left:?}");
}

pub(crate) fn shuffled(batch: &RecordBatch, random: &mut ChaCha20Rng) -> Vec<RecordBatch> {
    let mut order: Vec<usize> = (0..batch.num_rows()).collect();
    for at in (1..order.len()).rev() {
        let other = usize::try_from(random.next_u32()).unwrap() % (at + 1);
        order.swap(at, other);
    }
    let cut = usize::try_from(random.next_u32()).unwrap() % (order.len() + 1);
    let (first, last) = order.split_at(cut);
    [first, last].map(|rows| picked(batch, rows.iter().copied())).into()
}

/// Those with the most rows, those who did not agree, and some others.
pub(crate) fn busiest(tally: &Tally, tables: &[Vec<meaning::Row>]) -> Vec<Id> {
    let mut rows: BTreeMap<Id, (usize, bool)> = BTreeMap::new();
    for row in tables.iter().flatten() {
        let Some(id) = row.id(tally) else { continue };
        let own = rows.entry(id).or_insert((0, true));
        *own = (own.0 + 1, own.1 && row.agreed);
    }
    let mut order: Vec<_> = rows.iter().map(|(id, (rows, agreed))| (*agreed, *rows, *id)).collect();
    order.sort_unstable();
    let refused = order.iter().take(2);
    let busy = order.iter().rev().take(4);
    let others = order.iter().step_by(order.len() / 5 + 1);
    let chosen: BTreeSet<Id> = refused.chain(busy).chain(others).map(|(.., id)| *id).collect();
    chosen.into_iter().collect()
}

/// The tables without the rows of `who`; then with those of `other` in their place.
pub(crate) fn with_rows(
    counted: &Counted,
    tables: &[Vec<RecordBatch>],
    meant: &[Vec<meaning::Row>],
    who: Id,
    other: Option<Id>,
) -> Vec<Vec<RecordBatch>> {
    let tally = counted.proven().tally();
    let of = |rows: &[meaning::Row], id: Id| -> Vec<usize> {
        let is_theirs = |row: &meaning::Row| row.id(tally) == Some(id);
        (0..rows.len()).filter(|at| is_theirs(&rows[*at])).collect()
    };
    let sides = tally.datasets().zip(tables).zip(meant);
    sides
        .map(|((dataset, batches), rows)| {
            let own: BTreeSet<_> = of(rows, who).into_iter().collect();
            let rest = (0..rows.len()).filter(|at| !own.contains(at));
            let mut all = vec![picked(&batches[0], rest)];
            if let Some(other) = other {
                let theirs = picked(&batches[0], of(rows, other));
                all.push(renamed(counted, dataset, &theirs, who));
            }
            all
        })
        .collect()
}

/// The same rows, of `who`.
fn renamed(counted: &Counted, dataset: &str, batch: &RecordBatch, who: Id) -> RecordBatch {
    let role = |name: &str| {
        let column = counted.contract.datasets[dataset].column(name);
        column.map(|column| column.role.clone())
    };
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| -> ArrayRef {
        let Some(Role::MatchKey(kind)) = role(field.name()) else { return Arc::clone(column) };
        let key = if kind == who.0 { who.1 } else { [0; 16] };
        if batch.num_rows() == 0 {
            return Arc::clone(column);
        }
        let keys = vec![Some(key); batch.num_rows()].into_iter();
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(keys, 16).unwrap())
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

/// Fails if two answers of people who differ in one are further apart than `times` what the proof says; in how
/// many cells they differ.
fn within(kind: &str, proven: &Proven, all: &Figures, other: &Figures, times: u64) -> u64 {
    type Totals = (i64, Vec<i64>, Vec<i64>);
    let (tally, proof): (&Tally, &Proof) = (proven.tally(), proven.proof());
    let cells = |figures: &Figures| -> BTreeMap<_, Totals> {
        let cell = figures.cells.iter().map(|cell| {
            let totals = cell.totals.clone();
            (Some(cell.name.clone()), (totals.people, totals.sums, totals.products))
        });
        let refused = (None, (figures.no_consent.unwrap_or(0), Vec::new(), Vec::new()));
        cell.chain([refused]).collect()
    };
    if let Some(figure) = &proof.vectors().unwrap().spread {
        let moved = all.spread.iter().zip(&other.spread);
        let moved = moved.map(|(one, other)| one.abs_diff(*other));
        let moved: Vec<_> = moved.filter(|moved| *moved > 0).collect();
        let most = usize::try_from(times).unwrap();
        assert!(moved.len() <= most, "{kind}: one person moves several bins: {moved:?}");
        assert!(moved.iter().all(|moved| *moved <= figure.linf * times), "{kind}: {moved:?}");
    }
    let (all, other) = (cells(all), cells(other));
    let names: BTreeSet<_> = all.keys().chain(other.keys()).collect();
    let nobody = || (0, vec![0; tally.measures.len()], vec![0; tally.products.len()]);
    let fits = |one: i64, another: i64, figure: &Figure| {
        one.abs_diff(another) <= figure.linf.saturating_mul(times)
    };
    let mut moved = 0;
    for name in names {
        let [one, another] = [&all, &other].map(|it| it.get(name).cloned().unwrap_or_else(nobody));
        moved += u64::from(one != another);
        assert!(
            fits(one.0, another.0, &proof.vectors().unwrap().people),
            "{kind}: people of {name:?}"
        );
        for (figures, one, another) in [
            (&proof.vectors().unwrap().sums, &one.1, &another.1),
            (&proof.vectors().unwrap().products, &one.2, &another.2),
        ] {
            for ((figure, one), another) in figures.iter().zip(one).zip(another) {
                assert!(fits(*one, *another, figure), "{kind}: {one}, {another} in {name:?}");
            }
        }
    }
    let most = u64::from(tally.cells_per_person) * times;
    assert!(moved <= most, "{kind}: one person moves {moved} cells, expected at most {most}");
    moved
}
