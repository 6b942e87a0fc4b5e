//! A room for attackers: everything between a signed job and a result is the real code, but the wires.

use std::{collections::BTreeMap, sync::Arc};

use engine::{Ordered, Trainees};
use privacy::{
    Ledger, Names, Next, Raw, Release, Steps, Totals,
    sampler::{Chance, Exact, Noise, Scale, Variance},
};
use protocol::{
    contract::{Contract, Dataset},
    job::{Job, JobId, Question, TemplateError, question_from_toml},
    manifest::SignedManifest,
    policy::{self, Admitted},
    refusal::Refusal,
    released::Place,
    result::JobResult,
    slice::Slice,
};

use super::data::{Person, contract, tables};
use crate::room::{self, NOW};

/// What a party asks and is told.
pub(crate) struct Room {
    pub(crate) contract: Contract,
    manifests: BTreeMap<String, SignedManifest>,
    /// What the owners hand over each month: everything.
    slices: Vec<Slice>,
    ledger: Ledger,
    runtime: tokio::runtime::Runtime,
    noise: Width,
    number: u64,
}

/// How wide the noise of this build is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Width {
    /// As was paid for.
    Paid,
    /// A broken build: half the standard deviation that was paid for.
    Halved,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum No {
    /// The template is none under the contract.
    Template(TemplateError),
    /// Refused.
    Refused(Refusal),
    /// The engine failed, which tells the attacker something about rows.
    Fault,
}

/// A job and the exact totals that answer it over one world: what an attacker who knows all rows of a
/// world works out at home, and what the room adds noise to.
pub(crate) struct Worked {
    pub(crate) admitted: Admitted,
    pub(crate) totals: Totals,
    /// Cells in the order of the totals.
    pub(crate) names: Vec<Vec<Place>>,
}

impl Room {
    /// A room with a whole month's budget handed to it: ε = 2.
    pub(crate) fn new(noise: Width) -> Self {
        Self::with_budget(noise, 2.0)
    }

    /// The same with so much ε.
    pub(crate) fn with_budget(noise: Width, epsilon: f64) -> Self {
        let contract = Contract::parse(contract(epsilon).as_bytes()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let manifests = room::manifests(&contract, 1024);
        let slice = |(name, dataset): (&String, &Dataset)| {
            room::slice(&contract, name, dataset.budgets["measurement"].per_period())
        };
        let slices = contract.datasets.iter().map(slice).collect();
        let ledger = Ledger::new();
        let mut room = Self { contract, manifests, slices, ledger, runtime, noise, number: 0 };
        room.refill();
        room
    }

    /// Another month: a whole budget again, and nothing of the last.
    pub(crate) fn refill(&mut self) {
        self.ledger = Ledger::new();
        for slice in &self.slices {
            self.ledger.accept(slice, &self.contract, NOW).unwrap();
        }
    }

    /// A source of this build's noise.
    pub(crate) fn noise(&self, seed: u64) -> Box<dyn Noise> {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let exact = Exact::from_seed(bytes);
        match self.noise {
            Width::Paid => Box::new(exact),
            Width::Halved => Box::new(Halved(exact)),
        }
    }

    /// Asks `template` about `people`, as `analyst`, with noise from `seed`.
    pub(crate) fn ask(
        &mut self,
        people: &[Person],
        analyst: &str,
        template: &str,
        seed: u64,
    ) -> Result<JobResult, No> {
        let (analysis, question) =
            question_from_toml(template, &self.contract).map_err(No::Template)?;
        let admitted = self.paid(analyst, &analysis, question)?;
        self.run(people, &admitted, seed)
    }

    /// Admits a job and pays for it: all that is decided about it before a row is read.
    pub(crate) fn paid(
        &mut self,
        analyst: &str,
        analysis: &str,
        question: Question,
    ) -> Result<Admitted, No> {
        let admitted = self.admit(analyst, analysis, question)?;
        let paid = self.ledger.pay(admitted.clone(), &self.contract, NOW);
        paid.map(|_| admitted).map_err(No::Refused)
    }

    /// Admits a job.
    pub(crate) fn admit(
        &mut self,
        analyst: &str,
        analysis: &str,
        question: Question,
    ) -> Result<Admitted, No> {
        self.number += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.number.to_le_bytes());
        // Those that the question reads; of one that reads what it may not, all that there are.
        let read = policy::datasets(&self.contract, analysis, &question);
        let named = self.manifests.iter();
        let named =
            named.filter(|(name, _)| read.as_ref().map_or(true, |read| read.contains(name)));
        let job = Job {
            contract: self.contract.digest,
            instance: room::instance(),
            id: JobId(id),
            not_after: NOW.plus_seconds(60),
            analysis: analysis.to_owned(),
            question,
            datasets: named.map(|(name, it)| (name.clone(), it.digest())).collect(),
            receivers: vec!["publisher".to_owned()],
            decision: None,
            checks: None,
        };
        policy::admit(&self.contract, &job, analyst, &self.manifests, NOW).map_err(No::Refused)
    }

    /// Runs an admitted job over `people` and lets the result go, at the cost of a month of its own.
    pub(crate) fn run(
        &mut self,
        people: &[Person],
        admitted: &Admitted,
        seed: u64,
    ) -> Result<JobResult, No> {
        let raw = self.totals(people, admitted)?;
        self.refill();
        let paid = self.ledger.pay(admitted.clone(), &self.contract, NOW).map_err(No::Refused)?;
        let released = raw.release(paid, &mut &mut *self.noise(seed)).map_err(|_| No::Fault)?;
        Ok(self.result(&released))
    }

    /// Works a job out over `people`, without noise.
    pub(crate) fn work_out(&mut self, people: &[Person], admitted: Admitted) -> Worked {
        let raw = self.totals(people, &admitted).unwrap();
        self.refill();
        let paid = self.ledger.pay(admitted.clone(), &self.contract, NOW).unwrap();
        let mut overheard = Overheard(Vec::new());
        let released = raw.release(paid, &mut overheard).unwrap();
        let groups = released.view().unwrap();
        let proof = admitted.proven().proof();
        let named = admitted.proven().tally().is_named_by_data();
        let mut columns = overheard.0.into_iter();
        let totals = Totals {
            cells: if named {
                Names::Data(groups.cells().map(|it| it.name).collect())
            } else {
                Names::Public
            },
            people: columns.next().unwrap(),
            sums: columns.by_ref().take(proof.vectors().unwrap().sums.len()).collect(),
            products: columns.by_ref().take(proof.vectors().unwrap().products.len()).collect(),
            // It is drawn last.
            spread: proof
                .vectors()
                .unwrap()
                .spread
                .and_then(|_| columns.last())
                .unwrap_or_default(),
        };
        let names = groups.cells().map(|cell| cell.name).collect();
        Worked { admitted, totals, names }
    }

    /// Pays for a job that was worked out, and lets its figures go with noise. A party reads them as they are beside
    /// its result, which says nothing that does not follow from them.
    pub(crate) fn release(&mut self, worked: &Worked, noise: &mut dyn Noise) -> Release {
        let Worked { admitted, totals, .. } = worked;
        let paid = self.ledger.pay(admitted.clone(), &self.contract, NOW).unwrap();
        let raw = Raw::new(admitted.proven().clone(), totals.clone());
        raw.release(paid, &mut &mut *noise).unwrap()
    }

    /// The people of an admitted training, as the engine reads them.
    pub(crate) fn trainees(&self, people: &[Person], admitted: &Admitted) -> Arc<Trainees> {
        let tables = self.ordered(people).unwrap();
        self.runtime.block_on(Trainees::read(admitted.proven(), &tables)).unwrap()
    }

    /// Pays for an admitted training, at the cost of a month of its own, and lets all of its steps go.
    pub(crate) fn train(
        &mut self,
        people: &Arc<Trainees>,
        admitted: &Admitted,
        mut noise: &mut dyn Noise,
    ) -> Release {
        self.refill();
        let paid = self.ledger.pay(admitted.clone(), &self.contract, NOW).unwrap();
        let mut steps = Steps::begin(paid).unwrap();
        self.runtime.block_on(async {
            loop {
                let raw = people.add(steps.place(), steps.ask(), &mut noise).await.unwrap();
                match steps.draw(raw, &mut noise).unwrap() {
                    Next::More(left) => steps = left,
                    Next::All(release) => return release,
                }
            }
        })
    }

    fn totals(&self, people: &[Person], admitted: &Admitted) -> Result<Raw, No> {
        let (proven, tables) = (admitted.proven(), self.ordered(people)?);
        let running = engine::run(proven, &tables[..proven.tally().tables.len()]);
        self.runtime.block_on(running).map_err(|_| No::Fault)
    }

    fn ordered(&self, people: &[Person]) -> Result<Vec<Arc<Ordered>>, No> {
        let (exposures, sales) = tables(people);
        let tables = [("exposures", exposures), ("sales", sales)].map(|(name, rows)| {
            Ordered::new(&self.contract, name, &[rows]).map(Arc::new).map_err(|_| No::Fault)
        });
        tables.into_iter().collect()
    }

    pub(crate) fn result(&self, released: &Release) -> JobResult {
        released.result(released.paid().admitted(), "analyst", &self.contract, NOW).unwrap()
    }
}

/// Half the standard deviation that is asked for.
struct Halved(Exact);

impl Noise for Halved {
    fn gaussian(&mut self, it: Variance) -> i64 {
        self.0.gaussian(Variance::new(it.numerator(), 4 * u128::from(it.denominator())).unwrap())
    }

    fn laplace(&mut self, it: Scale) -> i64 {
        self.0.laplace(Scale::new(it.numerator(), 2 * u128::from(it.denominator())).unwrap())
    }

    fn batch(&mut self, chance: Chance, people: u32) -> Vec<u32> {
        self.0.batch(chance, people)
    }
}

/// No noise at all: it notes the totals that it is shown, and makes every cell large enough to be named.
struct Overheard(Vec<Vec<i64>>);

impl Noise for Overheard {
    fn gaussian(&mut self, _sigma_squared: Variance) -> i64 {
        0
    }

    fn laplace(&mut self, _scale: Scale) -> i64 {
        0
    }

    fn batch(&mut self, _: Chance, _: u32) -> Vec<u32> {
        panic!("nobody is drawn for this")
    }

    fn add_gaussian(&mut self, _sigma_squared: Variance, totals: &mut [i64]) {
        self.0.push(totals.to_vec());
        totals.fill(1 << 40);
    }
}
