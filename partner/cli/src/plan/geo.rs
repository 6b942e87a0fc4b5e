//! `glovebox plan geo`: where to run a campaign, and for how long.

use crate::{document, failure::Failure, say};
use ::page::terminal;
use protocol::{
    analysis::geo::design::{Asked, Design, History, designs, page},
    text,
    time::Time,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Choose places and length of a geo experiment, on figures of a time when nothing happened
///
/// The table has a row for each place and day, or several, which are added up. A day without a row counts as nothing.
/// Every lift is tried in the past as the job will test it, and no lift at all too: what is found there is a false alarm.
#[derive(Debug, clap::Args)]
pub(crate) struct Geo {
    /// CSV file with your own or public figures
    file: PathBuf,

    /// Column with the place
    #[arg(long, value_name = "COLUMN", default_value = "place")]
    place: String,

    /// Column with the day, as YYYY-MM-DD
    #[arg(long, value_name = "COLUMN", default_value = "date")]
    date: String,

    /// Column with the amount
    #[arg(long, value_name = "COLUMN", default_value = "amount")]
    amount: String,

    /// Days of a period, as in the job: 1 for days, 7 for weeks
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=366))]
    period_days: u32,

    /// Lengths of the test in periods, with commas between
    #[arg(long, value_name = "N,N..", value_delimiter = ',', default_value = "14")]
    test: Vec<usize>,

    /// Periods of the job before the test [default: four times the test, less where the table is short]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000))]
    before: Option<u32>,

    /// How many places to treat, with commas between
    #[arg(long, value_name = "N,N..", value_delimiter = ',', default_value = "1,2,3")]
    treated: Vec<usize>,

    /// Lifts to look for, in percent, with commas between
    #[arg(long, value_name = "P,P..", value_delimiter = ',', default_value = "2,5,10,20")]
    lift: Vec<f64>,

    /// Confidence of the intervals of the test, as in the job
    #[arg(long, value_name = "C", default_value_t = 0.9)]
    confidence: f64,

    /// Share of tests in which a lift must be found to count as detectable
    #[arg(long, value_name = "P", default_value_t = 0.8)]
    power: f64,

    /// Windows of the past to try, evenly over the table
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=200))]
    windows: u32,

    /// Standard deviation of the noise in each total, as `glovebox job price` names it
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    noise_sd: f64,

    /// What one incremental unit of the amount costs
    #[arg(long, value_name = "COST")]
    cost_per_unit: Option<f64>,
}

impl Geo {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let asked = self.asked()?;
        let history = self.history()?;
        let found = designs(&history, &asked);
        document::fields(&found)?;
        say::result(terminal::whole(&page(&found)).map_err(Failure::unclear)?.trim_end())?;
        // 1 where no design that can be trusted finds anything that was looked for.
        let finds = |design: &Design| design.detectable.is_some() && !design.alarming;
        let finds = found.designs.iter().any(finds);
        Ok(if finds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn asked(&self) -> Result<Asked, Failure> {
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        let is_amount = |amount: f64| (0.0..1e15).contains(&amount);
        let checks = [
            ("--confidence", is_share(self.confidence), "a number between 0 and 1"),
            ("--power", is_share(self.power), "a number between 0 and 1"),
            ("--noise-sd", is_amount(self.noise_sd), "a number of 0 or more"),
            ("--cost-per-unit", self.cost_per_unit.is_none_or(is_amount), "a number of 0 or more"),
            (
                "--lift",
                self.lift.iter().all(|lift| (0.0..1e4).contains(lift)),
                "percentages of 0 or more",
            ),
            ("--test", self.test.iter().all(|test| *test > 0), "whole numbers from 1"),
            ("--treated", self.treated.iter().all(|treated| *treated > 0), "whole numbers from 1"),
        ];
        if let Some((name, _, expected)) = checks.iter().find(|(_, holds, _)| !holds) {
            return Err(Failure::unclear(format!("{name}: expected {expected}")));
        }
        Ok(Asked {
            tested: self.test.clone(),
            before: self.before.map(|before| usize::try_from(before).unwrap_or(usize::MAX)),
            sizes: self.treated.clone(),
            lifts: self.lift.iter().map(|percent| percent / 100.0).collect(),
            confidence: self.confidence,
            power: self.power,
            windows: usize::try_from(self.windows).unwrap_or(usize::MAX),
            noise_sd: self.noise_sd,
            cost_per_unit: self.cost_per_unit,
        })
    }

    /// The table, by place and whole period.
    fn history(&self) -> Result<History, Failure> {
        let totals = read(&self.file, [&self.place, &self.date, &self.amount])?;
        let days = totals.keys().map(|(_, day)| *day);
        let (Some(first), Some(last)) = (days.clone().min(), days.max()) else {
            return Err(Failure::unclear(format!("{}: no rows", self.file.display())));
        };
        let length = u64::from(self.period_days);
        // A period that is cut off would look like a loss.
        let periods = (last - first + 1) / length;
        if periods > MOST_PERIODS {
            let found = format!("{}: {periods} periods", self.file.display());
            return Err(Failure::unclear(format!("{found}, expected at most {MOST_PERIODS}")));
        }
        let places: BTreeSet<&String> = totals.keys().map(|(place, _)| place).collect();
        if places.len() > MOST_PLACES {
            let found = format!("{}: {} places", self.file.display(), places.len());
            return Err(Failure::unclear(format!("{found}, expected at most {MOST_PLACES}")));
        }
        let row = |place: &&String| -> Vec<f64> {
            let of_day = |day: u64| totals.get(&((*place).clone(), day)).copied().unwrap_or(0.0);
            let of_period =
                |at: u64| (0..length).map(|day| of_day(first + at * length + day)).sum();
            (0..periods).map(of_period).collect()
        };
        Ok(History {
            rows: places.iter().map(row).collect(),
            places: places.into_iter().cloned().collect(),
        })
    }
}

/// The total of each place and day.
fn read(path: &Path, names: [&String; 3]) -> Result<BTreeMap<(String, u64), f64>, Failure> {
    let bad = |why: String| Failure::unclear(format!("{}: {why}", path.display()));
    let mut table = csv::Reader::from_path(path).map_err(|error| bad(error.to_string()))?;
    let header = table.headers().map_err(|error| bad(error.to_string()))?.clone();
    let mut places = [0; 3];
    for (place, name) in places.iter_mut().zip(names) {
        let found = header.iter().position(|column| column == name);
        let missing = || bad(format!("no column {}", text::quoted(name)));
        *place = found.ok_or_else(missing)?;
    }
    let mut totals = BTreeMap::new();
    for (row, line) in table.records().zip(2_u64..) {
        let row = row.map_err(|error| bad(error.to_string()))?;
        let [place, day, amount] = places.map(|at| row.get(at).unwrap_or_default().trim());
        let date = day.split(['T', ' ']).next().unwrap_or(day);
        let time = format!("{date}T00:00:00Z").parse::<Time>();
        let wrong = |found: &str, expected: &str| {
            bad(format!("line {line}: found {}, expected {expected}", text::quoted(found)))
        };
        let day = time.map_err(|_| wrong(day, "a day such as 2026-10-28"))?.day();
        let number = amount.parse::<f64>().ok().filter(|number| number.abs() < 1e15);
        let number = number.ok_or_else(|| wrong(amount, "a number"))?;
        *totals.entry((place.to_owned(), day)).or_insert(0.0) += number;
    }
    Ok(totals)
}

/// So many are searched in a minute or two.
const MOST_PLACES: usize = 250;
const MOST_PERIODS: u64 = 1000;
