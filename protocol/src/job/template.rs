//! The job template: TOML as analysts write it.

mod choice;
mod lift;
mod raw;
mod table;

use super::Question;
use crate::{
    analysis::{lift::uses::Listed as LiftTerms, table::uses::Listed as TableTerms},
    contract::{Contract, Terms},
    proof::Split,
    tally::Clamp,
    text,
    time::Time,
};
use raw::{RawSplit, RawTemplate};

/// Reads a job template; gives the name of the contract's analysis and the question.
///
/// # Errors
///
/// [`TemplateError`] naming the field, what it says and what this build offers. A field that this
/// build would have to ignore is refused.
pub fn question_from_toml(
    text: &str,
    contract: &Contract,
) -> Result<(String, Question), TemplateError> {
    let raw: RawTemplate = toml::from_str(text).map_err(|e| {
        let start = e.span().map_or(0, |span| span.start);
        let before = text.as_bytes().get(..start).unwrap_or_default();
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        TemplateError::Syntax { line, reason: e.message().to_owned() }
    })?;
    let asked = raw.job.analysis.as_deref();
    match (&raw.lift, &raw.table, &raw.choice) {
        (Some(lift), None, None) => {
            let (name, terms) = analysis(asked, "lift", contract)?;
            let listed = LiftTerms::of(terms).ok_or(TemplateError::One)?;
            Ok((name.clone(), Question::Lift(lift::question(lift, name, &listed, contract)?)))
        }
        (None, Some(table), None) => {
            let (name, listed) = of_table(asked, contract)?;
            Ok((name.clone(), Question::Table(table::question(table, &listed, contract)?)))
        }
        (None, None, Some(choice)) => {
            let (name, listed) = of_table(asked, contract)?;
            Ok((name.clone(), Question::Choice(choice::question(choice, &listed, contract)?)))
        }
        _ => Err(TemplateError::One),
    }
}

/// The analysis of kind "table", which permits tables and choices from them alike.
fn of_table<'c>(
    asked: Option<&str>,
    contract: &'c Contract,
) -> Result<(&'c String, TableTerms<'c>), TemplateError> {
    let (name, terms) = analysis(asked, "table", contract)?;
    Ok((name, TableTerms::of(terms).ok_or(TemplateError::One)?))
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
        let expected = match known().as_str() {
            "" => format!("the contract has no analysis of kind \"{kind}\""),
            known => format!("the contract has {known}"),
        };
        value("job.analysis", name, expected)
    })
}

/// Why a template is no job of this contract.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Not TOML of this shape.
    #[error("job, line {line}: {reason}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// No question, or two.
    #[error("job: expected exactly one of [lift], [table] and [choice]")]
    One,
    /// A table that must be there.
    #[error("job: [{0}] is missing")]
    Missing(&'static str),
    /// A value that cannot be.
    #[error("job: {field} is {found}; {expected}")]
    Value {
        /// Field.
        field: String,
        /// What it says.
        found: String,
        /// What it may say.
        expected: String,
    },
    /// Fields that ask for what this build does not do.
    #[error("job: not offered by this build: {}", fields.join("; "))]
    NotOffered {
        /// Each field, what it asks and what is offered.
        fields: Vec<String>,
    },
}

/// What a group column cannot be, and what it can.
fn stranger(field: &str, found: &str, column: &str, domain: &[String]) -> TemplateError {
    let known = text::quoted_list(domain);
    value(field, text::quoted(found), format!("expected one of the values of {column}: {known}"))
}

fn value(field: &str, found: impl ToString, expected: impl Into<String>) -> TemplateError {
    TemplateError::Value {
        field: field.to_owned(),
        found: found.to_string(),
        expected: expected.into(),
    }
}

fn split(field: &str, raw: Option<&RawSplit>) -> Result<Split, TemplateError> {
    let Some(raw) = raw else { return Ok(Split { n: 200, sum: 500, products: 300 }) };
    // A part that nothing needs may be nothing.
    let part = |share: f64| if share == 0.0 { Ok(0) } else { Ok(millionths(field, share)? / 1000) };
    let split = Split { n: part(raw.n)?, sum: part(raw.sum)?, products: part(raw.sum_sq)? };
    if split.n + split.sum + split.products == 1000 {
        Ok(split)
    } else {
        Err(value(
            field,
            format!("{} + {} + {}", raw.n, raw.sum, raw.sum_sq),
            "expected a sum of 1",
        ))
    }
}

/// A day, since 1970-01-01.
fn day(field: &str, text: &str) -> Result<i32, TemplateError> {
    let time = format!("{text}T00:00:00Z").parse::<Time>();
    let day = time.ok().and_then(|time| i32::try_from(time.day()).ok());
    day.ok_or_else(|| value(field, text, "expected a day such as 2026-10-28"))
}

/// A positive amount, in units of 10^-scale.
fn scaled(field: &str, amount: f64, scale: u8) -> Result<u32, TemplateError> {
    let units = amount * 10_f64.powi(i32::from(scale));
    let whole = units.round();
    let exact = (units - whole).abs() < 1e-6;
    if !exact || !(1.0..=4e9).contains(&whole) {
        let expected = format!("expected a positive amount with at most {scale} decimals");
        return Err(value(field, amount, expected));
    }
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in 1..2^32"
    )]
    let units = whole as u32;
    Ok(units)
}

/// The amounts between which a person's total counts as it is.
fn clamp(
    field: &impl Fn(&str) -> String,
    cap: f64,
    floor: Option<f64>,
    scale: u8,
) -> Result<Clamp, TemplateError> {
    let most = i64::from(scaled(&field("cap_per_user"), cap, scale)?);
    let named = field("floor_per_user");
    let least = floor.map_or(Ok(0), |floor| table::units(&named, floor, scale))?;
    Clamp::new(least, most).map_err(|_| {
        if least > 0 {
            let expected = "expected 0, where nothing below counts, or an amount below 0";
            return value(&named, floor.unwrap_or(0.0), expected);
        }
        let decimals = usize::from(scale);
        let farthest = FARTHEST / 10_f64.powi(i32::from(scale));
        let expected = format!(
            "expected at most {farthest:.decimals$}, above 0 or below: {FARTHEST:.0} units of the column's \
             last decimal"
        );
        let beyond = |units: i64| units.unsigned_abs() > Clamp::FARTHEST;
        match floor {
            Some(floor) if beyond(least) => value(&named, floor, expected),
            _ => value(&field("cap_per_user"), cap, expected),
        }
    })
}

/// [`Clamp::FARTHEST`], for messages.
const FARTHEST: f64 = 2_147_483_648.0;

fn millionths(field: &str, share: f64) -> Result<u32, TemplateError> {
    let scaled = (share * 1e6).round();
    if !(scaled > 0.0 && scaled < 1e6) {
        return Err(value(field, share, "expected a number between 0 and 1"));
    }
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in 0..10^6"
    )]
    let scaled = scaled as u32;
    Ok(scaled)
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
