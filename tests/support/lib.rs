//! Shared fixtures: a small room with two parties, whose host does what a test tells it to.

#![expect(
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "fixtures of tests: what fails here is a failed test"
)]

pub mod processes;
mod relay;
pub mod running;

use client::{
    address::Address,
    job::{Custodies, Options, Prepared},
    keys::Identity,
    room::{Room, RoomError},
    trust::Trust,
};
use enclave::{Booted, Host, HostError, TcpTransport, serve};
use nsm::{Nsm, Simulated, measure};
use privacy::sampler::Exact;
use protocol::{
    contract::{Contract, TAG, draft},
    delegation::Withdrawn,
    job::JobName,
    merkle::Root,
    salt::BucketSalt,
    sign::Jointly,
    slice::Slice,
    storage::{Answer, Ask, Failure, ObjectName},
};
use sealing::{InMemory, Version};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, TryLockError},
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub use relay::{believing_anyone, relay};

/// Two parties (publisher with `exposures`, retailer with `sales`) and the paper between them.
#[derive(Debug)]
pub struct Parties {
    /// Everything on disk lives here.
    pub folder: TempDir,
    /// Owns `exposures`; also the analyst.
    pub publisher: Identity,
    /// Owns `sales`.
    pub retailer: Identity,
    /// The contract.
    pub contract: Contract,
    /// Signed by both.
    pub signed: Vec<u8>,
    /// The simulated module that every instance here runs on.
    pub module: Arc<Simulated>,
}

impl Parties {
    /// Fresh keys and the usual contract.
    pub fn new() -> Self {
        Self::with_terms(Terms::default())
    }

    /// Fresh keys and a contract with other terms.
    pub fn with_terms(terms: Terms) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let publisher = custody::create(&folder.path().join("publisher"), "publisher", None, None);
        let retailer = custody::create(&folder.path().join("retailer"), "retailer", None, None);
        let (publisher, retailer) = (publisher.unwrap(), retailer.unwrap());
        let text = contract_text(&publisher, &retailer, &terms);
        let contract = Contract::parse(text.as_bytes()).unwrap();
        let mut joint = Jointly::unsigned(TAG, text.as_bytes());
        joint.add(&publisher.root().unwrap());
        joint.add(&retailer.root().unwrap());
        let module = Arc::new(Simulated::throw_away(measure(BUILD)).unwrap());
        for identity in [&publisher, &retailer] {
            client::salts::keep(identity.directory(), &contract, &salt()).unwrap();
        }
        Self { folder, publisher, retailer, contract, signed: joint.to_vec(), module }
    }

    /// Who owns `dataset`.
    pub fn owner(&self, dataset: &str) -> &Identity {
        if dataset == "exposures" { &self.publisher } else { &self.retailer }
    }

    /// What a partner says who believes the simulated root.
    pub fn trust(&self) -> Trust {
        Trust::danger(self.module.root()).unwrap()
    }

    /// Seals `csv` as a version of `dataset`.
    pub fn seal(&self, dataset: &str, csv: &str, version: u64) -> InMemory {
        let path = self.folder.path().join(format!("{dataset}-{version}.csv"));
        std::fs::write(&path, csv).unwrap();
        let owner = self.owner(dataset).service().unwrap();
        let options = sealing::Options::default();
        let salt = salt();
        let version =
            Version { contract: &self.contract, dataset, owner, salt: &salt, number: version };
        sealing::in_memory(&path, &version, &options, &mut |_, _| {}).unwrap()
    }

    /// Boots an instance of the enclave on `host`.
    pub async fn boot(&self, host: &Arc<HostileHost>) -> Instance {
        let nsm: Arc<dyn Nsm> = self.module.clone();
        let host: Arc<dyn Host> = host.clone();
        let attested = Booted::boot(nsm, host).unwrap().contract().await.unwrap().attest().unwrap();
        let seed = attested.noise_seed().unwrap();
        let serving = attested.open(Box::new(Exact::from_seed(*seed)), 4 << 30).unwrap();
        let (listener, address) = TcpTransport::bind().await.unwrap();
        let task = tokio::spawn(serve(Arc::new(serving), listener));
        Instance { address: format!("https://{address}").parse().unwrap(), task }
    }

    /// A verified connection to `instance`.
    pub async fn connect(&self, instance: &Instance) -> Result<Room, RoomError> {
        Room::connect(&instance.address, &self.contract, &self.trust(), &[]).await
    }

    /// Grants `sealed` as `dataset`, with a prepaid slice of the whole budget.
    pub async fn grant(
        &self,
        room: &mut Room,
        dataset: &str,
        sealed: &InMemory,
    ) -> Result<client::grant::Granted, client::grant::GrantError> {
        let owner = self.owner(dataset);
        let slices = vec![owner.sign(&self.slice(room, dataset)).unwrap()];
        let (manifest, keys) = (&sealed.manifest, &sealed.keys);
        client::grant::grant(room, owner, dataset, manifest, keys, None, slices).await
    }

    /// A slice of the whole budget of `dataset`, for the instance of `room`.
    pub fn slice(&self, room: &Room, dataset: &str) -> Slice {
        let now = client::clock::now();
        let budget = &self.contract.datasets[dataset].budgets["measurement"];
        Slice {
            contract: self.contract.digest,
            instance: room.instance().digest(),
            dataset: dataset.to_owned(),
            purpose: "measurement".to_owned(),
            granted: budget.per_period(),
            period: budget.period.of(now),
            not_after: budget.period.end(now, self.contract.expires),
            job: None,
        }
    }

    /// Prepares the usual job, or another.
    pub async fn prepare(&self, room: &mut Room, job: &str) -> Prepared {
        let receivers = Some(vec!["publisher".to_owned(), "retailer".to_owned()]);
        let options = Options { receivers, ..Options::default() };
        client::job::prepare(room, &self.publisher, job, &options).await.unwrap()
    }

    /// Runs a prepared job without asking anybody's custody.
    pub async fn run(
        &self,
        room: &mut Room,
        prepared: &Prepared,
    ) -> Result<client::job::Ran, client::job::JobError> {
        let mut nobody = Custodies::default();
        client::job::run(room, &self.publisher, prepared, &mut nobody, &mut |_| {}).await
    }
}

impl Default for Parties {
    fn default() -> Self {
        Self::new()
    }
}

/// What a contract of [`Parties`] says.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests build it")]
pub struct Terms {
    /// End of the contract.
    pub expires: String,
    /// ε of each dataset, for measurement, for ever.
    pub epsilon: f64,
    /// Smallest cell.
    pub min_cell: u32,
    /// Anything more, as TOML.
    pub more: String,
}

impl Default for Terms {
    fn default() -> Self {
        let expires = "2099-01-01T00:00:00Z".to_owned();
        Self { expires, epsilon: 4.0, min_cell: 10, more: String::new() }
    }
}

fn contract_text(publisher: &Identity, retailer: &Identity, terms: &Terms) -> String {
    let head = draft::Head {
        name: "test-room",
        expires: &terms.expires,
        purposes: &["measurement"],
        bucket_salt: salt().digest(),
    };
    let mut text = format!("{head}min_cell = {}\n{}\n", terms.min_cell, terms.more);
    for (name, identity) in [("publisher", publisher), ("retailer", retailer)] {
        text += &identity.party_toml(name, None).unwrap();
    }
    let budget = draft::Budget {
        purpose: "measurement",
        legal_basis: "consent",
        period: "contract",
        epsilon: terms.epsilon,
        lifetime_epsilon: terms.epsilon,
    };
    write!(
        text,
        "[[dataset]]\nname = \"exposures\"\nowner = \"publisher\"\n\
         [[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n\
         [[dataset.column]]\nname = \"arm\"\nrole = \"group\"\ndomain = [\"test\", \"control\", \"other\"]\n\
         [[dataset.column]]\nname = \"history\"\nrole = \"feature\"\nscale = 2\n{budget}\
         [[dataset]]\nname = \"sales\"\nowner = \"retailer\"\n\
         [[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n\
         [[dataset.column]]\nname = \"bought\"\nrole = \"measure\"\n\
         [[dataset.column]]\nname = \"spend\"\nrole = \"measure\"\nscale = 2\n\
         [[dataset.column]]\nname = \"note\"\nrole = \"feature\"\n{budget}"
    )
    .unwrap();
    text.push_str(
        "[[analysis]]\nname = \"lift\"\nkind = \"lift\"\npurpose = \"measurement\"\n\
         assignment = \"exposures\"\narm = \"arm\"\noutcome = \"sales\"\n\
         measures = [\"bought\", \"spend\"]\nanalysts = [\"publisher\"]\n\
         receivers = [\"publisher\", \"retailer\"]\n",
    );
    let pcrs = measure(BUILD);
    text + &draft::Build("test", [0, 1, 2].map(|index| pcrs[&index])).to_string()
}

/// The bucket salt of every contract of a test.
pub fn salt() -> BucketSalt {
    BucketSalt::take(&mut [0x5a; BucketSalt::LEN])
}

/// The usual job: two outcomes at ε = 1.
pub const JOB: &str = r#"
[lift]
version = 1
level = "user"
design = "itt"
[lift.assignment]
unit = "user"
column = "arm"
test = ["test"]
control = ["control"]
[[lift.outcome]]
name = "bought"
type = "binary"
[[lift.outcome]]
name = "spend"
type = "value"
cap_per_user = 50.0
[lift.privacy]
mechanism = "discrete_gaussian"
epsilon = 1.0
delta = 1e-6
"#;

/// `people` made-up exposures, half test, half control.
pub fn exposures(people: u32) -> String {
    let mut csv = "email,arm,history\n".to_owned();
    for person in 0..people {
        let arm = if person % 2 == 0 { "test" } else { "control" };
        writeln!(csv, "person{person}@example.com,{arm},{}.50", person % 900).unwrap();
    }
    csv
}

/// What `people` of them did.
pub fn sales(people: u32) -> String {
    let mut csv = "email,bought,spend,note\n".to_owned();
    for person in 0..people {
        let bought = u32::from(person % 5 < 1 + person % 2);
        writeln!(csv, "Person{person}@Example.com,{bought},{}.99,{person}", bought * 20).unwrap();
    }
    csv
}

/// A running instance of the enclave.
#[derive(Debug)]
pub struct Instance {
    /// Where it answers.
    pub address: Address,
    task: JoinHandle<()>,
}

impl Instance {
    /// Ends it as a power cut would: no closing, no keys left.
    pub fn kill(&self) {
        self.task.abort();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a hostile host makes of an honest answer.
pub type Mischief = Box<dyn FnMut(&Ask, Answer) -> Answer + Send>;

/// A host in memory that keeps a trace and answers as a test wants it.
pub struct HostileHost {
    contract: Vec<u8>,
    blobs: Mutex<BTreeMap<Root, Vec<u8>>>,
    objects: Mutex<BTreeMap<ObjectName, Vec<u8>>>,
    mischief: Mutex<Option<Mischief>>,
    trace: Mutex<Vec<String>>,
}

impl HostileHost {
    /// A host that behaves, so far.
    pub fn new(parties: &Parties) -> Arc<Self> {
        Arc::new(Self {
            contract: parties.signed.clone(),
            blobs: Mutex::default(),
            objects: Mutex::default(),
            mischief: Mutex::default(),
            trace: Mutex::default(),
        })
    }

    /// Keeps a sealed file.
    pub fn keep(&self, sealed: &InMemory) {
        let root = sealed.manifest.manifest().root;
        self.blobs.lock().unwrap().insert(root, sealed.file.to_vec());
    }

    /// From now on does `mischief` to every answer.
    pub fn misbehave(&self, mischief: impl FnMut(&Ask, Answer) -> Answer + Send + 'static) {
        *self.mischief.lock().unwrap() = Some(Box::new(mischief));
    }

    /// Behaves again.
    pub fn behave(&self) {
        *self.mischief.lock().unwrap() = None;
    }

    /// Everything it was asked, in order: kind, name, offset, length.
    pub fn trace(&self) -> Vec<String> {
        self.trace.lock().unwrap().clone()
    }

    /// The same but for what it was given of logs.
    pub fn trace_beside_logs(&self) -> Vec<String> {
        let mut trace = self.trace();
        trace.retain(|line| !line.starts_with("log "));
        trace
    }

    /// Everything it was given to keep, but for logs.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.objects_of(|name| name.log_of().is_none())
    }

    /// What it was given to keep of logs.
    pub fn logs(&self) -> BTreeMap<String, Vec<u8>> {
        self.objects_of(|name| name.log_of().is_some())
    }

    fn objects_of(&self, is: impl Fn(&ObjectName) -> bool) -> BTreeMap<String, Vec<u8>> {
        let objects = self.objects.lock().unwrap();
        let those = objects.iter().filter(|(name, _)| is(name));
        those.map(|(name, bytes)| (name.to_string(), bytes.clone())).collect()
    }

    /// The result that is kept for a receiver.
    pub fn result(&self, job: JobName, receiver: &str) -> Option<Vec<u8>> {
        let name = ObjectName::result(&job.to_string(), receiver).unwrap();
        self.objects.lock().unwrap().get(&name).cloned()
    }

    fn honest(&self, ask: &Ask) -> Answer {
        let blobs = self.blobs.lock().unwrap();
        let mut objects = self.objects.lock().unwrap();
        let lost = Answer::Failed { why: Failure::NotFound };
        match ask {
            Ask::Contract {} => Answer::Contract { bytes: self.contract.clone().into() },
            Ask::Read { blob, offset, length } => blobs.get(blob).map_or(lost, |file| {
                let start = usize::try_from(*offset).unwrap().min(file.len());
                let end = (start + usize::try_from(*length).unwrap()).min(file.len());
                Answer::Range { bytes: file[start..end].to_vec().into() }
            }),
            Ask::Size { blob } => blobs
                .get(blob)
                .map_or(lost, |file| Answer::Size { bytes: u64::try_from(file.len()).unwrap() }),
            Ask::Put { name, bytes, .. } => {
                let stored = objects.entry(name.clone()).or_insert_with(|| bytes.0.clone());
                if *stored == bytes.0 {
                    Answer::Stored {}
                } else {
                    Answer::Failed { why: Failure::Conflict }
                }
            }
            Ask::Stop {} => Answer::Stop { now: false },
            Ask::Unwrap { .. } => Answer::Failed { why: Failure::Kms },
            Ask::Fetch { name } => objects
                .get(name)
                .map_or(lost, |bytes| Answer::Object { bytes: bytes.clone().into() }),
        }
    }

    fn note(&self, ask: &Ask) {
        let line = match ask {
            Ask::Contract {} => "contract".to_owned(),
            // Names are digests and random numbers: a trace of sizes and order leaves them out.
            Ask::Read { offset, length, .. } => format!("read {offset}+{length}"),
            Ask::Size { .. } => "size".to_owned(),
            // A document has another length under each authority.
            Ask::Put { name, .. } if name.as_str().ends_with("/opening") => {
                "log opening".to_owned()
            }
            Ask::Put { name, bytes, .. } if name.log_of().is_some() => {
                format!("log {}", bytes.0.len())
            }
            Ask::Put { bytes, .. } => format!("put {}", bytes.0.len()),
            Ask::Stop {} => "stop".to_owned(),
            Ask::Unwrap { .. } => "unwrap".to_owned(),
            Ask::Fetch { .. } => "fetch".to_owned(),
        };
        self.trace.lock().unwrap().push(line);
    }
}

impl Host for HostileHost {
    fn ask(
        &self,
        ask: Ask,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, HostError>> + Send + '_>> {
        self.note(&ask);
        let answer = self.honest(&ask);
        // Mischief that holds one answer back holds back no record, which comes on its own.
        let is_log = matches!(&ask, Ask::Put { name, .. } if name.log_of().is_some());
        let is_held = matches!(self.mischief.try_lock(), Err(TryLockError::WouldBlock));
        if is_log && is_held {
            return Box::pin(async move { Ok(answer) });
        }
        let answer = match &mut *self.mischief.lock().unwrap() {
            Some(mischief) => mischief(&ask, answer),
            None => answer,
        };
        Box::pin(async move { Ok(answer) })
    }
}

impl std::fmt::Debug for HostileHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostileHost(..)")
    }
}

/// A folder of the repository.
pub fn repository(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(folder)
}

const BUILD: &[u8] = b"the build under test";

impl HostileHost {
    /// Keeps any bytes, under their own root.
    pub fn keep_bytes(&self, bytes: &[u8]) -> Root {
        let root = protocol::merkle::root_of(bytes);
        self.blobs.lock().unwrap().insert(root, bytes.to_vec());
        root
    }
}

impl Parties {
    /// The same parties under another contract: `edit` changes its text, both sign it.
    pub fn rewrite(&mut self, edit: impl FnOnce(String) -> String) {
        let joint = Jointly::parse(TAG, &self.signed).unwrap();
        let text = edit(String::from_utf8(joint.payload().to_vec()).unwrap());
        self.contract = Contract::parse(text.as_bytes()).unwrap();
        let mut joint = Jointly::unsigned(TAG, text.as_bytes());
        joint.add(&self.publisher.root().unwrap());
        joint.add(&self.retailer.root().unwrap());
        self.signed = joint.to_vec();
        for identity in [&self.publisher, &self.retailer] {
            client::salts::keep(identity.directory(), &self.contract, &salt()).unwrap();
        }
    }

    /// What a grant of the owner of `dataset` to the instance of `room` is made with.
    pub fn to<'a>(&'a self, room: &'a Room, dataset: &str) -> client::grant::GrantTarget<'a> {
        static SALT: LazyLock<BucketSalt> = LazyLock::new(salt);
        client::grant::GrantTarget {
            contract: &self.contract,
            instance: room.instance(),
            owner: self.owner(dataset).root_key(),
            salt: &SALT,
        }
    }

    /// The party that hands out of its ledger.
    pub fn custody_of<'a>(&'a self, party: &'a str) -> custody::Owner<'a> {
        let identity = if party == "publisher" { &self.publisher } else { &self.retailer };
        custody::Owner {
            party,
            key: identity.service().unwrap(),
            contract: &self.contract,
            withdrawn: Withdrawn::none(),
        }
    }

    /// The text of the contract.
    pub fn text(&self) -> String {
        let joint = Jointly::parse(TAG, &self.signed).unwrap();
        String::from_utf8(joint.payload().to_vec()).unwrap()
    }
}
