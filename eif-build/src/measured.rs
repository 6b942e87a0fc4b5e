//! What an image is, and whether a build manifest names it.

use crate::{
    compare,
    cpio::{self, CpioError},
    manifest::{self, File, Manifest, PROGRAMS, Word},
    measure::{Registers, registers, warnings},
    parse::{Eif, ParseError},
    ramdisk,
    signature::SignatureError,
};
use attestation_verifier::Pcr;
use std::collections::{BTreeMap, BTreeSet};

/// An image, read and computed from its bytes alone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Measured {
    /// Its registers.
    pub registers: Registers,
    /// The whole file.
    pub eif: File,
    /// The same image without its signature section.
    pub eif_unsigned: File,
    /// Its sections in order, by name: ramdisks are numbered.
    pub sections: Vec<(String, File)>,
    /// What a reader of the registers should know, in words: see [`warnings`].
    pub warnings: Vec<String>,
    command_line: String,
    /// Kernel, PID 1 and enclave, if they can be told.
    programs: BTreeMap<&'static str, File>,
    /// What else is in the ramdisks than [`crate::pack`] puts there, in words.
    others: Vec<String>,
}

impl Measured {
    /// Measures `bytes`.
    ///
    /// # Errors
    ///
    /// [`MeasureError`] if they are no image, or if its signature does not hold.
    ///
    /// # Panics
    ///
    /// Never: an image is an image without its signature too.
    pub fn of(bytes: &[u8]) -> Result<Self, MeasureError> {
        let eif = Eif::parse(bytes)?;
        let registers = registers(&eif)?;
        let eif_unsigned = match eif.signature {
            Some(_) => {
                let unsigned = Eif { signature: None, ..eif.clone() }.to_bytes();
                File::of(&unsigned.expect("invariant: the sections fitted with one more"))
            }
            None => File::of(bytes),
        };
        let mut programs = BTreeMap::from([("kernel", File::of(eif.kernel))]);
        let others = ramdisks(&eif.ramdisks, &mut programs);
        Ok(Self {
            registers,
            eif: File::of(bytes),
            eif_unsigned,
            sections: sections(&eif),
            warnings: warnings(&eif),
            command_line: String::from_utf8_lossy(eif.command_line).into_owned(),
            programs,
            others,
        })
    }

    /// In words, how this is another image than `manifest` names; none if all of it that is in an
    /// image is in this one. The rest of it are [`Manifest::claims`].
    #[must_use]
    pub fn differences(&self, manifest: &Manifest) -> Vec<String> {
        let mut lines = self.other_registers(&manifest.pcrs);
        let (found, expected) = (&self.command_line, &manifest.command_line);
        if found != expected {
            lines.push(format!("command_line: found {found:?}, expected {expected:?}"));
        }
        for name in PROGRAMS {
            let (found, expected) = (self.programs.get(name), manifest.inputs.get(name));
            if found.is_none() || found != expected {
                let (found, expected) = (words(found), words(expected));
                lines.push(format!("inputs.{name}: found {found}, expected {expected}"));
            }
        }
        let kernel = self.programs.get("kernel").map(|file| Word::Text(file.sha384.clone()));
        let described = manifest.kernel.get("image_sha384");
        if described.is_some() && described != kernel.as_ref() {
            lines.push(format!("kernel.image_sha384: found {kernel:?}, expected {described:?}"));
        }
        lines.extend(self.others.iter().cloned());
        // A signature's random number is in the file and in no register.
        let files = [
            ("eif_unsigned", &self.eif_unsigned, &manifest.eif_unsigned),
            ("eif", &self.eif, &manifest.eif),
        ];
        let named = if manifest.pcrs.contains_key(&8) { 1 } else { 2 };
        if lines.is_empty() {
            let other = files.into_iter().take(named).find(|(_, found, named)| found != named);
            lines.extend(other.map(|(name, found, expected)| {
                format!(
                    "{name}: the registers agree, but not the file: found {}, expected {}; what is \
                     not measured (metadata, defaults) differs",
                    words(Some(found)),
                    words(Some(expected))
                )
            }));
        }
        lines
    }

    /// What of the registers `expected` is not so of the image, and the other way round.
    #[must_use]
    pub fn other_registers(&self, pcrs: &Registers) -> Vec<String> {
        let indices: BTreeSet<&u8> = self.registers.keys().chain(pcrs.keys()).collect();
        let word = |pcr: Option<&Pcr>| pcr.map_or_else(|| "none".to_owned(), Pcr::to_string);
        let mut lines = Vec::new();
        for index in indices {
            let (found, expected) = (self.registers.get(index), pcrs.get(index));
            if found != expected {
                let meaning = manifest::meaning(*index);
                let (found, expected) = (word(found), word(expected));
                lines.push(format!("PCR{index} ({meaning}): found {found}, expected {expected}"));
            }
        }
        lines
    }
}

/// Names PID 1 and the enclave, packs them again, and says where that gives other ramdisks: in
/// those two, nothing is there that the two programs do not determine.
fn ramdisks(found: &[&[u8]], programs: &mut BTreeMap<&'static str, File>) -> Vec<String> {
    let [boot, application] = found else {
        return vec![format!("found {} ramdisks, expected 2", found.len())];
    };
    let told = |disk| ramdisk::uncompressed(disk).filter(|bytes| cpio::read(bytes).is_ok());
    let (Some(boot), Some(application)) = (told(boot), told(application)) else {
        return vec!["the files in the ramdisks cannot be told".to_owned()];
    };
    let content = |disk, path| cpio::read(disk).ok()?.get(path).map(|entry| entry.content);
    let (init, enclave) = (content(&boot, "init"), content(&application, "enclave"));
    let (Some(init), Some(enclave)) = (init, enclave) else {
        return vec!["found no init in ramdisk 0 or no enclave in ramdisk 1".to_owned()];
    };
    programs.extend([("init", File::of(init)), ("enclave", File::of(enclave))]);
    // One after the other: they are large.
    let mut lines = differing(0, ramdisk::boot(init, enclave), &boot);
    lines.extend(differing(1, ramdisk::application(enclave), &application));
    lines
}

fn differing(index: u8, packed: Result<Vec<u8>, CpioError>, found: &[u8]) -> Vec<String> {
    let Ok(packed) = packed else {
        return vec![format!("the programs of ramdisk {index} cannot be packed again")];
    };
    if packed == found {
        return Vec::new();
    }
    let other = compare::ramdisks(&packed, found).into_iter();
    other
        .map(|line| {
            format!("ramdisk {index}: first what its programs make, second what it is: {line}")
        })
        .collect()
}

fn sections(eif: &Eif<'_>) -> Vec<(String, File)> {
    let fixed =
        [("kernel", eif.kernel), ("command line", eif.command_line), ("metadata", eif.metadata)];
    let fixed = fixed.into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    let ramdisks =
        (0..).zip(&eif.ramdisks).map(|(i, bytes): (u32, _)| (format!("ramdisk {i}"), *bytes));
    let signature = eif.signature.map(|bytes| ("signature".to_owned(), bytes));
    let all = fixed.chain(ramdisks).chain(signature);
    all.map(|(name, bytes)| (name, File::of(bytes))).collect()
}

fn words(file: Option<&File>) -> String {
    file.map_or_else(
        || "none".to_owned(),
        // A manifest may have any text there.
        |File { bytes, sha384 }| format!("{bytes} bytes with SHA-384 {}", sha384.escape_debug()),
    )
}

/// Why there is nothing to say of an image.
///
/// Remedy: give an image (.eif) that is whole, or build it again (`make eif`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the text says it: found, expected")]
pub enum MeasureError {
    #[error("{0}")]
    Parse(#[from] ParseError),
    #[error("{0}")]
    Signature(#[from] SignatureError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cpio::{Archive, Entry},
        elf::tests::program,
        kernel::{COMMAND_LINE, tests::bz_image},
        manifest::FORMAT,
        pack::{self, Inputs},
    };

    fn image(compress: bool) -> Vec<u8> {
        let init = [program(&[1]).as_slice(), ramdisk::ORDER.as_bytes()].concat();
        let packed = pack::pack(&Inputs {
            kernel: &bz_image(),
            command_line: COMMAND_LINE,
            init: &init,
            enclave: &program(&[1]),
            compress,
            signer: None,
        });
        packed.unwrap().image
    }

    /// A manifest that says of `image` whatever can be held against it.
    fn manifest(image: &[u8]) -> Manifest {
        let measured = Measured::of(image).unwrap();
        let programs = measured.programs.iter();
        Manifest {
            command_line: measured.command_line,
            eif: measured.eif,
            eif_unsigned: measured.eif_unsigned,
            format: FORMAT.to_owned(),
            inputs: programs.map(|(name, file)| ((*name).to_owned(), file.clone())).collect(),
            kernel: BTreeMap::from([(
                "image_sha384".to_owned(),
                Word::Text(File::of(&bz_image()).sha384),
            )]),
            pcrs: measured.registers,
            source_commit: "0".repeat(40),
            toolchain: "rustc".to_owned(),
            version: "0.1.0".to_owned(),
        }
    }

    #[track_caller]
    fn only(image: &[u8], manifest: &Manifest) -> String {
        let found: [String; 1] =
            Measured::of(image).unwrap().differences(manifest).try_into().unwrap();
        found.concat()
    }

    #[test]
    fn an_image_is_the_one_of_its_own_manifest() {
        for image in [image(false), image(true)] {
            let found = Measured::of(&image).unwrap().differences(&manifest(&image));
            assert!(found.is_empty(), "{found:?}");
        }
    }

    type Lie = fn(&mut Manifest);

    #[test]
    fn every_lie_about_what_is_in_the_image_is_named() {
        let image = image(false);
        let lies: [(&str, Lie); 8] = [
            ("command_line: found \"console", |m| m.command_line = "init=/bin/sh".to_owned()),
            ("inputs.enclave: found ", |m| drop(m.inputs.insert("enclave".into(), File::of(b"")))),
            ("inputs.init: found ", |m| drop(m.inputs.insert("init".into(), File::of(b"")))),
            ("inputs.kernel: found ", |m| drop(m.inputs.remove("kernel"))),
            ("kernel.image_sha384: found ", |m| {
                m.kernel.insert("image_sha384".into(), Word::Text("\u{1b}[2J".into()));
            }),
            ("PCR2 (the application): found ", |m| {
                m.pcrs.insert(2, Pcr::from([3; 48]));
            }),
            ("eif_unsigned: the registers agree", |m| m.eif_unsigned = File::of(b"")),
            ("eif: the registers agree", |m| m.eif.sha384 = "\u{1b}[2J".into()),
        ];
        for (begin, lie) in lies {
            let mut manifest = manifest(&image);
            lie(&mut manifest);
            let found = only(&image, &manifest);
            assert!(found.starts_with(begin) && found.contains("expected "), "{found}");
            assert!(!found.contains('\u{1b}'), "{found:?}");
        }
    }

    #[test]
    fn a_signed_image_may_be_another_file_and_must_have_its_own_register() {
        let image = image(false);
        let mut signed = manifest(&image);
        signed.pcrs.insert(8, Pcr::from([8; 48]));
        assert!(only(&image, &signed).starts_with("PCR8 (the signing certificate): found none"));
        // Signed twice, it differs in no section but one.
        let mut measured = Measured::of(&image).unwrap();
        measured.registers.insert(8, Pcr::from([8; 48]));
        signed.eif = File::of(b"signed before");
        assert!(measured.differences(&signed).is_empty());
        measured.eif_unsigned = File::of(b"other metadata");
        assert!(measured.differences(&signed)[0].starts_with("eif_unsigned: "));
    }

    /// With a manifest of the same registers, so that only the files can tell.
    #[test]
    fn what_is_in_the_ramdisks_beside_the_two_programs_is_named() {
        let image = image(false);
        let eif = Eif::parse(&image).unwrap();
        let boot = cpio::read(eif.ramdisks[0]).unwrap();
        let with = |path: &str, entry: Entry<'_>| {
            let mut boot: Archive<'_> = boot.clone();
            boot.insert(path.to_owned(), entry);
            let boot = cpio::write(&boot).unwrap();
            let ramdisks = vec![boot.as_slice(), eif.ramdisks[1]];
            let image = Eif { ramdisks, ..eif.clone() }.to_bytes().unwrap();
            only(&image, &manifest(&image))
        };
        let order = [boot["etc/enclave"].content, b"argument --x\n"].concat();
        let found = with("etc/enclave", Entry::file(&order));
        assert!(found.contains("\"etc/enclave\": ") && found.contains("--x"), "{found}");
        let found = with("etc/more", Entry::file(b""));
        assert!(found.ends_with("\"etc/more\" is only in the second"), "{found}");
        let found = with("init", Entry::file(boot["init"].content));
        assert!(found.contains("\"init\": mode 100755"), "{found}");

        let evil = [eif.ramdisks[1], eif.ramdisks[0]].concat();
        for ramdisks in [vec![eif.ramdisks[0], &evil], [eif.ramdisks.as_slice(), &[&evil]].concat()]
        {
            let image = Eif { ramdisks, ..eif.clone() }.to_bytes().unwrap();
            let found = Measured::of(&image).unwrap().differences(&manifest(&image));
            let named = found.iter().any(|line| line.contains("ramdisks"));
            assert!(named && found[0].starts_with("inputs.enclave: found none"), "{found:?}");
        }
    }
}
