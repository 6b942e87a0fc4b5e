//! What to start, as the boot ramdisk says: `/etc/enclave`, written by `eif-build`.

use sha2::{Digest, Sha384};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The enclave that belongs to this boot ramdisk, and its arguments.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Order {
    sha384: [u8; 48],
    bytes: u64,
    arguments: Vec<String>,
}

impl Order {
    /// Reads the order at `path`.
    ///
    /// # Errors
    ///
    /// [`OrderError`] if there is none of this version.
    pub(crate) fn read(path: &Path) -> Result<Self, OrderError> {
        let text = std::fs::read_to_string(path).map_err(OrderError::Reading)?;
        Self::parse(&text).ok_or(OrderError::Malformed)
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n')?;
        let mut lines = text.split('\n');
        if lines.next()? != FORMAT {
            return None;
        }
        let mut sha384 = [0; 48];
        hex::decode_to_slice(lines.next()?.strip_prefix("sha384 ")?, &mut sha384).ok()?;
        let bytes = lines.next()?.strip_prefix("bytes ")?.parse().ok()?;
        let argument = |line: &str| line.strip_prefix("argument ").map(str::to_owned);
        let arguments = lines.map(argument).collect::<Option<_>>()?;
        Some(Self { sha384, bytes, arguments })
    }

    /// Checks that the program at `path` is the one that was ordered.
    ///
    /// The registers cover it already. This notices a ramdisk that the kernel could not unpack to
    /// the end, of which it only prints a line and goes on.
    ///
    /// # Errors
    ///
    /// [`OrderError`] if it is another, or cut off.
    pub(crate) fn check(&self, path: &Path) -> Result<(), OrderError> {
        let mut file = File::open(path).map_err(OrderError::Opening)?;
        let found = file.metadata().map_err(OrderError::Opening)?.len();
        if found != self.bytes {
            return Err(OrderError::Length { found, expected: self.bytes });
        }
        let mut hash = Sha384::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = file.read(&mut chunk).map_err(OrderError::Opening)?;
            if length == 0 {
                break;
            }
            hash.update(chunk.get(..length).unwrap_or_default());
        }
        if hash.finalize().as_slice() == self.sha384 { Ok(()) } else { Err(OrderError::Digest) }
    }

    /// What to give it.
    pub(crate) fn arguments(&self) -> &[String] {
        &self.arguments
    }
}

/// The image does not fit together, or was not unpacked to the end.
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
    #[error("the enclave is not the one that this boot ramdisk names")]
    Digest,
}

const FORMAT: &str = "glovebox enclave v1";
const CHUNK: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, the example of SHA-384 for "abc".
    const ABC: &str = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba\
        1e7cc2358baeca134c825a7";

    fn order(rest: &str) -> String {
        format!("glovebox enclave v1\nsha384 {ABC}\n{rest}")
    }

    #[test]
    fn reads_the_order_that_eif_build_writes() {
        let read = Order::parse(&order("bytes 3\nargument --one\nargument two words\n")).unwrap();
        assert_eq!(read.arguments(), ["--one", "two words"]);
        assert_eq!(read.bytes, 3);
        assert!(Order::parse(&order("bytes 3\n")).unwrap().arguments().is_empty());
    }

    #[test]
    fn refuses_an_order_of_another_form() {
        for text in [
            String::new(),
            order(""),
            order("bytes 3"),
            order("bytes three\n"),
            order("bytes 3\n\n"),
            order("bytes 3\nrun me\n"),
            order("bytes 3\n").replace("v1", "v2"),
            order("bytes 3\n").replace("cb00", "cb0"),
        ] {
            assert_eq!(Order::parse(&text), None, "{text:?}");
        }
    }

    #[test]
    fn accepts_the_enclave_that_was_ordered_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("enclave");
        let order = Order::parse(&order("bytes 3\n")).unwrap();
        std::fs::write(&path, "abc").unwrap();
        order.check(&path).unwrap();
        std::fs::write(&path, "abd").unwrap();
        assert!(matches!(order.check(&path), Err(OrderError::Digest)));
        std::fs::write(&path, "ab").unwrap();
        let found = order.check(&path);
        assert!(matches!(found, Err(OrderError::Length { found: 2, expected: 3 })));
    }
}
