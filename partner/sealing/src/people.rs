//! The rows of one person: how many there are, and which are kept.

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

/// Keeps `most` of a person's records: by a hash of each, whatever order the table has, and whoever else is in it.
pub(super) fn keep(records: &mut Vec<&[u8]>, most: u64) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if records.len() > most {
        records.sort_by_cached_key(|record| rank(record));
        records.truncate(most);
    }
}

/// The record begins with the person's tag, which is a secret of the room: nobody outside can choose rows that are
/// kept.
fn rank(record: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"glovebox kept rows v1\0");
    context.update(record);
    context.finish().as_ref().first_chunk().copied().unwrap_or_default()
}
