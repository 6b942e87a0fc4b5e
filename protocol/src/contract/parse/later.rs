//! Fields that a later build will read: refused by name, so that nobody signs a rule which nothing obeys.

/// A field, and the feature that it will be for.
pub(in crate::contract) type Later = (&'static str, &'static str);

/// Fields by the table of the contract that will have them.
pub(in crate::contract) const CONTRACT: &[Later] =
    &[("retention_days", "how long sealed data and results are kept")];

pub(in crate::contract) const DATASET: &[Later] = &[
    ("rows_per_person", "a bound on the rows of one person"),
    ("provenance", "where rows come from, and until when they may be used"),
    ("fresh_within_days", "how old the newest version may be"),
    ("retention_days", "how long sealed data and results are kept"),
];

pub(in crate::contract) const ANALYSIS: &[Later] = &[
    ("training", "training of models: features, label, bins and what may leave"),
    ("tiers", "tiers of readers with an epsilon each"),
    ("orders", "orders that run by a schedule"),
];

/// The feature that `field` will be for, if a later build will have the field anywhere in a
/// contract.
pub(in crate::contract) fn feature(field: &str) -> Option<Later> {
    let all = [CONTRACT, DATASET, ANALYSIS];
    all.into_iter().flatten().copied().find(|(name, _)| *name == field)
}
