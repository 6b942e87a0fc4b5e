//! Which enclave to start, as the boot ramdisk says: `/etc/enclave`, written by `eif-build`.

use sha2::{Digest, Sha384};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// Length and digest of the enclave that belongs to this boot ramdisk.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Order {
    sha384: [u8; 48],
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
        let mut sha384 = [0; 48];
        hex::decode_to_slice(lines.next()?.strip_prefix("sha384 ")?, &mut sha384).ok()?;
        let bytes = lines.next()?.strip_prefix("bytes ")?.parse().ok()?;
        lines.next().is_none().then_some(Self { sha384, bytes })
    }

    /// Checks that the program at `path` is the one that was ordered.
    ///
    /// The registers cover it as it is in the image. But a kernel that has too little memory to unpack
    /// all of it, which the operator decides, prints a line that nobody sees outside of debug mode,
    /// goes on, and leaves a file of the right length that ends in zeros.
    ///
    /// # Errors
    ///
    /// [`OrderError`] if it is another.
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
}

/// The image does not fit together, or was not unpacked to its end.
///
/// Remedy: give the enclave more memory (`--memory-mib`), or take the image again as it was built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    #[error("reading the order: {0}")]
    Reading(io::Error),
    #[error("the order is not of the form \"{FORMAT}\"")]
    Malformed,
    #[error("reading the enclave: {0}: was there too little memory?")]
    Opening(io::Error),
    #[error("the enclave has {found} bytes, expected {expected}")]
    Length { found: u64, expected: u64 },
    #[error("the enclave is not the one of this boot ramdisk: was there too little memory?")]
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
    fn refuses_an_order_of_another_form() {
        for text in [
            String::new(),
            order(""),
            order("bytes 3"),
            order("bytes three\n"),
            order("bytes 3\n\n"),
            order("bytes 3\nargument --x\n"),
            order("bytes 3\n").replace("v1", "v2"),
            order("bytes 3\n").replace("cb00", "cb0"),
        ] {
            assert_eq!(Order::parse(&text), None, "{text:?}");
        }
    }

    #[test]
    fn accepts_the_enclave_that_was_ordered_and_none_that_ends_in_zeros() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("enclave");
        let order = Order::parse(&order("bytes 3\n")).unwrap();
        fs::write(&path, "abc").unwrap();
        order.check(&path).unwrap();
        fs::write(&path, "ab\0").unwrap();
        assert!(matches!(order.check(&path), Err(OrderError::Digest)));
        fs::write(&path, "ab").unwrap();
        let found = order.check(&path);
        assert!(matches!(found, Err(OrderError::Length { found: 2, expected: 3 })));
    }
}
