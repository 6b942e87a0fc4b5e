//! The role of a column: what it is for.

use crate::identity::Identifier;
use crate::units::Scale;
use serde::Deserialize;
use std::fmt;

/// The role of a column: what it is for, and hence what its values are.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// Identifies the person to other datasets. The first match key that a row has counts, unless a dataset that is joined
    /// names its claims.
    MatchKey(Identifier),
    /// One of a public list of values.
    Group(Vec<String>),
    /// Text of at most 32 bytes whose values are not public. An empty text is no value.
    Label,
    /// A number to add up, in units of 10^-scale.
    Measure(Scale),
    /// A day, for windows.
    Date,
    /// A number that a model may use, in units of 10^-scale.
    Feature(Scale),
    /// Whether the person agreed.
    Consent,
    /// The owner's own name for the person, by which sealing knows whose rows are one person's. It is not sealed.
    Person,
    /// Never leaves the owner, not even sealed.
    Never,
}

impl Role {
    /// The role without what it says about values.
    #[must_use]
    pub fn kind(&self) -> RoleKind {
        match self {
            Self::MatchKey(_) => RoleKind::MatchKey,
            Self::Group(_) => RoleKind::Group,
            Self::Label => RoleKind::Label,
            Self::Measure(_) => RoleKind::Measure,
            Self::Date => RoleKind::Date,
            Self::Feature(_) => RoleKind::Feature,
            Self::Consent => RoleKind::Consent,
            Self::Person => RoleKind::Person,
            Self::Never => RoleKind::Never,
        }
    }
}

/// The name of a role in a contract.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RoleKind {
    /// [`Role::MatchKey`].
    MatchKey,
    /// [`Role::Group`].
    Group,
    /// [`Role::Label`].
    Label,
    /// [`Role::Measure`].
    Measure,
    /// [`Role::Date`].
    Date,
    /// [`Role::Feature`].
    Feature,
    /// [`Role::Consent`].
    Consent,
    /// [`Role::Person`].
    Person,
    /// [`Role::Never`].
    Never,
}

impl fmt::Display for RoleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MatchKey => "match_key",
            Self::Group => "group",
            Self::Label => "label",
            Self::Measure => "measure",
            Self::Date => "date",
            Self::Feature => "feature",
            Self::Consent => "consent",
            Self::Person => "person",
            Self::Never => "never",
        })
    }
}
