//! The host: carries ciphertext between parties, an enclave and a disk. Trusted by nobody.
//!
//! One TCP port serves both: TLS connections are piped to the enclave untouched, everything else is
//! HTTP for the blob store. The enclave is a child process, a machine of QEMU's or a Nitro enclave;
//! it asks for blobs over a Unix socket or vsock. What is said on the wire:
//! `protocol/spec/storage-v1.md`.

mod clock;
mod config;
mod durable;
mod front;
mod http;
mod kms;
mod lock;
mod logs;
mod machine;
mod metrics;
mod owners;
mod pipe;
mod plan;
mod results;
mod schedule;
mod scrape;
mod service;
mod store;
mod supervisor;
mod trace;
mod transport;
mod uploads;
mod watched;

pub use clock::now;
pub use config::{Config, Enclave, Image, Limits};
pub use kms::Kms;
pub use transport::Transport;

use crate::{
    front::Front,
    metrics::Metrics,
    owners::Owners,
    schedule::Schedules,
    scrape::Scrape,
    service::Service,
    store::Store,
    trace::Trace,
    uploads::Uploads,
    watched::{Stop, Watched},
};
use protocol::{contract::Contract, storage::MAX_CONTRACT, time::Time};
use std::{
    fs::{self, File},
    io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// Starts a host; it runs until [`Host::shutdown`], and dies with the returned value.
///
/// The store serves at once; the enclave takes its own time ([`Host::serving`]).
///
/// # Errors
///
/// [`StartError`] if the directory, the contract, the port or the enclave binary is unusable.
pub async fn start(config: Config) -> Result<Host, StartError> {
    let (run, lock) = prepare(&config.dir)?;
    check_contract(&config.contract)?;
    let trace = traced(&config)?;
    // The enclave will refuse a contract that does not open; then there is no end to log, and nothing is scheduled.
    let contract = fs::read(&config.contract).ok().and_then(|signed| Contract::open(&signed).ok());
    let Kept { store, uploads, owners, metrics, limits } =
        Kept::open(&config, contract.as_ref()).map_err(using(&config.dir))?;
    let schedules = Schedules::of(&config, contract.as_ref())?;

    let (stop, stopping) = watch::channel(false);
    let service = Service::new(
        &config,
        store.clone(),
        trace.clone(),
        metrics.clone(),
        owners.clone(),
        schedules.clone(),
    );
    let service = Arc::new(service);
    let plan = plan::plan(&config, &run, &service)?;
    let (listener, address) = listen(config.listen, &run.join("address")).await?;
    let monitoring = monitoring(config.metrics, &run).await?;

    let plan::Plan { machine, watched, asks } = plan;
    service.is_for(&watched);
    let is_child = matches!(config.enclave, Enclave::Child { .. });
    let keeper = supervisor::Keeper::of(&watched, &metrics, &service, config.linger_seconds);
    let supervisor = keeper.supervise(machine, schedules.clone(), Stop(stopping));
    let ends = contract.as_ref().map(|contract| contract.expires);
    let http = Arc::new(http::Http {
        ends,
        simulated: config.simulated_ca.is_some(),
        store: Arc::clone(&store),
        uploads,
        owners,
        schedules,
        watched: watched.clone(),
        limits: limits.subscribe(),
        metrics: Arc::clone(&metrics),
    });
    let mut others = JoinSet::new();
    if let Some(monitoring) = monitoring {
        others.spawn(Scrape { http: Arc::clone(&http) }.serve(monitoring));
    }
    let limited = limits.subscribe();
    let front = Front { enclave: watched.clone(), http, limits: limited, metrics, trace };
    others.spawn(front.serve(listener));
    if let Some(asks) = asks {
        others.spawn(Arc::clone(&service).serve(asks));
    }
    let ending = ends.map(|ends| AbortOnDrop(tokio::spawn(tell_of_end(ends))));
    if is_child && !config.scheduled {
        watched.first_start().await;
    }
    Ok(Host {
        address,
        max_connections: config.limits.max_connections,
        limits,
        store,
        service,
        stop,
        supervisor,
        others,
        watched,
        run,
        _ending: ending,
        _lock: lock,
    })
}

/// The host's directory, for this process alone: where what runs is told, and the lock on it.
fn prepare(dir: &Path) -> Result<(PathBuf, File), StartError> {
    let run = dir.join("run");
    private_directory(dir)?;
    private_directory(&run)?;
    let lock = lock::take(&run.join("lock"))?;
    Ok((run, lock))
}

/// Where what the host sees is written down, if anywhere.
fn traced(config: &Config) -> Result<Arc<Trace>, StartError> {
    let trace = match &config.trace {
        None => Trace::off(),
        Some(path) => Trace::to_file(path).map_err(using(path))?,
    };
    Ok(Arc::new(trace))
}

/// What is on disk, what is counted of it, and how much it may be.
struct Kept {
    store: Arc<Store>,
    uploads: Arc<Uploads>,
    owners: Arc<Owners>,
    metrics: Arc<Metrics>,
    limits: watch::Sender<Limits>,
}

impl Kept {
    fn open(config: &Config, contract: Option<&Contract>) -> io::Result<Self> {
        let store = Arc::new(Store::open(&config.dir, &config.limits)?);
        let metrics = Arc::new(Metrics::new());
        let (limits, limited) = watch::channel(config.limits.clone());
        let (folder, kept) = (config.dir.join("uploads"), Arc::clone(&store));
        let uploads = Arc::new(Uploads::open(&folder, kept, limited, Arc::clone(&metrics))?);
        let owners = Arc::new(Owners::open(&config.dir, Arc::clone(&store))?);
        if let Some(contract) = contract {
            store.shared_by(contract.parties.keys().cloned().collect());
            owners.of(contract.clone());
        }
        Ok(Self { store, uploads, owners, metrics, limits })
    }
}

/// Listens for monitoring, if the operator says where, on loopback alone.
async fn monitoring(at: Option<SocketAddr>, run: &Path) -> Result<Option<TcpListener>, StartError> {
    match at {
        Some(at) if !at.ip().is_loopback() => Err(StartError::Metrics { address: at }),
        Some(at) => Ok(Some(listen(at, &run.join(METRICS_ADDRESS)).await?.0)),
        // A host that was killed may have left the address of a port that is nobody's now.
        None => {
            let file = run.join(METRICS_ADDRESS);
            durable::remove_if_there(&file).map_err(using(&file))?;
            Ok(None)
        }
    }
}

/// Listens where the operator says, and leaves the address in a `file` of the host's directory.
async fn listen(at: SocketAddr, file: &Path) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |cause| StartError::Listen { address: at, cause };
    let listener = TcpListener::bind(at).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    fs::write(file, format!("{address}\n")).map_err(using(file))?;
    Ok((listener, address))
}

/// A running host.
#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    limits: watch::Sender<Limits>,
    /// Those that it was started with, which its port keeps.
    max_connections: usize,
    store: Arc<Store>,
    service: Arc<Service>,
    stop: watch::Sender<bool>,
    /// Aborted when this is dropped, like the others; its child is killed with the task.
    supervisor: JoinSet<bool>,
    others: JoinSet<()>,
    watched: Watched,
    run: PathBuf,
    _ending: Option<AbortOnDrop>,
    _lock: File,
}

impl Host {
    /// The address on which the host listens. If port 0 was asked for, it has the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts up with so much from here on; what is under way goes on. Returns what takes effect at the next start only.
    pub fn reload(&self, limits: Limits) -> Vec<&'static str> {
        self.store.allow(&limits);
        let other = self.max_connections != limits.max_connections;
        self.limits.send_replace(limits);
        other.then_some("limits.max_connections").into_iter().collect()
    }

    /// What the host puts up with now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits.borrow().clone()
    }

    /// The process id of the enclave, or of what runs it; `None` between two enclaves and with [`Enclave::External`].
    #[must_use]
    pub fn enclave_pid(&self) -> Option<u32> {
        self.watched.pid()
    }

    /// Waits at most `patience` for the enclave to accept connections, and returns whether it does.
    pub fn serving(&self, patience: Duration) -> impl Future<Output = bool> + use<> {
        let watched = self.watched.clone();
        async move { watched.connect(patience).await.is_ok() }
    }

    /// Waits until a part of the host ends that nobody asked to end. After such a fault the host
    /// would look alive, but start no enclave again or serve nobody.
    pub async fn failed(&mut self) {
        let all = !self.supervisor.is_empty();
        tokio::select! {
            Some(_) = self.supervisor.join_next(), if all => {}
            Some(_) = self.others.join_next() => {}
            else => std::future::pending().await,
        }
    }

    /// Ends everything, and returns whether the enclave is gone too: `nitro-cli` may refuse, and
    /// the log then says why.
    ///
    /// The instance is told first, and gets some seconds to finish what it does and to leave its
    /// closing, without which everything that was handed to it counts as spent.
    ///
    /// A simulated one gets five seconds to end by itself; `nitro-cli` is asked up to three times, for
    /// half a minute each.
    pub async fn shutdown(mut self) -> bool {
        self.service.ask_to_leave();
        if !self.watched.farewell(FAREWELL).await {
            tracing::warn!(
                "the instance left no closing within {} s: what was handed to it and not spent is lost",
                FAREWELL.as_secs()
            );
        }
        self.others.abort_all();
        self.stop.send_replace(true);
        let mut gone = true;
        while let Some(ended) = self.supervisor.join_next().await {
            gone &= ended.unwrap_or(false);
        }
        for name in ["address", METRICS_ADDRESS, "enclave.sock", "host.sock"] {
            // A leftover file does no harm: the next start replaces it.
            let _ = fs::remove_file(self.run.join(name));
        }
        gone
    }
}

/// Tells the operator when the contract has ended. Nothing that runs is changed by that.
async fn tell_of_end(ends: Time) {
    // The wait is in steps, since timers stand still while a machine sleeps.
    while now() < ends {
        let left = Duration::from_millis(ends.0.saturating_sub(now().0));
        sleep(left.min(LOOK_AGAIN)).await;
    }
    tracing::warn!(
        "the contract ended at {ends}: the enclave declines every question; the parties close the room \
         (glovebox close) and sign a new contract"
    );
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why a host did not start.
///
/// Remedy: change the option, folder or address that is named, and start the host again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file or directory cannot be used.
    #[error("using {path}", path = .path.display())]
    Use {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// Another host runs in this directory.
    #[error("another glovebox-host runs in {dir}", dir = .dir.display())]
    Taken {
        /// The directory's `run`.
        dir: PathBuf,
    },
    /// The contract file is too large to be one.
    #[error("found a contract of {bytes} bytes in {path}, expected at most {MAX_CONTRACT}", path = .path.display())]
    Contract {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// Not an enclave image.
    #[error("found no enclave image in {path}, expected a file that begins with `.eif`", path = .path.display())]
    Image {
        /// The file.
        path: PathBuf,
    },
    /// The enclave's questions have nowhere to arrive.
    #[error("listening on vsock port {port}, which one glovebox-host of an instance can have")]
    Vsock {
        /// The port.
        port: u32,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// A path would be misread by the programs it is given to.
    #[error("found a comma in {path}, expected none: QEMU and its vsock device split there", path = .path.display())]
    Comma {
        /// The path.
        path: PathBuf,
    },
    /// A Unix socket's path does not fit into the system's address.
    #[error("found a socket path of {length} bytes ({path}), expected at most {max}: choose a shorter --dir", path = .path.display(), max = plan::MAX_SOCKET_PATH)]
    SocketPath {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// Monitoring would be served to others.
    #[error(
        "found {address} for metrics, expected a loopback address: whoever reaches it sees when the room is busy. To read it \
         from elsewhere, let an agent on this machine ask"
    )]
    Metrics {
        /// The address.
        address: SocketAddr,
    },
    /// The TCP port cannot be opened.
    #[error("listening on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
}

/// Closes only a directory that it makes: one that was there before may also serve others.
fn private_directory(path: &Path) -> Result<(), StartError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(using(path))?;
    let mode = fs::metadata(path).map_err(using(path))?.permissions().mode();
    if mode & OTHERS != 0 {
        let path = path.display();
        tracing::warn!("{path} is open to others of this machine; to close it: chmod 700 {path}");
    }
    Ok(())
}

/// Checks the contract file now: the enclave will ask for it later, and a wrong name should show at
/// once.
fn check_contract(path: &Path) -> Result<(), StartError> {
    let bytes = File::open(path).and_then(|file| file.metadata()).map_err(using(path))?.len();
    if usize::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_CONTRACT) {
        Ok(())
    } else {
        Err(StartError::Contract { path: path.to_owned(), bytes })
    }
}

fn using(path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.to_owned();
    move |cause| StartError::Use { path, cause }
}

/// Where the address for monitoring is left, in the host's `run`.
const METRICS_ADDRESS: &str = "metrics-address";
/// The bits of a file's mode that give rights to its group and to everybody else.
pub const OTHERS: u32 = 0o077;
/// Time for an instance to finish a job and to leave its closing.
const FAREWELL: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[tokio::test]
    async fn a_host_whose_supervisor_ended_by_itself_says_that_it_failed() {
        let dir = tempfile::tempdir().unwrap();
        let contract = dir.path().join("contract");
        fs::write(&contract, "").unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = Config::simulated(&contract, dir.path(), listen, Enclave::External);
        let mut host = start(config).await.unwrap();
        let failed = tokio::time::timeout(Duration::from_millis(50), host.failed()).await;
        assert!(failed.is_err(), "nothing has ended");
        host.supervisor.spawn(async { panic!("as a fault would") });
        host.failed().await;
    }
}
