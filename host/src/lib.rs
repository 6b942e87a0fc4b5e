//! The host: carries ciphertext between parties, an enclave and a disk. Trusted by nobody.
//!
//! One TCP port serves both: TLS connections are piped to the enclave untouched, everything else is
//! HTTP for the blob store. The enclave runs as a child process and asks for blobs over a Unix
//! socket. What is said on the wire: `protocol/spec/storage-v1.md`.

mod config;
mod durable;
mod front;
mod http;
mod pipe;
mod service;
mod store;
mod supervisor;
mod trace;
mod uploads;

pub use config::{Config, Enclave, Limits};

use crate::{front::Front, service::Service, store::Store, trace::Trace, uploads::Uploads};
use protocol::storage::MAX_CONTRACT;
use std::{
    fs::{self, File, TryLockError},
    io,
    net::SocketAddr,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::watch,
    task::JoinSet,
};

/// Starts a host; it runs until [`Host::shutdown`], and dies with the returned value.
///
/// The store serves at once; the enclave takes its own time ([`Host::serving`]).
///
/// # Errors
///
/// [`StartError`] if the directory, the contract, the port or the enclave binary is unusable.
pub async fn start(config: Config) -> Result<Host, StartError> {
    let run = config.dir.join("run");
    private_directory(&config.dir)?;
    private_directory(&run)?;
    let lock = exclusive(&run.join("lock"))?;
    let sockets = Sockets { enclave: run.join("enclave.sock"), host: run.join("host.sock") };
    check_contract(&config.contract)?;
    let trace = match &config.trace {
        None => Trace::off(),
        Some(path) => Trace::to_file(path).map_err(using(path))?,
    };
    let trace = Arc::new(trace);
    let store = Arc::new(Store::open(&config.dir).map_err(using(&config.dir))?);
    let uploads = Uploads::open(&config.dir.join("uploads"), Arc::clone(&store), &config.limits)
        .map_err(using(&config.dir))?;

    let asks = sockets.bind()?;
    let listener = TcpListener::bind(config.listen).await;
    let listener =
        listener.map_err(|cause| StartError::Listen { address: config.listen, cause })?;
    let address = listener.local_addr();
    let address = address.map_err(|cause| StartError::Listen { address: config.listen, cause })?;
    let address_file = run.join("address");
    fs::write(&address_file, format!("{address}\n")).map_err(using(&address_file))?;

    let (stop, stopping) = watch::channel(false);
    let watched = supervisor::Watched::default();
    let mut tasks = JoinSet::new();
    if let Enclave::Child { binary } = &config.enclave {
        let command = supervisor::Child {
            binary: binary.clone(),
            arguments: config.enclave_arguments(&sockets.enclave, &sockets.host),
            pid_file: run.join("enclave.pid"),
            socket: sockets.enclave.clone(),
        };
        let first = command.spawn(&watched).map_err(using(binary))?;
        tasks.spawn(supervisor::keep_alive(command, first, watched.clone(), stopping));
    }
    let others = [
        tokio::spawn(Service::new(config.contract, store.clone(), trace.clone()).serve(asks)),
        tokio::spawn(
            Front {
                enclave: sockets.enclave.clone(),
                http: Arc::new(http::Http {
                    enclave: sockets.enclave.clone(),
                    simulated: config.simulated_ca.is_some(),
                    store,
                    uploads: Arc::new(uploads),
                    watched: watched.clone(),
                }),
                limits: config.limits,
                trace,
            }
            .serve(listener),
        ),
    ];
    let others = others.map(|task| task.abort_handle()).into();
    Ok(Host { address, sockets, stop, supervisor: tasks, others, watched, run, _lock: lock })
}

/// A running host.
#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    sockets: Sockets,
    stop: watch::Sender<bool>,
    supervisor: JoinSet<()>,
    others: Vec<tokio::task::AbortHandle>,
    watched: supervisor::Watched,
    run: PathBuf,
    _lock: File,
}

impl Host {
    /// Where it listens; the real port if port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The child's process id; `None` between two enclaves and with [`Enclave::External`].
    #[must_use]
    pub fn enclave_pid(&self) -> Option<u32> {
        self.watched.pid()
    }

    /// Waits at most `patience` for the enclave to accept connections; says whether it does.
    pub async fn serving(&self, patience: Duration) -> bool {
        pipe::connect(&self.sockets.enclave, patience).await.is_ok()
    }

    /// Ends everything: closes the enclave's standard input, gives it five seconds, then kills it.
    pub async fn shutdown(mut self) {
        self.others.iter().for_each(tokio::task::AbortHandle::abort);
        self.stop.send_replace(true);
        while self.supervisor.join_next().await.is_some() {}
        for name in ["address", "enclave.sock", "host.sock"] {
            // A leftover does no harm: the next start replaces it.
            let _ = fs::remove_file(self.run.join(name));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The supervisor's task is aborted with its set, and its child is killed with the task.
        self.others.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file or directory cannot be used.
    #[error("using {path}", path = .path.display())]
    Use {
        /// Which.
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
    /// A Unix socket's path does not fit into the system's address.
    #[error("found a socket path of {length} bytes ({path}), expected at most {MAX_SOCKET_PATH}: choose a shorter --dir", path = .path.display())]
    SocketPath {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
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

#[derive(Debug)]
struct Sockets {
    enclave: PathBuf,
    host: PathBuf,
}

impl Sockets {
    fn bind(&self) -> Result<UnixListener, StartError> {
        for path in [&self.enclave, &self.host] {
            let length = path.as_os_str().as_bytes().len();
            if length > MAX_SOCKET_PATH {
                return Err(StartError::SocketPath { path: path.clone(), length });
            }
        }
        durable::remove_if_there(&self.host).map_err(using(&self.host))?;
        UnixListener::bind(&self.host).map_err(using(&self.host))
    }
}

fn private_directory(path: &Path) -> Result<(), StartError> {
    let made = fs::create_dir_all(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o700)));
    made.map_err(using(path))
}

fn exclusive(path: &Path) -> Result<File, StartError> {
    let lock = File::create(path).map_err(using(path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(StartError::Taken { dir: path.parent().unwrap_or(path).to_owned() })
        }
        Err(TryLockError::Error(cause)) => Err(StartError::Use { path: path.to_owned(), cause }),
    }
}

/// The enclave will ask for the file later; a wrong name should show now.
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

/// `sun_path` of `sockaddr_un` holds 108 bytes, the last of which is zero (unix(7)).
const MAX_SOCKET_PATH: usize = 107;
