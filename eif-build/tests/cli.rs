//! The command line: exit codes and words.

#![cfg(test)]

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use eif_build::{Eif, manifest::Manifest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// A folder with a kernel and programs that have the right headers and nothing behind them.
struct Workshop {
    folder: TempDir,
}

impl Workshop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut kernel = vec![0; 0x300];
        kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x211] = 1;
        let workshop = Self { folder };
        fs::write(workshop.path("kernel"), kernel).unwrap();
        fs::write(workshop.path("init"), program(b"glovebox enclave v1")).unwrap();
        fs::write(workshop.path("enclave"), program(b"the enclave")).unwrap();
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let program = Command::new(env!("CARGO_BIN_EXE_eif-build"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output();
        program.unwrap()
    }

    fn build(&self, name: &str, more: &[&str]) -> Output {
        let (output, manifest) = (format!("{name}.eif"), format!("{name}.json"));
        let common = [
            "build",
            "--kernel",
            "kernel",
            "--init",
            "init",
            "--enclave",
            "enclave",
            "--output",
            &output,
            "--manifest",
            &manifest,
        ];
        self.run(&[&common, more].concat())
    }
}

/// The headers of a static program for x86-64, and some bytes.
fn program(content: &[u8]) -> Vec<u8> {
    let mut elf = vec![0; 64 + 56];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[16..20].copy_from_slice(&[2, 0, 62, 0]);
    elf[32] = 64;
    elf[54] = 56;
    elf[56] = 1;
    elf[64] = 1;
    elf.extend_from_slice(content);
    elf
}

#[track_caller]
fn says(output: &Output, code: i32, words: &[&str]) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} not in: {text}");
    }
}

/// Makes the checksum right again, as whoever tampers would.
fn repaired(mut image: Vec<u8>) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&image[..544]);
    crc.update(&image[548..]);
    image[544..548].copy_from_slice(&crc.finalize().to_be_bytes());
    image
}

#[test]
fn what_is_built_twice_is_the_same_and_measures_as_its_manifest_says() {
    let workshop = Workshop::open();
    says(&workshop.build("a", &[]), 0, &["PCR0 ", "PCR1 ", "PCR2 "]);
    says(&workshop.build("b", &[]), 0, &[]);
    says(&workshop.run(&["compare", "a.eif", "b.eif"]), 0, &["byte for byte"]);
    let read = |name: &str| fs::read(workshop.path(name)).unwrap();
    assert_eq!(read("a.json"), read("b.json"));
    let measured = workshop.run(&["measure", "a.eif", "--manifest", "a.json"]);
    says(&measured, 0, &["the image of the manifest", "PCR1 ", "the application"]);
}

#[test]
fn a_changed_line_a_changed_command_line_and_another_manifest_are_told_apart() {
    let workshop = Workshop::open();
    says(&workshop.build("a", &[]), 0, &[]);
    fs::write(workshop.path("enclave"), program(b"the anklave")).unwrap();
    says(&workshop.build("b", &["--cmdline", "console=ttyS1"]), 0, &[]);
    let compared = workshop.run(&["compare", "a.eif", "b.eif"]);
    says(
        &compared,
        1,
        &[
            "command line: \"console=ttyS0 ",
            "ramdisk 0 (boot): \"etc/enclave\": ",
            "ramdisk 1 (application): \"enclave\": both 131 bytes, first difference at 124",
            "not the same: PCR0, PCR1, PCR2\n",
        ],
    );
    let other = workshop.run(&["measure", "a.eif", "--manifest", "b.json"]);
    says(&other, 1, &["differs: PCR0 (the whole image): found ", "PCR1", "PCR2", "not the image"]);
}

#[test]
fn a_damaged_image_is_a_no_and_a_missing_one_is_no_answer() {
    let workshop = Workshop::open();
    says(&workshop.build("a", &[]), 0, &[]);
    let mut image = fs::read(workshop.path("a.eif")).unwrap();
    let cut = &image[..image.len() - 1];
    fs::write(workshop.path("cut.eif"), cut).unwrap();
    let measured = workshop.run(&["measure", "cut.eif", "--json"]);
    says(&measured, 1, &["\"intact\":false", "the section is cut off: found"]);
    let last = image.len() - 1;
    image[last] ^= 1;
    fs::write(workshop.path("flipped.eif"), image).unwrap();
    let measured = workshop.run(&["measure", "flipped.eif", "--manifest", "a.json"]);
    says(&measured, 1, &["found checksum"]);
    says(&workshop.run(&["compare", "a.eif", "cut.eif"]), 2, &["cut.eif is not an image"]);
    says(&workshop.run(&["measure", "none.eif"]), 2, &["reading none.eif"]);
    says(&workshop.run(&["measure", "a.eif", "--manifest", "a.eif"]), 2, &["not a build manifest"]);

    // The registers alone, as `nitro-cli build-enclave` prints them.
    let manifest = fs::read(workshop.path("a.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let pcr = |index: &str| manifest["pcrs"][index].as_str().unwrap().to_owned();
    let printed = |pcr2: &str| {
        let (pcr0, pcr1) = (pcr("0"), pcr("1"));
        let table = serde_json::json!({
            "HashAlgorithm": "Sha384 { ... }", "PCR0": pcr0, "PCR1": pcr1, "PCR2": pcr2,
        });
        serde_json::json!({ "Measurements": table })
    };
    let measure = |json: serde_json::Value| {
        fs::write(workshop.path("printed.json"), json.to_string()).unwrap();
        workshop.run(&["measure", "a.eif", "--manifest", "printed.json"])
    };
    let same = measure(printed(&pcr("2")));
    says(&same, 0, &["an image with these registers"]);
    says(&measure(printed(&pcr("1"))), 1, &["PCR2 (the application): found", "not an image with"]);
    says(
        &measure(printed(&pcr("2"))["Measurements"].clone()),
        0,
        &["an image with these registers"],
    );
    says(&measure(serde_json::json!([printed(&pcr("2"))])), 2, &["an array of 1"]);
    says(&measure(serde_json::json!({ "pcrs": { "0": pcr("0") } })), 2, &["registers 0, 1 and 2"]);
    says(
        &measure(serde_json::json!({ "format": "x", "pcrs": manifest["pcrs"] })),
        2,
        &["manifest"],
    );
}

#[test]
fn what_must_not_be_packed_leaves_no_image_behind() {
    let workshop = Workshop::open();
    let marked = program(b"...SIMULATED glovebox root...");
    fs::write(workshop.path("enclave"), marked).unwrap();
    let refused = workshop.build("a", &[]);
    says(&refused, 1, &["the enclave program must not be packed", "the simulated module"]);
    assert!(!workshop.path("a.eif").exists() && !workshop.path("a.json").exists());
    let own = Path::new(env!("CARGO_BIN_EXE_eif-build"));
    fs::copy(own, workshop.path("enclave")).unwrap();
    says(&workshop.build("a", &[]), 1, &["dynamically linked"]);
    fs::write(workshop.path("enclave"), program(b"glovebox enclave v1")).unwrap();
    fs::write(workshop.path("init"), program(b"the enclave")).unwrap();
    says(&workshop.build("a", &[]), 1, &["were init and enclave swapped?"]);
}

#[test]
fn a_signed_image_has_pcr8_and_the_same_other_registers() {
    let workshop = Workshop::open();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
    };
    fs::write(workshop.path("key.pem"), pem("PRIVATE KEY", &key.serialize_der())).unwrap();
    fs::write(workshop.path("cert.pem"), pem("CERTIFICATE", certificate.der())).unwrap();
    let signing = ["--sign-key", "key.pem", "--sign-cert", "cert.pem"];
    says(&workshop.build("plain", &[]), 0, &[]);
    says(&workshop.build("signed", &signing), 0, &["PCR8 "]);
    let measured = workshop.run(&["measure", "signed.eif", "--manifest", "signed.json"]);
    let words = ["PCR8 ", "the signing certificate", "section signature", "in the image: eif, "];
    says(&measured, 0, &words);
    // Another signature over the same image, with the same certificate.
    says(&workshop.build("again", &signing), 0, &[]);
    let read = |name: &str| fs::read(workshop.path(name)).unwrap();
    assert_ne!(read("again.eif"), read("signed.eif"));
    says(&workshop.run(&["measure", "again.eif", "--manifest", "signed.json"]), 0, &[]);
    let parse = |name: &str| Manifest::parse(&read(name)).unwrap();
    assert_eq!(parse("signed.json").eif_unsigned, parse("plain.json").eif);
    // What no register covers: the defaults and the metadata.
    for (at, to) in [(11, 0xff), (23, 0xff), (METADATA, b'[')] {
        let mut image = read("signed.eif");
        image[at] = to;
        fs::write(workshop.path("changed.eif"), repaired(image)).unwrap();
        let measured = workshop.run(&["measure", "changed.eif", "--manifest", "signed.json"]);
        says(
            &measured,
            1,
            &["eif_unsigned: the registers agree, but not the file", "not the image"],
        );
    }
    let compared = workshop.run(&["compare", "plain.eif", "signed.eif"]);
    says(&compared, 1, &["only the second is signed", "not the same: PCR8\n"]);
    let trailing = [certificate.der().as_ref(), b"more"].concat();
    fs::write(workshop.path("cert.pem"), pem("CERTIFICATE", &trailing)).unwrap();
    says(&workshop.build("c", &signing), 2, &["with nothing after it"]);
    fs::write(workshop.path("cert.pem"), pem("CERTIFICATE", certificate.der())).unwrap();
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    fs::write(workshop.path("key.pem"), pem("PRIVATE KEY", &other.serialize_der())).unwrap();
    says(&workshop.build("c", &signing), 2, &["not by the key in the signing certificate"]);
}

#[test]
fn a_manifest_says_everything_and_can_be_signed() {
    let workshop = Workshop::open();
    let digest = eif_build::sha384(&fs::read(workshop.path("kernel")).unwrap());
    let describe = |digest: &str| {
        let text =
            format!(r#"{{"version": "6.12", "image_sha384": "{digest}", "image_bytes": 768}}"#);
        fs::write(workshop.path("kernel.json"), text).unwrap();
    };
    describe(&digest);
    fs::write(workshop.path("signing.key"), [7; 32]).unwrap();
    fs::write(workshop.path("rustc"), "rustc 1.95.0\nhost: x\n").unwrap();
    let more = [
        "--kernel-description",
        "kernel.json",
        "--toolchain",
        "rustc",
        "--cargo-lock",
        "init",
        "--source-commit",
        "abc",
        "--sign-manifest-key",
        "signing.key",
        "--input",
        "profile.toml=rustc",
        "--input",
        "libc.a=kernel",
    ];
    says(&workshop.build("a", &more), 0, &[]);
    let manifest = Manifest::parse(&fs::read(workshop.path("a.json")).unwrap()).unwrap();
    assert_eq!(manifest.source_commit, "abc");
    assert_eq!(
        manifest.inputs["profile.toml"].sha384,
        eif_build::sha384(b"rustc 1.95.0\nhost: x\n")
    );
    assert_eq!(manifest.inputs["libc.a"].sha384, digest);
    assert_eq!(manifest.inputs["kernel"].sha384, digest);
    assert!(manifest.inputs.contains_key("Cargo.lock") && manifest.kernel.contains_key("version"));
    let image = fs::read(workshop.path("a.eif")).unwrap();
    assert_eq!(Eif::parse(&image).unwrap().command_line, manifest.command_line.as_bytes());

    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = BASE64.encode(key.public_key());
    let signed = ["measure", "a.eif", "--manifest", "a.json.cose", "--signed-by"];
    let measured = workshop.run(&[&signed[..], &[&public]].concat());
    let claims = "only claimed, not in the image: inputs.Cargo.lock, inputs.libc.a, \
                  inputs.profile.toml, kernel, source_commit, toolchain, version\n";
    says(&measured, 0, &["the image of the manifest", claims]);
    let stranger = BASE64.encode([1; 32]);
    says(&workshop.run(&[&signed[..], &[&stranger]].concat()), 2, &["not signed by the key"]);

    describe(&eif_build::sha384(b"another kernel"));
    says(&workshop.build("a", &more), 2, &["describes another kernel"]);
}

#[test]
fn builders_who_signed_the_same_are_told_from_those_who_did_not() {
    let workshop = Workshop::open();
    let keys = [7, 8, 9].map(|seed| {
        fs::write(workshop.path(&format!("{seed}.key")), [seed; 32]).unwrap();
        let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        BASE64.encode(key.public_key())
    });
    let build = |name: &str, seed: u8, commit: &str| {
        let key = format!("{seed}.key");
        let more = ["--sign-manifest-key", &key, "--source-commit", commit];
        says(&workshop.build(name, &more), 0, &[]);
    };
    build("a", 7, "abc");
    build("b", 8, "abc");
    build("c", 9, "abd");
    let measure = |files: &[&str], by: &[&String]| {
        let mut line = vec!["measure", "a.eif"];
        line.extend(files.iter().flat_map(|file| ["--manifest", file]));
        line.extend(by.iter().flat_map(|key| ["--signed-by", key.as_str()]));
        workshop.run(&line)
    };
    let [one, two, three] = &keys;
    let (a, b, c) = ("a.json.cose", "b.json.cose", "c.json.cose");
    let both = [format!("signed by {one}"), format!("signed by {two}")];
    let both = ["the image of the manifest", &both[0], &both[1]];
    says(&measure(&[a, b], &[one, two]), 0, &both);
    says(&measure(&[b, a], &[one, two]), 0, &both);
    let other = "differs: a.json.cose and c.json.cose are not of the same build: source_commit\n";
    says(&measure(&[a, b, c], &[one, two, three]), 1, &[other, "not the image of the manifest"]);
    // A builder who has not signed, and a file of somebody who was not named.
    says(&measure(&[a], &[one, two]), 2, &[two, "signed none of the manifests"]);
    says(&measure(&[a, a], &[one, two]), 2, &[two, "signed none of the manifests"]);
    says(&measure(&[a, c], &[one]), 2, &["c.json.cose", "not signed by the key"]);
    says(&measure(&[a], &[one, one]), 2, &[one, "is named twice"]);
    says(&measure(&[a, b], &[]), 2, &["found 2 manifests, expected one"]);
}

#[test]
fn refuses_an_input_without_a_name_or_with_one_that_is_taken() {
    let workshop = Workshop::open();
    for input in ["init", "=init", "a b=init", "a\u{1b}=init"] {
        says(&workshop.build("a", &["--input", input]), 2, &["expected"]);
    }
    says(&workshop.build("a", &["--input", "init=kernel"]), 2, &["two inputs called init"]);
    assert!(!workshop.path("a.eif").exists());
}

#[test]
fn a_lying_manifest_of_the_right_registers_is_not_that_of_the_image() {
    let workshop = Workshop::open();
    says(&workshop.build("a", &[]), 0, &[]);
    let honest = fs::read_to_string(workshop.path("a.json")).unwrap();
    let lie = honest.replace("rootfstype=ramfs", "rootfstype=tmpfs");
    let enclave = eif_build::sha384(&fs::read(workshop.path("enclave")).unwrap());
    let lie = lie.replace(&enclave, &eif_build::sha384(b"another"));
    fs::write(workshop.path("lie.json"), lie).unwrap();
    let measured = workshop.run(&["measure", "a.eif", "--manifest", "lie.json"]);
    let words = ["differs: command_line: found", "differs: inputs.enclave: found", "not the image"];
    says(&measured, 1, &words);
}

#[test]
fn what_cannot_be_signed_leaves_everything_as_it_was() {
    let workshop = Workshop::open();
    fs::write(workshop.path("short.key"), [7; 31]).unwrap();
    let short = ["--sign-manifest-key", "short.key"];
    says(&workshop.build("a", &short), 2, &["expected an Ed25519 key"]);
    let left = fs::read_dir(workshop.folder.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("a.")), "{left:?}");

    fs::write(workshop.path("signing.key"), [7; 32]).unwrap();
    let signing = ["--sign-manifest-key", "signing.key"];
    says(&workshop.build("a", &signing), 0, &[]);
    let read = |name: &str| fs::read(workshop.path(name)).unwrap();
    let before = (read("a.eif"), read("a.json"), read("a.json.cose"));
    fs::write(workshop.path("enclave"), program(b"a later one")).unwrap();
    says(&workshop.build("a", &short), 2, &[]);
    assert_eq!((read("a.eif"), read("a.json"), read("a.json.cose")), before);
    // A folder in the way of the manifest: the image is not written either.
    let gone = ["--manifest", "none/a.json"];
    let common = ["build", "--kernel", "kernel", "--init", "init", "--enclave", "enclave"];
    let failed = workshop.run(&[&common[..], &["--output", "a.eif"], &gone].concat());
    says(&failed, 2, &["writing none/a.json"]);
    assert_eq!(read("a.eif"), before.0);
    assert!(!workshop.path("a.eif.new").exists());
}

#[test]
fn refuses_to_write_two_files_to_one_place() {
    let workshop = Workshop::open();
    fs::create_dir(workshop.path("folder")).unwrap();
    let common = ["build", "--kernel", "kernel", "--init", "init", "--enclave", "enclave"];
    for (output, manifest) in [
        ("same", "same"),
        ("./same", "folder/../same"),
        ("z.json.cose", "z.json"),
        ("z.json.new", "z.json"),
        ("z", "z.new"),
    ] {
        let places = ["--output", output, "--manifest", manifest];
        let refused = workshop.run(&[&common[..], &places].concat());
        says(&refused, 2, &["would be written twice"]);
        assert!(!workshop.path("same").exists() && !workshop.path("z.json").exists());
    }
}

#[test]
fn an_unsigned_build_removes_the_signature_of_the_build_before() {
    let workshop = Workshop::open();
    fs::write(workshop.path("signing.key"), [7; 32]).unwrap();
    says(&workshop.build("a", &["--sign-manifest-key", "signing.key"]), 0, &[]);
    assert!(workshop.path("a.json.cose").exists());
    says(&workshop.build("a", &[]), 0, &[]);
    assert!(workshop.path("a.json").exists() && !workshop.path("a.json.cose").exists());
}

#[test]
fn measure_lists_the_sections_after_the_registers() {
    let workshop = Workshop::open();
    says(&workshop.build("a", &[]), 0, &[]);
    let measured = workshop.run(&["measure", "a.eif"]);
    says(&measured, 0, &[]);
    let text = String::from_utf8(measured.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let begin: Vec<&str> = lines.iter().map(|line| line.get(..20).unwrap().trim_end()).collect();
    let kinds = ["kernel", "command line", "metadata", "ramdisk 0", "ramdisk 1"];
    assert!((0..3).all(|index| lines[index].starts_with(&format!("PCR{index} "))), "{text}");
    assert_eq!(begin[3..], kinds.map(|kind| format!("section {kind}")), "{text}");
    let digest = eif_build::sha384(&fs::read(workshop.path("kernel")).unwrap());
    let kernel = format!("section kernel              768 bytes  sha384 {}", &digest[..16]);
    assert_eq!(lines[3], kernel);

    let json = workshop.run(&["measure", "a.eif", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let sections = json["sections"].as_array().unwrap();
    assert_eq!(sections.iter().map(|it| &it["kind"]).collect::<Vec<_>>(), kinds);
    let first = serde_json::json!({"kind": "kernel", "bytes": 768, "sha384": digest});
    assert_eq!(sections[0], first);
    assert_eq!(json["eif"], json["eif_unsigned"]);
}

/// Where the metadata begins: after the header, a kernel of 768 bytes, the command line, and three
/// section headers.
const METADATA: usize = 548 + 12 + 768 + 12 + eif_build::kernel::COMMAND_LINE.len() + 12;
