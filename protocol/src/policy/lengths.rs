//! How many of everything a question may have: what is looked at before anything else of it is.

use crate::{
    canonical,
    job::{ChoiceOf, Filter, GroupBy, Job, Question},
    limits,
    refusal::{Limit, Refusal},
};

/// Refuses a question that has more of something than may be, which takes no time to see.
pub(super) fn check(question: &Question) -> Result<(), Refusal> {
    let rows = match question {
        Question::Lift(lift) => {
            within(Limit::Values, lift.test.len(), limits::VALUES)?;
            within(Limit::Values, lift.control.len(), limits::VALUES)?;
            return within(Limit::Outcomes, lift.outcomes.len(), limits::MEASURES);
        }
        Question::Table(table) => {
            within(Limit::Outcomes, table.measures.len(), limits::MEASURES)?;
            within(Limit::GroupBy, table.group_by.len(), limits::GROUP_BY)?;
            for group in &table.group_by {
                if let GroupBy::Bins { edges, .. } = group {
                    within(Limit::Edges, edges.len(), limits::VALUES)?;
                }
            }
            &table.rows
        }
        Question::Choice(choice) => {
            if let ChoiceOf::Quantile { edges, .. } = &choice.of {
                within(Limit::Edges, edges.len(), limits::VALUES)?;
            }
            &choice.rows
        }
    };
    within(Limit::Conditions, rows.len(), limits::CONDITIONS)?;
    rows.iter().try_for_each(|filter| match filter {
        Filter::OneOf { values, .. } => within(Limit::Values, values.len(), limits::VALUES),
        Filter::Between { .. } => Ok(()),
    })
}

/// Refuses a job whose signed form nobody would read.
pub(super) fn check_job(job: &Job) -> Result<(), Refusal> {
    within(Limit::Job, canonical::to_vec(job).len(), limits::JOB.bytes)
}

fn within(limit: Limit, found: usize, most: usize) -> Result<(), Refusal> {
    if found <= most {
        return Ok(());
    }
    let number = |it| u64::try_from(it).unwrap_or(u64::MAX);
    Err(Refusal::OverLimit { limit, found: number(found), most: number(most) })
}
