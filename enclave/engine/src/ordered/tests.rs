//! What a dataset takes, told by an allocator that counts; and that sorting is sorting.

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array};
use proptest::collection::vec;
use proptest::prelude::*;
use protocol::contract::Role;
use protocol::tally::{Clamp, Dimension, Measure, Quantity, Side, Table, Tally};
use protocol::units::Scale;

use super::sort::rows_in_order;
use super::*;
use crate::groups::{self, Work};
use crate::room;

/// The roles of two keys and four columns.
fn roles(last: Role) -> [(&'static str, Role); 6] {
    let values = |count: u32| Role::Group((0..count).map(|value| value.to_string()).collect());
    [
        ("email", Role::MatchKey(Identifier::Email)),
        ("phone", Role::MatchKey(Identifier::Phone)),
        ("arm", values(3)),
        ("channel", values(8)),
        ("day", Role::Date),
        ("last", last),
    ]
}

fn dataset_of(roles: &[(&str, Role)]) -> Dataset {
    let mut dataset = room::contract().datasets["exposures"].clone();
    let one = dataset.columns[0].clone();
    let columns = roles.iter().map(|(name, role)| {
        let mut column = one.clone();
        (column.name, column.role) = ((*name).to_owned(), role.clone());
        column
    });
    dataset.columns = columns.collect();
    dataset
}

/// Rows of as many people, and as many labels, in no order.
fn rows(roles: &[(&str, Role)]) -> RecordBatch {
    let spread = |row: u64| row.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bytes = |width: i32, salt: u64| -> ArrayRef {
        let words = usize::try_from(width).unwrap() / 8;
        let of = |row: u64| Some([spread(row ^ salt).to_be_bytes()].concat().repeat(words));
        let all = (0..ROWS).map(of);
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(all, width).unwrap())
    };
    let columns = roles.iter().zip(0..).map(|((name, role), salt)| {
        let values: ArrayRef = match role {
            Role::MatchKey(_) => bytes(16, salt << 32),
            Role::Label => bytes(32, salt),
            Role::Measure(_) => Arc::new(Int64Array::from_iter_values(0..ROWS.cast_signed())),
            _ => Arc::new(Int32Array::from_iter_values(
                (0..ROWS).map(|row| i32::try_from(row % 3).unwrap()),
            )),
        };
        (*name, values)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}

/// A dataset, what was allocated for it, and what it needs.
fn taken_in(last: Role, known: &Orders) -> (Ordered, AllocationInfo, Need) {
    let roles = roles(last);
    let (dataset, rows) = (dataset_of(&roles), rows(&roles));
    let mut ordered = None;
    let found = measure(|| {
        let room = usize::try_from(ROWS).unwrap();
        let mut intake = Intake::new("exposures", &dataset, known, room);
        intake.add(&rows).unwrap();
        ordered = Some(intake.finish().unwrap());
    });
    let roles: Vec<_> = roles.iter().map(|(_, role)| role).collect();
    let keys = [Identifier::Email, Identifier::Phone];
    let counts = [known.others(&keys).len(), known.beside(&keys).len(), known.claimed.len()];
    let counts = counts.map(|count| u64::try_from(count).unwrap());
    (ordered.unwrap(), found, Need::of_columns(&roles, counts, ROWS))
}

/// Of every column and order; whoever sets less aside runs out of memory, and more would be refused for nothing.
#[test]
fn a_dataset_takes_what_its_need_says_and_little_less() {
    for last in [Role::Measure(Scale::WHOLE), Role::Label] {
        let phone = || vec![Identifier::Phone];
        for (kinds, known) in [
            ("one order", Orders::default()),
            ("a union", Orders { unions: phone(), ..Orders::default() }),
            ("claims", Orders { claims: phone(), ..Orders::default() }),
            ("claimed", Orders { claimed: phone(), ..Orders::default() }),
        ] {
            let (_, found, need) = taken_in(last.clone(), &known);
            let most = need.ordering.max(need.taking_in);
            assert!(found.bytes_max <= most, "{last:?} {kinds:?}: {found:?} {need:?}");
            assert!(found.bytes_max >= most / 10 * 7, "{last:?} {kinds:?}: {found:?} {need:?}");
            let held = u64::try_from(found.bytes_current).unwrap();
            assert!(held <= need.held, "{last:?} {kinds:?}: {found:?} {need:?}");
            assert!(held >= need.held / 10 * 7, "{last:?} {kinds:?}: {found:?} {need:?}");
        }
    }
}

/// Beside the file, which is let go of before rows are put into order: 16 bytes for each key and what columns have.
#[test]
fn a_row_of_two_keys_and_four_columns_takes_at_most_100_bytes_with_its_file_and_60_once_it_is_held()
{
    let roles = roles(Role::Measure(Scale::WHOLE));
    let roles: Vec<_> = roles.iter().map(|(_, role)| role).collect();
    let in_file = 2 * 16 + 3 * 4 + 8;
    for (others, expected) in [(0, (83, 56, 35)), (1, (100, 81, 60))] {
        let rows = 1 << 30;
        let need = Need::of_columns(&roles, [others, 0, 0], rows);
        let found = [need.taking_in, need.ordering, need.held].map(|bytes| bytes / rows);
        assert_eq!((found[0] + in_file, found[1], found[2]), expected);
    }
}

/// Where two ranges of keys are put together cells are there twice for a while; figures take more than names.
#[test]
fn cells_that_the_data_name_take_no_more_than_is_asked_for_them() {
    for (figures, parts) in [(0, 1), (0, 2), (8, 1), (8, 2)] {
        let (ordered, ..) = taken_in(Role::Label, &Orders::default());
        let table = Table { dataset: "exposures".to_owned(), rows: Vec::new() };
        let rows = Measure {
            side: Side::POPULATION,
            of: Quantity::Rows,
            rows: Vec::new(),
            clamp: Clamp::up_to(9).unwrap(),
        };
        let label = Dimension::Label { side: Side::POPULATION, column: "last".to_owned() };
        let mut tally = Tally {
            population: Population::First,
            tables: vec![table],
            dimensions: vec![label],
            measures: vec![rows; figures],
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: 1,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        };
        let most = need_of_cells(&tally, ROWS);
        let tables = [Arc::new(ordered)];
        let work = Work { threads: 1, parts };
        let found = measure(|| drop(groups::totals(&tally, &tables, work).unwrap()));
        assert!(found.bytes_max <= most, "{figures} {parts}: {found:?}, {most}");
        assert!(found.bytes_max >= most / 8, "{figures} {parts}: {found:?}, {most}");
        tally.cells_per_person = 16;
        assert_eq!(need_of_cells(&tally, ROWS), 16 * most);
        tally.dimensions.clear();
        assert_eq!(need_of_cells(&tally, ROWS), 0, "public cells are bounded elsewhere");
    }
}

/// A second column of a kind may have a key where the first one has none.
#[test]
fn a_kind_in_two_columns_is_first_only_where_nothing_stands_between() {
    let [email, phone] = [Identifier::Email, Identifier::Phone];
    assert!(begin_with(&[email, email, phone], &[email]) && begin_with(&[email, phone], &[]));
    assert!(begin_with(&[email, phone, phone], &[email, phone]));
    assert!(!begin_with(&[email, phone, email], &[email]));
    assert!(!begin_with(&[email, phone, email], &[email, phone]));
    assert!(!begin_with(&[phone, email], &[email]));
}

proptest! {
    /// Also of keys that begin alike, for which entries are too short.
    #[test]
    fn rows_are_in_the_order_of_keys_and_kinds_whatever_threads_there_are(
        rows in vec((0..4_u128, 0..3_u128, 0..3_u8, any::<bool>()), 0..300), threads in 1..5_usize, bits in 0..100,
    ) {
        let keys: Vec<_> = rows.iter().map(|(high, low, ..)| (high << (127 - bits)) | low).collect();
        let marks: Vec<_> = rows.iter().map(|(_, _, kind, agrees)| kind << 1 | u8::from(*agrees)).collect();
        let mut expected: Vec<_> = (0..u32::try_from(rows.len()).unwrap()).collect();
        expected.sort_by_key(|row| (keys[wide(*row)], marks[wide(*row)] >> 1));
        let is_in_order = expected.is_sorted();
        let found = rows_in_order(&keys, &marks, threads);
        prop_assert_eq!(found, (!is_in_order).then_some(expected));
    }
}

const ROWS: u64 = 60_000;
