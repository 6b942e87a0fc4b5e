//! What is found in exports that is not as it should be.

use serde::Serialize;
use std::fmt;

/// One thing that is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Finding {
    /// A file, or a job.
    pub(super) item: String,
    pub(super) kind: FindingKind,
    /// What was found and what was expected, in words.
    pub(super) why: String,
}

/// What is wrong with an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FindingKind {
    /// It is another file than the one that was exported.
    Changed,
    /// It was exported, and is not there.
    Missing,
    /// It is there, and was not exported.
    Added,
    /// An enclave did not attest it as it is, or it contradicts itself.
    NotBelieved,
    /// Two items cannot both be right.
    Contradiction,
    /// It was paid for, and what became of it cannot be told from these exports.
    Unanswered,
    /// Nobody signed it, so nobody vouches for what no enclave attested.
    Unsigned,
}

impl FindingKind {
    /// Whether something is wrong, and not only untold.
    pub(super) fn is_wrong(self) -> bool {
        !matches!(self, Self::Unanswered | Self::Unsigned)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "CHANGED",
            Self::Missing => "MISSING",
            Self::Added => "ADDED",
            Self::NotBelieved => "NOT BELIEVED",
            Self::Contradiction => "CONTRADICTION",
            Self::Unanswered => "NO ANSWER HERE",
            Self::Unsigned => "NOT SIGNED",
        })
    }
}

/// All that was found, in the order in which it was looked for.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(
        &mut self,
        kind: FindingKind,
        item: impl fmt::Display,
        why: impl fmt::Display,
    ) {
        let (item, why) = (item.to_string(), why.to_string());
        self.0.push(Finding { item, kind, why });
    }

    pub(super) fn all(&self) -> &[Finding] {
        &self.0
    }

    pub(super) fn any_wrong(&self) -> bool {
        self.0.iter().any(|finding| finding.kind.is_wrong())
    }
}
