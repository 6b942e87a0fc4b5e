//! A sample's rows, counted by the engine, and what leaves of them.

use super::{
    readings::beyond,
    sample::{Sample, owner},
};
use crate::meaning::{self, Value};
use arrow::{
    array::{Array, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch, UInt32Array},
    compute::take,
};
use engine::{Ordered, Trainees};
use page::terminal;
use privacy::{Ledger, Next, Release, Steps, sampler::Noise};
use protocol::{
    analysis::Question,
    contract::{Contract, Role},
    delegation::Authority,
    digest::Digest,
    job::{Job, JobId, question_from_toml},
    loss::{Loss, Rho},
    manifest::{Manifest, SignedManifest},
    merkle::Root,
    page::{Page, Provenance, Source},
    policy::{Admitted, admit, danger},
    proof::Proven,
    refusal::Refusal,
    released::Released,
    result::JobResult,
    salt::BucketSalt,
    sealed::{self, Declared, MISSING, NO_TAG, Tag},
    slice::Slice,
    time::Time,
};
use rehearsal::Silent;
use sealing::Version;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::{Builder, Runtime};

/// 2026-11-23, noon.
pub(crate) const NOW: Time = Time(1_795_435_200_000);

/// A sample whose rows are sealed and opened, and whose job is admitted.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) contract: Contract,
    pub(crate) admitted: Admitted,
    /// By dataset, as the enclave holds them.
    pub(crate) tables: BTreeMap<String, RecordBatch>,
}

impl Counted {
    /// Of a kind's own sample: the same in all tests.
    pub(crate) fn new(sample: &Sample) -> Arc<Self> {
        static ALL: Mutex<BTreeMap<&str, Arc<Counted>>> = Mutex::new(BTreeMap::new());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = all.entry(sample.name()).or_insert_with(|| Arc::new(Self::of(sample)));
        Arc::clone(counted)
    }

    /// Of a sample that was changed.
    pub(crate) fn of(sample: &Sample) -> Self {
        let (name, contract) = (sample.name(), sample.paper());
        let (analysis, question) = question_from_toml(&sample.job, &contract)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let datasets = contract.analyses[&analysis].datasets().map(str::to_owned);
        let datasets: Vec<_> = datasets.collect();
        let tables = datasets.iter().map(|dataset| {
            (dataset.clone(), opened(&contract, dataset, &sample.rows(dataset), name))
        });
        let tables = tables.collect();
        let admitted =
            admitted(&contract, &analysis, question.clone(), &tables).unwrap_or_else(|refusal| {
                let why = strange(&contract, &analysis, &question);
                panic!("{name}: the job is refused: {refusal}{why}")
            });
        Self { contract, admitted, tables }
    }

    pub(crate) fn proven(&self) -> &Proven {
        self.admitted.proven()
    }

    /// The tables in the order of the tally.
    pub(crate) fn in_order(&self) -> Vec<Vec<RecordBatch>> {
        let datasets = self.proven().tally().datasets();
        datasets.map(|dataset| vec![self.tables[dataset].clone()]).collect()
    }

    /// The same rows as the naive reference reads them.
    pub(crate) fn meant(&self, tables: &[Vec<RecordBatch>]) -> Vec<Vec<meaning::Row>> {
        let tables = self.proven().tally().datasets().zip(tables);
        tables
            .map(|(dataset, batches)| {
                batches.iter().flat_map(|batch| rows(&self.contract, dataset, batch)).collect()
            })
            .collect()
    }

    /// What leaves of `proven`, counted over `tables`, with `noise`.
    pub(crate) fn release(
        &self,
        proven: &Proven,
        tables: &[Vec<RecordBatch>],
        noise: &mut impl Noise,
    ) -> Release {
        let tables = proven.tally().datasets().zip(tables);
        let tables = tables
            .map(|(name, rows)| Arc::new(Ordered::new(&self.contract, name, rows).unwrap()))
            .collect::<Vec<_>>();
        let admitted = danger::with_proof(self.admitted.clone(), proven.clone());
        let mut ledger = Ledger::new();
        for dataset in admitted.datasets() {
            let budget = &self.contract.datasets[dataset].budgets[admitted.purpose()];
            let slice = Slice {
                contract: self.contract.digest,
                instance: admitted.job().instance,
                dataset: dataset.clone(),
                purpose: admitted.purpose().to_owned(),
                granted: Loss::zcdp(Rho(1 << 46)).with_delta(admitted.cost().delta()),
                period: budget.period.of(NOW),
                not_after: Time(u64::MAX),
                job: None,
            };
            ledger.accept(&slice, &self.contract, NOW).unwrap();
        }
        let paid = ledger.pay(admitted, &self.contract, NOW).unwrap();
        if proven.proof().steps().is_some() {
            return runtime().block_on(train(Steps::begin(paid).unwrap(), proven, &tables, noise));
        }
        let raw = runtime().block_on(::engine::run(proven, &tables)).unwrap();
        raw.release(paid, noise).unwrap()
    }

    /// The result without noise.
    pub(crate) fn result(&self) -> JobResult {
        let release = self.release(self.proven(), &self.in_order(), &mut Silent::default());
        self.answer(release.released()).expect("a question has an answer to what it leaves")
    }

    /// What the job answers if this is what left.
    pub(crate) fn answer(&self, released: &Released) -> Option<JobResult> {
        let remaining = BTreeMap::new();
        JobResult::new(&self.contract, &self.admitted, "analyst", released, &remaining, NOW)
    }
}

/// All steps of a training.
async fn train(
    mut steps: Steps,
    proven: &Proven,
    tables: &[Arc<Ordered>],
    noise: &mut impl Noise,
) -> Release {
    let people = Trainees::read(proven, tables).await.unwrap();
    loop {
        let raw = people.add(steps.place(), steps.ask(), noise).await.unwrap();
        match steps.draw(raw, noise).unwrap() {
            Next::More(left) => steps = left,
            Next::All(release) => return release,
        }
    }
}

/// What a question reads beyond the section of its kind, as its author should hear of it; nothing if that is not why it
/// is refused.
pub(crate) fn strange(contract: &Contract, analysis: &str, question: &Question) -> String {
    let tally = danger::unchecked_tally(contract, analysis, question);
    let beyond = tally.ok().and_then(|tally| beyond(&contract.analyses[analysis], &tally));
    beyond.map_or_else(String::new, |read| {
        format!("; its tally reads {read}, which no key of its SECTION lists for this analysis")
    })
}

/// Two threads, as an enclave has.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// What people read of a result that `glovebox try` made.
pub(crate) fn page_of(result: &JobResult) -> Page {
    result.page(&Provenance {
        simulated: true,
        asked_by: result.asked_by.clone(),
        asker: None,
        output: Digest::of("sample", &result.to_json().unwrap()),
        source: Source::Trial,
    })
}

/// The same in a terminal.
pub(crate) fn screen_of(result: &JobResult) -> String {
    terminal::summary(&page_of(result)).unwrap()
}

/// Seals a file of rows.
pub(crate) fn seal(
    contract: &Contract,
    dataset: &str,
    file: &Path,
) -> Result<sealing::InMemory, sealing::SealError> {
    let (options, key) = (sealing::Options::default(), owner(contract, dataset));
    let salt = BucketSalt::take(&mut [0x5a; BucketSalt::LEN]);
    let version = Version { contract, dataset, owner: &key, salt: &salt, number: 1 };
    sealing::in_memory(file, &version, &options, &mut |_, _| {})
}

/// A sealed file of rows, as an enclave opens it to which every key was granted.
fn opened(contract: &Contract, dataset: &str, file: &Path, kind: &str) -> RecordBatch {
    let sealed = seal(contract, dataset, file);
    let sealed = sealed.unwrap_or_else(|error| panic!("{kind}: {}: {error}", file.display()));
    let manifest = sealed.manifest.manifest();
    let found = &contract.datasets[dataset];
    let table = dataset::open(sealed.file, manifest, found, &sealed.keys).unwrap();
    let columns = table.columns().iter().map(|(name, array)| (name, Arc::clone(array)));
    RecordBatch::try_from_iter(columns).unwrap()
}

/// A job that the first analyst asks for the first receiver, of data of this size.
pub(crate) fn admitted(
    contract: &Contract,
    analysis: &str,
    question: Question,
    tables: &BTreeMap<String, RecordBatch>,
) -> Result<Admitted, Refusal> {
    let terms = &contract.analyses[analysis];
    let manifests = manifests(contract, tables);
    let job = job(contract, analysis, question, &manifests);
    admit(contract, &job, &terms.analysts[0], &manifests, NOW)
}

/// Manifests of data of this size.
pub(crate) fn manifests(
    contract: &Contract,
    tables: &BTreeMap<String, RecordBatch>,
) -> BTreeMap<String, SignedManifest> {
    let manifests = tables.iter().map(|(name, rows)| {
        let dataset = &contract.datasets[name];
        let manifest = Manifest {
            lineage: dataset.lineage.clone(),
            version: 1,
            root: Root([0; 48]),
            size: 0,
            declared: Declared::of(u64::try_from(rows.num_rows()).unwrap()),
            columns: sealed::layout(dataset),
            aad_prefix: Vec::new(),
            opt_outs: None,
        };
        let key = owner(contract, name);
        let authority = Authority::at_any_time(contract);
        let signed = SignedManifest::open(key.sign(&manifest), &authority, &dataset.owner);
        (name.clone(), signed.unwrap())
    });
    manifests.collect()
}

/// The job that asks `question` of these data.
pub(crate) fn job(
    contract: &Contract,
    analysis: &str,
    question: Question,
    manifests: &BTreeMap<String, SignedManifest>,
) -> Job {
    Job {
        contract: contract.digest,
        instance: Digest::of("test", b"instance"),
        id: JobId([7; 16]),
        not_after: NOW.plus_seconds(60),
        analysis: analysis.to_owned(),
        question,
        datasets: manifests.iter().map(|(name, it)| (name.clone(), it.digest())).collect(),
        receivers: vec![contract.analyses[analysis].receivers[0].clone()],
        decision: None,
        checks: None,
    }
}

/// The rows of a table as the naive reference reads them.
fn rows(contract: &Contract, dataset: &str, batch: &RecordBatch) -> Vec<meaning::Row> {
    let columns = &contract.datasets[dataset].columns;
    let codes =
        |name: &str| batch.column_by_name(name).unwrap().as_any().downcast_ref::<Int32Array>();
    let binary = |name: &str| {
        let column = batch.column_by_name(name).unwrap();
        column.as_any().downcast_ref::<FixedSizeBinaryArray>().unwrap()
    };
    let bytes = |name: &str, at: usize| -> [u8; 32] { binary(name).value(at).try_into().unwrap() };
    let tag = |name: &str, at: usize| -> Tag { binary(name).value(at).try_into().unwrap() };
    let numbers = |name: &str, at: usize| {
        let column = batch.column_by_name(name).unwrap();
        column.as_any().downcast_ref::<Int64Array>().unwrap().value(at)
    };
    let code = |name: &str, at: usize| codes(name).unwrap().value(at);
    let row = |at: usize| {
        let mut row = meaning::Row { keys: Vec::new(), agreed: true, values: BTreeMap::new() };
        for column in columns {
            let name = column.name.as_str();
            let value = match &column.role {
                Role::MatchKey(kind) => {
                    let tag = tag(name, at);
                    row.keys.extend((tag != NO_TAG).then_some((*kind, tag)));
                    continue;
                }
                Role::Consent => {
                    row.agreed &= code(name, at) == 1;
                    continue;
                }
                Role::Group(_) => Value::Group(u32::try_from(code(name, at)).ok()),
                Role::Label => Value::Label(bytes(name, at)),
                Role::Measure(_) | Role::Feature(_) => Value::Number(numbers(name, at)),
                Role::Date => Value::Day(Some(code(name, at)).filter(|day| *day != MISSING)),
                _ => continue,
            };
            row.values.insert(name.to_owned(), value);
        }
        row
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Some of the rows, in this order.
pub(crate) fn picked(batch: &RecordBatch, rows: impl IntoIterator<Item = usize>) -> RecordBatch {
    let rows = rows.into_iter().map(|row| u32::try_from(row).unwrap());
    let rows = UInt32Array::from_iter_values(rows);
    let columns = batch.columns().iter().map(|column| take(column, &rows, None).unwrap());
    RecordBatch::try_new(batch.schema(), columns.collect()).unwrap()
}
