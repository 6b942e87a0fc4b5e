//! Which grants that AWS KMS hands over were taken, and which datasets their owners took back.

use protocol::{digest::Digest, time::Time};
use std::collections::{BTreeMap, BTreeSet};

/// What an instance knows of grants that stand until their owners end them.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// By dataset: the file that was taken last, and when the keys of it are dropped.
    taken: BTreeMap<String, (Digest, Time)>,
    /// Datasets that their owners took back. KMS is not asked for them until an owner grants one by itself.
    stopped: BTreeSet<String>,
}

impl Standing {
    /// Whether KMS is to be asked for what `file` grants of `dataset`.
    pub(crate) fn wants(&self, dataset: &str, file: Digest, now: Time) -> bool {
        let soon = now.plus_seconds(AHEAD_SECONDS);
        let holds =
            self.taken.get(dataset).is_some_and(|(taken, ends)| *taken == file && *ends > soon);
        !holds && !self.stopped.contains(dataset)
    }

    /// Notes that `file` was taken, and its keys are held until `not_after`.
    pub(crate) fn took(&mut self, dataset: &str, file: Digest, not_after: Time) {
        self.taken.insert(dataset.to_owned(), (file, not_after));
    }

    /// Notes that the owner took a dataset back.
    pub(crate) fn stop(&mut self, dataset: &str) {
        self.taken.remove(dataset);
        self.stopped.insert(dataset.to_owned());
    }

    /// Notes that the owner granted a dataset by itself: what it said of the end holds now, and KMS may be asked anew.
    pub(crate) fn resume(&mut self, dataset: &str) {
        self.taken.remove(dataset);
        self.stopped.remove(dataset);
    }

    /// Whether the owner took a dataset back, and did not grant it since.
    pub(crate) fn is_stopped(&self, dataset: &str) -> bool {
        self.stopped.contains(dataset)
    }
}

/// So long before the end of what is held KMS is asked again.
const AHEAD_SECONDS: u64 = 1800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_once_for_a_file_again_before_its_end_and_never_for_what_was_taken_back() {
        let (mut standing, now) = (Standing::default(), Time(1_000_000));
        let file = |byte| Digest::from([byte; Digest::LEN]);
        assert!(standing.wants("sales", file(1), now));
        standing.took("sales", file(1), now.plus_seconds(86_400));
        assert!(!standing.wants("sales", file(1), now));
        assert!(standing.wants("sales", file(2), now), "another version");
        assert!(standing.wants("stores", file(1), now), "another dataset");
        assert!(!standing.wants("sales", file(1), now.plus_seconds(84_599)));
        assert!(standing.wants("sales", file(1), now.plus_seconds(84_600)));
        standing.stop("sales");
        assert!(!standing.wants("sales", file(2), now) && standing.is_stopped("sales"));
        standing.resume("sales");
        assert!(standing.wants("sales", file(1), now));
    }
}
