//! The two ramdisks: the first boots (PCR1), the second is the application (PCR2).

use crate::{
    cpio::{self, Archive, CpioError, Entry},
    measure::sha384,
};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use std::io::{self, Read, Write};

/// The first ramdisk: PID 1, the empty directories it mounts on, and what it must start.
///
/// `/etc/enclave` names the digest, length and arguments of the enclave, so that the boot register
/// changes with the application, and so that PID 1 notices a ramdisk that was cut off.
///
/// # Errors
///
/// [`CpioError`] if a file is too large.
pub fn boot(init: &[u8], enclave: &[u8], arguments: &[String]) -> Result<Vec<u8>, CpioError> {
    let order = order(enclave, arguments);
    let mut archive: Archive<'_> =
        DIRECTORIES.iter().map(|directory| ((*directory).to_owned(), Entry::directory())).collect();
    // The kernel opens it for PID 1's output before PID 1 can mount anything.
    archive.insert("dev/console".to_owned(), Entry::device(5, 1));
    archive.insert("etc/enclave".to_owned(), Entry::file(order.as_bytes()));
    archive.insert("init".to_owned(), Entry::program(init));
    cpio::write(&archive)
}

/// The second ramdisk: the enclave.
///
/// # Errors
///
/// [`CpioError`] if it is too large.
pub fn application(enclave: &[u8]) -> Result<Vec<u8>, CpioError> {
    cpio::write(&Archive::from([("enclave".to_owned(), Entry::program(enclave))]))
}

/// What PID 1 reads; `enclave/init/src/order.rs` is the other half.
fn order(enclave: &[u8], arguments: &[String]) -> String {
    let arguments: String =
        arguments.iter().map(|argument| format!("argument {argument}\n")).collect();
    format!("{ORDER}\nsha384 {}\nbytes {}\n{arguments}", sha384(enclave), enclave.len())
}

/// `ramdisk` in gzip without name or time, filled up with zeros so that the next one is aligned.
///
/// # Errors
///
/// None in practice: it writes to memory.
pub fn compressed(ramdisk: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(ramdisk)?;
    let mut bytes = encoder.finish()?;
    cpio::pad(&mut bytes);
    Ok(bytes)
}

/// The archive's bytes, decompressed if they are gzip, as long as they stay below a bound.
pub(crate) fn uncompressed(ramdisk: &[u8]) -> Option<Vec<u8>> {
    if !ramdisk.starts_with(&[0x1f, 0x8b]) {
        return Some(ramdisk.to_vec());
    }
    let mut bytes = Vec::new();
    GzDecoder::new(ramdisk).take(LARGEST_RAMDISK).read_to_end(&mut bytes).ok()?;
    (u64::try_from(bytes.len()).ok()? < LARGEST_RAMDISK).then_some(bytes)
}

const ORDER: &str = "glovebox enclave v1";
const DIRECTORIES: &[&str] = &["dev", "etc", "proc", "run", "sys", "tmp"];
/// A bound, so that a small file cannot fill the memory of whoever compares it.
const LARGEST_RAMDISK: u64 = 2 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_ramdisk_names_the_enclave_by_its_digest() {
        let bytes = boot(b"init", b"abc", &["--one".to_owned()]).unwrap();
        let archive = cpio::read(&bytes).unwrap();
        // FIPS 180-4, the example of SHA-384 for "abc".
        let order = "glovebox enclave v1\nsha384 cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163\
            1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7\nbytes 3\nargument --one\n";
        assert_eq!(archive["etc/enclave"], Entry::file(order.as_bytes()));
        assert_eq!(archive["init"], Entry::program(b"init"));
    }

    #[test]
    fn gzip_says_neither_name_nor_time_and_keeps_the_alignment() {
        let bytes = compressed(b"some bytes, some bytes").unwrap();
        assert_eq!(&bytes[3..8], [0, 0, 0, 0, 0]);
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(uncompressed(&bytes).unwrap(), b"some bytes, some bytes");
    }
}
