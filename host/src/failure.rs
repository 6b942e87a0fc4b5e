//! Why a command could not do its work.

use host::StartError;
use protocol::{contract::OpenContractError, time::Time};
use std::{io, net::SocketAddr, path::PathBuf, process::ExitCode};

/// Why a command could not do its work.
///
/// Remedy: change the option or the file that is named; `glovebox-host run --help` lists them all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    /// An option is neither on the command line nor in the file.
    #[error("{option} is missing: give it here or in the file of --config")]
    Missing { option: &'static str },
    /// No option says how to run the enclave.
    #[error("found no mode, expected one of --simulated, --qemu EIF and --nitro EIF")]
    NoMode,
    /// Several options say how to run the enclave.
    #[error("found {many} modes, expected one of --simulated, --qemu EIF and --nitro EIF")]
    Modes { many: usize },
    /// The context id cannot be an enclave's.
    #[error("found cid {found}, expected one above 3: those below belong to hypervisor and host")]
    Cid { found: u32 },
    /// AWS KMS would be asked through another machine.
    #[error(
        "found {found} for KMS, expected a loopback address: what listens there signs with this machine's credentials whatever it is sent"
    )]
    Kms { found: SocketAddr },
    /// An option gives the enclave no memory or no processor.
    #[error("found {option} 0, expected at least 1")]
    Zero { option: &'static str },
    /// The PCRs of an image are in its build manifest; this program cannot tell them.
    #[error(
        "found neither --simulated nor --build-manifest FILE: `eif-build measure EIF` computes the PCRs of an image"
    )]
    NoPcrs,
    /// A file that should name a build's registers does not.
    #[error("{path} names no build: {why}", path = .path.display())]
    Manifest { path: PathBuf, why: String },
    /// The configuration file cannot be read.
    #[error("reading {path}", path = .path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The configuration file is malformed.
    #[error("{path}, line {line}: {text}", path = .path.display())]
    Config { path: PathBuf, line: usize, text: String },
    /// The contract is malformed, or a party has not signed it.
    #[error("opening {path} (`glovebox contract sign` makes what is needed)", path = .path.display())]
    Contract {
        path: PathBuf,
        #[source]
        cause: OpenContractError,
    },
    /// The contract has no signature at all.
    #[error("{path} is not signed yet: give the .signed file that `glovebox contract sign` makes", path = .path.display())]
    Unsigned { path: PathBuf },
    /// The contract has ended, so nobody could ask anything.
    #[error("the contract in {path} ended at {expired}: agree on a new one (glovebox contract new, with supersedes)", path = .path.display())]
    Ended { path: PathBuf, expired: Time },
    /// A program cannot be run.
    #[error("running {path}", path = .path.display())]
    Program {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The process that started this one has ended.
    #[error("the process named by --parent is not this one's parent, or has ended")]
    NoParent,
    /// The host did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The operating system failed.
    #[error("asking the operating system")]
    System(#[source] io::Error),
}

impl Failure {
    /// The exit code: 1 for a failure that may pass by itself (a port may become free), 2 for one
    /// that a person has to mend.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::System(_)
            | Self::Start(
                StartError::Listen { .. } | StartError::Taken { .. } | StartError::Vsock { .. },
            ) => ExitCode::FAILURE,
            Self::Read { cause, .. } | Self::Start(StartError::Use { cause, .. })
                if may_pass(cause) =>
            {
                ExitCode::FAILURE
            }
            _ => ExitCode::from(2),
        }
    }
}

/// Whether the error may pass: a full disk, too many open files, or a device in trouble, rather
/// than a wrong path.
fn may_pass(cause: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, OutOfMemory, ResourceBusy, StorageFull, TimedOut};
    matches!(cause.kind(), Interrupted | OutOfMemory | ResourceBusy | StorageFull | TimedOut)
        || cause.raw_os_error().is_some_and(|code| TROUBLE.contains(&code))
}

/// The codes EIO, ENFILE and EMFILE, which have no error kind of their own.
const TROUBLE: [i32; 3] = [5, 23, 24];
