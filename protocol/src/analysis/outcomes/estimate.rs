//! From released figures to what people of a cohort did.
//!
//! Intervals of head counts and totals are of the noise: these are what they are. Those of rates and means are of
//! noise and chance, since whoever compares segments asks about people like these ([`statistics::rates`]).

use super::{
    answer::{AmountEstimate, Elsewhere, Others, OutcomesAnswer, Segment, Share},
    ask::date,
    question::{Amount, Days, Outcomes},
    tally::{FOUND, IN_COHORT},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope,
        table::{CountRange, Estimate, row_words},
    },
    contract::{ColumnRef, Role},
    released::{Figure, GroupFigures, Place, ProductFigure, Thresholds, View},
    tally::{Dimension, Side, Tally},
};
use statistics::{
    rates::{self, Estimated, Noisy},
    shown::Passing,
    special::normal_upper_quantile,
};

/// The answer to a question about outcomes, and its flags.
///
/// # Privacy
///
/// Costs nothing: a function of released figures, contract and job.
pub(super) fn answer(
    view: &View<'_>,
    asked: &Outcomes,
    scope: &Scope<'_>,
) -> Option<(OutcomesAnswer, Vec<String>)> {
    let listed = Listed::of(scope.terms)?;
    let tally = view.proven().tally();
    let confidence = asked.confidence.value();
    let judge = Judge { alpha: 1.0 - confidence, shows: view.thresholds(), asked };
    let cells: Vec<_> = view.cells().collect();
    let at = |place: u32| cells.iter().filter(move |cell| is_at(cell, place)).collect::<Vec<_>>();
    let of_cohort = at(IN_COHORT);
    let names = Names::new(asked, &listed, scope);
    let segments: Vec<_> =
        of_cohort.iter().map(|cell| judge.segment(&[cell], names.of(cell))).collect();
    let together = (!asked.segments.is_empty() && !of_cohort.is_empty())
        .then(|| judge.segment(&of_cohort, Vec::new()));
    let all = segments_of(tally);
    let withheld = |shown: usize| all.saturating_sub(u64::try_from(shown).unwrap_or(all));
    let others = |place: u32| {
        let cells = at(place);
        let people = (!cells.is_empty()).then(|| judge.people(&cells));
        Others { people, withheld_segments: withheld(cells.len()) }
    };
    let consent_from: Vec<_> = tally
        .datasets()
        .filter(|name| scope.contract.asks_consent(name))
        .map(str::to_owned)
        .collect();
    let asks_outcome = consent_from.iter().any(|name| name == listed.outcome);
    let asks_cohort = consent_from.iter().any(|name| name == listed.cohort);
    let no_consent = view.no_consent().filter(|_| !consent_from.is_empty());
    let flags = [
        ("all_withheld", segments.is_empty()),
        ("refusals_known_by_outcome", asks_outcome && !asks_cohort),
        ("some_refusals_known_by_outcome", asks_outcome && asks_cohort),
        ("not_found_by_key", has_keys_that_find_nobody(&listed, scope)),
        ("starts_chosen", asked.rows.iter().any(|row| row.column().dataset == listed.cohort)),
    ];
    let flags = flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned());
    let without_value = without_value(tally, &of_cohort);
    let answer = OutcomesAnswer {
        counted: counted(tally, asked, &listed, scope),
        start: ColumnRef::new(listed.cohort, listed.start).to_string(),
        window: [asked.window.first, asked.window.last],
        started: dates(asked.started),
        observed: dates(asked.observed),
        segment_by: asked.segments.clone(),
        confidence,
        together,
        withheld_segments: withheld(segments.len()),
        withheld_without_value: without_value,
        segments,
        shown_from: judge.shows.groups,
        elsewhere: Elsewhere {
            before: others(IN_COHORT - 1),
            after: others(IN_COHORT + 1),
            without_start: others(IN_COHORT + 2),
        },
        no_consent: no_consent.map(|people| judge.no_consent(people)),
        consent_from,
    };
    Some((answer, flags.collect()))
}

/// Whether a person of the cohort may be known by a kind of key that no outcome has.
fn has_keys_that_find_nobody(listed: &Listed<'_>, scope: &Scope<'_>) -> bool {
    let theirs = match scope.contract.claims(listed.outcome) {
        [] => scope.contract.match_keys(listed.outcome),
        claims => claims.to_vec(),
    };
    scope.contract.match_keys(listed.cohort).iter().any(|kind| !theirs.contains(kind))
}

fn dates(days: Days) -> [String; 2] {
    [days.first, days.last].map(date)
}

fn is_at(cell: &GroupFigures, place: u32) -> bool {
    cell.name.first() == Some(&Place::Index(place))
}

/// The number of combinations of segments.
fn segments_of(tally: &Tally) -> u64 {
    let places = tally.dimensions.iter().skip(1).filter_map(Dimension::places);
    places.fold(1, u64::saturating_mul)
}

/// How many combinations without a value, or with several, in some column are not shown.
fn without_value(tally: &Tally, shown: &[&GroupFigures]) -> u64 {
    let values: Vec<_> = tally.dimensions.iter().skip(1).filter_map(values).collect();
    let whole = values.iter().map(|count| u64::from(*count)).fold(1, u64::saturating_mul);
    let has_none = |cell: &&&GroupFigures| {
        let places = cell.name.iter().skip(1).zip(&values);
        places.clone().any(|(place, count)| matches!(place, Place::Index(at) if at >= count))
    };
    let shown = u64::try_from(shown.iter().filter(has_none).count()).unwrap_or(u64::MAX);
    segments_of(tally).saturating_sub(whole).saturating_sub(shown)
}

fn values(dimension: &Dimension) -> Option<u32> {
    match dimension {
        Dimension::Only { values, .. } => *values,
        _ => None,
    }
}

/// The names of segments.
struct Names<'c>(Vec<&'c [String]>);

impl<'c> Names<'c> {
    fn new(asked: &Outcomes, listed: &Listed<'_>, scope: &Scope<'c>) -> Self {
        let domain = |segment: &String| {
            let named = ColumnRef::new(listed.cohort, segment);
            match scope.contract.column(&named).map(|column| &column.role) {
                Some(Role::Group(domain)) => domain.as_slice(),
                _ => &[],
            }
        };
        Self(asked.segments.iter().map(domain).collect())
    }

    fn of(&self, cell: &GroupFigures) -> Vec<String> {
        let places = self.0.iter().zip(cell.name.iter().skip(1));
        let name = |(domain, place): (&&[String], &Place)| {
            let Place::Index(at) = place else { return NO_VALUE.to_owned() };
            let at = usize::try_from(*at).unwrap_or(usize::MAX);
            let outside = if at == domain.len() { NO_VALUE } else { SEVERAL };
            domain.get(at).cloned().unwrap_or_else(|| outside.to_owned())
        };
        places.map(name).collect()
    }
}

/// Makes intervals of noisy figures, at one confidence.
struct Judge<'q> {
    /// One minus the confidence.
    alpha: f64,
    shows: Thresholds,
    asked: &'q Outcomes,
}

impl Judge<'_> {
    /// The outcomes of all people in these cells.
    fn segment(&self, cells: &[&GroupFigures], names: Vec<String>) -> Segment {
        let people = self.people(cells);
        let between = |alpha: f64| self.range(cells, alpha);
        let events = sum_of(cells, FOUND);
        let rate = rates::rate(noisy(events), people.value, between, self.alpha);
        let outcomes = self.asked.outcomes.iter().enumerate().map(|(at, outcome)| {
            let sum = sum_of(cells, at + FOUND + 1);
            let squares = squares_of(cells, at);
            let possible = [outcome.clamp.least(), outcome.clamp.most()].map(real);
            let mean =
                rates::mean(noisy(sum), squares, people.value, between, possible, self.alpha);
            let unit = unit(outcome);
            AmountEstimate {
                name: outcome.name.clone(),
                cap: real(outcome.clamp.most()) / unit,
                floor: real(outcome.clamp.least()) / unit,
                total: self.total(sum, unit),
                per_person: share(mean, unit),
            }
        });
        Segment {
            names,
            people,
            with_outcome: self.total(events, 1.0),
            rate: share(rate, 1.0),
            outcomes: outcomes.collect(),
        }
    }

    /// The people of shown cells together.
    fn people(&self, cells: &[&GroupFigures]) -> Estimate {
        let all = cells.iter().fold(Figure::ZERO, |all, cell| all.plus(cell.people));
        Estimate {
            value: real(all.value),
            noise_sd: all.noise_variance.sqrt(),
            ci: self.range(cells, self.alpha),
        }
    }

    fn range(&self, cells: &[&GroupFigures], alpha: f64) -> [f64; 2] {
        let counts = cells.iter().map(|cell| {
            let passing = Passing::one_draw(cell.people.noise_variance, self.shows.groups);
            let ends = passing.interval(cell.people.value, alpha).map(real);
            (real(cell.people.value), ends)
        });
        match cells {
            [_] => counts.map(|(_, ends)| ends).next().unwrap_or_default(),
            _ => rates::together(counts),
        }
    }

    /// Noise is in whole units. If it is narrow, a normal interval holds too seldom unless its ends
    /// are whole.
    fn total(&self, figure: Figure, unit: f64) -> Estimate {
        let (value, noise_sd) = (real(figure.value), figure.noise_variance.sqrt());
        let reach = (normal_upper_quantile(self.alpha / 2.0) * noise_sd).ceil();
        let ci = [value - reach, value + reach].map(|end| end / unit);
        Estimate { value: value / unit, noise_sd: noise_sd / unit, ci }
    }

    fn no_consent(&self, people: Figure) -> CountRange {
        let passing = Passing::one_draw(people.noise_variance, self.shows.no_consent);
        let ci = passing.interval(people.value, self.alpha);
        CountRange { n: people.value, noise_sd: people.noise_variance.sqrt(), ci }
    }
}

fn sum_of(cells: &[&GroupFigures], at: usize) -> Figure {
    let sums = cells.iter().filter_map(|cell| cell.sums.get(at));
    sums.fold(Figure::ZERO, |all, sum| all.plus(*sum))
}

fn squares_of(cells: &[&GroupFigures], at: usize) -> Noisy {
    let products = cells.iter().filter_map(|cell| cell.products.get(at));
    products.fold(Noisy { value: 0.0, variance: 0.0 }, |all, product: &ProductFigure| Noisy {
        value: all.value + wide(product.value),
        variance: all.variance + product.noise_variance,
    })
}

fn noisy(figure: Figure) -> Noisy {
    Noisy { value: real(figure.value), variance: figure.noise_variance }
}

fn share(found: Estimated, unit: f64) -> Share {
    Share { value: found.value / unit, ci: found.ends.map(|end| end / unit) }
}

/// Units of the column in one unit of the amount.
fn unit(outcome: &Amount) -> f64 {
    outcome.scale.units_per_one()
}

/// Says who is counted, and with which rows.
fn counted(tally: &Tally, asked: &Outcomes, listed: &Listed<'_>, scope: &Scope<'_>) -> String {
    let rows: Vec<_> = asked.rows.iter().map(|row| row_words(row, scope.contract)).collect();
    let rows =
        if rows.is_empty() { String::new() } else { format!(", where {}", rows.join(" and ")) };
    let Days { first, last } = asked.window;
    format!(
        "people of {} by their earliest {}, and their rows of {} whose {} is {first} to {last} days after it{rows}",
        tally.dataset(Side::POPULATION),
        listed.start,
        tally.dataset(Side::JOINED),
        listed.date
    )
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn wide(number: i128) -> f64 {
    number as f64
}

const NO_VALUE: &str = "(none)";
const SEVERAL: &str = "(several)";
