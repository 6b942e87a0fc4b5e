//! From released figures to a table of groups that a receiver reads.

use super::{
    answer::{
        CountRange, Estimate, MatchedShare, MeasureEstimate, OtherCells, OtherTotal,
        SpreadEstimate, TableAnswer, TableCell,
    },
    question::{Filter, GroupBy, Statistic, TableMeasure, TableQuestion},
};
use crate::{
    analysis::Scope,
    contract::{Contract, Role},
    released::{Figure, GroupFigures, Place, Thresholds, View},
    tally::{Side, Tally},
    time::Time,
};
use statistics::{shown::Passing, special::normal_upper_quantile};

use self::amounts::{Amounts, Possible, Total};

mod amounts;

/// The answer to a question about groups, and its flags.
///
/// # Shapes and units
///
/// Amounts are in units of the amount, not of the column: dollars, not cents. Intervals cover the noise
/// only: there is no sampling to cover. That of a count is the one that holds given that the count passed the
/// threshold ([`statistics::shown`]); totals have noise of their own, which no threshold has looked at.
///
/// # Privacy
///
/// Costs nothing: a function of released figures, contract and job.
pub(super) fn answer(
    view: &View<'_>,
    asked: &TableQuestion,
    scope: &Scope<'_>,
) -> (TableAnswer, Vec<String>) {
    let contract = scope.contract;
    let confidence = asked.confidence.value();
    let judge = Judge { alpha: 1.0 - confidence, shows: view.thresholds() };
    let headings = asked.group_by.iter().map(|group| Heading::new(group, asked, contract));
    let headings: Vec<_> = headings.collect();
    let cell = |figures: GroupFigures| {
        let names = headings.iter().zip(&figures.name).map(|(heading, place)| heading.name(*place));
        TableCell {
            names: names.collect(),
            people: judge.people(figures.people),
            measures: judge.measures(view.proven().tally(), asked, &figures),
        }
    };
    let cells: Vec<_> = view.cells().map(cell).collect();
    let tally = view.proven().tally();
    let asks = |name: &&str| contract.asks_consent(name);
    let consent_from: Vec<_> = tally.datasets().filter(asks).map(str::to_owned).collect();
    let no_consent = view.no_consent().filter(|_| !consent_from.is_empty());
    let no_consent = no_consent.map(|people| judge.no_consent(people));
    let only_joined =
        tally.joined().is_some_and(|joined| consent_from == [joined.dataset.as_str()]);
    let flags = [("all_withheld", cells.is_empty()), ("truncated", view.cut() > 0)];
    let flags = flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned());
    let answer = TableAnswer {
        matched: matched_share(asked, &cells, no_consent.filter(|_| only_joined)),
        consent_from,
        counted: with_measures(tally, asked, contract),
        group_by: headings.iter().map(|heading| heading.title.clone()).collect(),
        cells_per_person: asked.cells_per_person,
        confidence,
        cells,
        shown_from: judge.shows.groups,
        other: view.other().map(|figures| judge.other(&figures, asked)),
        withheld_cells: judge.withheld(view.withheld()),
        withheld_without_value: view.withheld_without_value(),
        no_consent,
    };
    (answer, flags.collect())
}

/// The share that was found, for a table by `matched` alone. `refusers` are people who are known to
/// have refused because they were found.
fn matched_share(
    asked: &TableQuestion,
    shown: &[TableCell],
    refusers: Option<CountRange>,
) -> Option<MatchedShare> {
    if !matches!(asked.group_by.as_slice(), [GroupBy::Matched]) {
        return None;
    }
    let people =
        |name: &str| shown.iter().find(|shown| shown.names == [name]).map(|shown| shown.people);
    let (found, others) = (people("yes")?, people("no")?);
    let share = |found: f64, others: f64| {
        let (found, others) = (found.max(0.0), others.max(0.0));
        Some(found / (found + others)).filter(|share| share.is_finite())
    };
    let ([fewest, most], [fewest_others, most_others]) = (found.ci, others.ci);
    let all_found = refusers.map(|refuser| found.value + real(refuser.n));
    Some(MatchedShare {
        share: share(found.value, others.value)?,
        ci: [share(fewest, most_others)?, share(most, fewest_others)?],
        share_with_refusers: all_found.and_then(|all_found| share(all_found, others.value)),
    })
}

/// Makes intervals of noisy figures, at one confidence.
struct Judge {
    /// One minus the confidence.
    alpha: f64,
    shows: Thresholds,
}

impl Judge {
    fn people(&self, people: Figure) -> Estimate {
        let passing = Passing::one_draw(people.noise_variance, self.shows.groups);
        let ci = passing.interval(people.value, self.alpha).map(real);
        Estimate { value: real(people.value), noise_sd: people.noise_variance.sqrt(), ci }
    }

    fn no_consent(&self, people: Figure) -> CountRange {
        let passing = Passing::one_draw(people.noise_variance, self.shows.no_consent);
        let ci = passing.interval(people.value, self.alpha);
        CountRange { n: people.value, noise_sd: people.noise_variance.sqrt(), ci }
    }

    fn withheld(&self, cells: Figure) -> CountRange {
        let noise_sd = cells.noise_variance.sqrt();
        let reach = whole(normal_upper_quantile(self.alpha / 2.0) * noise_sd);
        let ends = [cells.value.saturating_sub(reach), cells.value.saturating_add(reach)];
        let ci = ends.map(|end| end.max(0));
        // If no cell may be hidden, no number is named.
        let n = if noise_sd > 0.0 && ci[0] == 0 { 0 } else { cells.value };
        CountRange { n, noise_sd, ci }
    }

    /// Every count in the sum is below its threshold, so that its noise is stochastically smaller than noise; what
    /// holds for a sum of whole draws that passed a threshold holds for it too, on this side.
    fn other(&self, figures: &GroupFigures, asked: &TableQuestion) -> OtherCells {
        let passing = Passing::of_sum(figures.people.noise_variance, self.shows.other);
        let totals = asked.measures.iter().zip(&figures.sums).map(|(measure, sum)| OtherTotal {
            name: measure.name.clone(),
            total: self.estimate(*sum, unit(measure), self.alpha),
        });
        OtherCells {
            people_at_least: passing.at_least(figures.people.value, self.alpha / 2.0),
            measures: totals.collect(),
        }
    }

    fn measures(
        &self,
        tally: &Tally,
        asked: &TableQuestion,
        figures: &GroupFigures,
    ) -> Vec<MeasureEstimate> {
        let pairs = asked.measures.iter().zip(&figures.sums).enumerate();
        let estimates = pairs.map(|(at, (measure, sum))| {
            let unit = unit(measure);
            let amounts = Amounts {
                count: figures.people.value,
                people_variance: figures.people.noise_variance,
                passing: Passing::one_draw(figures.people.noise_variance, self.shows.groups),
                sum: Total { value: real(sum.value), noise_variance: sum.noise_variance },
                possible: Possible::new(tally, at, measure.clamp, &figures.name),
            };
            let square = tally.square_of(at).and_then(|(at, _)| figures.products.get(at));
            let spread = square.map(|square| {
                let (value, noise_variance) = (wide(square.value), square.noise_variance);
                amounts.spread(Total { value, noise_variance }, self.alpha)
            });
            MeasureEstimate {
                name: measure.name.clone(),
                cap: real(measure.clamp.most()) / unit,
                floor: real(measure.clamp.least()) / unit,
                total: self.estimate(*sum, unit, self.alpha),
                mean: in_units(amounts.mean(self.alpha), unit),
                spread: spread.map(|SpreadEstimate { value, ci }| SpreadEstimate {
                    value: value / unit,
                    ci: ci.map(|end| end / unit),
                }),
            }
        });
        estimates.collect()
    }

    fn estimate(&self, figure: Figure, unit: f64, alpha: f64) -> Estimate {
        let (value, noise_sd) = (real(figure.value) / unit, figure.noise_variance.sqrt() / unit);
        let reach = normal_upper_quantile(alpha / 2.0) * noise_sd;
        Estimate { value, noise_sd, ci: [value - reach, value + reach] }
    }
}

/// Units of the column in one unit of the amount.
fn unit(measure: &TableMeasure) -> f64 {
    measure.scale.units_per_one()
}

/// An estimate in units of the amount.
fn in_units(Estimate { value, noise_sd, ci }: Estimate, unit: f64) -> Estimate {
    Estimate { value: value / unit, noise_sd: noise_sd / unit, ci: ci.map(|end| end / unit) }
}

/// One dimension in words.
struct Heading {
    title: String,
    /// Names of the public places.
    places: Vec<String>,
}

impl Heading {
    fn new(group: &GroupBy, asked: &TableQuestion, contract: &Contract) -> Self {
        match group {
            GroupBy::Matched => Self {
                title: "matched".to_owned(),
                places: ["no", "yes"].map(str::to_owned).into(),
            },
            GroupBy::Column(named) => {
                let domain = match contract.column(named).map(|column| &column.role) {
                    Some(Role::Group(domain)) => domain.as_slice(),
                    _ => &[],
                };
                let places = domain.iter().cloned().chain([NO_VALUE.to_owned()]).collect();
                Self { title: named.to_string(), places }
            }
            GroupBy::Bins { measure, edges } => {
                let scale = asked
                    .measures
                    .iter()
                    .find(|known| known.name == *measure)
                    .map(|known| known.scale);
                let decimals = scale.unwrap_or_default().decimals();
                let unit = scale.unwrap_or_default().units_per_one();
                let show = |edge: &i64| format!("{:.decimals$}", real(*edge) / unit);
                let first = edges.first().map(|edge| format!("below {}", show(edge)));
                let pairs = edges.windows(2).filter_map(|pair| match pair {
                    [from, to] => Some(format!("{} to below {}", show(from), show(to))),
                    _ => None,
                });
                let last = edges.last().map(|edge| format!("{} and more", show(edge)));
                let places = first.into_iter().chain(pairs).chain(last).collect();
                Self { title: measure.clone(), places }
            }
        }
    }

    fn name(&self, place: Place) -> String {
        match place {
            Place::Index(at) => {
                let found = usize::try_from(at).ok().and_then(|at| self.places.get(at));
                found.cloned().unwrap_or_else(|| NO_VALUE.to_owned())
            }
            Place::Label(bytes) => {
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                match bytes.get(..end).unwrap_or_default() {
                    [] => NO_VALUE.to_owned(),
                    text => shown(text),
                }
            }
        }
    }
}

/// A label as it is shown. It is its owner's text, and others read it: a label that could be taken
/// for something else, or has hidden characters, stands in quotes with these spelt out.
fn shown(label: &[u8]) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || " -_.,:&+'!#@%".contains(letter);
    match std::str::from_utf8(label) {
        Ok(text) if text.chars().all(plain) => text.to_owned(),
        Ok(text) => format!("\"{}\"", spelt(text, plain)),
        Err(_) => format!("\"{}\"", label.escape_ascii()),
    }
}

fn spelt(text: &str, plain: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::new(), |mut all, letter| {
        if plain(letter) || "()/[]".contains(letter) {
            all.push(letter);
        } else {
            all.extend(letter.escape_unicode());
        }
        all
    })
}

fn with_measures(tally: &Tally, asked: &TableQuestion, contract: &Contract) -> String {
    let people = counted(tally, &asked.rows, contract);
    let measures = asked.measures.iter();
    let measures = measures.map(|measure| {
        format!("{}: {}{}", measure.name, measure_words(measure), floor_words(measure))
    });
    let measures: Vec<_> = measures.collect();
    if measures.is_empty() { people } else { format!("{people}, with {}", measures.join(", ")) }
}

/// Says whose rows are counted, and which.
pub(in crate::analysis) fn counted(tally: &Tally, rows: &[Filter], contract: &Contract) -> String {
    let joined = tally.joined().map(|table| format!(", joined with {}", table.dataset));
    let rows: Vec<_> = rows.iter().map(|row| row_words(row, contract)).collect();
    let rows =
        if rows.is_empty() { String::new() } else { format!(", where {}", rows.join(" and ")) };
    let population = tally.dataset(Side::POPULATION);
    format!("people of {population}{}{rows}", joined.unwrap_or_default())
}

/// Says in words which rows a filter chooses.
pub(in crate::analysis) fn row_words(filter: &Filter, contract: &Contract) -> String {
    let (column, least, most) = match filter {
        Filter::OneOf { column, values } => {
            return format!("{column} is {}", values.join(" or "));
        }
        Filter::Between { column, least, most } => (column, *least, *most),
    };
    let found = contract.column(column);
    let words = |end: i64| match found.map(|found| &found.role) {
        Some(Role::Date) => {
            let day = u64::try_from(end).unwrap_or(0).saturating_mul(86_400_000);
            let (year, month, day) = Time(day).date();
            format!("{year:04}-{month:02}-{day:02}")
        }
        Some(Role::Measure(scale)) => {
            let decimals = scale.decimals();
            format!("{:.decimals$}", real(end) / scale.units_per_one())
        }
        _ => end.to_string(),
    };
    match (least, most) {
        (i64::MIN, most) => format!("{column} is at most {}", words(most)),
        (least, i64::MAX) => format!("{column} is at least {}", words(least)),
        (least, most) => format!("{column} is from {} to {}", words(least), words(most)),
    }
}

/// Says what a total below 0 counts as.
fn floor_words(measure: &TableMeasure) -> String {
    match (measure.statistic, measure.clamp.is_signed()) {
        (Statistic::Sum, false) => " (totals below 0 count as 0)".to_owned(),
        (Statistic::Sum, true) => {
            let decimals = measure.scale.decimals();
            let floor = real(measure.clamp.least()) / unit(measure);
            format!(" (totals below {floor:.decimals$} count as {floor:.decimals$})")
        }
        _ => String::new(),
    }
}

/// Says what each person has of a measure.
pub(in crate::analysis) fn measure_words(measure: &TableMeasure) -> String {
    let TableMeasure { column, statistic, .. } = measure;
    match statistic {
        Statistic::Rows => format!("rows of {column} for each person"),
        Statistic::Sum => format!("{column} of each person"),
        Statistic::Distinct => format!("different values of {column} for each person"),
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn wide(number: i128) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "saturates")]
fn whole(number: f64) -> i64 {
    number.ceil() as i64
}

const NO_VALUE: &str = "(none)";
