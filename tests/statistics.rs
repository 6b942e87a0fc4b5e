//! Do the intervals contain the truth as often as they say? Through the real engine, noise and
//! estimates, on small populations whose effect is known.
//!
//! Seeds are fixed, so a run gives the same answer every time. Were they not, a correct build would
//! fail with probability below 2·10⁻⁴: the band is four standard errors wide on each side.

mod tables;

use std::sync::Arc;

use crate::room::{self, NOW};
use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch};
use engine::Ordered;
use privacy::Ledger;
use privacy::sampler::Exact;
use protocol::contract::Contract;
use protocol::job::{Lift, Multiplicity, OutcomeKind};
use protocol::loss::{Loss, Rho};
use protocol::policy::Admitted;
use protocol::result::{LiftResult, OutcomeResult};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

#[test]
fn intervals_contain_the_true_effect_as_often_as_they_say() {
    let halves = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| scope.spawn(move || covered((half..TRIALS).step_by(2))));
        halves.map(|half| half.join().unwrap())
    });
    for (at, name) in ["visit", "spend"].into_iter().enumerate() {
        let told: u32 = halves.iter().map(|half| half[at].told).sum();
        let untold: u32 = halves.iter().map(|half| half[at].untold).sum();
        let share = |covered: u32| f64::from(covered) / f64::from(TRIALS);
        assert!((0.93..=0.97).contains(&share(told)), "{name}: {}", share(told));
        // Who left the noise out of the interval would be caught by the line above.
        assert!(share(untold) < 0.93, "{name}: {}", share(untold));
    }
}

/// "At most" is never exceeded: what noise does to the mean of an arm, head counts of two cells included.
#[test]
fn no_mean_of_an_arm_is_less_exact_than_its_price_says() {
    let mut room = Room::open();
    let people = PER_ARM;
    let bars = room.admitted.proven().error_bars(Some(people)).unwrap();
    for trial in 0..40 {
        for (outcome, bar) in room.trial(trial).answer.outcomes.iter().zip(&bars.means) {
            let unit = if outcome.name == "spend" { 100.0 } else { 1.0 };
            for arm in [&outcome.test, &outcome.control] {
                let arm = arm.as_ref().unwrap();
                let of_people = std::f64::consts::SQRT_2 * outcome.noise_sd.n;
                assert!((of_people / bars.people.sd - 1.0).abs() < 1e-9);
                let sd = arm.sum_noise_sd.hypot(arm.mean.unwrap() * of_people);
                let n = f64::from(i32::try_from(arm.n).unwrap());
                let (found, most) = (1.96 * sd / n, bar.unwrap().half_width / unit);
                assert!(found <= most, "{}: {found}, priced {most}", outcome.name);
            }
        }
    }
}

fn covered(trials: impl Iterator<Item = u32>) -> [Covered; 2] {
    let mut room = Room::open();
    trials.fold([Covered::default(); 2], |covered, trial| {
        let result = room.trial(trial);
        [0, 1].map(|at| covered[at].and(&result.answer.outcomes[at], TRUTH[at]))
    })
}

/// How many intervals contained the truth: as reported, and with the noise's part left out.
#[derive(Clone, Copy, Default)]
struct Covered {
    told: u32,
    untold: u32,
}

impl Covered {
    fn and(self, outcome: &OutcomeResult, truth: f64) -> Self {
        let found = outcome.diff_in_means.as_ref().unwrap();
        let [lower, upper] = found.ci.unwrap();
        let told = (lower.unwrap()..=upper.unwrap()).contains(&truth);
        let half = (upper.unwrap() - lower.unwrap()) / 2.0 * found.se_sampling / found.se;
        let untold = (found.ate - truth).abs() <= half;
        Self { told: self.told + u32::from(told), untold: self.untold + u32::from(untold) }
    }
}

/// Everything that is the same in every trial.
struct Room {
    contract: Contract,
    admitted: Admitted,
    ledger: Ledger,
    runtime: tokio::runtime::Runtime,
}

impl Room {
    fn open() -> Self {
        let contract = room::contract();
        let outcomes = vec![
            room::outcome("visit", OutcomeKind::Binary, 1, 0),
            room::outcome("spend", OutcomeKind::Value, 3_000, 2),
        ];
        // Intervals beside adjusted p-values are wider than 95 %.
        let asked = Lift { multiplicity: Multiplicity::None, ..room::lift(outcomes) };
        let admitted = room::admitted(&contract, asked, 4_096);
        let mut ledger = Ledger::new();
        for dataset in ["exposures", "sales"] {
            let slice = room::slice(
                &contract,
                dataset,
                Loss::zcdp(Rho(admitted.cost().rho().0 * u64::from(TRIALS))),
            );
            ledger.accept(&slice, &contract, NOW).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { contract, admitted, ledger, runtime }
    }

    fn trial(&mut self, trial: u32) -> LiftResult {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&trial.to_le_bytes());
        let (exposures, sales) = draw(&mut ChaCha20Rng::from_seed(seed));
        let proven = self.admitted.proven();
        let tables = [("exposures", exposures), ("sales", sales)]
            .map(|(name, rows)| Arc::new(Ordered::new(&self.contract, name, &[rows]).unwrap()));
        let answered = async { engine::run(proven, &tables).await.unwrap() };
        let raw = self.runtime.block_on(answered);
        let paid = self.ledger.pay(self.admitted.clone(), &self.contract, NOW).unwrap();
        seed[31] = 1;
        let released = raw.release(paid, &mut Exact::from_seed(seed)).unwrap();
        released
            .result(released.paid().admitted(), "analyst", &self.contract, NOW)
            .unwrap()
            .of()
            .unwrap()
    }
}

/// A population: seven people of ten are known to the retailer, and what those do depends on the arm.
fn draw(rng: &mut ChaCha20Rng) -> (RecordBatch, RecordBatch) {
    let mut below = |bound: u64| rng.next_u64() % bound;
    let (mut keys, mut arms) = (Vec::new(), Vec::new());
    let (mut buyers, mut visits, mut spends) = (Vec::new(), Vec::new(), Vec::new());
    for person in 1..=2 * PER_ARM {
        let key = Some([person.to_be_bytes(); 4].concat());
        let treated = person % 2 == 0;
        keys.push(key.clone());
        arms.push(if treated { 0 } else { 2 });
        if below(100) < 70 {
            let visits_here = below(100) < if treated { 22 } else { 15 };
            // 5, 10, .. 40 dollars.
            let spend = i64::try_from(below(8) + 1).unwrap() * 500;
            buyers.push(key);
            visits.push(i64::from(visits_here));
            spends.push(if visits_here { spend } else { 0 });
        }
    }
    let (people, rows) = (keys.len(), buyers.len());
    let codes = |codes: Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(codes)) };
    let numbers = |numbers: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(numbers)) };
    let keyed = |keys: Vec<Option<Vec<u8>>>| -> ArrayRef {
        Arc::new(
            FixedSizeBinaryArray::try_from_sparse_iter_with_size(keys.into_iter(), 16).unwrap(),
        )
    };
    let none = |rows| keyed(vec![Some(vec![0; 16]); rows]);
    let exposures = [
        ("email", keyed(keys)),
        ("phone", none(people)),
        ("arm", codes(arms)),
        ("agreed", codes(vec![1; people])),
    ];
    let sales = [
        ("phone", none(rows)),
        ("email", keyed(buyers)),
        ("visit", numbers(visits)),
        ("spend", numbers(spends)),
        ("bought", codes(vec![0; rows])),
        ("agreed", codes(vec![1; rows])),
    ];
    (RecordBatch::try_from_iter(exposures).unwrap(), RecordBatch::try_from_iter(sales).unwrap())
}

const TRIALS: u32 = 2_000;
const PER_ARM: u32 = 1_000;
/// Visits: 0.7 · (0.22 - 0.15). Spend capped at 30 dollars, in which a visit is worth
/// (5 + 10 + 15 + 20 + 25 + 3 · 30) / 8 = 20.625.
const TRUTH: [f64; 2] = [0.049, 0.049 * 20.625];
