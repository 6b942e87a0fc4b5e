//! Kinds of questions. What a contract lists for each is declared in its folder; contracts, their words and the
//! [`policy`](crate::policy) read the declarations and know no kind.

pub mod lift;
pub mod table;
pub mod uses;

use uses::Section;

/// Every kind of analysis that a contract may permit.
pub const SECTIONS: &[&Section] = &[&lift::uses::SECTION, &table::uses::SECTION];

/// The kind of analysis that a contract calls `kind`.
#[must_use]
pub fn section(kind: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.kind == kind).copied()
}
