//! How long the enclave is, as the boot ramdisk says: `/etc/enclave`, written by `eif-build`.

use std::{fs, io, path::Path};

/// The enclave that belongs to this boot ramdisk.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Order {
    bytes: u64,
}

impl Order {
    /// Reads the order at `path`.
    ///
    /// # Errors
    ///
    /// [`OrderError`] if there is none of this version.
    pub(crate) fn read(path: &Path) -> Result<Self, OrderError> {
        let text = fs::read_to_string(path).map_err(OrderError::Reading)?;
        Self::parse(&text).ok_or(OrderError::Malformed)
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n')?;
        let mut lines = text.split('\n');
        if lines.next()? != FORMAT {
            return None;
        }
        let bytes = lines.next()?.strip_prefix("bytes ")?.parse().ok()?;
        lines.next().is_none().then_some(Self { bytes })
    }

    /// Checks that the program at `path` is there to its end.
    ///
    /// Its bytes are in PCR0 and PCR2. But the kernel goes on after a ramdisk that it could not unpack
    /// for lack of memory, and only prints a line, which nobody sees outside of debug mode.
    ///
    /// # Errors
    ///
    /// [`OrderError`] if it is cut off.
    pub(crate) fn check(&self, path: &Path) -> Result<(), OrderError> {
        let found = fs::metadata(path).map_err(OrderError::Opening)?.len();
        if found == self.bytes {
            Ok(())
        } else {
            Err(OrderError::Length { found, expected: self.bytes })
        }
    }
}

/// The image does not fit together, or was not unpacked to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    #[error("reading the order: {0}")]
    Reading(io::Error),
    #[error("the order is not of the form \"{FORMAT}\"")]
    Malformed,
    #[error("reading the enclave: {0}")]
    Opening(io::Error),
    #[error("the enclave has {found} bytes, expected {expected}: was there too little memory?")]
    Length { found: u64, expected: u64 },
}

const FORMAT: &str = "glovebox enclave v1";

#[cfg(test)]
mod tests {
    use super::*;

    fn order(rest: &str) -> String {
        format!("glovebox enclave v1\n{rest}")
    }

    #[test]
    fn refuses_an_order_of_another_form() {
        for text in [
            String::new(),
            order(""),
            order("bytes 3"),
            order("bytes three\n"),
            order("bytes 3\n\n"),
            order("bytes 3\nargument --x\n"),
            order("bytes 3\n").replace("v1", "v2"),
        ] {
            assert_eq!(Order::parse(&text), None, "{text:?}");
        }
    }

    #[test]
    fn notices_an_enclave_that_was_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("enclave");
        let order = Order::parse(&order("bytes 3\n")).unwrap();
        fs::write(&path, "abc").unwrap();
        order.check(&path).unwrap();
        fs::write(&path, "ab").unwrap();
        let found = order.check(&path);
        assert!(matches!(found, Err(OrderError::Length { found: 2, expected: 3 })));
    }
}
