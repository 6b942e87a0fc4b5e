//! An instance's life from boot to serving, the same for every module and transport.

use crate::{
    kms,
    link::{Host, HostError, StreamHost, Word},
    serve::serve,
    session::{BootError, Booted},
    transport::Transport,
};
use nsm::Nsm;
use privacy::sampler::Exact;
use std::{io, sync::Arc, time::Duration};

/// Boots on `nsm`, opens the contract that `host` has, and serves at `listen` until the process
/// ends. `kind` begins the line that says so.
///
/// # Errors
///
/// [`LifeError`] if it does not come up.
pub async fn live(
    nsm: Arc<dyn Nsm>,
    host: StreamHost,
    listen: &dyn Transport,
    kind: &str,
) -> Result<(), LifeError> {
    host.wait(HOST_PATIENCE).await?;
    let host = Arc::new(host);
    let store: Arc<dyn Host> = Arc::<StreamHost>::clone(&host);
    let attested = Booted::boot(nsm, store)?.contract().await?.attest()?;
    let instance = attested.instance().short();
    let seed = attested.noise_seed()?;
    let serving = attested.open(Box::new(Exact::from_seed(*seed)), memory_bytes()?)?;
    // The enclave listens no earlier, since who can connect may rely on an answer.
    let listener = listen.listen()?;
    tracing::info!("{kind}instance {instance} is serving");
    let serving = Arc::new(serving);
    let leaving = Arc::clone(&serving);
    tokio::spawn(async move {
        loop {
            match host.word().await {
                Word::End => break,
                Word::Grant(bytes) => {
                    // Files are long, and the operator may want to stop meanwhile.
                    let taking = Arc::clone(&leaving);
                    tokio::spawn(async move { kms::take(&taking, &bytes).await });
                }
            }
        }
        leaving.leave().await;
    });
    serve(serving, listener).await;
    Ok(())
}

/// Memory for data, in bytes: half of the machine's. The rest is for the image, the connections and
/// the answer.
fn memory_bytes() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    half_of(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Half of `MemTotal`, which is in KiB (proc_meminfo(5)), in bytes.
fn half_of(meminfo: &str) -> Option<u64> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(512)
}

/// Why an enclave did not start.
///
/// Remedy: start the host again; the console of an enclave with --debug shows this line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifeError {
    /// The host's store did not answer in time.
    #[error("waiting for the host's store: {0}")]
    Host(#[from] HostError),
    /// The module, the contract or the keys failed.
    #[error("{0}")]
    Boot(#[from] BootError),
    /// A socket or `/proc/meminfo` cannot be used.
    #[error("{0}")]
    Io(#[from] io::Error),
}

const HOST_PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::half_of;

    #[test]
    fn takes_half_of_the_memory_that_there_is() {
        let text = "MemTotal:        2030516 kB\nMemFree:         1000000 kB\n";
        assert_eq!(half_of(text), Some(1_039_624_192));
        assert_eq!(half_of("MemFree: 1 kB\n"), None);
        assert_eq!(half_of("MemTotal: much kB\n"), None);
    }
}
