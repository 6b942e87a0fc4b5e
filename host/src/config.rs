//! What an operator decides.

use crate::{kms::Kms, transport::Transport};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// How a host runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The contract file, given to the enclave as it is.
    pub contract: PathBuf,
    /// Where everything is kept.
    pub dir: PathBuf,
    /// The one TCP address for TLS and uploads; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who runs the enclave.
    pub enclave: Enclave,
    /// Where the simulated enclave keeps its certificate authority; `None` with a real one.
    pub simulated_ca: Option<PathBuf>,
    /// Where monitoring reads `/metrics`: a loopback address; `None` serves it nowhere.
    pub metrics: Option<SocketAddr>,
    /// Where AWS KMS is asked, if owners hand over keys by it.
    pub kms: Option<Kms>,
    /// Write down what the host sees of every job, as JSON lines.
    pub trace: Option<PathBuf>,
    /// Run an enclave only while a run of a standing order is due.
    pub scheduled: bool,
    /// How long an enclave stays after its run was answered, so that owners' services hear of it.
    pub linger_seconds: u64,
    /// What the host puts up with.
    pub limits: Limits,
}

impl Config {
    /// A host of a simulated enclave in `dir`, with the defaults for everything else.
    #[must_use]
    pub fn simulated(contract: &Path, dir: &Path, listen: SocketAddr, enclave: Enclave) -> Self {
        Self {
            contract: contract.to_owned(),
            dir: dir.to_owned(),
            listen,
            enclave,
            simulated_ca: Some(dir.join("simulated-ca")),
            metrics: None,
            kms: None,
            trace: None,
            scheduled: false,
            linger_seconds: 30,
            limits: Limits::default(),
        }
    }

    /// A host of an image, with the defaults for everything else.
    #[must_use]
    pub fn of_image(contract: &Path, dir: &Path, listen: SocketAddr, enclave: Enclave) -> Self {
        Self { simulated_ca: None, ..Self::simulated(contract, dir, listen, enclave) }
    }
}

/// Who runs the enclave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Enclave {
    /// A child process on `DIR/run/enclave.sock`, started again when it dies.
    Child {
        /// Its executable.
        binary: PathBuf,
    },
    /// Somebody else, who listens on `DIR/run/enclave.sock` or will.
    External,
    /// QEMU's `nitro-enclave` machine: the image as it ships, on a machine without Nitro.
    Qemu {
        /// What to boot.
        image: Image,
        /// `qemu-system-x86_64`, with that machine.
        binary: PathBuf,
        /// The program that carries vsock.
        vhost_device_vsock: PathBuf,
        /// What documents say the module's name is.
        module_id: String,
        /// `tcg` or `kvm`.
        accel: String,
        /// More words for the kernel's command line. QEMU does not measure them; Nitro has no such
        /// way in.
        append: Option<String>,
    },
    /// A Nitro parent instance.
    Nitro {
        /// What to boot.
        image: Image,
        /// The `nitro-cli` program.
        nitro_cli: PathBuf,
        /// [`Transport::Vsock`] to `image.cid`; tests have no vsock.
        transport: Transport,
    },
}

/// An image and the machine it gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Image {
    /// The enclave image file; an absolute path.
    pub eif: PathBuf,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Processors.
    pub cpus: u32,
    /// Its vsock context id, above 3.
    pub cid: u32,
    /// Show the enclave's console in the log. On Nitro its PCRs are then zero, and no party believes
    /// it.
    pub debug: bool,
    /// So long an enclave may take until it accepts connections.
    pub boot_seconds: u64,
    /// The `glovebox-host` binary, which keeps what is started from outliving the host.
    pub keeper: PathBuf,
}

impl Image {
    /// `eif` with the defaults for everything else.
    #[must_use]
    pub fn new(eif: &Path, keeper: &Path) -> Self {
        Self {
            eif: eif.to_owned(),
            memory_mib: 1024,
            cpus: 2,
            cid: 16,
            debug: false,
            boot_seconds: 120,
            keeper: keeper.to_owned(),
        }
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.boot_seconds)
    }
}

/// What the host puts up with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Largest blob, in bytes.
    pub max_blob_bytes: u64,
    /// Sum of all blobs and of the sizes of all unfinished uploads, in bytes.
    pub quota_bytes: u64,
    /// Sum of all results that enclaves have stored, in bytes: an even share for each party of the contract.
    /// Those of instances that are over make room.
    pub results_bytes: u64,
    /// Sum of the audit logs that enclaves have stored, in bytes. Those of instances that are over make room as a whole, the oldest
    /// first; an instance whose own log finds no room answers nothing more.
    pub logs_bytes: u64,
    /// Unfinished uploads at one time.
    pub max_uploads: usize,
    /// TCP connections at one time.
    pub max_connections: usize,
    /// A connection without a byte for so long is closed.
    pub idle_seconds: u64,
    /// An unfinished upload without a byte for so long is forgotten.
    pub abandoned_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_blob_bytes: 64 * GIB,
            quota_bytes: 256 * GIB,
            results_bytes: 16 * GIB,
            logs_bytes: 16 * GIB,
            max_uploads: 64,
            max_connections: 512,
            idle_seconds: 900,
            abandoned_seconds: 7 * 86_400,
        }
    }
}

const GIB: u64 = 1 << 30;
