//! Where two images differ, in words.

use crate::{
    cpio::{self, Archive, Entry},
    measure::registers,
    parse::Eif,
    ramdisk,
    signature::SignatureError,
};
use std::collections::BTreeSet;

/// One line for each difference; none if the images are equal in every section.
#[must_use]
pub fn differences(a: &Eif<'_>, b: &Eif<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if a.kernel != b.kernel {
        lines.push(format!("kernel: {}", bytes(a.kernel, b.kernel)));
    }
    if a.command_line != b.command_line {
        let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        let (a, b) = (text(a.command_line), text(b.command_line));
        lines.push(format!("command line: {a:?} and {b:?}"));
    }
    if a.ramdisks.len() != b.ramdisks.len() {
        lines.push(format!("ramdisks: {} and {}", a.ramdisks.len(), b.ramdisks.len()));
    }
    for (index, (a, b)) in a.ramdisks.iter().zip(&b.ramdisks).enumerate() {
        if a != b {
            let role = if index == 0 { "boot" } else { "application" };
            let found = ramdisks(a, b);
            lines.extend(found.into_iter().map(|line| format!("ramdisk {index} ({role}): {line}")));
        }
    }
    if a.metadata != b.metadata {
        lines.push(format!("metadata (not measured): {}", bytes(a.metadata, b.metadata)));
    }
    match (a.signature, b.signature) {
        (Some(a), Some(b)) if a != b => {
            lines.push(format!("signature (measured by its certificate only): {}", bytes(a, b)));
        }
        (Some(_), None) => lines.push("signature: only the first is signed".to_owned()),
        (None, Some(_)) => lines.push("signature: only the second is signed".to_owned()),
        _ => {}
    }
    if (a.aarch64, a.defaults) != (b.aarch64, b.defaults) {
        lines.push("header (not measured): architecture, default memory or processors".to_owned());
    }
    lines
}

/// The registers that differ, by index; one that only one image has is among them.
///
/// # Errors
///
/// [`SignatureError`] if a signature does not hold, so that PCR8 cannot be told.
pub fn differing_registers(a: &Eif<'_>, b: &Eif<'_>) -> Result<Vec<u8>, SignatureError> {
    let (a, b) = (registers(a)?, registers(b)?);
    let indices: BTreeSet<u8> = a.keys().chain(b.keys()).copied().collect();
    Ok(indices.into_iter().filter(|index| a.get(index) != b.get(index)).collect())
}

/// One line for each file that differs; `a` and `b` are not equal.
pub(crate) fn ramdisks(a: &[u8], b: &[u8]) -> Vec<String> {
    let whole = || vec![bytes(a, b)];
    let (Some(a), Some(b)) = (ramdisk::uncompressed(a), ramdisk::uncompressed(b)) else {
        return whole();
    };
    let (Ok(a), Ok(b)) = (cpio::read(&a), cpio::read(&b)) else {
        return whole();
    };
    let lines = files(&a, &b);
    if lines.is_empty() {
        return vec!["the same files, packed or compressed in another way".to_owned()];
    }
    lines
}

fn files(a: &Archive<'_>, b: &Archive<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, first) in a {
        match b.get(path) {
            None => lines.push(format!("{path:?} is only in the first")),
            Some(second) if first != second => {
                lines.push(format!("{path:?}: {}", file(first, second)))
            }
            Some(_) => {}
        }
    }
    let only = b.keys().filter(|path| !a.contains_key(*path));
    lines.extend(only.map(|path| format!("{path:?} is only in the second")));
    lines
}

fn file(a: &Entry<'_>, b: &Entry<'_>) -> String {
    if a.content != b.content {
        return bytes(a.content, b.content);
    }
    let words = |entry: &Entry<'_>| {
        let Entry { mode, device, owner, modified, .. } = entry;
        format!("mode {mode:o}, device {device:?}, owner {owner:?}, time {modified}")
    };
    format!("{} and {}", words(a), words(b))
}

fn bytes(a: &[u8], b: &[u8]) -> String {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let sizes = if a.len() == b.len() {
        format!("both {} bytes", a.len())
    } else {
        format!("{} and {} bytes", a.len(), b.len())
    };
    let differing = a.iter().zip(b).filter(|(a, b)| a != b).count();
    let near = |side: &[u8]| {
        let from = common.saturating_sub(16);
        let near = side.iter().skip(from).take(48);
        near.map(
            |byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' },
        )
        .collect::<String>()
    };
    format!(
        "{sizes}, first difference at {common} ({differing} bytes differ), near {:?} and {:?}",
        near(a),
        near(b)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eif<'a>(ramdisks: Vec<&'a [u8]>) -> Eif<'a> {
        Eif {
            kernel: b"kernel",
            command_line: b"console=ttyS0",
            metadata: b"{}",
            ramdisks,
            signature: None,
            aarch64: false,
            defaults: (1, 1),
        }
    }

    #[test]
    fn a_second_gzip_member_is_a_difference_and_no_other_way_to_compress() {
        let gzip = |content| {
            let archive = Archive::from([("enclave".to_owned(), Entry::program(content))]);
            ramdisk::compressed(&cpio::write(&archive).unwrap()).unwrap()
        };
        let one = gzip(b"an enclave");
        let (two, three) = ([&*one, &gzip(b"evil 1")].concat(), [&*one, &gzip(b"evil 2")].concat());
        for (a, b) in [(&one, &two), (&two, &three)] {
            let found = differences(&eif(vec![a]), &eif(vec![b]));
            assert!(found[0].contains("first difference at"), "{found:?}");
        }
    }

    #[test]
    fn names_the_file_inside_the_ramdisk() {
        let disk = |content: &'static [u8]| {
            let archive = Archive::from([
                ("enclave".to_owned(), Entry::program(content)),
                ("same".to_owned(), Entry::file(b"same")),
            ]);
            cpio::write(&archive).unwrap()
        };
        let (one, two) = (disk(b"an enclave"), disk(b"an anklave"));
        let compressed = ramdisk::compressed(&two).unwrap();
        for second in [&two, &compressed] {
            let found = differences(&eif(vec![b"boot", &one]), &eif(vec![b"boot", second]));
            assert_eq!(
                found,
                [
                    "ramdisk 1 (application): \"enclave\": both 10 bytes, first difference at 3 (2 bytes \
                 differ), near \"an enclave\" and \"an anklave\""
                ]
            );
        }
        let found = differences(&eif(vec![&two]), &eif(vec![&compressed]));
        assert!(found[0].contains("the same files, packed"), "{found:?}");
    }

    #[test]
    fn names_each_section_that_differs() {
        let a = eif(vec![b"boot"]);
        assert!(differences(&a, &a).is_empty());
        let b = Eif {
            kernel: b"kernels",
            command_line: b"console=ttyS1",
            metadata: b"[]",
            ramdisks: vec![b"boat", b"more"],
            signature: Some(b"signature"),
            aarch64: true,
            defaults: (1, 1),
        };
        let found = differences(&a, &b);
        let begin = [
            "kernel: 6 and 7 bytes, first difference at 6",
            "command line: ",
            "ramdisks: 1 and 2",
            "ramdisk 0 (boot): both 4 bytes, first difference at 2",
            "metadata (not measured)",
            "signature: only the second",
            "header (not measured)",
        ];
        assert_eq!(found.len(), begin.len());
        for (line, begin) in found.iter().zip(begin) {
            assert!(line.starts_with(begin), "{line}");
        }
        let unsigned = Eif { signature: None, ..b.clone() };
        assert_eq!(differing_registers(&a, &unsigned).unwrap(), [0, 1, 2]);
        let more = Eif { ramdisks: vec![b"boot", b"more"], ..a.clone() };
        assert_eq!(differing_registers(&a, &more).unwrap(), [0, 2]);
        assert!(differing_registers(&a, &Eif { metadata: b"[]", ..a.clone() }).unwrap().is_empty());
        differing_registers(&a, &b).unwrap_err();
    }

    #[test]
    fn tells_owners_and_times_apart_and_prints_no_control_characters() {
        let disk = |owner, modified| {
            let entry = Entry { owner, modified, ..Entry::file(b"") };
            cpio::write(&Archive::from([("a\u{1b}[2J".to_owned(), entry)])).unwrap()
        };
        let (one, two) = (disk((0, 0), 1), disk((7, 8), 2));
        let found = differences(&eif(vec![&one]), &eif(vec![&two]));
        let expected = "ramdisk 0 (boot): \"a\\u{1b}[2J\": mode 100644, device (0, 0), owner (0, 0), \
                        time 1 and mode 100644, device (0, 0), owner (7, 8), time 2";
        assert_eq!(found, [expected]);
    }
}
