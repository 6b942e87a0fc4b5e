//! Writes down what the host sees, for the test that compares the traces of neighbouring data.

use serde::Serialize;
use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// A file of JSON lines in the order of events, or nothing. Holds no time and no content.
#[derive(Debug)]
pub(crate) struct Trace(Option<Mutex<File>>);

/// An event that the host sees.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub(crate) enum Seen<'a> {
    /// The enclave asked for something.
    Ask {
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        analyst: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        offset: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        length: Option<u64>,
    },
    /// A connection to the enclave ended; bytes each way.
    Pipe { to_enclave: u64, from_enclave: u64 },
}

impl Trace {
    /// A trace that writes nothing.
    pub(crate) fn off() -> Self {
        Self(None)
    }

    /// Appends to the file at `path`.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn to_file(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self(Some(Mutex::new(file))))
    }

    /// Writes one line. A trace that cannot be written must not stop the room: it is logged.
    pub(crate) fn note(&self, seen: &Seen<'_>) {
        let Some(file) = &self.0 else { return };
        let written = serde_json::to_vec(seen).map_err(io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
        });
        if let Err(cause) = written {
            tracing::error!(%cause, "writing the trace");
        }
    }
}
