//! Names of the objects an enclave keeps at the host.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// `results/{job}/{name}`, `closings/{instance}`, or `logs/{instance}/{record}`.
///
/// Each part behind the first is 1 to 96 of `a-z 0-9 -` and begins with no `-`; 96 is the length of a
/// SHA-384 digest in hex. So a name is a safe path as it is.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct ObjectName(String);

impl ObjectName {
    /// The name of one object of a job's result.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] if a part is not as above.
    pub fn result(job: &str, name: &str) -> Result<Self, InvalidName> {
        format!("results/{job}/{name}").parse()
    }

    /// The name of an instance's closing statement.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] if the part is not as above.
    pub fn closing(instance: &str) -> Result<Self, InvalidName> {
        format!("closings/{instance}").parse()
    }

    /// The name of the opening of an instance's audit log.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] if the part is not as above.
    pub fn log_opening(instance: &str) -> Result<Self, InvalidName> {
        format!("{LOGS}{instance}/{OPENING}").parse()
    }

    /// The name of the record of one entry of an instance's audit log.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] if the part is not as above.
    pub fn log_record(instance: &str, number: u64) -> Result<Self, InvalidName> {
        format!("{LOGS}{instance}/{number}").parse()
    }

    /// The instance of whose audit log the object is a part.
    #[must_use]
    pub fn log_of(&self) -> Option<&str> {
        self.0.strip_prefix(LOGS)?.split('/').next()
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let valid = match text.split('/').collect::<Vec<_>>().as_slice() {
            ["results", job, name] => is_part(job) && is_part(name),
            ["closings", instance] => is_part(instance),
            ["logs", instance, record] => {
                is_part(instance) && (*record == OPENING || is_number(record))
            }
            _ => false,
        };
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName { length: text.len() }) }
    }
}

impl TryFrom<String> for ObjectName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> Self {
        name.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not the name of an object. It is not repeated here, since it came from outside.
///
/// Remedy: ask for a result, a closing or a log by the name that `glovebox` prints for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "found {length} bytes that are not an object name, expected results/JOB/NAME, closings/INSTANCE or \
     logs/INSTANCE/NUMBER with parts of 1 to 96 of a-z, 0-9 and -"
)]
pub struct InvalidName {
    /// Length of the text in bytes.
    pub length: usize,
}

fn is_part(part: &str) -> bool {
    (1..=MAX_PART).contains(&part.len())
        && !part.starts_with('-')
        && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// The one form of a number.
fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
}

/// Where the logs of instances are, below all blobs and objects.
pub const LOGS: &str = "logs/";
/// The last part of the name of a log's opening.
const OPENING: &str = "opening";
const MAX_PART: usize = 96;
