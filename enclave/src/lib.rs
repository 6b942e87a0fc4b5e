//! The enclave's shell: boot, session, TLS, keys, dispatch, results, audit.
//!
//! A life is `Booted -> Contracted -> Attested -> Serving -> Closed`, with one contract and one
//! statement. Datasets are opened while it serves, and a job runs on an `Unlocked` view of them.

mod attest;
mod audit;
mod clock;
pub mod console;
mod dispatch;
mod entropy;
mod gate;
mod grant;
mod history;
mod job;
mod kms;
mod life;
mod link;
#[cfg(feature = "other-tally")]
mod other_tally;
mod progress;
mod ready;
mod records;
mod results;
mod run;
mod serve;
mod session;
mod shares;
mod standing;
mod tls;
mod transport;
mod vault;

pub use life::{LifeError, live};
pub use link::{Host, HostError, StreamHost};
#[cfg(feature = "other-tally")]
pub use other_tally::OtherTally;
pub use serve::serve;
pub use session::{Attested, BootError, Booted, Contracted, Serving};
pub use tls::TlsError;
pub use transport::{
    Later, Listener, Stream, TcpTransport, Transport, UnixTransport, VsockTransport,
};

#[cfg(test)]
#[path = "../../tests/support/room.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
mod room;
