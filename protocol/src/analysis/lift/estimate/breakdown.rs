//! Effects on segments and of creatives, with their names.

use super::{names, segments::ratios};
use crate::{
    analysis::{
        Scope,
        lift::{
            Arms, Breakdown, BreakdownResult, Heterogeneity, LeftOut, Lift, OutcomeResult,
            PartFigures, PartResult, SampleRatio, SegmentFigures, SegmentRatio, uses::Listed,
        },
        rules::column_role,
    },
    contract::Role,
};
use statistics::heterogeneity::{Effect, heterogeneity};

/// The effects on each part, and the flags that belong to all of them; `None` if the job asks for none.
pub(super) fn breakdown(
    arms: &Arms,
    parts: Vec<Vec<OutcomeResult>>,
    asked: &Lift,
    scope: &Scope<'_>,
) -> (Option<BreakdownResult>, Vec<String>) {
    let Some(Breakdown { segments, creative }) = &asked.breakdown else {
        return (None, Vec::new());
    };
    let comparisons = asked.outcomes.len().saturating_mul(1 + arms.parts.len());
    let domain = |column: &String| domain(column.as_str(), scope);
    let domains: Vec<_> = segments.iter().map(domain).collect();
    let creatives = creative.as_ref().map(domain);
    let name = |domain: &&[String], place: u32| {
        let at = usize::try_from(place).unwrap_or(usize::MAX);
        domain.get(at).cloned().unwrap_or_default()
    };
    let segment = |places: &[u32]| -> Vec<String> {
        domains.iter().zip(places).map(|(it, place)| name(it, *place)).collect()
    };
    let ratios = ratios(arms, asked);
    let failed: Vec<_> =
        arms.segments.iter().zip(&ratios).filter(|(_, ratio)| ratio.failed).collect();
    let part = |(part, mut outcomes): (&PartFigures, Vec<OutcomeResult>)| {
        if failed.iter().any(|(its, _)| its.segment == part.segment) {
            let flags = outcomes.iter_mut().map(|outcome| &mut outcome.flags);
            flags.for_each(|flags| flags.push(SRM_FAILED.to_owned()));
        }
        PartResult {
            segment: segment(&part.segment),
            creative: creatives.as_ref().zip(part.creative).map(|(it, place)| name(it, place)),
            withheld: part.pair.is_none(),
            outcomes: if part.pair.is_some() { outcomes } else { Vec::new() },
        }
    };
    let parts: Vec<_> = arms.parts.iter().zip(parts).map(part).collect();
    let [test, control] = arms.left_out.map(|people| people.map(|people| people.value));
    let differences = asked.outcomes.iter().enumerate();
    let differences = differences
        .map(|(at, outcome)| Heterogeneity { outcome: outcome.name.clone(), ..differ(&parts, at) });
    let flags = names(&[
        (SRM_FAILED, !failed.is_empty()),
        ("part_withheld", parts.iter().any(|part| part.withheld)),
        ("rest_left_out", test.is_some() || control.is_some()),
    ]);
    let of_segment = |(its, sample_ratio): (&SegmentFigures, SampleRatio)| SegmentRatio {
        segment: segment(&its.segment),
        sample_ratio,
    };
    let result = BreakdownResult {
        segments: segments.clone(),
        creative: creative.clone(),
        comparisons: u64::try_from(comparisons).unwrap_or(u64::MAX),
        differences: differences.collect(),
        parts,
        sample_ratios: arms.segments.iter().zip(ratios).map(of_segment).collect(),
        left_out: LeftOut { test, control },
    };
    (Some(result), flags)
}

/// The public list of a column of the assignment.
fn domain<'c>(column: &str, scope: &Scope<'c>) -> &'c [String] {
    let listed = Listed::of(scope.terms);
    let role = listed.and_then(|listed| column_role(scope.contract, listed.assignment, column));
    match role {
        Some(Role::Group(domain)) => domain,
        _ => &[],
    }
}

/// Whether effects on segments differ. Creatives share a control arm, so that their effects have something in common.
fn differ(parts: &[PartResult], at: usize) -> Heterogeneity {
    let of_creatives = parts.iter().any(|part| part.creative.is_some());
    let effects = parts.iter().filter_map(|part| {
        let difference = part.outcomes.get(at)?.diff_in_means.as_ref()?;
        difference.p?;
        Some(Effect { estimate: difference.ate, standard_error: difference.se })
    });
    let effects: Vec<_> = effects.collect();
    let found = heterogeneity(&effects).filter(|_| !of_creatives);
    Heterogeneity {
        outcome: String::new(),
        q: found.map(|found| found.q),
        df: found.map(|found| found.degrees_of_freedom),
        p: found.map(|found| found.p),
    }
}

/// The flag of a segment whose arms do not have the planned sizes, and of every outcome of its parts.
const SRM_FAILED: &str = "segment_srm_failed";
