//! The engine against forty lines that say what a tally means.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly")]

#[path = "../../../tests/support/room.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
mod room;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch};
use engine::{Fault, Ordered};
use privacy::sampler::{Chance, Noise, Scale, Variance};
use privacy::{Ledger, Raw};
use proptest::collection::vec;
use proptest::prelude::*;
use protocol::analysis::lift::Arms;
use protocol::analysis::lift::Cell;
use protocol::contract::Contract;
use protocol::job::{Lift, OutcomeKind};
use protocol::loss::{Loss, Rho};
use protocol::policy::Admitted;
use protocol::sealed::MISSING;
use room::NOW;

/// A row of the exposures. A key of 0 is none.
#[derive(Clone, Debug)]
struct Exposure {
    row: i32,
    email: u8,
    phone: u8,
    arm: i32,
    agreed: i32,
}

/// A row of the sales.
#[derive(Clone, Debug)]
struct Sale {
    row: i32,
    phone: u8,
    email: u8,
    visit: i64,
    spend: i64,
    bought: i32,
    agreed: i32,
}

/// People, then (Σ, Σ²) of visit and spend where the cell has outcomes.
type Answer = Vec<(i64, Vec<(i64, i64)>)>;

/// What a tally means.
fn reference(exposures: &[Exposure], sales: &[Sale], clamp: i64) -> Answer {
    let id = |first: (char, u8), second: (char, u8)| {
        [first, second].into_iter().find(|(_, key)| *key != 0)
    };
    let mut people: BTreeMap<_, (Vec<i32>, bool)> = BTreeMap::new();
    for it in exposures.iter().filter(|it| it.row != 0) {
        let Some(id) = id(('e', it.email), ('p', it.phone)) else { continue };
        let person = people.entry(id).or_insert((Vec::new(), true));
        person.0.push(it.arm);
        person.1 &= it.agreed == 1;
    }
    let mut buyers: BTreeMap<_, (i128, i128, bool)> = BTreeMap::new();
    for it in sales.iter().filter(|it| it.row != 0) {
        let Some(id) = id(('p', it.phone), ('e', it.email)) else { continue };
        let buyer = buyers.entry(id).or_insert((0, 0, true));
        let counts = i128::from((FIRST..=LAST).contains(&it.bought) && it.bought != MISSING);
        let cut = |value: i64| i128::from(value.clamp(-(1 << 40), 1 << 40));
        buyer.0 += counts * cut(it.visit);
        buyer.1 += counts * cut(it.spend);
        buyer.2 &= it.agreed == 1;
    }
    let mut answer: Answer = vec![(0, vec![(0, 0); 2]); CELLS];
    for (id, (arms, agreed)) in people {
        let buyer = buyers.get(&id);
        let (test, control) = (arms.contains(&0), arms.contains(&2));
        let other = arms.iter().any(|arm| ![0, 2].contains(arm));
        let cell = match (test, control, buyer.is_some()) {
            _ if !agreed || buyer.is_some_and(|it| !it.2) => 6,
            (true, true, _) => 4,
            _ if other && (test || control) => 4,
            _ if other => 5,
            (true, _, found) => usize::from(!found),
            (_, _, found) => 2 + usize::from(!found),
        };
        let (visit, spend, _) = buyer.copied().unwrap_or((0, 0, true));
        let visit = i64::try_from(visit.clamp(0, 1)).unwrap();
        let spend = i64::try_from(spend.clamp(0, i128::from(clamp))).unwrap();
        let slot = &mut answer[cell];
        slot.0 += 1;
        for (sums, value) in slot.1.iter_mut().zip([visit, spend]) {
            *sums = (sums.0 + value, sums.1 + value * value);
        }
    }
    answer
}

fn exposure() -> impl Strategy<Value = Exposure> {
    let row = prop_oneof![9 => Just(1), 1 => Just(0)];
    let agreed = prop_oneof![9 => Just(1), 1 => Just(0), 1 => Just(MISSING)];
    (row, 0..30_u8, 0..20_u8, MISSING..3, agreed)
        .prop_map(|(row, email, phone, arm, agreed)| Exposure { row, email, phone, arm, agreed })
}

fn sale() -> impl Strategy<Value = Sale> {
    let row = prop_oneof![9 => Just(1), 1 => Just(0)];
    let agreed = prop_oneof![19 => Just(1), 1 => Just(0), 1 => Just(MISSING)];
    let value = prop_oneof![
        8 => -5..300_i64,
        1 => any::<i64>(),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 1 << 40, -(1 << 40), (1 << 40) + 1]),
    ];
    (row, 0..20_u8, 0..30_u8, value.clone(), value, FIRST - 4..LAST + 4, agreed).prop_map(
        |(row, phone, email, visit, spend, bought, agreed)| Sale {
            row,
            phone,
            email,
            visit,
            spend,
            bought,
            agreed,
        },
    )
}

fn codes(values: impl Iterator<Item = i32>) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(values))
}

fn numbers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// Of row marks and keys: padding has no key.
fn keys(values: impl Iterator<Item = (i32, u8)>) -> ArrayRef {
    let keys = values.map(|(row, key)| Some([if row == 0 { 0 } else { key }; 16]));
    Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(keys, 16).unwrap())
}

fn exposures(rows: &[Exposure]) -> RecordBatch {
    RecordBatch::try_from_iter([
        ("email", keys(rows.iter().map(|it| (it.row, it.email)))),
        ("phone", keys(rows.iter().map(|it| (it.row, it.phone)))),
        ("arm", codes(rows.iter().map(|it| it.arm))),
        ("agreed", codes(rows.iter().map(|it| it.agreed))),
    ])
    .unwrap()
}

fn sales(rows: &[Sale]) -> RecordBatch {
    RecordBatch::try_from_iter([
        ("phone", keys(rows.iter().map(|it| (it.row, it.phone)))),
        ("email", keys(rows.iter().map(|it| (it.row, it.email)))),
        ("visit", numbers(rows.iter().map(|it| it.visit))),
        ("spend", numbers(rows.iter().map(|it| it.spend))),
        ("bought", codes(rows.iter().map(|it| it.bought))),
        ("agreed", codes(rows.iter().map(|it| it.agreed))),
    ])
    .unwrap()
}

/// Adds so much that no cell is below the threshold.
struct Offset;

impl Noise for Offset {
    fn gaussian(&mut self, _: Variance) -> i64 {
        OFFSET
    }

    fn laplace(&mut self, _: Scale) -> i64 {
        OFFSET
    }

    fn batch(&mut self, _: Chance, _: u32) -> Vec<u32> {
        Vec::new()
    }
}

fn admitted(contract: &Contract, clamp: u32) -> Admitted {
    let outcomes = vec![
        room::outcome("visit", OutcomeKind::Binary, 1, 0),
        room::outcome("spend", OutcomeKind::Value, clamp, 2),
    ];
    let lift = Lift { window: Some((FIRST, LAST)), ..room::lift(outcomes) };
    room::admitted(contract, lift, 1024)
}

fn answer(raw: Raw, admitted: Admitted, contract: &Contract) -> Answer {
    let mut ledger = Ledger::new();
    for dataset in ["exposures", "sales"] {
        let slice = room::slice(contract, dataset, Loss::zcdp(Rho(u64::MAX >> 20)));
        ledger.accept(&slice, contract, NOW).unwrap();
    }
    let paid = ledger.pay(admitted, contract, NOW).unwrap();
    let released = raw.release(paid, &mut Offset).unwrap();
    let view = released.view().unwrap();
    let arms = Arms::new(&view);
    // The second outcome leaves as the difference and the total of both arms, each with the offset on it.
    let halves = |contrast: i64, pooled: i64| {
        let (contrast, pooled) = (contrast - OFFSET, pooled - OFFSET);
        [(pooled + contrast) / 2, (pooled - contrast) / 2]
    };
    let (sums, squares) =
        (view.forms_of_sum(&[], 1).unwrap(), view.forms_of_product(&[], 0).unwrap());
    let spends = halves(sums.contrast.value, sums.pooled.value);
    let narrow = |value: i128| i64::try_from(value).unwrap();
    let squares = halves(narrow(squares.contrast.value), narrow(squares.pooled.value));
    let compared = [arms.test.as_ref().unwrap(), arms.control.as_ref().unwrap()];
    arms.cells
        .iter()
        .take(CELLS)
        .zip(Cell::ALL)
        .map(|(shown, cell)| {
            // Two noisy figures of a tally make one of these.
            let figures = if is_outside(cell) { 2 } else { 1 };
            let n = shown.n.unwrap() - figures * OFFSET;
            let arm = match cell {
                Cell::TestMatched => Some(0),
                Cell::ControlMatched => Some(1),
                _ => None,
            };
            let sums = arm.map_or(Vec::new(), |arm: usize| {
                let (visits, spend) = (compared[arm].measures[0], compared[arm].measures[1]);
                assert_eq!(spend, None);
                let visits = visits.unwrap().sum.value - OFFSET;
                vec![(visits, 0), (spends[arm], squares[arm])]
            });
            (n, sums)
        })
        .collect()
}

fn has_outcomes(cell: Cell) -> bool {
    matches!(cell, Cell::TestMatched | Cell::ControlMatched)
}

fn is_outside(cell: Cell) -> bool {
    matches!(cell, Cell::Contaminated | Cell::OtherArm)
}

/// What leaves of the reference: sums of the matched cells, squares of the value only.
fn visible(reference: Answer) -> Answer {
    let cells = reference.into_iter().zip(Cell::ALL);
    cells
        .map(|((n, sums), cell)| {
            let sums = if has_outcomes(cell) { vec![(sums[0].0, 0), sums[1]] } else { Vec::new() };
            (n, sums)
        })
        .collect()
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
});

fn run(exposures: &[RecordBatch], sales: &[RecordBatch], clamp: u32) -> Result<Answer, Fault> {
    let contract = room::contract();
    let admitted = admitted(&contract, clamp);
    let tables = [("exposures", exposures), ("sales", sales)]
        .map(|(name, rows)| Ordered::new(&contract, name, rows).map(Arc::new));
    let tables = tables.into_iter().collect::<Result<Vec<_>, Fault>>()?;
    let raw = RUNTIME.block_on(engine::run(admitted.proven(), &tables))?;
    Ok(answer(raw, admitted, &contract))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_meaning(
        left in vec(exposure(), 0..60), right in vec(sale(), 0..60), clamp in 1_u32..400,
    ) {
        let expected = visible(reference(&left, &right, i64::from(clamp)));
        prop_assert_eq!(run(&[exposures(&left)], &[sales(&right)], clamp).unwrap(), expected);
    }

    /// Nor does it matter where one batch ends and the next begins.
    #[test]
    fn the_order_of_rows_does_not_matter(
        left in vec(exposure(), 1..60), right in vec(sale(), 1..60), cut: prop::sample::Index,
    ) {
        let expected = run(&[exposures(&left)], &[sales(&right)], 100).unwrap();
        let (mut left, mut right) = (left, right);
        left.reverse();
        right.reverse();
        let (first, last) = right.split_at(cut.index(right.len()));
        let found = run(&[exposures(&left)], &[sales(last), sales(first)], 100).unwrap();
        prop_assert_eq!(found, expected);
    }

    /// The sensitivity that noise is scaled to, on the real code: all rows of one id in both
    /// datasets move one head count by at most 1 and one sum of each measure by at most its clamp.
    #[test]
    fn one_person_moves_one_cell_by_at_most_the_clamp(
        left in vec(exposure(), 1..60), right in vec(sale(), 1..60), clamp in 1_u32..400, who in 1..30_u8,
    ) {
        let all = run(&[exposures(&left)], &[sales(&right)], clamp).unwrap();
        let gone = |email: u8, phone: u8, email_first: bool| {
            email == who && (email_first || phone == 0)
        };
        let rest_left: Vec<_> = left.iter().filter(|it| !gone(it.email, it.phone, true)).cloned().collect();
        let rest_right: Vec<_> = right.iter().filter(|it| !gone(it.email, it.phone, false)).cloned().collect();
        let rest = run(&[exposures(&rest_left)], &[sales(&rest_right)], clamp).unwrap();
        let clamp = i64::from(clamp);
        let mut moved = 0;
        for (before, after) in all.iter().zip(&rest) {
            prop_assert!((0..=1).contains(&(before.0 - after.0)));
            moved += before.0 - after.0;
            for ((before, after), most) in before.1.iter().zip(&after.1).zip([1, clamp]) {
                prop_assert!((0..=most).contains(&(before.0 - after.0)));
                prop_assert!((0..=most * most).contains(&(before.1 - after.1)));
            }
        }
        prop_assert!(moved <= 1);
    }
}

#[test]
fn a_person_with_a_million_rows_counts_once_and_up_to_the_clamp() {
    let one = Exposure { row: 1, email: 1, phone: 0, arm: 0, agreed: 1 };
    let sale =
        Sale { row: 1, phone: 0, email: 1, visit: 1, spend: i64::MAX, bought: FIRST, agreed: 1 };
    let found = run(&[exposures(&[one])], &[sales(&vec![sale; 1_000_000])], 100).unwrap();
    assert_eq!(found[0], (1, vec![(1, 0), (100, 10_000)]));
}

#[test]
fn refuses_tables_of_another_layout() {
    let exposure = Exposure { row: 1, email: 1, phone: 0, arm: 0, agreed: 1 };
    let left = exposures(&[exposure]);
    let without_spend = sales(&[]).project(&[0, 1, 2, 4, 5]).unwrap();
    let layout = |dataset: &str, column: &str| {
        let [dataset, column] = [dataset, column].map(str::to_owned);
        Fault::Layout { dataset, column }
    };
    let found = run(std::slice::from_ref(&left), &[without_spend], 100).unwrap_err();
    assert_eq!(found, layout("sales", "spend"));
    let found = run(std::slice::from_ref(&left), std::slice::from_ref(&left), 100).unwrap_err();
    assert_eq!(found, layout("sales", "visit"));
    assert_eq!(run(&[], &[sales(&[])], 100).unwrap_err(), layout("exposures", "email"));
}

const OFFSET: i64 = 1 << 50;
const FIRST: i32 = -3;
const LAST: i32 = 20;

/// Where both datasets ask for consent, refusals are of no arm: the last two of [`Cell::ALL`] are not told.
const CELLS: usize = 7;
