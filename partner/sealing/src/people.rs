//! The rows of one person: how many there are, and which are kept.

use super::{ordered::Ordered, record::person_of};
use protocol::sealed::{NO_TAG, Tag};
use ring::digest;

/// What is known of the rows of people.
#[derive(Default)]
pub(super) struct People {
    pub(super) people: u64,
    /// The most rows of one person.
    pub(super) most: u64,
    /// People with more rows than declared for one.
    pub(super) over: u64,
    /// Rows beyond those.
    pub(super) beyond: u64,
}

impl People {
    /// Counts a person with so many rows, of which `most` are declared.
    pub(super) fn add(&mut self, rows: usize, most: u64) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.people += 1;
        self.most = self.most.max(rows);
        if rows > most {
            self.over += 1;
            self.beyond += rows - most;
        }
    }
}

impl People {
    /// Adds other people.
    pub(super) fn extend(&mut self, others: &Self) {
        self.people += others.people;
        self.most = self.most.max(others.most);
        self.over += others.over;
        self.beyond += others.beyond;
    }
}

/// Leaves each person at most so many of its records: by a hash of each, whatever order the table has, and whoever else
/// is in it. Gives who had more, and how many.
pub(super) fn cut(rows: &mut Ordered, most: u64) -> Vec<(Tag, usize)> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut beyond = Vec::new();
    rows.retain(|records, places| {
        if places.len() > most {
            let person = places.first().map_or(NO_TAG, |place| person_of(records.record(*place)));
            beyond.push((person, places.len() - most));
            places.sort_by_cached_key(|place| rank(records.record(*place)));
            places.truncate(most);
        }
    });
    beyond
}

/// The record begins with the person's tag, which is a secret of the room: nobody outside can choose rows that are
/// kept.
fn rank(record: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"glovebox kept rows v1\0");
    context.update(record);
    context.finish().as_ref().first_chunk().copied().unwrap_or_default()
}
