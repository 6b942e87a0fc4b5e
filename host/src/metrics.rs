//! What an operator's monitoring reads: counts and states of this host, in the text form of Prometheus.
//!
//! Nothing here depends on rows; `host/METRICS.md` says of each figure where the host has it from.

use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use protocol::storage::ProblemCode;
use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Everything that is counted, and where what is only looked at is put before it is read.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    starts: Counter,
    deaths: Family<Died, Counter>,
    boot_seconds: Histogram,
    connections: Family<Outcome, Counter>,
    declined: Family<Code, Counter>,
    uploads: Counter,
    results: Family<Outcome, Counter>,
    results_lost: Counter,
    logs: Family<Outcome, Counter>,
    logs_removed: Counter,
    closings: Counter,
    states: Family<State, Amount>,
    contract_ends: Amount,
    blob_bytes: Amount,
    promised_bytes: Amount,
    quota_bytes: Amount,
    free_bytes: Amount,
    unfinished: Amount,
    results_limit_bytes: Amount,
    logs_limit_bytes: Amount,
}

type Amount = Gauge<u64, AtomicU64>;

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Died {
    cause: &'static str,
    served: &'static str,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Code {
    code: &'static str,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct State {
    state: &'static str,
}

/// What became of a party's connection to the enclave.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Connection {
    /// It was carried.
    Carried,
    /// Others had all places for too long.
    NoPlace,
    /// No enclave accepted it.
    NoEnclave,
}

/// What became of a result, or of a part of its log, that the enclave gave to the host.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept {
    /// It is on disk.
    Stored,
    /// There is no room for it.
    NoRoom,
    /// Other bytes have its name.
    Conflict,
    /// The disk failed.
    Failed,
}

/// What is looked at when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Looked {
    /// One of [`STATES`].
    pub(crate) state: &'static str,
    pub(crate) enclave_starts: u64,
    /// Seconds since 1970; 0 if the contract cannot be read.
    pub(crate) contract_ends: u64,
    pub(crate) blob_bytes: u64,
    pub(crate) promised_bytes: u64,
    pub(crate) quota_bytes: u64,
    pub(crate) free_bytes: u64,
    pub(crate) unfinished: u64,
    pub(crate) results_limit_bytes: u64,
    pub(crate) results_lost: u64,
    pub(crate) logs_limit_bytes: u64,
    pub(crate) logs_removed: u64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("glovebox_host"),
            starts: Counter::default(),
            deaths: Family::default(),
            boot_seconds: Histogram::new(BOOT_SECONDS),
            connections: Family::default(),
            declined: Family::default(),
            uploads: Counter::default(),
            results: Family::default(),
            results_lost: Counter::default(),
            logs: Family::default(),
            logs_removed: Counter::default(),
            closings: Counter::default(),
            states: Family::default(),
            contract_ends: Amount::default(),
            blob_bytes: Amount::default(),
            promised_bytes: Amount::default(),
            quota_bytes: Amount::default(),
            free_bytes: Amount::default(),
            unfinished: Amount::default(),
            results_limit_bytes: Amount::default(),
            logs_limit_bytes: Amount::default(),
        };
        metrics.begin_at_zero();
        metrics.register();
        metrics
    }

    /// Makes every value of every label exist: an alert on a count that has not been there yet never fires.
    fn begin_at_zero(&self) {
        for cause in DEATHS {
            for served in [SERVED, NEVER_SERVED] {
                drop(self.deaths.get_or_create(&Died { cause, served }));
            }
        }
        for outcome in [Connection::Carried, Connection::NoPlace, Connection::NoEnclave] {
            drop(self.connections.get_or_create(&Outcome { outcome: outcome.name() }));
        }
        for outcome in [Kept::Stored, Kept::NoRoom, Kept::Conflict, Kept::Failed] {
            drop(self.results.get_or_create(&Outcome { outcome: outcome.name() }));
            drop(self.logs.get_or_create(&Outcome { outcome: outcome.name() }));
        }
        for code in CODES {
            drop(self.declined.get_or_create(&Code { code: name_of(code) }));
        }
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let counters = [
            ("enclave_starts", "Enclaves that were started", &self.starts),
            ("uploads_stored", "Uploads that were completed and checked", &self.uploads),
            (
                "results_lost",
                "Results that made room before anybody had fetched them",
                &self.results_lost,
            ),
            ("logs_removed", "Audit logs of earlier instances that made room", &self.logs_removed),
            ("closings", "Closings that instances left", &self.closings),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "enclave_deaths",
            "Enclaves that ended by themselves",
            self.deaths.clone(),
        );
        let help = "From the start of an enclave until it serves";
        registry.register("enclave_boot_seconds", help, self.boot_seconds.clone());
        let help =
            "Connections of parties to the enclave, each of which begins with one attestation";
        registry.register("enclave_connections", help, self.connections.clone());
        registry.register(
            "requests_declined",
            "Requests to the store that were declined",
            self.declined.clone(),
        );
        registry.register(
            "results",
            "Results that the enclave gave to the host",
            self.results.clone(),
        );
        registry.register(
            "log_records",
            "Parts of its audit log that the enclave gave to the host",
            self.logs.clone(),
        );
        registry.register(
            "enclave_state",
            "1 for the state that health tells, 0 for the others",
            self.states.clone(),
        );
        let amounts = [
            (
                "contract_end_timestamp_seconds",
                "When the contract ends; 0 if it cannot be read",
                &self.contract_ends,
            ),
            ("blob_bytes", "Bytes of all blobs, results, logs and closings", &self.blob_bytes),
            (
                "promised_bytes",
                "The same, and the whole sizes of unfinished uploads",
                &self.promised_bytes,
            ),
            ("quota_bytes", "What promised_bytes may come to", &self.quota_bytes),
            ("disk_free_bytes", "What the file system has left", &self.free_bytes),
            ("uploads_unfinished", "Uploads that were begun and not finished", &self.unfinished),
            ("results_limit_bytes", "What all results may take", &self.results_limit_bytes),
            ("logs_limit_bytes", "What all audit logs may take", &self.logs_limit_bytes),
        ];
        for (name, help, amount) in amounts {
            registry.register(name, help, amount.clone());
        }
    }

    /// An enclave ended by itself, for one of the causes in [`DEATHS`].
    pub(crate) fn died(&self, cause: &'static str, had_served: bool) {
        let served = if had_served { SERVED } else { NEVER_SERVED };
        self.deaths.get_or_create(&Died { cause, served }).inc();
    }

    /// An enclave serves, so long after it was started.
    pub(crate) fn booted(&self, took: Duration) {
        self.boot_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn connection(&self, became: Connection) {
        self.connections.get_or_create(&Outcome { outcome: became.name() }).inc();
    }

    pub(crate) fn declined(&self, code: ProblemCode) {
        self.declined.get_or_create(&Code { code: name_of(code) }).inc();
    }

    pub(crate) fn uploaded(&self) {
        self.uploads.inc();
    }

    pub(crate) fn result(&self, became: Kept) {
        self.results.get_or_create(&Outcome { outcome: became.name() }).inc();
    }

    pub(crate) fn log(&self, became: Kept) {
        self.logs.get_or_create(&Outcome { outcome: became.name() }).inc();
    }

    pub(crate) fn closing(&self) {
        self.closings.inc();
    }

    /// All of it, as monitoring reads it.
    ///
    /// # Errors
    ///
    /// None in practice: it is written into memory.
    pub(crate) fn text(&self, looked: &Looked) -> Result<String, fmt::Error> {
        for state in STATES {
            self.states.get_or_create(&State { state }).set(u64::from(state == looked.state));
        }
        self.starts.inner().store(looked.enclave_starts, Ordering::Relaxed);
        self.results_lost.inner().store(looked.results_lost, Ordering::Relaxed);
        self.logs_removed.inner().store(looked.logs_removed, Ordering::Relaxed);
        for (amount, now) in [
            (&self.contract_ends, looked.contract_ends),
            (&self.blob_bytes, looked.blob_bytes),
            (&self.promised_bytes, looked.promised_bytes),
            (&self.quota_bytes, looked.quota_bytes),
            (&self.free_bytes, looked.free_bytes),
            (&self.unfinished, looked.unfinished),
            (&self.results_limit_bytes, looked.results_limit_bytes),
            (&self.logs_limit_bytes, looked.logs_limit_bytes),
        ] {
            amount.set(now);
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Connection {
    fn name(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::NoPlace => "no_place",
            Self::NoEnclave => "no_enclave",
        }
    }
}

impl Kept {
    fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::NoRoom => "no_room",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }
}

/// A code as it is written on the wire.
fn name_of(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::BadRequest => "bad_request",
        ProblemCode::Forbidden => "forbidden",
        ProblemCode::NotFound => "not_found",
        ProblemCode::WrongOffset => "wrong_offset",
        ProblemCode::WrongSize => "wrong_size",
        ProblemCode::TooLarge => "too_large",
        ProblemCode::WrongRoot => "wrong_root",
        ProblemCode::TooManyUploads => "too_many_uploads",
        ProblemCode::Busy => "busy",
        ProblemCode::QuotaExceeded => "quota_exceeded",
        ProblemCode::DiskFull => "disk_full",
        ProblemCode::Io => "io",
        _ => "other",
    }
}

const CODES: [ProblemCode; 12] = [
    ProblemCode::BadRequest,
    ProblemCode::Forbidden,
    ProblemCode::NotFound,
    ProblemCode::WrongOffset,
    ProblemCode::WrongSize,
    ProblemCode::TooLarge,
    ProblemCode::WrongRoot,
    ProblemCode::TooManyUploads,
    ProblemCode::Busy,
    ProblemCode::QuotaExceeded,
    ProblemCode::DiskFull,
    ProblemCode::Io,
];
/// The states that health tells.
pub(crate) const STATES: [&str; 6] =
    ["serving", "starting", "stopped", "closed", "contract_ended", "waiting"];
/// Why enclaves end by themselves.
pub(crate) const DEATHS: [&str; 8] =
    ["ended", "silent", "deaf", "wedged", "vanished", "unknown", "nitro_cli", "system"];
const SERVED: &str = "yes";
const NEVER_SERVED: &str = "no";
const BOOT_SECONDS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 45.0, 90.0, 180.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_called_as_on_the_wire() {
        for code in CODES {
            assert_eq!(serde_json::to_value(code).unwrap(), name_of(code));
        }
    }
}
