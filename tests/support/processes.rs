//! The product as its users meet it: its programs, in processes of their own, over sockets and files.

use crate::running::{Process, Said, alive, free_port, program, started, until};
use client::keys::Identity;
use protocol::{
    contract::Contract,
    delegation::Authority,
    job::SignedJob,
    loss::{Delta, Epsilon, Rho},
    manifest::Manifest,
    merkle::{Root, root_of},
    sealed::Declared,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};
use tempfile::TempDir;

/// Publisher, retailer and operator on one machine, each with a folder; their programs run in
/// processes and can be killed.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    port: u16,
    custody_port: u16,
    host: Option<Process>,
    custody: Option<Process>,
    processes: AtomicUsize,
}

impl Site {
    /// Keys, a contract that both have signed, and two sealed datasets of 2,000 people.
    pub fn new() -> Self {
        let port = free_port();
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            port,
            custody_port: port + 1,
            host: None,
            custody: None,
            processes: AtomicUsize::new(0),
        };
        let custody = site.custody_port;
        site.ok("init --name publisher --dir publisher");
        site.ok(&format!(
            "init --name retailer --dir retailer --custody http://127.0.0.1:{custody}"
        ));
        let build = Command::new(program("glovebox-host")).args(["pcrs", "--simulated"]).output();
        fs::write(site.path("build.json"), build.unwrap().stdout).unwrap();
        site.ok("contract new --name hillstrom --party publisher/party.toml \
             --party retailer/party.toml --pcrs build.json -o contract.toml");
        site.ok("contract sign contract.toml --dir publisher");
        site.ok("contract sign contract.toml.signed --dir retailer");
        for (dataset, owner, csv) in
            [("exposures", "publisher", exposures()), ("sales", "retailer", sales())]
        {
            fs::write(site.path(&format!("{owner}.csv")), csv).unwrap();
            site.ok(&format!(
                "seal {owner}.csv --contract contract.toml.signed --dataset {dataset} \
                 --dir {owner} -o {owner}/{dataset}"
            ));
        }
        site
    }

    /// A site whose host and custody run and hold both sealed files.
    pub fn open() -> Self {
        let mut site = Self::new();
        site.start_host();
        site.upload();
        site.start_custody();
        site
    }

    /// A file of the site.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the host listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Begins `glovebox LINE`, where `ROOM` stands for the room's address and `UNDER` for the
    /// contract and the simulated root.
    pub fn begin(&self, line: &str) -> Process {
        self.spawn("glovebox", &self.whole(line))
    }

    /// The same within an address space of `bytes`.
    pub fn begin_within(&self, line: &str, bytes: u64) -> Process {
        Process::start_within(bytes, "glovebox", &self.whole(line), self.folder.path(), &self.log())
    }

    fn whole(&self, line: &str) -> String {
        let under = "--contract contract.toml.signed --danger-root host/simulated-ca/root.der";
        let room = format!("https://127.0.0.1:{}", self.port);
        line.replace("UNDER", under).replace("ROOM", &room)
    }

    /// Runs `glovebox LINE`, as [`Self::begin`] does, to its end.
    pub fn run(&self, line: &str) -> Said {
        self.begin(line).end()
    }

    /// Runs `glovebox LINE`, which has to succeed; its standard output.
    pub fn ok(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, Some(0), "glovebox {line}: {}{}", said.out, said.err);
        said.out.trim().to_owned()
    }

    fn spawn(&self, name: &str, line: &str) -> Process {
        Process::start(name, line, self.folder.path(), &self.log())
    }

    fn log(&self) -> PathBuf {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(self.path("logs")).unwrap();
        self.path("logs").join(number.to_string())
    }

    /// Starts the host and waits until its enclave serves.
    pub fn start_host(&mut self) {
        self.start_host_with("");
    }

    /// The same with more options.
    pub fn start_host_with(&mut self, more: &str) {
        let address = self.address();
        let line = format!(
            "run --simulated --contract contract.toml.signed --dir host --listen {address} {more}"
        );
        let host = self.spawn("glovebox-host", &line);
        until("the enclave serves", || host.err().contains("is serving"));
        self.host = Some(host);
        // A party that was about to close the instance before may have closed this one already.
        let said = self.run("verify ROOM UNDER");
        let closed = said.code == Some(1) && said.err.contains("an owner has closed it");
        assert!(said.code == Some(0) || closed, "{}{}", said.out, said.err);
    }

    /// Starts a host that runs enclaves only for standing orders, and waits until it listens.
    pub fn start_scheduled_host(&mut self) {
        let address = self.address();
        let line = format!(
            "run --simulated --scheduled --linger-seconds 2 --contract contract.toml.signed --dir host \
             --listen {address}"
        );
        let host = self.spawn("glovebox-host", &line);
        until("the host listens", || host.err().contains("uploads"));
        self.host = Some(host);
    }

    /// `kill -9` of the host; its enclave must die with it.
    pub fn kill_host(&mut self) {
        let enclave = self.enclave();
        drop(self.host.take().unwrap());
        until("the enclave died with its host", || !enclave.as_ref().is_some_and(alive));
    }

    /// SIGTERM of the host, as an operator stops it; waits for its end.
    pub fn stop_host(&mut self) {
        let host = self.host.take().unwrap();
        host.terminate();
        let said = host.end();
        assert_eq!(said.code, Some(0), "{}", said.err);
    }

    /// `kill -9` of the enclave; waits until the host has started another.
    pub fn kill_enclave(&self) {
        let host = self.host.as_ref().unwrap();
        let served = |host: &Process| host.err().matches("is serving").count();
        let before = served(host);
        self.strike_enclave();
        until("another enclave serves", || served(host) > before);
    }

    /// `kill -9` of the enclave, and no waiting.
    pub fn strike_enclave(&self) {
        let mut enclave = None;
        until("there is an enclave", || {
            enclave = self.enclave();
            enclave.is_some()
        });
        let (pid, _) = enclave.unwrap();
        let killed = Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status().unwrap();
        assert!(killed.success());
    }

    /// Process id of the enclave and when it started, if it is one of this site.
    fn enclave(&self) -> Option<(u32, String)> {
        let pid =
            fs::read_to_string(self.path("host/run/enclave.pid")).ok()?.trim().parse().ok()?;
        let enclave = (pid, started(pid)?);
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let ours = fs::read_link(format!("/proc/{pid}/cwd")).ok()? == self.folder.path();
        (ours && command.contains("glovebox-enclave")).then_some(enclave)
    }

    /// Starts the retailer's custody.
    pub fn start_custody(&mut self) {
        let line = "custody serve UNDER --room ROOM --dir retailer";
        let custody = self.begin(&format!("{line} --listen 127.0.0.1:{}", self.custody_port));
        until("custody serves", || custody.out().contains("http://"));
        self.custody = Some(custody);
    }

    /// Starts the retailer's custody with what its folder says of its only room.
    pub fn start_custody_without_flags(&mut self) {
        let line = format!("custody serve --dir retailer --listen 127.0.0.1:{}", self.custody_port);
        let custody = self.begin(&line);
        until("custody serves", || custody.out().contains("http://"));
        self.custody = Some(custody);
    }

    /// Process id of the enclave that runs now.
    pub fn enclave_pid(&self) -> u32 {
        self.enclave().unwrap().0
    }

    /// Process id of the retailer's custody.
    pub fn custody_pid(&self) -> u32 {
        self.custody.as_ref().unwrap().pid()
    }

    /// Where the retailer's custody listens.
    pub fn custody_address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.custody_port))
    }

    /// `kill -9` of the retailer's custody.
    pub fn kill_custody(&mut self) {
        drop(self.custody.take().unwrap());
    }

    /// What the host tells its operator, with what its enclave says.
    pub fn host_said(&self) -> String {
        self.host.as_ref().unwrap().err()
    }

    /// What the retailer's custody tells its operator.
    pub fn custody_said(&self) -> String {
        self.custody.as_ref().unwrap().err()
    }

    /// Uploads both sealed files.
    pub fn upload(&self) {
        self.ok("upload ROOM publisher/exposures.sealed");
        self.ok("upload ROOM retailer/sales.sealed");
    }

    /// Writes `size` bytes and the publisher's manifest of them, as if it had sealed them. No two
    /// names have the same bytes.
    pub fn large_file(&self, name: &str, size: usize) -> Root {
        let seed = root_of(name.as_bytes());
        let bytes: Vec<u8> = seed.0.iter().copied().cycle().take(size).collect();
        let root = root_of(&bytes);
        let identity = Identity::load(&self.path("publisher")).unwrap();
        let manifest = Manifest {
            lineage: "exposures".to_owned(),
            version: 1,
            root,
            size: u64::try_from(size).unwrap(),
            declared: Declared::of(2048),
            columns: Vec::new(),
            aad_prefix: Vec::new(),
            opt_outs: None,
        };
        let manifest = identity.sign(&manifest).unwrap();
        fs::write(self.path(&format!("{name}.manifest")), manifest).unwrap();
        fs::write(self.path(&format!("{name}.sealed")), bytes).unwrap();
        root
    }

    /// How many bytes of the blob `root` are on the host's disk, and whether it is whole.
    pub fn stored(&self, root: Root) -> (u64, bool) {
        if let Ok(blob) = fs::metadata(self.path("host/blobs/datasets").join(root.to_string())) {
            return (blob.len(), true);
        }
        let parts = fs::read_dir(self.path("host/uploads")).unwrap().map(Result::unwrap);
        let part = parts
            .into_iter()
            .find(|part| part.file_name().to_string_lossy().starts_with(&root.to_string()));
        (part.map_or(0, |part| part.metadata().unwrap().len()), false)
    }

    /// The command by which `owner` grants its dataset.
    pub fn grant_of(owner: &str) -> String {
        let dataset = if owner == "publisher" { "exposures" } else { "sales" };
        format!(
            "grant ROOM UNDER --dataset {dataset} --manifest {owner}/{dataset}.manifest \
             --keys {owner}/{dataset}.keys --dir {owner}"
        )
    }

    /// Both owners grant.
    pub fn grant(&self) {
        self.ok(&Self::grant_of("publisher"));
        self.ok(&Self::grant_of("retailer"));
    }

    /// The command that submits question number `n`, each of which is another, under its own
    /// identity. Its price is [`price`].
    pub fn submit_of(&self, n: u32) -> String {
        let cap = 20 + n;
        let job = format!(
            "[lift]\nversion = 1\n[lift.assignment]\ncolumn = \"arm\"\ntest = [\"mens\"]\n\
             control = [\"none\"]\n[[lift.outcome]]\nname = \"visit\"\ntype = \"binary\"\n\
             [[lift.outcome]]\nname = \"spend\"\ntype = \"value\"\ncap_per_user = {cap}.0\n\
             [lift.privacy]\nepsilon = 0.5\ndelta = 1e-6\n"
        );
        fs::write(self.path(&format!("job-{n}.toml")), job).unwrap();
        format!(
            "job submit job-{n}.toml --room ROOM UNDER --dir publisher --receiver publisher \
             --receiver retailer --id {}",
            job_id(n)
        )
    }

    /// The name of question `n`, once the publisher has signed it.
    pub fn job_name(&self, n: u32) -> Option<String> {
        let signed = fs::read(self.path("contract.toml.signed")).unwrap();
        let contract = Contract::open(&signed).unwrap();
        fs::read_dir(self.path("publisher/jobs")).ok()?.find_map(|entry| {
            let job = SignedJob::open(
                &Authority::at_any_time(&contract),
                fs::read(entry.ok()?.path()).ok()?,
            )
            .ok()?;
            (hex::encode(job.job().id.0) == job_id(n)).then(|| job.name().to_string())
        })
    }

    /// Whether the host keeps a result of question `n`.
    pub fn has_result(&self, n: u32) -> bool {
        self.job_name(n)
            .is_some_and(|job| self.path("host/blobs/results").join(job).join("publisher").exists())
    }

    /// Opens the stored result of question `n` into a folder, checks its receipt with both programs,
    /// and returns the result's bytes.
    pub fn open_result(&self, n: u32, party: &str) -> Vec<u8> {
        let folder = format!("{party}/result-{n}");
        fs::create_dir_all(self.path(&folder)).unwrap();
        let job = self.job_name(n).unwrap();
        self.ok(&format!("result open --job {job} --room ROOM UNDER --dir {party} -o {folder}"));
        self.ok(&format!("receipt check {folder}/receipt.cbor {folder}/result.json UNDER"));
        let line = format!(
            "receipt {folder}/receipt.cbor {folder}/result.json --contract contract.toml \
             --build build.json --danger-root host/simulated-ca/root.der"
        );
        let said = self.spawn("attestation-verifier", &line).end();
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
        fs::read(self.path(&folder).join("result.json")).unwrap()
    }

    /// The ledger of `party`, of which everything that must always hold does.
    pub fn ledger(&self, party: &str) -> Ledger {
        let text = self.ok(&format!("budget --dir {party} --contract contract.toml.signed --json"));
        let json: Value = serde_json::from_str(&text).unwrap();
        let json = &json["result"];
        assert_eq!(json["restored"], false, "{text}");
        let budget = &json["budgets"][0];
        let number = |value: &Value| value.as_f64().unwrap();
        let mut taken = Vec::new();
        for instance in json["instances"].as_array().unwrap() {
            let sum = |field: &str| {
                let accounts = instance["accounts"].as_array().unwrap();
                accounts.iter().map(|account| number(&account[field])).sum::<f64>()
            };
            taken.push(Taken {
                instance: instance["instance"].as_str().unwrap().to_owned(),
                state: instance["state"].as_str().unwrap().to_owned(),
                granted: sum("granted_rho"),
                credited: sum("credited_rho"),
            });
        }
        let (used, allowed) = (number(&budget["used_rho"]), number(&budget["allowed_rho"]));
        let outstanding: f64 = taken.iter().map(|it| it.granted - it.credited).sum();
        assert!(used <= allowed, "more was handed out than the contract allows: {text}");
        assert!(
            close(used, outstanding),
            "{used} is used, the instances account for {outstanding}"
        );
        Ledger { used, taken }
    }

    /// What the instance that serves now says it was granted and has spent of `dataset`, in rho.
    pub fn account(&self, dataset: &str) -> (f64, f64) {
        let text = self.ok("job status --room ROOM UNDER --dir publisher --json");
        let status: Value = serde_json::from_str(&text).unwrap();
        let accounts = status["result"]["accounts"].as_array().unwrap();
        let account = accounts.iter().find(|account| account["dataset"] == dataset);
        let rho = |field: &str| account.map_or(0.0, |account| account[field].as_f64().unwrap());
        (rho("granted_rho"), rho("spent_rho"))
    }

    /// Digest of the instance that serves now.
    pub fn instance(&self) -> String {
        let text = self.ok("job status --room ROOM UNDER --dir publisher --json");
        let status: Value = serde_json::from_str(&text).unwrap();
        status["result"]["instance"].as_str().unwrap().to_owned()
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// One party's ledger.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests read it")]
pub struct Ledger {
    /// Handed out and not credited back, in rho.
    pub used: f64,
    /// By instance, oldest first.
    pub taken: Vec<Taken>,
}

/// What one instance took.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests read it")]
pub struct Taken {
    /// Its digest.
    pub instance: String,
    /// `open`, `not_closed` or `closed`.
    pub state: String,
    /// In rho.
    pub granted: f64,
    /// In rho.
    pub credited: f64,
}

impl Ledger {
    /// What `instance` took.
    pub fn of(&self, instance: &str) -> &Taken {
        self.taken.iter().find(|taken| taken.instance == instance).unwrap()
    }
}

/// Equal but for the last digits of a sum.
pub fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// The id of question `n`, by which it is submitted again.
pub fn job_id(n: u32) -> String {
    format!("{n:032x}")
}

/// Price of a job of [`Site::submit_of`], in rho, as the contract's parties compute it.
pub fn price() -> f64 {
    rho_of(0.5)
}

/// ε in rho, at the contract's δ.
pub fn rho_of(epsilon: f64) -> f64 {
    Rho::from_epsilon(Epsilon::new(epsilon).unwrap(), Delta::new(1e-6).unwrap()).value()
}

/// Everything under `folder`, by path.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn exposures() -> String {
    let mut csv = "email,arm,history,recency\n".to_owned();
    for person in 0..PEOPLE {
        let arm = ["mens", "womens", "none"][person % 3];
        writeln!(csv, "person{person}@example.com,{arm},{}.50,{}", person % 900, person % 12)
            .unwrap();
    }
    csv
}

fn sales() -> String {
    let mut csv = "email,visit,conversion,spend\n".to_owned();
    for person in 0..PEOPLE {
        let visit = usize::from(person % 10 < 2 + person % 3);
        let spend = visit * (person % 40);
        writeln!(csv, " Person{person}@Example.com,{visit},0,{spend}.99").unwrap();
    }
    csv
}

const PEOPLE: usize = 2000;
