//! A simulated room on one's own files, in one process: what `glovebox try` runs.
//!
//! The same code path as a real room (sealing, TLS, attestation, grants, policy, ledger, engine,
//! receipt) with keys made for the occasion, a simulated module and a host in memory. It is the one
//! crate that may name both sides, and the only one with a sampler that adds no noise.

mod budget;
mod draws;
mod host;
mod paper;
mod silent;

use client::{
    address::Address,
    job::Custodies,
    keys::Identity,
    open::OpenError,
    receipt_check::{self, ReceiptFiles},
    room::Room,
    trust::Trust,
};
use enclave::{Attested, BootError, Booted, Host, Serving, TcpTransport, serve};
use host::MemoryHost;
use nsm::{Nsm, Simulated, measure};
use privacy::sampler::{Exact, Noise};
use protocol::{
    contract::{Contract, Terms},
    message::Package,
    receipt::output,
    result::{InvalidResult, JobResult},
    slice::Slice,
};
use sealing::{Count, Options, Version};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::JoinHandle;

pub use draws::{Distribution, DrawError, draws};
pub use silent::Silent;

/// What to rehearse.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rehearsal<'a> {
    /// Text of the contract; its keys and builds are replaced, everything else holds.
    pub contract: &'a str,
    /// Text of the job.
    pub job: &'a str,
    /// Each dataset's file.
    pub data: &'a BTreeMap<String, PathBuf>,
    /// Whether noise is added. Without it the figures are exact and protect nobody.
    pub noise: bool,
    /// How the files are written, and how much of them may be bad.
    pub sealing: Options,
}

impl<'a> Rehearsal<'a> {
    /// A rehearsal with noise and default options.
    #[must_use]
    pub fn new(contract: &'a str, job: &'a str, data: &'a BTreeMap<String, PathBuf>) -> Self {
        Self { contract, job, data, noise: true, sealing: Options::default() }
    }

    /// Runs the room from sealing to the opened result, and tells `narrate` each step.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn run(&self, narrate: &mut dyn FnMut(&str)) -> Result<Rehearsed, RehearsalError> {
        let mut stage = self.stage().await?;
        let datasets: Vec<_> = stage.contract.datasets.keys().cloned().collect();
        if let Some(name) = self.data.keys().find(|name| !datasets.contains(name)) {
            let known = datasets.join(", ");
            return Err(RehearsalError::StrangeFile { dataset: name.clone(), known });
        }
        if let Some(name) = datasets.iter().find(|name| !self.data.contains_key(*name)) {
            return Err(RehearsalError::NoFile { dataset: name.clone() });
        }
        let mut sealed = Vec::new();
        for (name, path) in self.data {
            narrate(&format!("sealing {name} from {}", path.display()));
            sealed.push(stage.grant(name, path, &self.sealing()).await?);
        }
        narrate("running the job");
        stage.ask(self.job, self.noise, sealed).await
    }

    /// Makes the room alone: an instance under the contract, with keys for every party and without
    /// grants.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn stage(&self) -> Result<Stage, RehearsalError> {
        self.stage_as(|attested, noise| attested.open(noise, MEMORY_BYTES)).await
    }

    /// The same with an instance that `open` makes ready.
    ///
    /// # Errors
    ///
    /// As [`stage`](Self::stage).
    pub async fn stage_as(
        &self,
        open: impl FnOnce(Attested, Box<dyn Noise + Send>) -> Result<Serving, BootError>,
    ) -> Result<Stage, RehearsalError> {
        let folder = tempfile::tempdir()?;
        let pcrs = measure(BUILD);
        let parties = paper::parties(self.contract, folder.path())?;
        let (contract, signed) = paper::contract(self.contract, &parties, &pcrs, false)?;
        let host = Arc::new(MemoryHost::new(signed));
        let module = Simulated::throw_away(pcrs)?;
        let trust = Trust::danger(module.root())?;
        let nsm: Arc<dyn Nsm> = Arc::new(module);
        let link: Arc<dyn Host> = host.clone();
        let attested = Booted::boot(nsm, link)?.contract().await?.attest()?;
        let noise: Box<dyn Noise + Send> = if self.noise {
            Box::new(Exact::from_seed(*attested.noise_seed()?))
        } else {
            Box::new(Silent)
        };
        let serving = open(attested, noise)?;
        let (listener, address) = TcpTransport::bind().await?;
        let server = Server(tokio::spawn(serve(Arc::new(serving), listener)));
        let address: Address = format!("https://{address}").parse()?;
        let room = Room::connect(&address, &contract, &trust, &[]).await?;
        Ok(Stage { room, contract, parties, trust, host, _server: server, _folder: folder })
    }

    /// The options for one file. What the user says of one dataset need not hold of another.
    fn sealing(&self) -> Options {
        let mut options = self.sealing.clone();
        options.reading.several_files = true;
        options
    }
}

/// Reads a contract that has no keys yet, such as a worked sample, as a rehearsal reads it: with throw-away keys, salt
/// and build. `None` for one that has its own, which is read as it is.
///
/// # Errors
///
/// [`RehearsalError`] if nothing but keys makes it a contract.
pub fn with_throw_away_keys(contract: &str) -> Result<Option<Contract>, RehearsalError> {
    if !paper::lacks_keys(contract) {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let parties = paper::parties(contract, folder.path())?;
    let (contract, _) = paper::contract(contract, &parties, &measure(BUILD), true)?;
    Ok(Some(contract))
}

/// What a rehearsal leaves.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rehearsed {
    /// The result.
    pub result: JobResult,
    /// The exact bytes of the result.
    pub result_bytes: Vec<u8>,
    /// The party that asked: the first one that the contract allows to.
    pub analyst: String,
    /// How the sealing of each dataset went.
    pub sealed: Vec<SealedDataset>,
    /// The receipt. Without noise it passes no check of its result.
    pub receipt: Vec<u8>,
    /// The released figures, from which the result follows.
    pub released: Vec<u8>,
    /// The contract as it was used, with throw-away keys and a throw-away build.
    pub contract: Contract,
    /// The root under which the receipt is believed.
    pub trust: Trust,
}

/// How the sealing of one dataset went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SealedDataset {
    /// Name of the dataset.
    pub name: String,
    /// Its rows, good and bad.
    pub count: Count,
    /// Its rows after padding.
    pub padded: u64,
}

type Parties = BTreeMap<String, Identity>;

/// A simulated room in this process. The room ends when this is dropped.
#[non_exhaustive]
pub struct Stage {
    /// A connection to the instance.
    pub room: Room,
    /// The contract as it is used, with throw-away keys and a throw-away build.
    pub contract: Contract,
    /// The keys of every party.
    pub parties: BTreeMap<String, Identity>,
    /// The root under which the instance is believed.
    pub trust: Trust,
    host: Arc<MemoryHost>,
    _server: Server,
    /// Keeps the folder of the keys until the room ends.
    _folder: tempfile::TempDir,
}

/// The server of the room, which ends with it.
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("contract", &self.contract.name).finish_non_exhaustive()
    }
}

impl Stage {
    /// Seals a file as version 1 of the dataset `name`, and grants it with the budget of one period.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn grant(
        &mut self,
        name: &str,
        path: &Path,
        options: &Options,
    ) -> Result<SealedDataset, RehearsalError> {
        let (room, contract) = (&mut self.room, &self.contract);
        let dataset = contract.datasets.get(name);
        let owner = dataset.and_then(|dataset| self.parties.get(&dataset.owner));
        let (Some(dataset), Some(owner)) = (dataset, owner) else {
            return Err(RehearsalError::NoFile { dataset: name.to_owned() });
        };
        let salt = client::salts::named_by(owner.directory(), contract)?;
        let service = owner.service()?;
        let version = Version { contract, dataset: name, owner: service, salt: &salt, number: 1 };
        let sealed = sealing::in_memory(path, &version, options, &mut |_, _| {})?;
        self.host.keep(sealed.manifest.manifest().root, sealed.file);
        let now = client::clock::now();
        let slices = dataset.budgets.iter().map(|(purpose, budget)| {
            let slice = Slice {
                contract: contract.digest,
                instance: room.instance().digest(),
                dataset: name.to_owned(),
                purpose: purpose.clone(),
                granted: budget.per_period(),
                period: budget.period.of(now),
                not_after: budget.period.end(now, contract.expires),
                job: None,
            };
            owner.sign(&slice)
        });
        let slices = slices.collect::<Result<_, _>>()?;
        let (manifest, keys) = (&sealed.manifest, &sealed.keys);
        client::grant::grant(room, owner, name, manifest, keys, None, slices).await?;
        Ok(SealedDataset { name: name.to_owned(), count: sealed.count, padded: sealed.padded })
    }

    /// Runs the job as the first analyst for the first receiver, and opens the result.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn ask(
        mut self,
        job: &str,
        is_noisy: bool,
        sealed: Vec<SealedDataset>,
    ) -> Result<Rehearsed, RehearsalError> {
        let contract = &self.contract;
        let (name, _) = protocol::job::question_from_toml(job, contract)?;
        let analysis = contract.analyses.get(&name);
        let party = |names: fn(&Terms) -> &Vec<String>| {
            let name = analysis.and_then(|analysis| names(analysis).first());
            name.and_then(|name| self.parties.get_key_value(name)).ok_or(RehearsalError::Nobody)
        };
        let (asked_by, analyst) = party(|analysis| &analysis.analysts)?;
        let (receiver, reader) = party(|analysis| &analysis.receivers)?;
        let receivers = Some(vec![receiver.clone()]);
        let options = client::job::Options { receivers, ..Default::default() };
        let prepared = client::job::prepare(&mut self.room, analyst, job, &options).await?;
        budget::within(contract, &prepared)?;
        let (room, custodies) = (&mut self.room, &mut Custodies::default());
        client::job::run(room, analyst, &prepared, custodies, &mut |_| {}).await?;
        let id = prepared.name();
        let package = self.host.result(id, receiver).ok_or(RehearsalError::Nobody)?;
        let (result, result_bytes, receipt, released) = if is_noisy {
            let opened = client::open::open(&package, reader, contract, id, &self.trust)?;
            (opened.result, opened.result_bytes, opened.receipt, opened.released)
        } else {
            // A result without noise passes none of a partner's checks. Here it may be looked at.
            let Package { result, receipt, released, .. } =
                client::open::unseal(&package, reader, contract, id)?;
            let beside = ReceiptFiles::default();
            let checked = receipt_check::check(contract, &receipt, beside, &self.trust)?;
            let parsed = JobResult::from_json(&result)?;
            if checked.body.output != output(&result) || parsed.job != id.to_string() {
                return Err(OpenError::OtherQuestion { job: id, found: checked.job.name() }.into());
            }
            (parsed, result, receipt, released)
        };
        let analyst = asked_by.clone();
        let (contract, trust) = (self.contract, self.trust);
        Ok(Rehearsed { result, result_bytes, analyst, sealed, receipt, released, contract, trust })
    }
}

/// Why a rehearsal fails.
///
/// Remedy: give a file for each dataset of the contract, and a job that it permits; a rehearsal asks no room and
/// costs nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError {
    /// The bucket salt could not be made.
    #[error(transparent)]
    Salt(#[from] client::salts::SaltError),
    /// A dataset of the contract has no file.
    #[error("the contract's dataset \"{dataset}\" has no file: add --data {dataset}=FILE")]
    NoFile {
        /// Name of the dataset.
        dataset: String,
    },
    /// A file is given for a dataset that the contract does not have.
    #[error("--data names \"{dataset}\", and the contract has no such dataset: it has {known}")]
    StrangeFile {
        /// The name that was given.
        dataset: String,
        /// The datasets that the contract has.
        known: String,
    },
    /// A job that costs more than the contract has for one period.
    #[error(
        "the contract gives {budget} {period} for {purpose} on \"{dataset}\"; this job asks {asked}"
    )]
    OverBudget {
        /// Name of the dataset.
        dataset: String,
        /// What the data is used for.
        purpose: String,
        /// The budget of one period.
        budget: String,
        /// How often the budget is filled.
        period: &'static str,
        /// The cost of the job.
        asked: String,
    },
    /// The temporary folder could not be made.
    #[error("the temporary folder: {0}")]
    Io(#[from] std::io::Error),
    /// The contract is not TOML.
    #[error("the contract: {0}")]
    Toml(#[from] toml::de::Error),
    /// The contract with its new keys could not be written as TOML.
    #[error("the contract: {0}")]
    Rewriting(#[from] toml::ser::Error),
    /// The contract is not valid.
    #[error("{0}")]
    Contract(#[from] protocol::contract::ContractError),
    /// The job is malformed.
    #[error("{0}")]
    Template(#[from] protocol::job::TemplateError),
    /// The simulated module could not be made.
    #[error("{0}")]
    Simulated(#[from] nsm::SimulatedError),
    /// The enclave did not start.
    #[error("{0}")]
    Boot(#[from] BootError),
    /// The room has no valid address.
    #[error("{0}")]
    Address(#[from] client::address::InvalidAddress),
    /// The simulated root certificate is not valid.
    #[error("{0}")]
    Root(#[from] attestation_verifier::CertificateFlaw),
    /// Keys could not be made.
    #[error("{0}")]
    Identity(#[from] client::keys::IdentityError),
    /// The room did not answer, or is not believed.
    #[error("{0}")]
    Room(#[from] client::room::RoomError),
    /// The data cannot be sealed.
    #[error("{0}")]
    Seal(#[from] sealing::SealError),
    /// A grant was refused.
    #[error("{0}")]
    Grant(#[from] client::grant::GrantError),
    /// The job was refused.
    #[error("{0}")]
    Job(#[from] client::job::JobError),
    /// The receipt does not hold.
    #[error("{0}")]
    Receipt(#[from] receipt_check::ReceiptError),
    /// The result cannot be read.
    #[error("{0}")]
    Result(#[from] InvalidResult),
    /// The result does not open.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// The contract has no analyst or no receiver. No valid contract is like that.
    #[error("the contract's analysis names no analyst or no receiver")]
    Nobody,
}

/// What the build of a rehearsal is measured from.
const BUILD: &[u8] = b"glovebox try";
/// Memory that a rehearsal may take, in bytes.
const MEMORY_BYTES: u64 = 16 << 30;

#[cfg(test)]
mod tests;
