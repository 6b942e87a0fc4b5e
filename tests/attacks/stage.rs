//! A room for attackers: everything between a signed job and a result is the real code, but the wires.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch};
use engine::Engine;
use measurement::{report::lift_result, table::table_result};
use privacy::{Ledger, sampler::Exact};
use protocol::{
    contract::Contract,
    digest::Digest,
    hpke::RecipientSecret,
    job::{Job, JobId, Question, TemplateError, question_from_toml},
    loss::Loss,
    manifest::{Manifest, SignedManifest},
    merkle::Root,
    policy,
    refusal::Refusal,
    result::JobResult,
    sealed,
    sign::SigningKey,
    slice::Slice,
    time::Time,
};
use zeroize::Zeroizing;

/// A person, as both owners know it.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Identifies the person in both datasets.
    pub(crate) key: u32,
    /// Rows of the publisher: arm, town.
    pub(crate) exposures: Vec<(i32, i32)>,
    /// Rows of the retailer: spend, day, store.
    pub(crate) sales: Vec<(i64, i32, &'static str)>,
}

/// Two hundred ordinary people.
pub(crate) fn crowd() -> Vec<Person> {
    let person = |key: u32| {
        let at = i32::try_from(key).unwrap();
        let sales = if key.is_multiple_of(2) {
            vec![(i64::from(at % 20), at % 28, "main street")]
        } else {
            vec![]
        };
        Person { key, exposures: vec![(at % 2, at % 4)], sales }
    };
    (1..=200).map(person).collect()
}

/// The one the attacker wants to know about: in town 7, where nobody else is.
pub(crate) const TARGET: u32 = 4_000_000;

pub(crate) fn target(spend: i64) -> Person {
    Person { key: TARGET, exposures: vec![(0, 7)], sales: vec![(spend, 3, "clinic")] }
}

/// What a party asks and is told.
pub(crate) struct Room {
    pub(crate) contract: Contract,
    engine: Engine,
    ledger: Ledger,
    runtime: tokio::runtime::Runtime,
    noise: Exact,
    number: u64,
}

/// Why there was no answer.
#[derive(Debug, PartialEq)]
pub(crate) enum No {
    /// The template is none under the contract.
    Template(TemplateError),
    /// Refused.
    Refused(Refusal),
    /// The engine failed, which tells the attacker something about rows.
    Fault,
}

impl Room {
    /// A room with a whole month's budget handed to it.
    pub(crate) fn new() -> Self {
        let contract = Contract::parse(contract().as_bytes()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let engine = Engine::new(1 << 28).unwrap();
        let (ledger, noise) = (Ledger::new(), Exact::from_seed([0; 32]));
        let mut room = Self { contract, engine, ledger, runtime, noise, number: 0 };
        room.refill(0);
        room
    }

    /// Another month: a whole budget again, and noise from `seed`.
    pub(crate) fn refill(&mut self, seed: u64) {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        self.noise = Exact::from_seed(bytes);
        self.fill(1);
    }

    /// Far more than a month's budget, for a build that is broken.
    pub(crate) fn overfill(&mut self) {
        self.fill(65);
    }

    /// The enclave is killed and started again: a new instance, to which nothing was handed.
    pub(crate) fn restart(&mut self) {
        self.ledger = Ledger::new();
    }

    fn fill(&mut self, months: u32) {
        let contract = &self.contract;
        let mut ledger = Ledger::new();
        for (name, dataset) in &contract.datasets {
            let slice = Slice {
                contract: contract.digest,
                instance: instance(),
                dataset: name.clone(),
                purpose: "measurement".to_owned(),
                granted: (0..months).fold(Loss::zero(), |sum, _| {
                    sum.plus(&dataset.budgets["measurement"].per_period())
                }),
                period: "2026-11".to_owned(),
                not_after: Time(u64::MAX),
                job: None,
            };
            ledger.accept(&slice, contract, NOW).unwrap();
        }
        self.ledger = ledger;
    }

    /// Asks `template` about `people`, as `analyst`.
    pub(crate) fn ask(
        &mut self,
        people: &[Person],
        analyst: &str,
        template: &str,
    ) -> Result<JobResult, No> {
        let (analysis, question) =
            question_from_toml(template, &self.contract).map_err(No::Template)?;
        self.asked(people, analyst, &analysis, question)
    }

    /// As [`Self::ask`], for an attacker that writes the job itself.
    pub(crate) fn asked(
        &mut self,
        people: &[Person],
        analyst: &str,
        analysis: &str,
        question: Question,
    ) -> Result<JobResult, No> {
        let (exposures, sales) = &tables(people);
        let manifests = manifests(&self.contract);
        self.number += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.number.to_le_bytes());
        let datasets = self.contract.analyses.get(analysis).map(|it| it.template.datasets());
        let named = datasets.into_iter().flatten().filter_map(|name| manifests.get_key_value(name));
        let job = Job {
            contract: self.contract.digest,
            instance: instance(),
            id: JobId(id),
            not_after: NOW.plus_seconds(60),
            analysis: analysis.to_owned(),
            question,
            datasets: named.map(|(name, it)| (name.clone(), it.digest())).collect(),
            receivers: vec!["publisher".to_owned()],
        };
        let admitted =
            policy::admit(&self.contract, &job, analyst, &manifests, NOW).map_err(No::Refused)?;
        let paid = self
            .ledger
            .pay(admitted.clone(), Digest::of("test", b"job"), &self.contract, NOW)
            .map_err(No::Refused)?;
        let proven = admitted.proven();
        let joined = proven.tally().joined.as_ref().map(|_| std::slice::from_ref(sales));
        let population = std::slice::from_ref(exposures);
        let running = self.engine.run(proven, &self.contract, population, joined);
        let raw = self.runtime.block_on(running).map_err(|_| No::Fault)?;
        let released = raw.release(paid, &mut self.noise).map_err(|_| No::Fault)?;
        Ok(match &job.question {
            Question::Lift(asked) => JobResult::Lift(lift_result(
                &released,
                released.paid().admitted().job(),
                asked,
                &self.contract,
                NOW,
            )),
            Question::Table(asked) => JobResult::Table(table_result(
                &released,
                released.paid().admitted().job(),
                asked,
                &self.contract,
                NOW,
            )),
        })
    }
}

/// A figure of a table: the people of the cell called `names`, as the attacker reads it. A cell that is
/// not shown reads as nobody.
pub(crate) fn people(result: &JobResult, names: &[&str]) -> f64 {
    cell(result, names).map_or(0.0, |cell| cell.people.value)
}

/// The total of the first measure of the cell called `names`.
pub(crate) fn total(result: &JobResult, names: &[&str]) -> f64 {
    cell(result, names).map_or(0.0, |cell| cell.measures[0].total.value)
}

fn cell<'r>(result: &'r JobResult, names: &[&str]) -> Option<&'r protocol::result::TableCell> {
    let JobResult::Table(table) = result else { panic!("a table") };
    table.cells.iter().find(|cell| cell.names == names)
}

/// Both datasets, in the layout of sealed files, padded to one size.
pub(crate) fn tables(people: &[Person]) -> (RecordBatch, RecordBatch) {
    let exposures: Vec<_> =
        people.iter().flat_map(|it| it.exposures.iter().map(|row| (it.key, *row))).collect();
    let sales: Vec<_> =
        people.iter().flat_map(|it| it.sales.iter().map(|row| (it.key, *row))).collect();
    let codes = |codes: Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(codes)) };
    let bytes = |keys: Vec<[u8; 32]>| -> ArrayRef {
        let keys = keys.into_iter().map(Some);
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(keys, 32).unwrap())
    };
    let key = |key: &u32| {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&key.to_be_bytes());
        bytes
    };
    let ones = |rows: usize| codes(vec![1; rows]);
    let label = |text: &str| {
        let mut bytes = [0; 32];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes
    };
    let exposures = RecordBatch::try_from_iter([
        ("glovebox_row", ones(exposures.len())),
        ("email", bytes(exposures.iter().map(|(it, _)| key(it)).collect())),
        ("arm", codes(exposures.iter().map(|(_, it)| it.0).collect())),
        ("town", codes(exposures.iter().map(|(_, it)| it.1).collect())),
    ]);
    let spends: ArrayRef = Arc::new(Int64Array::from_iter_values(sales.iter().map(|(_, it)| it.0)));
    let sales = RecordBatch::try_from_iter([
        ("glovebox_row", ones(sales.len())),
        ("email", bytes(sales.iter().map(|(it, _)| key(it)).collect())),
        ("spend", spends),
        ("store", bytes(sales.iter().map(|(_, it)| label(it.2)).collect())),
        ("illness", codes(vec![0; sales.len()])),
        ("bought", codes(sales.iter().map(|(_, it)| it.1).collect())),
    ]);
    (exposures.unwrap(), sales.unwrap())
}

/// What the owners signed: sizes are padded, so the same whoever is in the data.
fn manifests(contract: &Contract) -> BTreeMap<String, SignedManifest> {
    let manifest = |(name, dataset): (&String, &protocol::contract::Dataset)| {
        let owner = signing_key(if dataset.owner == "publisher" { 1 } else { 2 });
        let columns = sealed::layout(dataset);
        let width: u64 = columns.iter().map(|column| column.physical.width()).sum();
        let manifest = Manifest {
            lineage: dataset.lineage.clone(),
            version: 1,
            root: Root([7; 48]),
            size: width * 1024 + 4096,
            rows: 1024,
            columns,
            aad_prefix: vec![1; 32],
        };
        let signed = SignedManifest::open(owner.sign(&manifest), &owner.public()).unwrap();
        (name.clone(), signed)
    };
    contract.datasets.iter().map(manifest).collect()
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
}

fn instance() -> Digest {
    Digest::of("test", b"instance")
}

/// ε = 2 a month; groups of ten people and more are shown.
fn contract() -> String {
    let party = |name: &str, seed: u8| {
        let signing = signing_key(seed).public();
        let recipient = RecipientSecret::from_bytes(&[seed; 32]).unwrap().public();
        format!(
            "[[party]]\nname = \"{name}\"\nsigning_key = \"{signing}\"\nrecipient_key = \"{recipient}\"\n"
        )
    };
    let column =
        |name: &str, more: &str| format!("[[dataset.column]]\nname = \"{name}\"\nrole = {more}\n");
    let email = column("email", "\"match_key\"\nkind = \"email\"");
    let budget = "[[dataset.budget]]\npurpose = \"measurement\"\nperiod = \"month\"\nepsilon = 2\n\
                  delta = 1e-6\nlifetime_epsilon = 20\nselection_delta = 1e-6\n";
    let towns: Vec<_> = (0..8).map(|town| format!("\"town-{town}\"")).collect();
    let pcr = "ab".repeat(48);
    [
        "contract = 1\nname = \"room\"\nexpires = \"2027-12-31T00:00:00Z\"\nmin_cell = 10\n"
            .to_owned(),
        "jobs_per_day = 10000\npurposes = [\"measurement\"]\n".to_owned(),
        party("publisher", 1),
        party("retailer", 2),
        "[[dataset]]\nname = \"exposures\"\nowner = \"publisher\"\n".to_owned(),
        email.clone(),
        column("arm", "\"group\"\ndomain = [\"test\", \"control\"]"),
        column("town", &format!("\"group\"\ndomain = [{}]", towns.join(", "))),
        budget.to_owned(),
        "[[dataset]]\nname = \"sales\"\nowner = \"retailer\"\n".to_owned(),
        email,
        column("spend", "\"measure\""),
        column("store", "\"label\""),
        column("illness", "\"group\"\ndomain = [\"none\", \"some\"]"),
        column("bought", "\"date\""),
        budget.to_owned(),
        "[[analysis]]\nname = \"lift\"\nkind = \"lift\"\npurpose = \"measurement\"\n".to_owned(),
        "assignment = \"exposures\"\narm = \"arm\"\noutcome = \"sales\"\n".to_owned(),
        "measures = [\"spend\"]\ndate = \"bought\"\n".to_owned(),
        "analysts = [\"publisher\", \"retailer\"]\nreceivers = [\"publisher\"]\n".to_owned(),
        "[[analysis]]\nname = \"reach\"\nkind = \"table\"\npurpose = \"measurement\"\n".to_owned(),
        "population = \"exposures\"\njoined = \"sales\"\n".to_owned(),
        "group_by = [\"exposures.arm\", \"exposures.town\", \"sales.store\"]\n".to_owned(),
        "filters = [\"exposures.arm\", \"exposures.town\", \"sales.bought\", \"sales.spend\"]\n"
            .to_owned(),
        "measures = [\"sales.spend\", \"sales.store\"]\ncells_per_person = 3\n".to_owned(),
        "analysts = [\"publisher\", \"retailer\"]\nreceivers = [\"publisher\"]\n".to_owned(),
        format!("[[build]]\nname = \"b\"\npcr0 = \"{pcr}\"\npcr1 = \"{pcr}\"\npcr2 = \"{pcr}\"\n"),
    ]
    .concat()
}

/// 2026-11-23, noon.
pub(crate) const NOW: Time = Time(1_795_435_200_000);
