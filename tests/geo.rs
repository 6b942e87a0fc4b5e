//! Published geo experiments through the whole room with its noise off, from rows of people to the answer.
//!
//! A published table has one number for each place and day. Here that number is what several people bought there, in whole units:
//! nobody stands for a place, and each person is in as many places and days as the job allows.

use protocol::analysis::geo::{GeoAnswer, Method};
use rehearsal::Rehearsal;
use std::fmt::Write;
use tests::repository;

#[tokio::test]
async fn geolift_has_its_published_figures_from_rows_of_people() {
    let answer = answered(&Experiment {
        file: "geolift_test.csv",
        start: "2021-01-01",
        decimals: 0,
        people: 10,
        cap: "10000",
        cell: "treated = [\"chicago\", \"portland\"]",
        asked: "before = { first = \"2021-01-01\", last = \"2021-03-31\" }\n\
                test = { first = \"2021-04-01\", last = \"2021-04-15\" }",
    })
    .await;
    let cell = &answer.cells[0];
    assert!(answer.withheld.is_empty() && cell.flags.is_empty(), "{:?}", cell.flags);
    let [synthetic, ridge, _, difference] = cell.estimates.as_slice() else { panic!() };
    near(synthetic.mean, 155.5556868860611, 1e-9);
    near(synthetic.total, 4666.6706065818325, 1e-9);
    near(synthetic.p.unwrap(), 0.11428571428571428, 1e-12);
    near(ridge.total, 4704.154956321291, 1e-9);
    near(difference.total, 7652.280701754388, 1e-12);
    near(cell.scaled_l2.unwrap(), 0.1636394216770283, 1e-9);
}

#[tokio::test]
async fn a_regression_has_the_published_figures_from_rows_of_people() {
    let answer = answered(&Experiment {
        file: "sales.csv",
        start: "2015-01-05",
        decimals: 2,
        people: 10,
        cap: "10000",
        cell: "treated = [\"treated\"]\ncost = { total = 50000, currency = \"USD\" }",
        asked: "method = \"time_based_regression\"\nconfidence = 0.8\n\
                before = { first = \"2015-01-05\", last = \"2015-02-15\" }\n\
                test = { first = \"2015-02-16\", last = \"2015-03-15\" }",
    })
    .await;
    let (cell, first) = (&answer.cells[0], &answer.cells[0].estimates[0]);
    assert_eq!(first.method, Method::TimeBasedRegression);
    near(first.total, 147337.12168451003, 1e-9);
    near(first.lift.unwrap(), 0.17396420907240773, 1e-9);
    near(cell.iroas.unwrap(), 2.9467424336902006, 1e-9);
    near(cell.iroas_ci[0].unwrap(), 2.8261944194923347, 1e-9);
    let answer = answered(&Experiment {
        file: "geox.csv",
        start: "2020-01-01",
        decimals: 6,
        people: 60,
        cap: "2000",
        cell: "treated = [\"treated\"]",
        asked: "method = \"time_based_regression\"\n\
                before = { first = \"2020-01-01\", last = \"2020-03-31\" }\n\
                test = { first = \"2020-04-01\", last = \"2020-04-30\" }",
    })
    .await;
    let first = &answer.cells[0].estimates[0];
    // Published in single precision.
    near(first.total, 31560.10, 1e-4);
    near(first.lift.unwrap(), 0.058041, 1e-4);
}

/// Everybody comes every week, and two weeks of each count: the totals lack ten of twelve, of which nothing was said.
#[tokio::test]
async fn totals_that_lack_most_of_what_people_did_say_so() {
    let (answer, flags) = answered_by(12, true).await;
    assert!(flags.contains(&"cells_left_out".to_owned()), "{flags:?}");
    // They are in 9 weeks at least, as far as their class tells.
    let share = answer.frequency.left_out_at_least;
    assert!((0.7..=7.0 / 9.0).contains(&share), "{:?}", answer.frequency);
    let people: Vec<_> = answer.frequency.people.iter().map(|class| class.n).collect();
    assert!((people[3] - 1_000).abs() < 200 && people[0].abs() < 200, "{people:?}");
    let starts: Vec<_> = answer.frequency.people.iter().map(|bin| (bin.least, bin.most)).collect();
    let expected =
        [(1, Some(2)), (3, Some(4)), (5, Some(8)), (9, Some(16)), (17, Some(32)), (33, None)];
    assert_eq!(starts, expected);
}

/// As often as counts: nothing is left out, and nothing is said.
#[tokio::test]
async fn totals_of_people_who_count_whole_are_whole() {
    let (answer, flags) = answered_by(2, false).await;
    assert!(!flags.contains(&"cells_left_out".to_owned()), "{flags:?}");
    let frequency = answer.frequency;
    let people: Vec<_> = frequency.people.iter().map(|class| class.n).collect();
    assert_eq!((people, frequency.left_out_at_least), (vec![1_000, 0, 0, 0, 0, 0], 0.0));
}

/// A thousand people in five places who come in so many of twelve weeks, of whom two weeks count.
async fn answered_by(weeks: usize, noise: bool) -> (GeoAnswer, Vec<String>) {
    let sample = repository("protocol/src/analysis/geo/sample");
    let read = |name: &str| std::fs::read_to_string(sample.join(name)).unwrap();
    let (contract, job) = (read("contract.toml"), read("job.toml"));
    assert!(job.contains("cells_per_person = 2"));
    let mut rows = "email,region,bought,spend,agreed\n".to_owned();
    for person in 0..1_000 {
        let place = ["north", "south", "east", "west", "harbour"][person % 5];
        for week in (0..12).cycle().skip(person % 12).take(weeks) {
            // The first of twelve weeks begins on 6 July.
            let day = 5 + 7 * week;
            let (month, day) = match day {
                0..31 => (7, day + 1),
                31..62 => (8, day - 30),
                _ => (9, day - 61),
            };
            let spend = 10 + person % 30;
            writeln!(rows, "p{person}@example.org,{place},2026-{month:02}-{day:02},{spend}.00,yes")
                .unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, rows).unwrap();
    let files = [("orders".to_owned(), file)].into();
    let mut rehearsal = Rehearsal::new(&contract, &job, &files);
    rehearsal.noise = noise;
    let done = rehearsal.run(&mut |_| {}).await.unwrap();
    let flags = done.result.flags.clone();
    (done.result.of::<GeoAnswer>().unwrap().answer, flags)
}

/// A published table, and how it is asked about.
struct Experiment {
    file: &'static str,
    /// Day of its first numbers.
    start: &'static str,
    decimals: usize,
    /// How many people a number is divided among.
    people: i64,
    cap: &'static str,
    cell: &'static str,
    asked: &'static str,
}

async fn answered(of: &Experiment) -> GeoAnswer {
    let table = std::fs::read_to_string(repository("tests/data/geo").join(of.file)).unwrap();
    let mut places = Vec::new();
    let mut rows = "email,region,bought,spend,agreed\n".to_owned();
    for line in table.lines() {
        let (place, numbers) = line.split_once(',').unwrap();
        places.push(format!("\"{place}\""));
        for (day, number) in (0..).zip(numbers.split(',')) {
            let date = date(of.start, day);
            let units = units(number, of.decimals);
            for person in 0..of.people {
                // Whoever comes first has what is left over.
                let own = units / of.people + i64::from(person < units % of.people);
                let spend = decimal(own, of.decimals);
                let visit = day / CELLS;
                writeln!(rows, "{place}.{visit}.{person}@example.org,{place},{date},{spend},yes")
                    .unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, rows.replace(' ', "_")).unwrap();
    let sample = repository("protocol/src/analysis/geo/sample/contract.toml");
    let contract = std::fs::read_to_string(sample).unwrap();
    let listed = "domain = [\"north\", \"south\", \"east\", \"west\", \"harbour\", \"islands\"]";
    assert!(contract.contains(listed));
    let places = places.join(", ").replace(' ', "_").replace(",_", ", ");
    let contract = contract
        .replace(listed, &format!("domain = [{places}]"))
        .replace("scale = 2", &format!("scale = {}", of.decimals))
        .replace("min_cell = 20", "min_cell = 10");
    let job = format!(
        "[geo]\ncells_per_person = {CELLS}\n{}\n[[geo.cell]]\nname = \"campaign\"\n{}\n[geo.outcome]\nname = \"sales\"\n\
         column = \"spend\"\ncap_per_user = {}\n[geo.privacy]\nepsilon = 3\ndelta = 1e-6\n",
        of.asked, of.cell, of.cap
    );
    let files = [("orders".to_owned(), file)].into();
    let mut rehearsal = Rehearsal::new(&contract, &job, &files);
    rehearsal.noise = false;
    let done = rehearsal.run(&mut |_| {}).await.unwrap();
    done.result.of::<GeoAnswer>().unwrap().answer
}

/// A decimal number in units of its last decimal.
fn units(number: &str, decimals: usize) -> i64 {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    format!("{whole}{part:0<decimals$}").parse().unwrap()
}

fn decimal(units: i64, decimals: usize) -> String {
    let digits = format!("{units:0>width$}", width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    if decimals == 0 { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// The day so many days after the first of a year or the fifth of January, within that year.
fn date(start: &str, days: i64) -> String {
    let year: i64 = start[..4].parse().unwrap();
    let leap = i64::from(year % 4 == 0);
    let mut day: i64 = start[8..].parse::<i64>().unwrap() + days;
    for (month, length) in (1..).zip([31, 28 + leap, 31, 30, 31]) {
        if day <= length {
            return format!("{year}-{month:02}-{day:02}");
        }
        day -= length;
    }
    panic!("beyond May")
}

fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found}, expected {expected}");
}

/// In how many places and days a person is.
const CELLS: i64 = 4;
