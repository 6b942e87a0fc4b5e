//! Where to run a campaign and for how long, on figures of a time when nothing happened.
//!
//! The figures are the analyst's own or public: nothing is asked of anybody, and nothing is spent.

use crate::page::{
    Block, Page, Row, Section, Statement, Table, Text, Topic, UNKNOWN,
    number::{figure, level, size, whole},
};
use serde::Serialize;
use statistics::panel::design::{Candidate, Search, search};

/// Totals of places over time.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever reads a table names all of it")]
pub struct History {
    /// The places.
    pub places: Vec<String>,
    /// Their totals, period by period.
    pub rows: Vec<Vec<f64>>,
}

/// What is asked of a design.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever asks names all of it")]
pub struct Asked {
    /// Lengths of the test in periods.
    pub tested: Vec<usize>,
    /// How many periods the job has before the test. `None` for four times the test, or less where so many leave under a third of
    /// the history for windows to move over.
    pub before: Option<usize>,
    /// How many places are treated.
    pub sizes: Vec<usize>,
    /// Lifts whose power is asked: 0.05 for 5 %.
    pub lifts: Vec<f64>,
    /// Confidence of the intervals of the test.
    pub confidence: f64,
    /// Power from which a lift counts as detectable.
    pub power: f64,
    /// How many windows are tried.
    pub windows: usize,
    /// Standard deviation of the noise in the total of one place and period.
    pub noise_sd: f64,
    /// What one incremental unit costs, if it is known.
    pub cost_per_unit: Option<f64>,
}

/// Designs: first those whose false alarms are as few as the confidence says, of these the one that detects the smallest lift.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Designs {
    /// How many places there are.
    pub places: usize,
    /// How many periods there are.
    pub periods: usize,
    /// Confidence of the intervals of the test.
    pub confidence: f64,
    /// Power from which a lift counts as detectable.
    pub power: f64,
    /// Lifts whose power was asked.
    pub lifts: Vec<f64>,
    /// Standard deviation of the noise in the total of one place and period.
    pub noise_sd: f64,
    /// In how many of all windows an effect was found though none was put in.
    pub false_alarms: usize,
    /// How many windows were tried in all.
    pub windows: usize,
    /// The designs.
    pub designs: Vec<Design>,
}

/// Places to treat for so long, and what a test there would find.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Design {
    /// The places to treat.
    pub treated: Vec<String>,
    /// How many periods the job has before the test.
    pub before: usize,
    /// How many periods the test has.
    pub tested: usize,
    /// How far a synthetic control is from them before the test, beside a plain mean of the others.
    pub scaled_l2: f64,
    /// The share of windows in which each lift is found.
    pub power: Vec<f64>,
    /// How many windows were tried.
    pub windows: usize,
    /// The share of windows in which an effect is found though none was put in.
    pub false_alarms: f64,
    /// Whether that is more than chance allows at this confidence.
    pub alarming: bool,
    /// The least lift that has the power asked for, of those asked; null if none has.
    pub detectable: Option<f64>,
    /// Total of the places over a test: what a lift is a share of.
    pub baseline: f64,
    /// What the campaign has to bring for that lift to be found; null if none is.
    pub incremental: Option<f64>,
    /// What that costs; null if it is not known.
    pub cost: Option<f64>,
}

/// Searches for designs.
#[must_use]
pub fn designs(history: &History, asked: &Asked) -> Designs {
    let mut found = Vec::new();
    let (mut false_alarms, mut windows) = (0, 0);
    let periods = history.rows.first().map_or(0, Vec::len);
    for tested in &asked.tested {
        let usual = (periods.saturating_sub(*tested) * 2 / 3).min(tested.saturating_mul(4));
        let search_for = Search {
            before: asked.before.unwrap_or(usual),
            tested: *tested,
            sizes: asked.sizes.clone(),
            lifts: asked.lifts.clone(),
            alpha: 1.0 - asked.confidence,
            power: asked.power,
            windows: asked.windows,
            noise_sd: asked.noise_sd,
            sets: MOST_DESIGNS,
        };
        for candidate in search(&history.rows, &search_for) {
            false_alarms += candidate.false_alarms;
            windows += candidate.windows;
            found.push(design(history, asked, &search_for, &candidate));
        }
    }
    let least = |design: &Design| design.detectable.unwrap_or(f64::INFINITY);
    found.sort_by(|one, other| {
        let by_alarms = one.alarming.cmp(&other.alarming);
        let by_lift = least(one).total_cmp(&least(other));
        by_alarms.then(by_lift).then(one.scaled_l2.total_cmp(&other.scaled_l2))
    });
    found.truncate(MOST_DESIGNS);
    Designs {
        places: history.places.len(),
        periods,
        confidence: asked.confidence,
        power: asked.power,
        lifts: asked.lifts.clone(),
        noise_sd: asked.noise_sd,
        false_alarms,
        windows,
        designs: found,
    }
}

fn design(history: &History, asked: &Asked, searched: &Search, candidate: &Candidate) -> Design {
    let windows = real(candidate.windows.max(1));
    let share = |found: usize| real(found) / windows;
    let false_alarms = share(candidate.false_alarms);
    let chance = (searched.alpha * (1.0 - searched.alpha) / windows).sqrt();
    let names = candidate.places.iter().filter_map(|place| history.places.get(*place));
    let incremental = candidate.detectable.map(|lift| lift * candidate.baseline);
    Design {
        treated: names.cloned().collect(),
        before: searched.before,
        tested: searched.tested,
        scaled_l2: candidate.scaled_l2,
        power: candidate.found.iter().map(|found| share(*found)).collect(),
        windows: candidate.windows,
        false_alarms,
        alarming: false_alarms > searched.alpha + 2.0 * chance,
        detectable: candidate.detectable,
        baseline: candidate.baseline,
        incremental,
        cost: incremental.zip(asked.cost_per_unit).map(|(units, cost)| units * cost),
    }
}

/// The page about designs.
#[must_use]
pub fn page(found: &Designs) -> Page {
    let mut sections = Vec::new();
    if !found.designs.is_empty() {
        let read = "Found: in what share of windows the test finds a lift of so much, and of nothing, which is a false alarm. \
                    Detectable: the least of these lifts that is found often enough. Fit: what a synthetic control leaves over before \
                    the test, beside a plain mean of the other places: below 1 it misses less than that mean does.";
        let figures = Section::new(Topic::Figures, "Designs".into());
        sections.push(figures.with(Block::Table(table(found))).with(Block::Note(read.into())));
    }
    sections.push(Section::new(Topic::Notes, "Notes".into()).with(Block::List(notes(found))));
    Page {
        title: "Where to run a campaign, and for how long".into(),
        subtitle: Text::fixed(format!(
            "From {} places and {} periods in which nothing happened.",
            number(found.places),
            number(found.periods)
        )),
        answer: vec![Statement { name: None, text: statement(found) }],
        sections,
        ..Page::default()
    }
}

fn table(found: &Designs) -> Table {
    let percent = |share: f64| Text::fixed(format!("{:.0} %", 100.0 * share));
    let of_lift = |lift: &f64| Text::fixed(format!("Found: {}", level(*lift)));
    let mut figures: Vec<Text> = ["Test", "Before", "Fit", "Found: nothing"].map(Text::from).into();
    figures.extend(found.lifts.iter().map(of_lift));
    figures.extend(["Detectable", "Has to bring"].map(Text::from));
    let has_cost = found.designs.iter().any(|design| design.cost.is_some());
    figures.extend(has_cost.then(|| Text::from("Costs")));
    let rows = found.designs.iter().map(|design| {
        let or_unknown = |number: Option<String>| Text::fixed(number.unwrap_or(UNKNOWN.to_owned()));
        let amount = |amount: f64| figure(amount, amount.abs() / 100.0);
        let mut cells = vec![
            Text::fixed(design.tested),
            Text::fixed(design.before),
            Text::fixed(format!("{:.3}", design.scaled_l2)),
            percent(design.false_alarms),
        ];
        cells.extend(design.power.iter().map(|power| percent(*power)));
        cells.push(or_unknown(design.detectable.map(level)));
        cells.push(or_unknown(design.incremental.map(amount)));
        cells.extend(has_cost.then(|| or_unknown(design.cost.map(amount))));
        Row { names: vec![Text::names(&design.treated, ", ")], figures: cells, ..Row::default() }
    });
    Table { names: vec!["Places to treat".into()], figures, rows: rows.collect(), bars: None }
}

fn statement(found: &Designs) -> Text {
    let Some(best) = found.designs.first() else {
        return "No design can be tried: there are too few places, or too few periods for the test and those before it.".into();
    };
    let power = level(found.power);
    match best.detectable {
        _ if best.alarming => Text::fixed(format!(
            "No design can be trusted: each finds an effect where there is none more often than a confidence of {} allows.",
            level(found.confidence)
        )),
        Some(lift) => Text::fixed("Treating ").with(Text::names(&best.treated, ", ")).and(format!(
            " for {} periods finds a lift of {} in {power} or more of {} windows of the past.",
            best.tested,
            level(lift),
            number(best.windows)
        )),
        None => Text::fixed(format!(
            "No design finds any of these lifts in {power} of the windows of the past. Try longer tests, more places or larger \
             lifts."
        )),
    }
}

fn notes(found: &Designs) -> Vec<Text> {
    let tried = format!(
        "Each lift was added in windows of the past, and the test made as it will be, at a confidence of {}. Where nothing was added it \
         found something in {} of {} windows; about {} of them is what that confidence allows. Designs that do so more often than \
         chance allows come last.",
        level(found.confidence),
        number(found.false_alarms),
        number(found.windows),
        level(1.0 - found.confidence)
    );
    let noise = if found.noise_sd > 0.0 {
        format!(
            "Noise with a standard deviation of {} is in each total, as it will be in the test.",
            size(found.noise_sd)
        )
    } else {
        "No noise is in these figures. That of a job widens its interval: give its standard deviation, which the price of a job \
         names, as --noise-sd."
            .to_owned()
    };
    vec![
        Text::fixed(tried),
        "Windows overlap, and the first of many designs looks better than it is: plan for a larger lift than the least that is \
         found. What never happened before is in none of them."
            .into(),
        Text::fixed(noise),
        "Draw the places to treat among good designs, where you can: an effect in places that were chosen for another reason may be that \
         reason's."
            .into(),
    ]
}

fn number(count: usize) -> String {
    whole(i64::try_from(count).unwrap_or(i64::MAX))
}

fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

const MOST_DESIGNS: usize = 10;
