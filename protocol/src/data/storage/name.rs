//! Names of the objects an enclave keeps at the host.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// `results/{job}/{name}` or `closings/{instance}`.
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
/// Remedy: ask for a result or a closing by the name that `glovebox` prints for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "found {length} bytes that are not an object name, expected results/JOB/NAME or closings/INSTANCE \
     with parts of 1 to 96 of a-z, 0-9 and -"
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

const MAX_PART: usize = 96;
