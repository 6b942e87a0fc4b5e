//! Tables of groups: do intervals hold the truth as often as they say, given that a threshold has looked at
//! the noise? From exact totals through the noise, the threshold and the estimates.
//!
//! Seeds are fixed. Were they not, a correct build would fail with a probability below 10⁻³ in each of the
//! tests: shares are compared four standard errors below what is promised.

use protocol::units::{Millionths, Scale};
use std::fmt::Write;
use std::sync::Mutex;

use privacy::sampler::Exact;
use privacy::{Ledger, Names, Raw, Totals};
use protocol::contract::{ColumnRef, Contract};
use protocol::job::{GroupBy, Question, Statistic, TableMeasure, TableQuestion};
use protocol::loss::{Delta, Epsilon, Loss, Rho};
use protocol::policy::Admitted;
use protocol::proof::Split;
use protocol::released::Place;
use protocol::result::{Estimate, TableResult};
use protocol::tally::Clamp;

use crate::room;

/// A room with a column of [`GROUPS`] public values, or one whose values are private.
struct Room {
    contract: Contract,
    admitted: Admitted,
    ledger: Ledger,
    named: bool,
    /// What each person spends, in cents.
    each: i64,
}

impl Room {
    fn open(epsilon: f64, named: bool) -> Self {
        let domain = (0..GROUPS).fold(String::new(), |mut all, at| {
            write!(all, "\"v{at}\",").unwrap();
            all
        });
        let columns = format!(
            "[[dataset.column]]\nname = \"spend\"\nrole = \"measure\"\nscale = 2\n\
             [[dataset.column]]\nname = \"shop\"\nrole = \"group\"\ndomain = [{domain}]\n\
             [[dataset.column]]\nname = \"town\"\nrole = \"label\"\n"
        );
        let spend = "[[dataset.column]]\nname = \"spend\"\nrole = \"measure\"\nscale = 2\n";
        let reach = "[[analysis]]\nname = \"reach\"\nkind = \"table\"\npurpose = \"measurement\"\n\
                     population = \"sales\"\ngroup_by = [\"sales.shop\", \"sales.town\"]\n\
                     measures = [\"sales.spend\"]\nanalysts = [\"publisher\"]\n\
                     receivers = [\"publisher\"]\n[[build]]";
        let text = room::text().replacen(spend, &columns, 1).replacen("[[build]]", reach, 1);
        let text = text
            .replace("lifetime_epsilon = 20\n", "lifetime_epsilon = 20\nselection_delta = 1e-3\n")
            .replace("epsilon = 4\n", "epsilon = 20\n");
        let contract = Contract::parse(text.as_bytes()).unwrap();
        let question = TableQuestion {
            group_by: vec![GroupBy::Column(ColumnRef::new(
                "sales",
                if named { "town" } else { "shop" },
            ))],
            rows: Vec::new(),
            measures: vec![TableMeasure {
                name: "spend".to_owned(),
                column: "sales.spend".to_owned(),
                statistic: Statistic::Sum,
                clamp: Clamp::up_to(CAP).unwrap(),
                squares: false,
                scale: Scale::new(2).unwrap(),
            }],
            cells_per_person: 1,
            confidence: Millionths(950_000),
            epsilon: Epsilon::new(epsilon).unwrap(),
            delta: Delta::new(1e-6).unwrap(),
            selection_delta: if named { 1_000_000 } else { 0 },
            split: Split { n: 400, sum: 600, products: 0 },
            min_cell: 50,
        };
        let admitted =
            room::asked_of(&contract, "reach", Question::Table(question), 1 << 20, &["sales"]);
        let mut ledger = Ledger::new();
        let cost = admitted.cost();
        let granted = Loss::zcdp(Rho(cost.rho().0 * 5_000)).with_delta(cost.delta() * 5_000);
        let slice = room::slice(&contract, "sales", granted);
        ledger.accept(&slice, &contract, room::NOW).unwrap();
        Self { contract, admitted, ledger, named, each: EACH }
    }

    fn sigma(&self) -> f64 {
        self.admitted.proven().proof().vectors().unwrap().people.sigma.value()
    }

    fn shown_from(&self) -> i64 {
        i64::try_from(self.admitted.proven().shown_from()).unwrap()
    }

    /// Groups of these sizes.
    fn table(&mut self, sizes: &[i64], run: u32) -> TableResult {
        let names = if self.named {
            let names = (0..sizes.len()).map(|at| vec![Place::Label(label(at))]);
            Names::Data(names.collect())
        } else {
            Names::Public
        };
        // Nobody without a value, and nobody who did not agree.
        let rest = if self.named { vec![0] } else { vec![0, 0] };
        let people = [sizes, &rest].concat();
        let sums = vec![people.iter().map(|people| people * self.each).collect()];
        let totals =
            Totals { cells: names, people, sums, products: Vec::new(), spread: Vec::new() };
        let mut seed = [self.named.into(); 32];
        seed[..4].copy_from_slice(&run.to_le_bytes());
        let raw = Raw::new(self.admitted.proven().clone(), totals);
        let paid = self.ledger.pay(self.admitted.clone(), &self.contract, room::NOW).unwrap();
        let released = raw.release(paid, &mut Exact::from_seed(seed)).unwrap();
        released
            .result(released.paid().admitted(), "analyst", &self.contract, room::NOW)
            .unwrap()
            .of()
            .unwrap()
    }

    /// Place of a group among the sizes.
    fn place(&self, name: &str) -> Option<usize> {
        if name == "(none)" { None } else { name[1..].parse().ok() }
    }
}

/// A label that sorts like its number, and is called like a group.
fn label(at: usize) -> [u8; 32] {
    let mut label = [0; 32];
    let text = format!("v{at:04}");
    label[..text.len()].copy_from_slice(text.as_bytes());
    label
}

/// How often something was so.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    of: u32,
    so: u32,
}

impl Share {
    fn count(&mut self, so: bool) {
        self.of += 1;
        self.so += u32::from(so);
    }

    fn is_at_least(self, promised: f64, what: &str) {
        if self.of < 100 {
            return;
        }
        let of = f64::from(self.of);
        let share = f64::from(self.so) / of;
        let error = (promised * (1.0 - promised) / of).sqrt();
        assert!(share >= promised - 4.0 * error, "{what}: {share} of {}", self.of);
    }
}

fn holds(estimate: &Estimate, truth: f64) -> bool {
    (estimate.ci[0]..=estimate.ci[1]).contains(&truth)
}

fn real(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap())
}

/// Sizes around the threshold, each of them for a hundred groups and more.
fn sizes(room: &Room) -> Vec<i64> {
    let (from, sigma) = (real(room.shown_from()), room.sigma());
    let around = [-3.0, -2.0, -1.0, 0.0, 0.5, 1.0, 3.0];
    let mut kinds: Vec<_> = around.iter().map(|z| (from + z * sigma).max(0.0)).collect();
    kinds.extend([0.0, 20.0, 10.0 * from]);
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "small")]
    let kinds: Vec<_> = kinds.into_iter().map(|size| size.round() as i64).collect();
    (0..GROUPS).map(|at| kinds[at % kinds.len()]).collect()
}

#[test]
fn ranges_of_groups_that_are_shown_hold_whatever_their_size_and_the_noise() {
    let kinds = [(0.1, false), (0.3, false), (0.5, false), (4.0, false), (0.3, true), (4.0, true)];
    let tried = Mutex::new(kinds.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((epsilon, named)) = next(&tried) {
                    ranges_hold(epsilon, named);
                }
            });
        }
    });
}

fn next<T>(all: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    all.lock().unwrap().next()
}

fn ranges_hold(epsilon: f64, named: bool) {
    let mut room = Room::open(epsilon, named);
    let sizes = sizes(&room);
    let kind = |at: usize| at % 10;
    let (mut people, mut means, mut plain) =
        ([Share::default(); 10], Share::default(), Share::default());
    let (mut totals, mut others, mut other_totals) =
        (Share::default(), Share::default(), Share::default());
    for run in 0..RUNS {
        let table = room.table(&sizes, run);
        let mut hidden: i64 = sizes.iter().sum();
        for cell in &table.answer.cells {
            let Some(at) = room.place(&cell.names[0]) else { continue };
            let truth = real(sizes[at]);
            hidden -= sizes[at];
            people[kind(at)].count(holds(&cell.people, truth));
            if sizes[at] < room.shown_from() {
                let away = (cell.people.value - truth).abs();
                plain.count(away <= 1.96 * cell.people.noise_sd);
            }
            totals.count(holds(&cell.measures[0].total, truth * real(EACH) / 100.0));
            means.count(truth == 0.0 || holds(&cell.measures[0].mean, real(EACH) / 100.0));
        }
        if let Some(other) = &table.answer.other {
            others.count(other.people_at_least <= hidden);
            other_totals.count(holds(&other.measures[0].total, real(hidden * EACH) / 100.0));
        }
        assert_eq!(table.answer.other.is_some(), !named, "epsilon {epsilon}");
    }
    for (at, share) in people.into_iter().enumerate() {
        share.is_at_least(0.95, &format!("people, epsilon {epsilon}, {named}, size {}", sizes[at]));
    }
    means.is_at_least(0.95, &format!("means, epsilon {epsilon}, {named}"));
    totals.is_at_least(0.95, &format!("totals, epsilon {epsilon}, {named}"));
    others.is_at_least(0.975, &format!("other, epsilon {epsilon}, {named}"));
    other_totals.is_at_least(0.95, &format!("total of other, epsilon {epsilon}, {named}"));
    // An interval that forgets the threshold would be caught: of groups below it, it holds too few.
    let forgetful = f64::from(plain.so) / f64::from(plain.of);
    assert!(forgetful < 0.9, "epsilon {epsilon}, {named}: {forgetful}");
}

#[test]
fn noise_alone_shows_no_group_but_in_one_of_twenty_tables() {
    for epsilon in [0.05, 0.3, 1.0, 8.0] {
        let mut room = Room::open(epsilon, false);
        let empty = vec![0; GROUPS];
        let phantoms =
            (0..RUNS).filter(|run| !room.table(&empty, *run).answer.cells.is_empty()).count();
        // 0.004 of 40 tables at most: four or more have a probability of 3·10⁻⁵.
        assert!(phantoms < 4, "epsilon {epsilon}: {phantoms} of {RUNS}");
    }
}

/// "At most" is never exceeded: people who all have the cap, in groups of the audience that was priced.
#[test]
fn no_mean_is_less_exact_than_its_price_says() {
    for (epsilon, people) in [(0.3, 2_000), (1.0, 500), (4.0, 10_000)] {
        let mut room = Room::open(epsilon, false);
        room.each = i64::from(CAP);
        let bars = room.admitted.proven().error_bars(Some(people)).unwrap();
        let most = bars.means[0].unwrap().half_width / 100.0;
        let (mut widest, mut means) = (0.0_f64, 0);
        for run in 0..10 {
            for cell in room.table(&vec![i64::from(people); GROUPS], run).answer.cells {
                if cell.names[0] == "(none)" {
                    continue;
                }
                let mean = cell.measures[0].mean;
                means += 1;
                widest = widest.max((mean.ci[1] - mean.ci[0]) / 2.0);
            }
        }
        assert!(means > 9_000 && widest <= most, "epsilon {epsilon}: {widest}, priced {most}");
        // Nor is the price twice of what comes.
        assert!(most < 2.0 * widest, "epsilon {epsilon}: {widest}, priced {most}");
    }
}

/// The number of groups whose values are private is noisy; where none is hidden, none is told.
#[test]
fn a_range_of_hidden_groups_holds_their_number() {
    let mut room = Room::open(1.0, true);
    let (mut told, mut full) = (Share::default(), Share::default());
    let half: Vec<_> = (0..GROUPS).map(|at| if at % 2 == 0 { 10_000 } else { 3 }).collect();
    for run in 0..200 {
        let hidden = room.table(&half, run).answer.withheld_cells;
        told.count((hidden.ci[0]..=hidden.ci[1]).contains(&500));
        let none = room.table(&[10_000; 12], run).answer.withheld_cells;
        full.count(none.ci[0] == 0 && none.n == 0);
    }
    told.is_at_least(0.95, "hidden groups");
    full.is_at_least(0.975, "no hidden group");
}

const GROUPS: usize = 1_000;
const RUNS: u32 = 40;
/// Cap of a person's spend, and what each spends, in cents.
const CAP: u32 = 1_000;
const EACH: i64 = 400;
