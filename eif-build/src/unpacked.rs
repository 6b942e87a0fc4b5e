//! Whether the files in the ramdisks are those that the kernel will find.

use crate::{cpio, ramdisk};
use std::collections::BTreeMap;

/// What keeps a reader of `ramdisks` from knowing the files that will be there, in words.
///
/// # Source
///
/// `init/initramfs.c` of the kernel: ramdisks stand in memory one after the other and are unpacked
/// over each other; so is every archive and every compressed member in them.
pub(crate) fn doubts(ramdisks: &[&[u8]]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut first_in = BTreeMap::<String, usize>::new();
    let mut start = 0_usize;
    for (index, disk) in ramdisks.iter().enumerate() {
        // Elsewhere the kernel may stop.
        let found = start.is_multiple_of(4);
        start = start.saturating_add(disk.len());
        let bytes = ramdisk::uncompressed(disk).filter(|_| found);
        let Some(Ok(archive)) = bytes.as_deref().map(cpio::read) else {
            lines.push(format!(
                "the files of ramdisk {index} cannot be told: found other than one cpio archive \
                 (newc), plain or as one gzip member, and zeros"
            ));
            continue;
        };
        for (path, entry) in &archive {
            if path.split('/').any(|part| part == "..") {
                lines.push(format!("ramdisk {index} has a path with `..` in it: {path:?}"));
                continue;
            }
            let name = name(path);
            // Of another file, perhaps in another ramdisk.
            if entry.mode & cpio::KIND == cpio::SYMBOLIC_LINK {
                lines.push(format!("ramdisk {index} has {path:?}, a symbolic link"));
            }
            match first_in.get(&name) {
                _ if name.is_empty() => {}
                Some(first) if *first == index => {
                    lines.push(format!("ramdisk {index} has {name:?} twice"));
                }
                Some(first) => lines.push(format!(
                    "ramdisk {index} replaces {name:?} of ramdisk {first}: PCR1 does not cover it"
                )),
                None => drop(first_in.insert(name, index)),
            }
        }
    }
    lines
}

/// The one way to write `path`, of the many that the kernel takes.
fn name(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpio::{Archive, Entry};

    fn disk(files: &[(&str, Entry<'_>)]) -> Vec<u8> {
        let files = files.iter().map(|(path, entry)| ((*path).to_owned(), entry.clone()));
        cpio::write(&files.collect::<Archive<'_>>()).unwrap()
    }

    fn program(path: &str) -> Vec<u8> {
        disk(&[(path, Entry::program(b"x"))])
    }

    #[track_caller]
    fn doubt(ramdisks: &[&[u8]]) -> String {
        let found: [String; 1] = doubts(ramdisks).try_into().unwrap();
        found.concat()
    }

    #[test]
    fn a_later_ramdisk_that_replaces_pid_1_is_noticed_however_it_writes_its_name() {
        let boot = program("init");
        assert!(doubts(&[&boot, &program("enclave")]).is_empty());
        for path in ["init", "./init", "/init", "x/..//init"] {
            let expected = "ramdisk 1 replaces \"init\" of ramdisk 0: PCR1 does not cover it";
            let odd = "ramdisk 1 has a path with `..` in it: \"x/..//init\"";
            let found = doubt(&[&boot, &program(path)]);
            assert_eq!(found, if path.contains("..") { odd } else { expected }, "{path}");
        }
        let twice = disk(&[("init", Entry::file(b"")), ("./init", Entry::file(b""))]);
        assert_eq!(doubt(&[&twice]), "ramdisk 0 has \"init\" twice");
    }

    /// The kernel unpacks all of them, so whoever reads only the first is deceived.
    #[test]
    fn a_second_member_or_archive_behind_the_first_is_a_doubt() {
        let (boot, enclave, evil) = (program("init"), program("enclave"), program("init"));
        let gzip = |bytes: &[u8]| ramdisk::compressed(bytes).unwrap();
        assert!(doubts(&[&boot, &gzip(&enclave)]).is_empty());
        for second in [
            [gzip(&enclave), gzip(&evil)].concat(),
            [gzip(&enclave), evil.clone()].concat(),
            [enclave.clone(), evil.clone()].concat(),
            [enclave.clone(), gzip(&evil)].concat(),
            gzip(&[enclave.clone(), evil.clone()].concat()),
        ] {
            assert!(doubt(&[&boot, &second]).starts_with("the files of ramdisk 1 cannot be told"));
        }
    }

    /// The kernel's gunzip skips a name and no other optional field: it would take an extra field
    /// for the content.
    #[test]
    fn a_gzip_header_that_the_kernel_reads_in_another_way_is_a_doubt() {
        let mut builder = flate2::GzBuilder::new();
        builder = builder.extra(b"what the kernel would unpack".to_vec());
        let mut encoder = builder.write(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &program("init")).unwrap();
        assert!(doubt(&[&encoder.finish().unwrap()]).contains("cannot be told"));
    }

    #[test]
    fn an_archive_that_begins_where_the_kernel_does_not_look_is_a_doubt() {
        let (boot, second) = ([program("init"), vec![0]].concat(), program("enclave"));
        assert!(doubt(&[&boot, &second]).contains("ramdisk 1 cannot be told"));
        let second = ramdisk::compressed(&second).unwrap();
        assert!(doubt(&[&boot, &second]).contains("ramdisk 1 cannot be told"));
    }

    /// Ours has none. By one, what runs may lie in another ramdisk than its name.
    #[test]
    fn a_symbolic_link_is_a_doubt() {
        for (path, target) in [("etc", b"/".as_slice()), ("init", b"enclave")] {
            let link = Entry { mode: cpio::SYMBOLIC_LINK | 0o777, ..Entry::file(target) };
            let expected = format!("ramdisk 0 has {path:?}, a symbolic link");
            assert_eq!(doubt(&[&disk(&[(path, link)]), &program("enclave")]), expected);
        }
    }
}
