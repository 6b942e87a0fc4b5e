//! Reads a job's TOML, as analysts write it.

mod raw;

use super::{Analysis, KINDS, Leaves, Question, Scope};
use crate::{
    bytes::decision::{Decision, InvalidDecision},
    contract::{Contract, Terms},
    proof::Split,
    tally::{Clamp, Tally},
    text,
    time::Time,
    units::{Millionths, Scale},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use std::{collections::BTreeMap, fmt, marker::PhantomData};
use toml::{Spanned, de::Error as TomlError};

pub(super) use raw::{RawFilter, RawSplit};

/// Reads a job's TOML, and returns the name of the contract's analysis and the question.
///
/// # Errors
///
/// [`TemplateError`] naming the field, what it says and what this build offers. A field that this
/// build would have to ignore is refused.
pub fn question_from_toml(
    text: &str,
    contract: &Contract,
) -> Result<(String, Question), TemplateError> {
    let tables: BTreeMap<String, Spanned<IgnoredAny>> =
        toml::from_str(text).map_err(|error| syntax(text, &error))?;
    let is_kind = |name: &str| KINDS.iter().any(|kind| kind.kind == name);
    if let Some((name, table)) = tables.iter().find(|(name, _)| *name != "job" && !is_kind(name)) {
        let line = line_of(text, table.span().start);
        let reason = format!("found \"{name}\", expected [job] and {}", any_kind());
        return Err(TemplateError::Syntax { line, reason });
    }
    let mut asked = tables.keys().filter(|name| is_kind(name));
    let (Some(kind), None) = (asked.next(), asked.next()) else {
        return Err(TemplateError::OneKind);
    };
    Question::from_toml(kind, text, contract).unwrap_or(Err(TemplateError::OneKind))
}

/// Reads which decision a job's TOML says that the answer serves; `None` if it names none.
///
/// # Errors
///
/// [`TemplateError`] for a text that is no job, or names a decision that cannot be shown.
pub fn decision_from_toml(text: &str) -> Result<Option<Decision>, TemplateError> {
    let tables: BTreeMap<String, toml::Value> =
        toml::from_str(text).map_err(|error| syntax(text, &error))?;
    let Some(job) = tables.get("job") else { return Ok(None) };
    let job: RawJob = job.clone().try_into().map_err(|error| syntax(text, &error))?;
    check_decision(job.decision)
}

fn check_decision(named: Option<String>) -> Result<Option<Decision>, TemplateError> {
    let checked = named.map(|words| {
        let found = text::quoted(&words);
        let expected = |why: InvalidDecision| value("job.decision", found, why.to_string());
        Decision::try_from(words).map_err(expected)
    });
    checked.transpose()
}

/// The question of one kind.
pub(super) fn ask<A: Analysis>(
    text: &str,
    contract: &Contract,
) -> Result<(String, A), TemplateError> {
    let document: Document<A> = toml::from_str(text).map_err(|error| syntax(text, &error))?;
    let named = document.job.analysis.as_deref();
    let (name, terms) = analysis(named, A::SECTION.kind, contract)?;
    check_decision(document.job.decision)?;
    let scope = Scope { contract, name, terms };
    let asked = A::ask(&document.asked, &scope)?;
    // What is wrong with a tally otherwise, the policy says when it prices the job.
    if let (Leaves::Figures, Ok(tally)) = (asked.leaves(), asked.tally(&scope)) {
        needs_shares(A::KIND, asked.price().split, &tally)?;
    }
    Ok((name.clone(), asked))
}

/// A job's TOML of one kind.
struct Document<A: Analysis> {
    job: RawJob,
    asked: A::Toml,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawJob {
    analysis: Option<String>,
    /// Read by [`decision_from_toml`].
    decision: Option<String>,
}

impl<'de, A: Analysis> Deserialize<'de> for Document<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tables<A>(PhantomData<A>);

        impl<'de, A: Analysis> Visitor<'de> for Tables<A> {
            type Value = Document<A>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "[job] and [{}]", A::KIND)
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let (mut job, mut asked) = (None, None);
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "job" => job = Some(map.next_value()?),
                        name if name == A::KIND => asked = Some(map.next_value()?),
                        name => return Err(M::Error::custom(format!("found [{name}]"))),
                    }
                }
                let asked = asked.ok_or_else(|| M::Error::missing_field(A::KIND))?;
                Ok(Document { job: job.unwrap_or_default(), asked })
            }
        }

        deserializer.deserialize_map(Tables(PhantomData))
    }
}

fn syntax(text: &str, error: &TomlError) -> TemplateError {
    let at = error.span().map_or(0, |span| span.start);
    let reason = text::plain_toml(error.message(), text.get(at..).unwrap_or_default());
    TemplateError::Syntax { line: line_of(text, at), reason }
}

/// The line of the byte at `at`, from 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// The names of all kinds, as a job writes them.
fn any_kind() -> String {
    let names: Vec<_> = KINDS.iter().map(|kind| format!("[{}]", kind.kind)).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("exactly one of {} and {last}", others.join(", "))
        }
        _ => names.concat(),
    }
}

/// The analysis that the job names, or the contract's only one of this kind.
fn analysis<'c>(
    asked: Option<&str>,
    kind: &str,
    contract: &'c Contract,
) -> Result<(&'c String, &'c Terms), TemplateError> {
    let of_kind = |(_, terms): &(&String, &Terms)| terms.section().kind == kind;
    let mut all = contract.analyses.iter().filter(of_kind);
    let known = || {
        let names = contract.analyses.iter().filter(of_kind);
        names.map(|(name, _)| name.clone()).collect::<Vec<_>>().join(", ")
    };
    let Some(name) = asked else {
        return match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => {
                let expected = format!("the contract has no analysis of kind \"{kind}\"");
                Err(value("job.analysis", "left out", expected))
            }
            _ => {
                let expected = format!("the contract has several: name one of {}", known());
                Err(value("job.analysis", "left out", expected))
            }
        };
    };
    all.find(|(known, _)| *known == name).ok_or_else(|| {
        let other = contract.analyses.get(name).map(|terms| terms.section().kind);
        let expected = match (known().as_str(), other) {
            ("", _) => format!("the contract has no analysis of kind \"{kind}\""),
            (known, Some(other)) => {
                format!("{name} is an analysis of kind {other}; [{kind}] needs one of: {known}")
            }
            (known, None) => format!("the contract has {known}"),
        };
        value("job.analysis", name, expected)
    })
}

/// Why a TOML is not a job of this contract.
///
/// Remedy: change the field or line of the job that is named; the page of each kind
/// (protocol/src/analysis/KIND/README.md) lists its fields.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The text is not TOML of this shape.
    #[error("job, line {line}: {reason}")]
    Syntax {
        /// Line of the error, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The job asks no question, or more than one.
    #[error("job: expected {}", any_kind())]
    OneKind,
    /// A table of the job is missing.
    #[error("job: [{0}] is missing")]
    Missing(&'static str),
    /// A field has a value that is not allowed.
    #[error("job: {field} is {found}; {expected}")]
    Value {
        /// Name of the field.
        field: String,
        /// Value of the field.
        found: String,
        /// What the field may have.
        expected: String,
    },
    /// Fields ask for something that this build does not do.
    #[error("job: not offered by this build: {}", fields.join("; "))]
    NotOffered {
        /// For each field: what it asks, and what is offered instead.
        fields: Vec<String>,
    },
}

/// The error for a value that is not in a group column's list; it says which values are.
pub(super) fn stranger(field: &str, found: &str, column: &str, domain: &[String]) -> TemplateError {
    let known = text::quoted_list(domain);
    value(field, text::quoted(found), format!("expected one of the values of {column}: {known}"))
}

pub(super) fn value(
    field: &str,
    found: impl ToString,
    expected: impl Into<String>,
) -> TemplateError {
    TemplateError::Value {
        field: field.to_owned(),
        found: found.to_string(),
        expected: expected.into(),
    }
}

/// What was expected of a name that the contract does not list.
pub(super) fn allows(names: impl Iterator<Item = String>) -> String {
    let names = names.collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() { "none" } else { &names };
    format!("the contract's analysis allows {names}")
}

/// Refuses names of amounts that a page could not show, and two amounts of one name.
pub(super) fn check_names<'n>(
    field: &str,
    names: impl Iterator<Item = &'n String>,
) -> Result<(), TemplateError> {
    let mut seen: Vec<&String> = Vec::new();
    for name in names {
        let refused = |expected| Err(value(field, text::quoted(name), expected));
        if !(1..=64).contains(&name.chars().count()) || text::hidden(name).is_some() {
            return refused("expected 1 to 64 characters, none of them hidden");
        }
        if seen.contains(&name) {
            return refused("expected each name once");
        }
        seen.push(name);
    }
    Ok(())
}

/// The whole number next to `number`, if it is 0 to `most`.
pub(super) fn whole(number: f64, most: u32) -> Option<u32> {
    let number = number.round();
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in 0..=most"
    )]
    (0.0..=f64::from(most)).contains(&number).then_some(number as u32)
}

/// A share in thousandths, if it is a whole number of them and at most `most`.
pub(super) fn thousandths(share: f64, most: u32) -> Option<u32> {
    let found = whole(share * 1000.0, most)?;
    ((share * 1000.0 - f64::from(found)).abs() < 1e-6).then_some(found)
}

/// The shares of the loss where a job names none.
pub(super) const SPLIT: Split = Split { n: 200, sum: 500, products: 300 };

/// The shares of the loss, in thousandths; `left_out` if none are named. A part that nothing needs may have none.
pub(super) fn split(
    field: &str,
    raw: Option<&RawSplit>,
    left_out: Split,
) -> Result<Split, TemplateError> {
    let Some(raw) = raw else { return Ok(left_out) };
    let part = |name: &str, share: f64| {
        thousandths(share, 1000).ok_or_else(|| {
            let expected = "expected 0 to 1, in whole thousandths such as 0.125";
            value(&format!("{field}.{name}"), share, expected)
        })
    };
    let [n, sum, products] =
        [part("n", raw.n)?, part("sum", raw.sum)?, part("sum_sq", raw.sum_sq)?];
    let all = n + sum + products;
    if all == 1000 {
        return Ok(Split { n, sum, products });
    }
    let found = format!("{} + {} + {} = {}", raw.n, raw.sum, raw.sum_sq, f64::from(all) / 1000.0);
    Err(value(field, found, "expected a sum of 1"))
}

/// Refuses a share of 0 for figures that the tally has: their noise could not be drawn at any price.
fn needs_shares(kind: &str, split: Split, tally: &Tally) -> Result<(), TemplateError> {
    let (has_sums, has_products) = (!tally.measures.is_empty(), !tally.products.is_empty());
    let given = if has_products { split.sum } else { split.sum.saturating_add(split.products) };
    for (name, share, needed, what) in [
        ("n", split.n, has_sums, "head counts need"),
        ("sum", given, has_sums, "sums need"),
        ("sum_sq", split.products, has_products, "sums of squares and products need"),
    ] {
        if needed && share == 0 {
            let expected = format!("{what} a share above 0, from which their noise is paid");
            return Err(value(&format!("{kind}.privacy.split.{name}"), 0, expected));
        }
    }
    Ok(())
}

/// A day, since 1970-01-01.
pub(super) fn day(field: &str, text: &str) -> Result<i32, TemplateError> {
    let time = format!("{text}T00:00:00Z").parse::<Time>();
    let day = time.ok().and_then(|time| i32::try_from(time.day()).ok());
    day.ok_or_else(|| value(field, text, "expected a day such as 2026-10-28"))
}

/// A positive amount, in units of 10^-scale, that a person's total may be clamped at.
pub(super) fn scaled(field: &str, amount: f64, scale: Scale) -> Result<u32, TemplateError> {
    let units = within(field, amount, scale, [1.0, FARTHEST])?;
    u32::try_from(units).map_err(|error| value(field, amount, error.to_string()))
}

/// An amount, in units of 10^-scale.
pub(super) fn units(field: &str, amount: f64, scale: Scale) -> Result<i64, TemplateError> {
    within(field, amount, scale, [-Scale::MOST_UNITS, Scale::MOST_UNITS])
}

/// A whole number of units of 10^-scale from `least` to `most`, neither beyond 2^53.
fn within(
    field: &str,
    amount: f64,
    scale: Scale,
    [least, most]: [f64; 2],
) -> Result<i64, TemplateError> {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "at most 2^53")]
    let within = |units: &i64| (least..=most).contains(&(*units as f64));
    if let Some(units) = scale.units_of(amount).filter(within) {
        return Ok(units);
    }
    let decimals = scale.decimals();
    let [least, most] =
        [least, most].map(|end| format!("{:.decimals$}", end / scale.units_per_one()));
    let expected = match decimals {
        0 => format!("expected a whole number from {least} to {most}"),
        1 => format!("expected an amount from {least} to {most} with at most 1 decimal"),
        _ => format!("expected an amount from {least} to {most} with at most {decimals} decimals"),
    };
    Err(value(field, amount, expected))
}

/// The amounts between which a person's total counts as it is. Without decimals (`scale` 0) they may be numbers of rows,
/// so that nothing is said of a column.
pub(super) fn clamp(
    field: &impl Fn(&str) -> String,
    cap: f64,
    floor: Option<f64>,
    scale: Scale,
) -> Result<Clamp, TemplateError> {
    let most = i64::from(scaled(&field("cap_per_user"), cap, scale)?);
    let named = field("floor_per_user");
    let least = match floor {
        None => 0,
        Some(floor) => within(&named, floor, scale, [-FARTHEST, 0.0])?,
    };
    // Both ends are within their ranges.
    Clamp::new(least, most).map_err(|error| value(&named, floor.unwrap_or(0.0), error.to_string()))
}

/// [`Clamp::FARTHEST`], for messages.
const FARTHEST: f64 = 2_147_483_648.0;

/// A share or a level, above 0 and below 1.
pub(super) fn millionths(field: &str, share: f64) -> Result<Millionths, TemplateError> {
    Millionths::nearest(share)
        .ok_or_else(|| value(field, share, "expected a number from 0.000001 to 0.999999"))
}

#[cfg(test)]
mod tests;
