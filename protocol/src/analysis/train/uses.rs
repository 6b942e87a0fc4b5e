//! What a contract lists to permit training.

use crate::{
    analysis::uses::{Amount, Lists, Reading, Section, Use},
    contract::{ColumnRef, RoleKind, Terms},
};

/// `kind = "train"`.
pub const SECTION: Section = Section {
    kind: "train",
    title: "a model of one label of people, learnt from their features",
    cell: "a bin of scores",
    besides: "A model has weights for whatever few people have in common, too, and every sum that it was made \
              of lies beside the receipt: noise alone protects them.",
    uses: &[POPULATION, JOINED, FEATURES, LABELS],
};

const POPULATION: Use = Use {
    key: "population",
    noun: "population dataset",
    title: "people who are trained on",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[Reading::Feature],
};

const JOINED: Use = Use {
    key: "joined",
    noun: "joined dataset",
    title: "joined with",
    lists: Lists::Dataset,
    amount: Amount::Optional,
    reads: &[Reading::Feature, Reading::Label],
};

const FEATURES: Use = Use {
    key: "features",
    noun: "feature",
    title: "may be learnt from",
    lists: Lists::Columns {
        of: None,
        roles: &[RoleKind::Group, RoleKind::Measure, RoleKind::Feature],
    },
    amount: Amount::Any,
    reads: &[Reading::Feature],
};

const LABELS: Use = Use {
    key: "labels",
    noun: "label to learn",
    title: "may be learnt",
    lists: Lists::Columns { of: None, roles: &[RoleKind::Group, RoleKind::Measure] },
    amount: Amount::Any,
    reads: &[Reading::Label],
};

/// What the terms of a training list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Listed<'t> {
    /// Dataset whose people are trained on.
    pub population: &'t str,
    /// Dataset that is joined to it.
    pub joined: Option<&'t str>,
    /// Columns that may be learnt from.
    pub features: &'t [ColumnRef],
    /// Columns that may be learnt.
    pub labels: &'t [ColumnRef],
}

impl<'t> Listed<'t> {
    /// What `terms` list; `None` if they are of another kind.
    #[must_use]
    pub fn of(terms: &'t Terms) -> Option<Self> {
        (*terms.section() == SECTION).then_some(())?;
        Some(Self {
            population: terms.dataset(&POPULATION)?,
            joined: terms.dataset(&JOINED),
            features: terms.columns(&FEATURES),
            labels: terms.columns(&LABELS),
        })
    }

    /// The datasets in their order.
    pub fn datasets(&self) -> impl Iterator<Item = &'t str> {
        [Some(self.population), self.joined].into_iter().flatten()
    }
}
