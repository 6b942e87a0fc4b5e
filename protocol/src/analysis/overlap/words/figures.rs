//! Numbers of people and shares, as people read them.

use super::super::answer::{Count, SegmentValue, Share};
use crate::{
    identity::Identifier,
    page::{Text, UNKNOWN, number::whole},
};

/// The name of the kind of key by which people are known.
pub(super) fn key(by: Identifier) -> &'static str {
    match by {
        Identifier::Email => "e-mail address",
        Identifier::Phone => "phone number",
        Identifier::Hashed => "hashed identifier",
    }
}

/// The name of the kind of key, with its article.
pub(super) fn a_key(by: Identifier) -> String {
    let article = if by == Identifier::Email { "an" } else { "a" };
    format!("{article} {}", key(by))
}

/// A number of people, with a mark if some places are not in it.
pub(super) fn count(count: &Count) -> Text {
    match count.value {
        Some(value) => Text::fixed(format!("{}{}", whole(value), mark(count.withheld))),
        None => UNKNOWN.into(),
    }
}

/// A number of people as the subject of a sentence that goes on with `are`.
pub(super) fn people(count: &Count, are: &str) -> String {
    match count.value {
        Some(value) => format!("about {}{} {are}", whole(value), mark(count.withheld)),
        None => format!("too few to be shown {}", are.rsplit(' ').next().unwrap_or_default()),
    }
}

/// The range of a number of people.
pub(super) fn range(count: &Count) -> String {
    let [low, high] = count.ci.map(whole);
    format!("{low} to {high}")
}

/// A share in percent, with a mark if some places are not in it.
pub(super) fn percent(share: &Share) -> String {
    match share.value {
        Some(value) => {
            let decimals = decimals(share);
            format!("{:.decimals$} %{}", value * 100.0, mark(share.withheld))
        }
        None => UNKNOWN.to_owned(),
    }
}

/// The range of a share, in percent.
pub(super) fn share_range(share: &Share) -> String {
    let decimals = decimals(share);
    let [low, high] = share.ci.map(|end| format!("{:.decimals$}", end * 100.0));
    format!("{low} to {high} %")
}

/// An index from 0 to 1, with a mark if some places are not in it.
pub(super) fn index(share: &Share) -> String {
    match share.value {
        Some(value) => format!("{value:.3}{}", mark(share.withheld)),
        None => UNKNOWN.to_owned(),
    }
}

/// The range of an index.
pub(super) fn index_range(share: &Share) -> String {
    let [low, high] = share.ci;
    format!("{low:.3} to {high:.3}")
}

/// An index with its range, in a sentence.
pub(super) fn index_with_range(share: &Share) -> String {
    match share.value {
        Some(_) => format!("{} ({})", index(share), index_range(share)),
        None => format!("between {}", index_range(share).replace(" to ", " and ")),
    }
}

/// The number of decimals of a percentage: one, or two if the range is narrow.
fn decimals(share: &Share) -> usize {
    let [low, high] = share.ci;
    if high - low < NARROW { 2 } else { 1 }
}

fn mark(withheld: u64) -> &'static str {
    if withheld > 0 { MARK } else { "" }
}

/// The mark beside a figure in which some people are missing.
pub(super) const MARK: &str = "*";
/// A range that is narrow: a fifth of a percent.
const NARROW: f64 = 0.002;

/// A segment's value as it is, or in quotes if it could be taken for a word of ours.
pub(super) fn segment_name(value: &SegmentValue) -> Text {
    match value {
        SegmentValue::Value(name) if name.starts_with('(') => Text::quoted(format!("\"{name}\"")),
        SegmentValue::Value(name) => Text::quoted(name),
        SegmentValue::None => "(none)".into(),
        SegmentValue::Several => "(several)".into(),
    }
}
