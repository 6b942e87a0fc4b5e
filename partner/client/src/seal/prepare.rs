//! Checks every row and turns the table into sealed columns, still in the clear and in order.

use super::{
    BadRow, Count, NAMED_ROWS, Reason, SealError,
    convert::{Converter, Value},
    input::Input,
    output::Rejects,
    row::Row,
};
use protocol::{contract::Dataset, manifest, sealed::Values};
use std::path::Path;

/// Columns in the clear, in the order of the layout but without the one that marks rows.
pub(super) struct Prepared {
    pub(super) columns: Vec<Values>,
    pub(super) count: Count,
}

/// Reads all of `input`. Bad rows go to `rejects`; without a place for them they are an error,
/// after all have been counted.
pub(super) fn prepare(
    input: &Path,
    dataset: &Dataset,
    rejects: &Rejects,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Prepared, SealError> {
    let input = Input::open(input, dataset)?;
    let converters: Vec<_> = input.sealed_columns().map(Converter::new).collect();
    let mut columns: Vec<_> = converters.iter().filter_map(Converter::values).collect();
    let header = input.header().to_vec();
    let mut count = Count::default();
    let mut values = Vec::with_capacity(converters.len());
    let mut each = |row: &Row<'_>| {
        let bad = check(row, header.len(), &converters, &mut values);
        if bad.is_empty() {
            count.rows += 1;
            if count.rows > manifest::MAX_ROWS {
                return Err(SealError::TooManyRows { most: manifest::MAX_ROWS });
            }
            columns.iter_mut().zip(&values).for_each(|(column, value)| push(column, *value));
            return Ok(());
        }
        count.rejected += 1;
        count.no_identifier += u64::from(bad.iter().any(|b| b.reason == Reason::NoIdentifier));
        rejects.add(&header, row, &bad)?;
        if count.first.len() < NAMED_ROWS {
            count.first.extend(bad.into_iter().next());
        }
        Ok(())
    };
    // Reading is half of the work, writing the other.
    input.rows(&mut each, &mut |done, total| progress(done, total.saturating_mul(2)))?;
    if count.rejected > 0 && !rejects.wanted() {
        let total = count.rows + count.rejected;
        return Err(SealError::BadRows { count, total });
    }
    if count.rows == 0 {
        return Err(SealError::Empty { rejected: count.rejected });
    }
    count.people = people(&columns, &converters);
    Ok(Prepared { columns, count })
}

/// Different people, each known by the first match key that a row has. Half of a key tells them
/// apart: keys are hashes.
fn people(columns: &[Values], converters: &[Converter<'_>]) -> u64 {
    let keys = columns.iter().zip(converters).filter(|(_, converter)| converter.is_key());
    let keys = keys.filter_map(|(column, _)| match column {
        Values::Keys(keys) => Some(keys.as_slice()),
        _ => None,
    });
    let keys: Vec<_> = keys.collect();
    let rows = keys.first().map_or(0, |keys| keys.len());
    let half = |key: &[u8; 32]| key.first_chunk::<16>().map(|half| u128::from_be_bytes(*half));
    let person = |row: usize| {
        keys.iter().filter_map(|keys| keys.get(row)).find(|key| **key != [0; 32]).and_then(half)
    };
    let mut people: Vec<u128> = (0..rows).filter_map(person).collect();
    people.sort_unstable();
    people.dedup();
    u64::try_from(people.len()).unwrap_or(u64::MAX)
}

/// Converts one row into `values`; gives all that is wrong with it.
fn check(
    row: &Row<'_>,
    expected: usize,
    converters: &[Converter<'_>],
    values: &mut Vec<Value>,
) -> Vec<BadRow> {
    let whole = |reason| vec![BadRow { at: row.at(), column: None, reason }];
    if row.swallows(expected) {
        return whole(Reason::LineBreak);
    }
    if let Some(found) = row.fields().filter(|found| *found != expected) {
        return whole(Reason::Fields { found, expected });
    }
    values.clear();
    let mut bad = Vec::new();
    for (at, converter) in converters.iter().enumerate() {
        match converter.convert(row.cell(at)) {
            Ok(value) => values.push(value),
            Err(reason) => {
                let column = Some(converter.column.name.clone());
                bad.push(BadRow { at: row.at(), column, reason });
            }
        }
    }
    // A label is as long as a key, and identifies nobody.
    let mut keys = converters.iter().zip(&*values).filter(|(converter, _)| converter.is_key());
    let named = |value: &Value| matches!(value, Value::Key(key) if *key != [0; 32]);
    let keyed = converters.iter().any(Converter::is_key);
    if bad.is_empty() && keyed && !keys.any(|(_, value)| named(value)) {
        return whole(Reason::NoIdentifier);
    }
    bad
}

fn push(column: &mut Values, value: Value) {
    match (column, value) {
        (Values::Keys(column), Value::Key(key)) => column.push(key),
        (Values::Codes(column), Value::Code(code)) => column.push(code),
        (Values::Numbers(column), Value::Number(number)) => column.push(number),
        _ => unreachable!("invariant: a converter makes values of its own column's type"),
    }
}
