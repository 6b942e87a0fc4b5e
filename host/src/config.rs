//! What an operator decides.

use serde::Deserialize;
use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
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
    /// Who listens on `DIR/run/enclave.sock`.
    pub enclave: Enclave,
    /// Where the simulated enclave keeps its certificate authority; `None` with a real one.
    pub simulated_ca: Option<PathBuf>,
    /// Write down what the host sees of every job, as JSON lines.
    pub trace: Option<PathBuf>,
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
            trace: None,
            limits: Limits::default(),
        }
    }

    /// The arguments of a child enclave.
    pub(crate) fn enclave_arguments(&self, enclave: &Path, host: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            vec!["--listen-unix".into(), enclave.into(), "--host-unix".into(), host.into()];
        if let Some(authority) = &self.simulated_ca {
            arguments.extend(["--simulated-ca".into(), authority.into()]);
        }
        arguments
    }
}

/// Who listens on `DIR/run/enclave.sock`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Enclave {
    /// A child process, started again when it dies.
    Child {
        /// Its executable.
        binary: PathBuf,
    },
    /// Somebody else, who is already there or will be.
    External,
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
            max_uploads: 64,
            max_connections: 512,
            idle_seconds: 900,
            abandoned_seconds: 7 * 86_400,
        }
    }
}

const GIB: u64 = 1 << 30;
