//! The answers to the runs of an order as series, and which changes noise does not explain.
//!
//! Each answer's interval is estimated once more at a level so high that, with a probability of 95 %, those of all figures in all
//! attempts that were *signed* hold together (Bonferroni: the 5 % are divided by runs, attempts and figures, answered or not, so that
//! looking every week costs nothing). Two runs whose wide intervals do not meet have changed; a change within them is not told from noise.

use crate::failure::Failure;
use protocol::{
    digest::Digest,
    job::JobName,
    order::Order,
    page::{
        Axis, Banner, Block, Interval, Intervals, Page, Row, Section, Severity, Statement, Table,
        Text, Topic, UNKNOWN, number,
    },
    time::Time,
};

/// One estimate of one run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    /// What it is an estimate of: the heading of its picture.
    pub(super) of: String,
    pub(super) name: String,
    pub(super) figure: String,
    pub(super) words: String,
    pub(super) unit: String,
    pub(super) estimate: f64,
    pub(super) ends: [Option<f64>; 2],
}

/// The answer to one attempt at a run.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) number: u32,
    pub(super) at: Time,
    pub(super) instance: Digest,
    pub(super) job: JobName,
    pub(super) points: Vec<Point>,
    /// The same at the level of the whole series; empty for a kind that has no other confidence.
    pub(super) wide: Vec<Point>,
    pub(super) flags: Vec<String>,
}

/// All answers of an order.
pub(super) struct Series {
    name: String,
    runs: usize,
    /// The confidence of the wide intervals.
    level: f64,
    answers: Vec<Answer>,
}

/// The confidence of one interval at which all that may come of `order` hold together, of so many figures in an answer.
pub(super) fn level(order: &Order, figures: usize) -> f64 {
    let attempts = usize::from(order.attempts);
    let all = order.runs.len().saturating_mul(attempts).saturating_mul(figures).max(1);
    (1.0 - ALPHA / f64::from(u32::try_from(all).unwrap_or(u32::MAX))).min(MOST)
}

/// What there are series of: each picture's heading and estimate, as the first answer has them.
pub(super) fn keys<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Vec<(String, String)> {
    let mut keys: Vec<(String, String)> = Vec::new();
    for point in answers.into_iter().flat_map(|answer| &answer.points) {
        let key = (point.of.clone(), point.name.clone());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

impl Series {
    /// The series of `order`, in the order of runs; two attempts that both answered are both in it.
    pub(super) fn of(order: &Order, mut answers: Vec<Answer>) -> Self {
        answers.sort_by_key(|answer| (answer.number, answer.instance));
        let level = level(order, keys(&answers).len());
        Self { name: order.name.clone(), runs: order.runs.len(), level, answers }
    }

    /// The latest run before the answer at `index` whose interval does not meet this one's.
    fn changed_since(&self, index: usize, key: &(String, String)) -> Option<u32> {
        let wide = |answer: &Answer| {
            let point = answer.wide.iter().find(|point| is(point, key))?;
            Some(point.ends.map(|end| end.filter(|end| end.is_finite())))
        };
        let this = self.answers.get(index)?;
        let [low, high] = wide(this)?;
        let mut earlier = self.answers.iter().take(index).rev();
        let apart = |other: &&Answer| {
            let Some([from, to]) = wide(other) else { return false };
            let above = matches!((low, to), (Some(low), Some(to)) if low > to);
            let below = matches!((high, from), (Some(high), Some(from)) if high < from);
            other.number != this.number && (above || below)
        };
        earlier.find(apart).map(|other| other.number)
    }

    /// The series as a page.
    pub(super) fn page(&self, simulated: bool) -> Page {
        let keys = keys(&self.answers);
        let answered: std::collections::BTreeSet<_> =
            self.answers.iter().map(|answer| answer.number).collect();
        let mut changes = Vec::new();
        let mut sections = Vec::new();
        for key in &keys {
            sections.push(self.section(key, &mut changes));
        }
        let mut page = Page {
            about: Text::quoted(&self.name),
            title: Text::fixed("Order ").quote(&self.name),
            subtitle: Text::fixed(format!("{} of {} runs answered", answered.len(), self.runs)),
            sections,
            ..Page::default()
        };
        if simulated {
            page.banners.push(Banner {
                severity: Severity::Stop,
                headline: "SIMULATED".into(),
                reasons: vec!["Whoever ran these enclaves could read the data.".into()],
            });
        }
        if self.answers.iter().any(|answer| !answer.flags.is_empty()) {
            let flagged = self.answers.iter().filter(|answer| !answer.flags.is_empty());
            let reasons = flagged.map(|answer| {
                Text::fixed(format!("run {}: ", answer.number)).quote(answer.flags.join(", "))
            });
            page.doubts.push(Banner {
                severity: Severity::Warning,
                headline: "Some answers have doubts of their own: read their reports.".into(),
                reasons: reasons.collect(),
            });
        }
        page.answer = match changes.is_empty() {
            true => {
                vec![Statement::whole("No figure has changed by more than noise explains.".into())]
            }
            false => changes,
        };
        page
    }

    /// Table and picture of one series; adds to `changes` what noise does not explain.
    fn section(&self, key: &(String, String), changes: &mut Vec<Statement>) -> Section {
        let (of, name) = key;
        let (mut rows, mut drawn) = (Vec::new(), Vec::new());
        for (index, answer) in self.answers.iter().enumerate() {
            let label = format!("run {}, {}", answer.number, day(answer.at));
            let Some(point) = answer.points.iter().find(|point| is(point, key)) else {
                rows.push(Row::new(Text::fixed(label), vec![UNKNOWN.into(); 3]));
                continue;
            };
            let since = self.changed_since(index, key);
            let told =
                since.map_or(Text::default(), |since| Text::fixed(format!("since run {since}")));
            if let Some(since) = since {
                let text = Text::fixed(format!(
                    "run {} differs from run {since} by more than noise explains",
                    answer.number
                ));
                changes.push(Statement { name: Some(Text::quoted(name)), text });
            }
            rows.push(Row::new(
                Text::fixed(&label),
                vec![Text::quoted(&point.figure), Text::quoted(&point.words), told],
            ));
            drawn.push(Interval {
                name: Text::fixed(label),
                figure: Text::quoted(&point.figure),
                words: Text::quoted(&point.words),
                unit: point.unit.clone(),
                estimate: point.estimate,
                ends: point.ends,
                beside: None,
            });
        }
        let reference = drawn.first().map_or(0.0, |first| first.estimate);
        let picture = Intervals {
            title: Text::quoted(of).and(": ").quote(name),
            rows: drawn,
            axis: Axis::Shared,
            reference,
            line: Some("first run".into()),
        };
        let table = Table {
            names: vec!["run".into()],
            figures: vec!["estimate".into(), "interval".into(), "changed".into()],
            rows,
            bars: None,
        };
        let note = format!(
            "Intervals are those of the answers. A change is told where two runs' intervals at {}, at which those of all \
             figures in all {} runs hold together with 95 %, do not meet.",
            number::level(self.level),
            self.runs
        );
        let mut section = Section::new(Topic::Figures, Text::quoted(of).and(", ").quote(name));
        if !picture.rows.is_empty() {
            section = section.with(Block::Intervals(picture));
        }
        section.with(Block::Table(table)).with(Block::Note(Text::fixed(note)))
    }

    /// The series as CSV: one line for each estimate of each answer.
    pub(super) fn csv(&self) -> Result<String, Failure> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let head = [
            "run",
            "at",
            "instance",
            "job",
            "of",
            "name",
            "estimate",
            "low",
            "high",
            "unit",
            "changed_since_run",
        ];
        csv.write_record(head).map_err(Failure::unclear)?;
        let end = |end: Option<f64>| end.map_or_else(String::new, |end| end.to_string());
        for (index, answer) in self.answers.iter().enumerate() {
            for point in &answer.points {
                let since = self.changed_since(index, &(point.of.clone(), point.name.clone()));
                let [low, high] = point.ends.map(end);
                let line = [
                    answer.number.to_string(),
                    answer.at.to_string(),
                    answer.instance.to_string(),
                    answer.job.to_string(),
                    point.of.clone(),
                    point.name.clone(),
                    point.estimate.to_string(),
                    low,
                    high,
                    point.unit.clone(),
                    since.map_or_else(String::new, |since| since.to_string()),
                ];
                csv.write_record(line).map_err(Failure::unclear)?;
            }
        }
        let bytes = csv.into_inner().map_err(|why| Failure::unclear(why.to_string()))?;
        String::from_utf8(bytes).map_err(Failure::unclear)
    }
}

fn is(point: &Point, key: &(String, String)) -> bool {
    point.of == key.0 && point.name == key.1
}

fn day(at: Time) -> String {
    at.to_string().chars().take(10).collect()
}

/// The chance that any change is told that there is not.
const ALPHA: f64 = 0.05;
/// The highest confidence that a question may have: in millionths.
const MOST: f64 = 0.999_999;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{job::JobId, loss::Loss, order::Window};

    fn order(runs: usize) -> Order {
        let window = |number: usize| {
            let at = Time(u64::try_from(number).unwrap() * 1000);
            Window { at, until: at.plus_seconds(1), question: Digest::of("question", b"") }
        };
        Order {
            contract: Digest::of("contract", b""),
            id: JobId([1; 16]),
            name: "weekly".to_owned(),
            analysis: "lift".to_owned(),
            purpose: "measurement".to_owned(),
            receivers: Vec::new(),
            attempts: 2,
            price: Loss::zero(),
            runs: (0..runs).map(window).collect(),
            decision: None,
        }
    }

    /// The answer of run `number` in an instance, with an estimate and how far its wide interval goes on both sides.
    fn answer(number: u32, instance: u8, estimate: f64, wide: f64) -> Answer {
        let point = |reach: f64| Point {
            of: "Change".to_owned(),
            name: "visit".to_owned(),
            figure: estimate.to_string(),
            words: "words".to_owned(),
            unit: "%".to_owned(),
            estimate,
            ends: [Some(estimate - reach), Some(estimate + reach)],
        };
        Answer {
            number,
            at: Time(0),
            instance: Digest::of("instance", &[instance]),
            job: JobName::from([instance; 32]),
            points: vec![point(wide / 2.0)],
            wide: vec![point(wide)],
            flags: Vec::new(),
        }
    }

    #[test]
    fn the_five_percent_are_divided_by_signed_attempts_and_figures() {
        // Two attempts at each run.
        assert!((level(&order(6), 1) - (1.0 - 0.05 / 12.0)).abs() < 1e-12);
        assert!((level(&order(52), 3) - (1.0 - 0.05 / 312.0)).abs() < 1e-12);
        assert!((level(&order(0), 0) - 0.95).abs() < 1e-12);
        assert!(level(&order(400), 1000) <= 0.999_999);
    }

    #[test]
    fn a_change_is_told_only_where_the_wide_intervals_do_not_meet() {
        let answers = vec![
            answer(1, 1, 10.0, 2.0),
            answer(2, 2, 13.9, 2.0),
            answer(3, 3, 14.1, 2.0),
            answer(5, 5, 14.0, 2.0),
            answer(6, 6, 9.9, 2.0),
        ];
        let series = Series::of(&order(6), answers);
        let key = ("Change".to_owned(), "visit".to_owned());
        let since: Vec<_> = (0..5).map(|index| series.changed_since(index, &key)).collect();
        // 10 ± 2 and 13.9 ± 2 meet; 14.1 ± 2 begins above 12; 9.9 ± 2 ends below 12 = 14 − 2.
        assert_eq!(since, [None, None, Some(1), None, Some(5)]);
        let page = series.page(false);
        assert_eq!(page.answer.len(), 2);
        assert_eq!(page.subtitle.raw(), "5 of 6 runs answered");
        let csv = series.csv().unwrap();
        assert_eq!(csv.lines().count(), 6);
        assert!(csv.lines().nth(3).unwrap().ends_with(",14.1,13.1,15.1,%,1"), "{csv}");
        // It is drawn, on the terminal and in HTML.
        assert!(::page::terminal::whole(&page).unwrap().contains("run 3"));
        assert!(::page::html::page(&page).unwrap().contains("<svg"));
    }

    #[test]
    fn two_attempts_that_answered_are_both_shown_and_are_no_change() {
        let answers = vec![answer(1, 2, 10.0, 0.1), answer(1, 1, 12.0, 0.1)];
        let series = Series::of(&order(2), answers);
        let page = series.page(true);
        assert_eq!(page.banners.len(), 1, "simulated is said");
        assert_eq!(page.answer.len(), 1);
        assert_eq!(series.csv().unwrap().lines().count(), 3);
        assert_eq!(page.subtitle.raw(), "1 of 2 runs answered");
    }

    #[test]
    fn without_wide_intervals_nothing_is_called_a_change() {
        let mut answers = vec![answer(1, 1, 10.0, 0.1), answer(2, 2, 99.0, 0.1)];
        answers.iter_mut().for_each(|answer| answer.wide.clear());
        let page = Series::of(&order(2), answers).page(false);
        assert_eq!(page.answer.len(), 1);
        assert!(page.answer[0].text.raw().starts_with("No figure"));
        // An end that there is not, is not met.
        let mut open = vec![answer(1, 1, 10.0, 0.1), answer(2, 2, 99.0, 0.1)];
        open[1].wide[0].ends = [None, None];
        assert!(
            Series::of(&order(2), open)
                .changed_since(1, &("Change".into(), "visit".into()))
                .is_none()
        );
    }
}
