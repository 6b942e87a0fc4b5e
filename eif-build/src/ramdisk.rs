//! The two ramdisks: the first boots (PCR1), the second is the application (PCR2).

use crate::{
    cpio::{self, Archive, CpioError, Entry},
    digest::sha384,
};
use flate2::{Compression, GzBuilder, bufread::GzDecoder};
use std::{
    borrow::Cow,
    io::{self, Read, Write},
};

/// The first ramdisk: PID 1, the two devices it begins with, the directories it mounts on, and
/// `/etc/enclave`, digest and length of the enclave, by which PID 1 notices a ramdisk that was not unpacked to its end.
///
/// # Errors
///
/// [`CpioError`] if a file is too large.
pub fn boot(init: &[u8], enclave: &[u8]) -> Result<Vec<u8>, CpioError> {
    let order = format!("{ORDER}\nsha384 {}\nbytes {}\n", sha384(enclave), enclave.len());
    let mut archive: Archive<'_> =
        DIRECTORIES.iter().map(|directory| ((*directory).to_owned(), Entry::directory())).collect();
    // The kernel opens it for PID 1's output before PID 1 can mount anything.
    archive.insert("dev/console".to_owned(), Entry::device(5, 1));
    // If it cannot, this is what Rust's runtime opens instead before `main`, or else it aborts.
    archive.insert("dev/null".to_owned(), Entry::device(1, 3));
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

/// All that `ramdisk` has, decompressed if it is gzip, as long as that stays below a bound: none if
/// more than zeros follow the first member.
pub(crate) fn uncompressed(ramdisk: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !is_gzip(ramdisk) {
        return Some(Cow::Borrowed(ramdisk));
    }
    if !ramdisk.starts_with(PLAIN_GZIP) {
        return None;
    }
    let mut decoder = GzDecoder::new(ramdisk);
    let mut bytes = Vec::new();
    decoder.by_ref().take(LARGEST_RAMDISK).read_to_end(&mut bytes).ok()?;
    let whole = u64::try_from(bytes.len()).ok()? < LARGEST_RAMDISK;
    let alone = decoder.into_inner().iter().all(|byte| *byte == 0);
    (whole && alone).then_some(Cow::Owned(bytes))
}

fn is_gzip(ramdisk: &[u8]) -> bool {
    ramdisk.starts_with(&[0x1f, 0x8b])
}

/// The first line of what PID 1 reads; `enclave/init/src/order.rs` is the other half, and has it in
/// its program.
pub(crate) const ORDER: &str = "glovebox enclave v1";
/// Deflate, no optional fields: of those, the kernel's gunzip knows less than ours.
const PLAIN_GZIP: &[u8] = &[0x1f, 0x8b, 8, 0];
const DIRECTORIES: &[&str] = &["dev", "etc", "proc", "run", "sys", "tmp"];
/// A bound, so that a small file cannot fill the memory of whoever compares it: four times what the
/// enclave has. An image has two, and no more are held at once.
const LARGEST_RAMDISK: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_ramdisk_has_pid_1_and_names_the_enclave() {
        let bytes = boot(b"init", b"abc").unwrap();
        let archive = cpio::read(&bytes).unwrap();
        // FIPS 180-4, the example of SHA-384 for "abc".
        let order = "glovebox enclave v1\nsha384 cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163\
            1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7\nbytes 3\n";
        assert_eq!(archive["etc/enclave"], Entry::file(order.as_bytes()));
        assert_eq!(archive["init"], Entry::program(b"init"));
        // Documentation/admin-guide/devices.txt of the kernel.
        assert_eq!(archive["dev/console"], Entry::device(5, 1));
        assert_eq!(archive["dev/null"], Entry::device(1, 3));
    }

    #[test]
    fn pid_1_still_reads_what_is_written_for_it() {
        let order = include_str!("../../enclave/init/src/order.rs");
        assert!(order.contains(&format!("const FORMAT: &str = \"{ORDER}\";")));
    }

    #[test]
    fn gzip_says_neither_name_nor_time_and_keeps_the_alignment() {
        let bytes = compressed(b"some bytes, some bytes").unwrap();
        assert_eq!(&bytes[3..8], [0, 0, 0, 0, 0]);
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(uncompressed(&bytes).unwrap(), b"some bytes, some bytes".as_slice());
    }

    #[test]
    fn what_would_fill_the_memory_is_not_unpacked() {
        let zeros = |length: u64| {
            let mut encoder = GzBuilder::new().write(Vec::new(), Compression::fast());
            io::copy(&mut io::repeat(0).take(length), &mut encoder).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(uncompressed(&zeros(256 << 20)), None);
        assert_eq!(uncompressed(&zeros(1 << 20)).unwrap().len(), 1 << 20);
    }
}
