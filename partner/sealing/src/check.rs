//! What is wrong with a row.

use super::{
    BadRow, ColumnCount, Count, NAMED_ROWS, Reason,
    convert::{Converter, Value},
    row::Row,
};

pub(super) fn named(converter: &Converter<'_>) -> ColumnCount {
    let column = converter.column.name.clone();
    let yes = converter.is_consent().then_some(0);
    ColumnCount { column, yes, is_key: converter.is_key(), ..ColumnCount::default() }
}

/// Converts one row into `values` and counts its fields; gives all that is wrong with it.
pub(super) fn check(
    row: &Row<'_>,
    file: Option<&str>,
    expected: usize,
    converters: &[Converter<'_>],
    values: &mut Vec<Value>,
    count: &mut Count,
) -> Vec<BadRow> {
    let bad_row =
        |column, reason| BadRow { file: file.map(str::to_owned), at: row.at(), column, reason };
    if row.is_header() {
        return vec![bad_row(None, Reason::HeaderAgain)];
    }
    if row.origin() == Some("") {
        return vec![bad_row(None, Reason::NoOrigin)];
    }
    let reads = |(at, text): &(usize, &str)| converters.get(*at).is_some_and(|c| c.reads(text));
    if row.has_lines()
        && (row.swallows(expected) || row.swallowed_values(expected).iter().any(reads))
    {
        return vec![bad_row(None, Reason::LineBreak)];
    }
    if let Some(found) = row.fields().filter(|found| *found != expected) {
        return vec![bad_row(None, Reason::Fields { found, expected })];
    }
    values.resize(converters.len(), Value::NONE);
    let (mut bad, mut bad_keys) = (Vec::new(), Vec::new());
    let columns = converters.iter().zip(&mut count.columns).zip(values.iter_mut());
    for (at, ((converter, counted), value)) in columns.enumerate() {
        match converter.convert(row.cell(at), value) {
            Ok(()) if value.is_empty() => counted.empty += 1,
            Ok(()) => {
                counted.good += 1;
                if let (Some(yes), Value::Code(1)) = (&mut counted.yes, value) {
                    *yes += 1;
                }
            }
            Err(reason) => {
                counted.refused.add(&reason);
                counted.hints.add(converter, row.cell(at), &reason);
                // Of a row that is not sealed, or of a key that is left out.
                *value = Value::NONE;
                let wrong = bad_row(Some(converter.column.name.clone()), reason);
                let all = if converter.is_key() { &mut bad_keys } else { &mut bad };
                all.push((at, wrong));
            }
        }
    }
    let bad = Bad { others: bad, keys: bad_keys };
    bad.of_row(converters, values, count, || bad_row(None, Reason::NoIdentifier))
}

/// What is wrong in a row, by the place of the column.
struct Bad {
    others: Vec<(usize, BadRow)>,
    keys: Vec<(usize, BadRow)>,
}

impl Bad {
    /// What keeps the row from being sealed: not a wrong key, where another one identifies the row.
    fn of_row(
        self,
        converters: &[Converter<'_>],
        values: &[Value],
        count: &mut Count,
        no_identifier: impl Fn() -> BadRow,
    ) -> Vec<BadRow> {
        // A label is as long as a key, and identifies nobody.
        let mut keys = converters.iter().zip(values).filter(|(converter, _)| converter.is_key());
        let identified = keys.any(|(_, value)| !value.is_empty());
        let keyed = converters.iter().any(Converter::is_key);
        if keyed && !identified && self.keys.is_empty() && self.others.is_empty() {
            return vec![no_identifier()];
        }
        let mut bad = self.others;
        if identified && bad.is_empty() {
            for (at, _) in self.keys {
                if let Some(counted) = count.columns.get_mut(at) {
                    counted.left_out += 1;
                }
            }
            return Vec::new();
        }
        if !identified {
            bad.extend(self.keys);
            bad.sort_by_key(|(at, _)| *at);
        }
        bad.into_iter().map(|(_, wrong)| wrong).collect()
    }
}

/// Counts a row that is not sealed, and what is wrong with it.
pub(super) fn count_rejected(count: &mut Count, row: &Row<'_>, bad: &[BadRow]) {
    count.rejected += 1;
    if bad.iter().any(|bad| bad.reason == Reason::LineBreak) {
        count.swallowed_lines += row.line_breaks();
    }
    count.no_identifier += u64::from(bad.iter().any(|bad| bad.reason == Reason::NoIdentifier));
    bad.iter().filter(|bad| bad.column.is_none()).for_each(|bad| {
        count.refused_rows.add(&bad.reason);
    });
    if count.first.len() < NAMED_ROWS {
        count.first.extend(bad.first().cloned());
    }
}
