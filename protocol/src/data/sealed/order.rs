//! The order of rows inside a bucket, whoever wrote it.

use super::{NO_TAG, Shape, Tag, Values};
use crate::contract::{Dataset, Role};
use std::collections::BTreeMap;

/// What was done to the rows of a bucket.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Arranged {
    /// Rows of somebody.
    pub rows: u64,
    /// Rows of people of other buckets, which are padding now.
    pub strays: u64,
    /// Whether the rows had to be sorted.
    pub sorted: bool,
    /// The most rows of one person.
    pub most: u64,
}

/// Puts the rows of bucket `number` in the order of their people's tags, with padding behind them. A row whose
/// person belongs into another bucket becomes padding: its tags are wiped. All match keys of `dataset` must be
/// among `columns`, or none.
///
/// # Privacy
///
/// Nothing is refused, since that would depend on rows: an owner who puts a row into the wrong bucket loses it.
pub fn arrange(
    columns: &mut BTreeMap<String, Values>,
    dataset: &Dataset,
    shape: Shape,
    number: u16,
) -> Arranged {
    let is_key = |name: &String| {
        dataset.column(name).is_some_and(|column| matches!(column.role, Role::MatchKey(_)))
    };
    let names: Vec<_> = dataset.columns.iter().map(|column| &column.name).collect();
    let names: Vec<_> = names.into_iter().filter(|name| is_key(name)).collect();
    let mut people = people(columns, &names);
    let mut arranged = Arranged::default();
    for (row, person) in people.iter_mut().enumerate().filter(|(_, tag)| **tag != NO_TAG) {
        if shape.bucket_of(person) == number {
            arranged.rows += 1;
            continue;
        }
        arranged.strays += 1;
        *person = NO_TAG;
        for name in &names {
            if let Some(Values::Tags(tags)) = columns.get_mut(*name)
                && let Some(tag) = tags.get_mut(row)
            {
                *tag = NO_TAG;
            }
        }
    }
    let place = |tag: &Tag| (*tag == NO_TAG, *tag);
    if !people.is_sorted_by_key(place) {
        arranged.sorted = true;
        let mut order: Vec<usize> = (0..people.len()).collect();
        order.sort_by_key(|row| people.get(*row).map(place));
        columns.values_mut().for_each(|values| values.permute(&order));
        people.sort_unstable_by_key(place);
    }
    let runs = people.chunk_by(|one, other| one == other);
    let lengths = runs.filter(|run| run.first() != Some(&NO_TAG)).map(<[Tag]>::len);
    arranged.most = lengths.max().and_then(|most| u64::try_from(most).ok()).unwrap_or(0);
    arranged
}

/// Whose each row is: the tag of the first key that it has.
fn people(columns: &BTreeMap<String, Values>, names: &[&String]) -> Vec<Tag> {
    let mut people: Vec<Tag> = Vec::new();
    for name in names {
        let Some(Values::Tags(tags)) = columns.get(*name) else { continue };
        if people.is_empty() {
            people.clone_from(tags);
            continue;
        }
        for (person, tag) in people.iter_mut().zip(tags).filter(|(person, _)| **person == NO_TAG) {
            *person = *tag;
        }
    }
    people
}

impl Values {
    /// Takes the values in this order.
    fn permute(&mut self, order: &[usize]) {
        fn permuted<T: Copy>(values: &[T], order: &[usize]) -> Vec<T> {
            order.iter().filter_map(|row| values.get(*row).copied()).collect()
        }
        match self {
            Self::Tags(values) => *values = permuted(values, order),
            Self::Labels(values) => *values = permuted(values, order),
            Self::Codes(values) => *values = permuted(values, order),
            Self::Numbers(values) => *values = permuted(values, order),
        }
    }
}
