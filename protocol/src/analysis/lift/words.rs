//! The page of a lift.

mod cuped;
mod figures;
mod flags;
mod late;
mod margins;
mod parts;
mod people;
mod scale;

use crate::{
    job::{Alternative, Multiplicity, OutcomeKind},
    page::{
        Banner, Block, Page, Section, Severity, Statement, Term, Text, Topic, notes,
        number::{level, moment, p_is, whole},
    },
    result::{LiftResult, OutcomeResult, PartResult, ReleasedAs},
};
use figures::{heading_level, interval_heading, with_level};
use scale::Scale;

pub(super) fn page(result: &LiftResult) -> Page {
    let test = Text::names(&result.answer.test, " + ");
    let control = Text::names(&result.answer.control, " + ");
    let mut sections = Vec::new();
    let compares = !result.flags.iter().any(|flag| flag == "arm_withheld");
    if compares {
        sections.extend(figures::changes(result));
        sections.extend(figures::lifts(result));
        sections.push(figures::tables(result));
        sections.extend(cuped::section(result));
        sections.extend(late::section(result));
        sections.extend(margins::section(result));
        sections.extend(parts::sections(result));
    }
    sections.push(asked(result));
    sections.push(people::section(result));
    sections.extend(figures::noise(result).filter(|_| compares));
    sections.extend(notes(flags::all(result).into_iter().chain(biases(result)).collect()));
    sections.push(limits(result));
    let outcomes = result.answer.outcomes.iter();
    Page {
        title: Text::fixed("Did \u{201c}").with(test.clone()).and("\u{201d} make a difference?"),
        subtitle: test.and(" against ").with(control).and("."),
        doubts: doubts(result),
        answer: match compares {
            true => {
                let whole = outcomes.map(|outcome| statement(result, outcome));
                whole.chain(parts::statements(result)).collect()
            }
            false => vec![nothing(result)],
        },
        sections,
        ..Page::default()
    }
}

/// Reasons why the figures may not be the campaign's.
fn doubts(result: &LiftResult) -> Vec<Banner> {
    let ratio = &result.answer.sample_ratio;
    if ratio.failed {
        let p = ratio.p.map_or_else(|| "no p".to_owned(), p_is);
        let why = format!(
            "The arms do not have the sizes that the design expects (sample-ratio check: {p})."
        );
        return vec![Banner {
            severity: Severity::Stop,
            headline: "Do not use these figures yet.".into(),
            reasons: vec![Text::fixed(why)],
        }];
    }
    let reasons = flags::broken(result);
    if reasons.is_empty() {
        return Vec::new();
    }
    let headline = "The design may be broken.".into();
    vec![Banner { severity: Severity::Warning, headline, reasons }]
}

/// What is said in place of every outcome where an arm is withheld.
fn nothing(result: &LiftResult) -> Statement {
    let least = whole(i64::from(result.privacy.min_cell));
    let text =
        format!("Nothing can be compared: an arm has fewer than {least} people, after noise.");
    Statement::whole(Text::fixed(text))
}

/// One outcome in a sentence.
fn statement(result: &LiftResult, outcome: &OutcomeResult) -> Statement {
    Statement {
        name: Some(Text::quoted(&outcome.name)),
        text: Text::fixed(sentence(result, outcome))
            .with(cuped::sentence(result, outcome))
            .and(late::sentence(outcome))
            .and(margins::sentence(result, outcome)),
    }
}

fn sentence(result: &LiftResult, outcome: &OutcomeResult) -> String {
    let Some(diff) = &outcome.diff_in_means else {
        return "could not be estimated: see the notes below.".to_owned();
    };
    let scale = Scale::of(outcome);
    let effect = format!(
        "was {} in the control arm and {} in the test arm, a change of {}",
        scale.level(diff.mean_c),
        scale.level(diff.mean_t),
        scale.change(diff.ate)
    );
    let Some(ends) = diff.ci else { return format!("{effect}; no interval could be estimated.") };
    let interval = format!(
        "{} interval {}{}",
        level(diff.ci_level),
        scale.interval(ends),
        together(result, diff.ci_level)
    );
    let p = shown_p(outcome).map(|p| {
        let adjusted = adjustment(result.answer.multiplicity);
        let adjusted = adjusted.map(|name| format!(", adjusted after {name}"));
        format!(" ({}{})", p_is(p), adjusted.unwrap_or_default())
    });
    format!(
        "{effect} ({interval}), {}{}.",
        verdict(result, shown_p(outcome)),
        p.unwrap_or_default()
    )
}

/// Says why an interval has another level than was asked for.
fn together(result: &LiftResult, own: f64) -> String {
    let asked = result.answer.confidence;
    if own <= asked + 1e-9 {
        return String::new();
    }
    let outcomes = result.answer.outcomes.len();
    let comparisons = result.answer.breakdown.as_ref().map(|breakdown| breakdown.comparisons);
    let comparisons = comparisons.or(u64::try_from(outcomes).ok()).unwrap_or(u64::MAX);
    match result.answer.multiplicity {
        // A false coverage rate, which is not that all intervals hold together.
        Multiplicity::Bh => format!(
            ", so that on average {} of the intervals of clear changes among {comparisons} comparisons hold",
            level(asked)
        ),
        _ => format!(", for {} over all {comparisons} comparisons together", level(asked)),
    }
}

/// Says what the shown p-value means; the interval means the same.
fn verdict(result: &LiftResult, p: Option<f64>) -> &'static str {
    match p {
        Some(p) if p < 1.0 - result.answer.confidence && !flags::broken(result).is_empty() => {
            "which chance does not explain; but the design may be broken, so the campaign need not explain it \
             either"
        }
        Some(p) if p < 1.0 - result.answer.confidence => "so the change is statistically clear",
        Some(_) => "which includes no change at all: this study cannot tell",
        None => "and nothing tests it",
    }
}

/// Says what the bounds of an outcome mean for its estimate.
fn biases(result: &LiftResult) -> impl Iterator<Item = Text> {
    result.answer.outcomes.iter().filter_map(|outcome| {
        let note = outcome.bias_note.as_ref()?;
        Some(Text::quoted(&outcome.name).and(": ").quote(note).and("."))
    })
}

fn asked(result: &LiftResult) -> Section {
    let term = |name: &'static str, text: Text| Term { name: name.into(), text };
    let mut terms = vec![
        term("Test arm", Text::names(&result.answer.test, ", ")),
        term("Control arm", Text::names(&result.answer.control, ", ")),
    ];
    terms.extend(result.answer.outcomes.iter().map(|outcome| {
        let text = kind(outcome).and(format!(". Method: {}", method(outcome)));
        Term { name: Text::quoted(&outcome.name), text }
    }));
    terms.extend(result.answer.outcomes.iter().filter_map(|outcome| {
        let claim = margins::claim(outcome, outcome.margin.as_ref()?);
        let name = Text::fixed("Margin of ").quote(&outcome.name);
        Some(Term { name, text: Text::fixed("is to show that ").and(claim) })
    }));
    terms.extend(cuped::asked(result).map(|text| term("Adjusted for", text)));
    terms.push(term("Test", alternative(result.answer.alternative).into()));
    let adjusted = adjustment(result.answer.multiplicity)
        .map_or_else(|| "not adjusted".to_owned(), |name| format!("adjusted after {name}"));
    let over = result.answer.breakdown.as_ref().map_or_else(
        || "the outcomes".to_owned(),
        |breakdown| {
            let comparisons = i64::try_from(breakdown.comparisons).unwrap_or(i64::MAX);
            format!(
                "{} comparisons: every outcome of everybody and of each part",
                whole(comparisons)
            )
        },
    );
    terms.push(term("P-values", Text::fixed(format!("{adjusted} over {over}"))));
    if let Some(breakdown) = &result.answer.breakdown {
        let columns = breakdown.segments.iter().chain(&breakdown.creative).cloned();
        let columns = Text::names(&columns.collect::<Vec<_>>(), ", ");
        terms.push(term("Told apart by", columns));
    }
    let registered = result.answer.registered_at.map_or_else(
        || "not registered beforehand".to_owned(),
        |time| format!("{}, as the analyst says", moment(time)),
    );
    terms.push(term("Design", Text::fixed(registered)));
    Section::new(Topic::Asked, "What was asked".into()).with(Block::Terms(terms))
}

fn limits(result: &LiftResult) -> Section {
    let mut limits = vec![
        "Nothing about any one person: figures are about arms of people, and noisy.".into(),
        Text::fixed(people::who_counts(result)),
    ];
    if result.answer.outcomes.iter().any(|outcome| outcome.cap > 1.0) {
        limits.push(
            "Values above a cap count as the cap; the intervals do not cover what that leaves out."
                .into(),
        );
    }
    limits.push(
        "A person who is not found among the outcomes counts with zero, whether nothing happened or the identifiers \
         do not match."
            .into(),
    );
    limits.push(
        "That the same would happen with other people, at another time or with another offer."
            .into(),
    );
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(limits))
}

/// Says what an outcome is; its cap is in the notes.
fn kind(outcome: &OutcomeResult) -> Text {
    match outcome.kind {
        OutcomeKind::Binary => {
            Text::fixed("share of people with any \"").quote(&outcome.column).and("\"")
        }
        _ => Text::fixed("mean of \"").quote(&outcome.column).and("\" per person"),
    }
}

/// Says how p-value and intervals of an outcome were made.
fn method(outcome: &OutcomeResult) -> &'static str {
    let method = outcome.diff_in_means.as_ref().map(|diff| diff.ci_method.as_str());
    match method {
        Some("few_events") => {
            "few events: score test with the exact distribution of events and noise, and the intervals \
             that it does not reject"
        }
        Some("welch_t") => "Welch\u{2019}s t; Fieller\u{2019}s interval of the relative lift",
        Some("normal_with_noise") if outcome.released_as == ReleasedAs::Contrast => {
            "released as the difference of the arms and their total; standard error from sampling and noise, \
             normal distribution averaged over what noise leaves open of the error; Fieller\u{2019}s interval of the relative \
             lift"
        }
        Some("normal_with_noise") => {
            "Welch\u{2019}s standard error with the variance of the noise added, normal distribution; \
             Fieller\u{2019}s interval of the relative lift"
        }
        _ => "none: not estimated",
    }
}

/// The alternative of the p-values, in words.
fn alternative(alternative: Alternative) -> &'static str {
    match alternative {
        Alternative::Greater => "one-sided: is the test arm larger?",
        Alternative::Less => "one-sided: is the test arm smaller?",
        _ => "two-sided",
    }
}

/// How p-values are adjusted, in a word or two.
fn adjustment(multiplicity: Multiplicity) -> Option<&'static str> {
    match multiplicity {
        Multiplicity::Holm => Some("Holm"),
        Multiplicity::Bh => Some("Benjamini-Hochberg"),
        _ => None,
    }
}

/// Every outcome, of everybody and then of each part, with what to call it.
fn named(result: &LiftResult) -> impl Iterator<Item = (Text, &OutcomeResult)> {
    let whole = result.answer.outcomes.iter().map(|outcome| (Text::quoted(&outcome.name), outcome));
    let parts = result.answer.breakdown.iter().flat_map(|breakdown| &breakdown.parts);
    let of_part = |part: &PartResult, outcome: &OutcomeResult| {
        Text::quoted(&outcome.name).and(", ").with(part_name(part))
    };
    whole.chain(parts.flat_map(move |part| {
        part.outcomes.iter().map(move |outcome| (of_part(part, outcome), outcome))
    }))
}

/// The name of a part: its values.
fn part_name(part: &PartResult) -> Text {
    let values: Vec<_> = part.segment.iter().chain(&part.creative).cloned().collect();
    Text::names(&values, " / ")
}

/// The p-value to show: adjusted if the job asks so.
fn shown_p(outcome: &OutcomeResult) -> Option<f64> {
    let diff = outcome.diff_in_means.as_ref()?;
    diff.p_adjusted.or(diff.p)
}

#[cfg(test)]
mod tests;
