//! Tables of the same columns, hostile rows in them, and tallies over them.

use protocol::units::Scale;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch};
use privacy::Totals;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use protocol::contract::{Contract, Role};
use protocol::identity::Identifier;
use protocol::limits;
use protocol::opt_outs::TakenOut;
use protocol::sealed::{MISSING, TAG_LEN, Tag};
use protocol::tally::{
    Clamp, Condition, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally,
};

use super::meaning::{self, Value};
use crate::{
    engine::totals,
    fault::Fault,
    ordered::{Ordered, Orders},
    room as shared,
};

/// A row of a table. A key of 0 stands for a row without that key, and a label of 0 for one without a label.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) row: i32,
    pub(crate) email: u8,
    pub(crate) phone: u8,
    pub(crate) group: i32,
    pub(crate) label: u32,
    pub(crate) number: i64,
    pub(crate) day: i32,
    pub(crate) agreed: i32,
}

impl Row {
    /// Whose it is: the first key is the address, but of the joined dataset the number, or what a union is by.
    pub(crate) fn id(&self, tally: &Tally, side: Side) -> Option<(char, u8)> {
        let (email, phone) = (('e', self.email), ('p', self.phone));
        let keys = match (tally.population, side) {
            (Population::Union { by: Identifier::Email }, _) => [email, phone],
            (Population::Union { .. }, _) | (_, Side::JOINED) => [phone, email],
            _ => [email, phone],
        };
        keys.into_iter().find(|(_, key)| *key != 0)
    }

    /// The same row for the naive reference, of this table.
    pub(crate) fn meant(&self, side: Side) -> meaning::Row {
        let (email, phone) = ((Identifier::Email, self.email), (Identifier::Phone, self.phone));
        let keys = if side == Side::JOINED { [phone, email] } else { [email, phone] };
        let code = u32::try_from(self.group).ok().filter(|code| *code < 3);
        let values = [
            ("group", Value::Group(code)),
            ("label", Value::Label(self.label())),
            ("number", Value::Number(self.number)),
            ("day", Value::Day(Some(self.day).filter(|day| *day != MISSING))),
        ];
        meaning::Row {
            keys: keys
                .into_iter()
                .filter(|key| self.row != 0 && key.1 != 0)
                .map(|(k, it)| (k, [it; TAG_LEN]))
                .collect(),
            agreed: self.agreed == 1,
            values: values.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// Some begin alike, some are no text.
    pub(crate) fn label(&self) -> [u8; 32] {
        let mut label = [if self.label.is_multiple_of(2) { 7 } else { 0xff }; 32];
        label[28..].copy_from_slice(&self.label.to_be_bytes());
        if self.label == 0 { [0; 32] } else { label }
    }
}

/// As many as a tally may have.
pub(crate) const DATASETS: [&str; limits::TABLES] =
    ["exposures", "sales", "visits", "d4", "d5", "d6", "d7", "d8"];

/// The usual contract, with more datasets and these columns in all of them.
static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let mut contract = shared::contract();
    for name in &DATASETS[2..] {
        let dataset = contract.datasets["exposures"].clone();
        contract.datasets.insert((*name).to_owned(), dataset);
    }
    for (name, dataset) in &mut contract.datasets {
        let one = dataset.columns[0].clone();
        let mut columns = vec![
            ("email", Role::MatchKey(Identifier::Email)),
            ("phone", Role::MatchKey(Identifier::Phone)),
            ("group", Role::Group(["a", "b", "c"].map(str::to_owned).into())),
            ("label", Role::Label),
            ("number", Role::Measure(Scale::WHOLE)),
            ("day", Role::Date),
            ("agreed", Role::Consent),
        ];
        if name == "sales" {
            columns.swap(0, 1);
        }
        let columns = columns.into_iter().map(|(name, role)| {
            let mut column = one.clone();
            (column.name, column.role) = (name.to_owned(), role);
            column
        });
        dataset.columns = columns.collect();
    }
    contract
});

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
});

/// Runs the engine over as many tables as the tally has.
pub(crate) fn run(tally: &Tally, tables: &[Vec<RecordBatch>]) -> Result<Totals, Fault> {
    let tables: Vec<_> = tables.iter().map(Vec::as_slice).take(tally.tables.len()).collect();
    run_with(tally, &ordered(&tables), 2, 5)
}

/// The tables in the order of people, by every kind of key.
pub(crate) fn ordered(tables: &[&[RecordBatch]]) -> Vec<Arc<Ordered>> {
    without(&[], tables)
}

/// The same without the rows that have one of these tags as a key.
pub(crate) fn without(out: &[u128], tables: &[&[RecordBatch]]) -> Vec<Arc<Ordered>> {
    let out = || TakenOut::of(out.to_vec());
    let unions = [Identifier::Email, Identifier::Phone].into();
    let orders = Orders { unions, ..Orders::default() };
    let tables = DATASETS.iter().zip(tables);
    tables
        .map(|(name, rows)| Arc::new(Ordered::of(&CONTRACT, name, &orders, rows, out()).unwrap()))
        .collect()
}

/// The tables in the order of people, of whom those of the second claim by these kinds of keys.
pub(crate) fn claiming(claims: &[Identifier], tables: &[&[RecordBatch]]) -> Vec<Arc<Ordered>> {
    let tables = DATASETS.iter().zip(tables);
    tables
        .map(|(name, rows)| {
            let [mut claiming, mut claimed] = [Vec::new(), Vec::new()];
            let own = if *name == "sales" { &mut claiming } else { &mut claimed };
            own.extend_from_slice(claims);
            let orders = Orders { unions: Vec::new(), claims: claiming, claimed };
            let out = TakenOut::nobody();
            Arc::new(Ordered::of(&CONTRACT, name, &orders, rows, out).unwrap())
        })
        .collect()
}

/// On so many threads, over so many ranges of keys.
pub(crate) fn run_with(
    tally: &Tally,
    tables: &[Arc<Ordered>],
    threads: usize,
    parts: usize,
) -> Result<Totals, Fault> {
    RUNTIME.block_on(totals(tally, tables, threads, Some(parts)))
}

pub(crate) fn table(rows: &[Row]) -> RecordBatch {
    let codes = |of: fn(&Row) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(rows.iter().map(of)))
    };
    let labels = rows.iter().map(|row| Some(row.label()));
    let labels: ArrayRef =
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(labels, 32).unwrap());
    // Padding has no tag.
    let tags = |of: fn(&Row) -> u8| -> ArrayRef {
        let tags = rows.iter().map(|row| Some(tag(if row.row == 0 { 0 } else { of(row) })));
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(tags, 16).unwrap())
    };
    let numbers: ArrayRef =
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.number)));
    RecordBatch::try_from_iter([
        ("email", tags(|row| row.email)),
        ("phone", tags(|row| row.phone)),
        ("group", codes(|row| row.group)),
        ("label", labels),
        ("number", numbers),
        ("day", codes(|row| row.day)),
        ("agreed", codes(|row| row.agreed)),
    ])
    .unwrap()
}

/// Spread over all tags, so that they are in several ranges; all zeros of 0.
pub(crate) fn tag(number: u8) -> Tag {
    [number.wrapping_mul(37); TAG_LEN]
}

/// Of which number a key's bytes are all this one.
pub(crate) fn number(byte: u8) -> u8 {
    (0..=u8::MAX).find(|number| number.wrapping_mul(37) == byte).unwrap()
}

/// Few people with many rows.
pub(crate) fn tables() -> impl Strategy<Value = Vec<Vec<Row>>> {
    vec(vec(row(), 0..40), 3)
}

fn row() -> impl Strategy<Value = Row> {
    let mark = prop_oneof![9 => Just(1), 1 => Just(0)];
    let code = prop_oneof![
        9 => MISSING..3,
        1 => prop::sample::select(vec![i32::MIN, -2, 3, 4, i32::MAX]),
    ];
    let number = prop_oneof![
        8 => -5..200_i64,
        1 => any::<i64>(),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 1 << 40, -(1 << 40), (1 << 40) + 1]),
    ];
    let day = prop_oneof![9 => -3..6, 1 => prop::sample::select(vec![i32::MIN, i32::MAX])];
    let agreed = prop_oneof![19 => Just(1), 1 => prop::sample::select(vec![0, MISSING, 2])];
    let phone = prop_oneof![2 => Just(0), 1 => 1..4_u8];
    (mark, 0..7_u8, phone, code, 0..4_u32, number, day, agreed).prop_map(
        |(row, email, phone, group, label, number, day, agreed)| Row {
            row,
            email,
            phone,
            group,
            label,
            number,
            day,
            agreed,
        },
    )
}

/// Tallies of every shape that keep so many cells of a person.
pub(crate) fn tally(most: Range<u32>) -> impl Strategy<Value = Tally> {
    let counted = prop_oneof![
        2 => Just((None, 1)),
        3 => Just((None, 2)),
        1 => Just((Some(Identifier::Email), 1)),
        1 => Just((Some(Identifier::Email), 2)),
        2 => Just((Some(Identifier::Phone), 3)),
    ];
    (counted, vec(measure(), 0..4), most)
        .prop_flat_map(|(counted, measures, most)| {
            let count = u32::try_from(measures.len()).unwrap();
            let pairs = (0..count)
                .flat_map(|one| (one..count).map(move |other| Product { one, other, coarse: 0 }));
            let pairs: Vec<_> = pairs.collect();
            let products = prop::sample::subsequence(pairs.clone(), 0..=pairs.len());
            let rows = vec(vec(condition(), 0..2), 3);
            let coarse = prop::sample::select(vec![0, 0, 1, 5]);
            (Just((counted, measures, most)), products, coarse, dimensions(count), rows)
        })
        .prop_map(|(((union, count), measures, most), mut products, coarse, dimensions, rows)| {
            products.iter_mut().for_each(|product| product.coarse = coarse);
            let table = |(name, rows): (&&str, _)| Table { dataset: (*name).to_owned(), rows };
            let mut tally = Tally {
                population: Population::First,
                tables: DATASETS.iter().zip(rows).take(count).map(table).collect(),
                dimensions,
                measures,
                products,
                cells_per_person: most,
                ids_per_person: 1,
                contrast: None,
                weights: Vec::new(),
                spread: Vec::new(),
                program: None,
            };
            if let Some(by) = union {
                tally.population = Population::Union { by };
            }
            fit(&mut tally);
            tally
        })
}

/// Turns every use of a table that there is not into one of the first, and leaves out what asks for other
/// people.
fn fit(tally: &mut Tally) {
    let count = u32::try_from(tally.tables.len()).unwrap();
    let is_union = matches!(tally.population, Population::Union { .. });
    let fit = |side: &mut Side| side.0 %= count;
    tally.measures.iter_mut().for_each(|measure| fit(&mut measure.side));
    // Starts are of another table, of which which rows count depends on no start.
    let has_starts: Vec<_> =
        tally.tables.iter().map(|it| it.rows.iter().all(|row| row.start().is_none())).collect();
    let fits = |own: Side, it: &Condition| {
        it.start()
            .is_none_or(|(side, _)| side != own && has_starts.get(side.place()) == Some(&true))
    };
    for (side, table) in (0..).map(Side).zip(&mut tally.tables) {
        table.rows.retain(|it| fits(side, it));
    }
    for measure in &mut tally.measures {
        if measure.of == Quantity::RowsOfAll {
            if is_union {
                measure.side = Side::POPULATION;
                measure.rows.clear();
            } else {
                measure.of = Quantity::Rows;
            }
        }
        let side = measure.side;
        measure.rows.retain(|it| fits(side, it));
    }
    for dimension in &mut tally.dimensions {
        match dimension {
            Dimension::Group { side, .. }
            | Dimension::Label { side, .. }
            | Dimension::Only { side, .. }
            | Dimension::Earliest { side, .. }
            | Dimension::Days { side, .. } => fit(side),
            Dimension::Known if !is_union => *dimension = Dimension::Matched,
            Dimension::Matched if is_union => {
                *dimension = Dimension::Membership { datasets: count };
            }
            _ => {}
        }
    }
    let mut only_labels = 0;
    tally.dimensions.retain(|dimension| match dimension {
        Dimension::Only { values: None, .. } => {
            only_labels += 1;
            only_labels == 1
        }
        Dimension::Matched | Dimension::MatchedWithConsent => count == 2,
        Dimension::Arm { .. } | Dimension::Creative { .. } => !is_union,
        _ => true,
    });
}

fn side() -> impl Strategy<Value = Side> {
    (0..3_u32).prop_map(Side)
}

fn dimensions(measures: u32) -> impl Strategy<Value = Vec<Dimension>> {
    let dimension = (side(), 0..13, 0..measures.max(1), btree_set(-2..150_i64, 1..4));
    let dimension = dimension.prop_map(move |(side, kind, measure, edges)| match kind {
        0 | 1 => Dimension::Group { side, column: "group".to_owned(), values: 3 },
        2 => Dimension::Label { side, column: "label".to_owned() },
        3 if measures > 0 => Dimension::Bins { measure, edges: edges.into_iter().collect() },
        6 if measures > 0 => {
            Dimension::BinsPerGroup { measure, edges: edges.into_iter().collect() }
        }
        7 => Dimension::Only { side, column: "group".to_owned(), values: Some(3) },
        8 => Dimension::Only { side, column: "label".to_owned(), values: None },
        10 => Dimension::Days {
            side,
            column: "day".to_owned(),
            edges: edges.iter().map(|edge| edge % 6).collect::<BTreeSet<_>>().into_iter().collect(),
        },
        9 => Dimension::Earliest {
            side,
            column: "day".to_owned(),
            edges: edges
                .into_iter()
                .map(|edge| edge % 6)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        },
        4 => Dimension::Arm { column: "group".to_owned(), test: vec![0], control: vec![2] },
        5 => Dimension::Known,
        11 => Dimension::MatchedWithConsent,
        12 => Dimension::Creative { column: "group".to_owned(), values: 3 },
        _ => Dimension::Matched,
    });
    vec(dimension, 0..4)
}

fn measure() -> impl Strategy<Value = Measure> {
    let distinct = |column: &str| Quantity::Distinct { column: column.to_owned() };
    let of = prop::sample::select(vec![
        Quantity::Rows,
        Quantity::RowsOfAll,
        Quantity::Sum { column: "number".to_owned() },
        distinct("group"),
        distinct("label"),
    ]);
    let ends = (prop_oneof![Just(0), -300_i64..=0], 1_i64..300);
    (side(), of, vec(condition(), 0..2), ends).prop_map(|(side, of, rows, (least, most))| {
        let clamp = Clamp::new(least, most).unwrap();
        Measure { side, of, rows, clamp }
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let codes = btree_set(MISSING..5, 1..4);
    let one_of = codes.prop_map(|codes| Condition::OneOf {
        column: "group".to_owned(),
        codes: codes.into_iter().collect(),
    });
    let far = vec![i64::MIN, i64::from(i32::MIN) - 1, i64::from(i32::MAX) + 1, i64::MAX];
    let bound = || prop_oneof![6 => -4..60_i64, 1 => prop::sample::select(far.clone())];
    let column = prop::sample::select(vec!["number", "day"]);
    let between = (column, bound(), bound()).prop_map(|(column, one, other)| Condition::Between {
        column: column.to_owned(),
        least: one.min(other),
        most: one.max(other),
    });
    let since = (0..3_u32, -4..5_i64, 0..6_i64).prop_map(|(side, first, days)| {
        let [column, start] = ["day", "day"].map(str::to_owned);
        Condition::SinceStart { column, side: Side(side), start, first, last: first + days }
    });
    prop_oneof![2 => one_of, 2 => between, 1 => since]
}
