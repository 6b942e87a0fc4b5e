//! A contract that names who must have rebuilt the image: nobody signs it before these have.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use eif_build::manifest::{FORMAT, File, Manifest};
use rehearsal::Agreement;
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};
use tempfile::TempDir;
use tests::running::program;
use zeroize::Zeroizing;

/// A folder with two parties and a contract in which they accept one build.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn open() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        for party in ["publisher", "retailer"] {
            desk.says(&format!("init --name {party} --dir {party}"), 0, "");
        }
        fs::write(desk.path("build-manifest.json"), manifest("abc").to_bytes()).unwrap();
        desk.says(
            "contract new --name room --party publisher/party.toml --party retailer/party.toml --pcrs build-manifest.json",
            0,
            "",
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command ends with `code`, and says `words`.
    fn says(&self, line: &str, code: i32, words: &str) {
        let mut command = Command::new(program("glovebox"));
        let said =
            command.current_dir(&self.folder).args(line.split_whitespace()).output().unwrap();
        let text = [said.stdout.as_slice(), &said.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(said.status.code(), Some(code), "{line}: {text}");
        assert!(text.contains(words), "{line}: {words:?} not in: {text}");
    }

    /// Writes `more` into the contract: the digest of the manifest, and who must have signed it.
    fn names(&self, manifest: &[u8], signers: &[&str]) {
        let path = self.path("contract.toml");
        let text = fs::read_to_string(&path).unwrap();
        let digest = protocol::digest::Digest::of_file(manifest);
        let mut text =
            text.replacen("[[build]]", &format!("[[build]]\nmanifest = \"{digest}\""), 1);
        if !signers.is_empty() {
            let signers =
                signers.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>().join(", ");
            text =
                text.replacen("\nname = ", &format!("\nbuild_signers = [{signers}]\nname = "), 1);
        }
        fs::write(path, text).unwrap();
    }
}

fn manifest(commit: &str) -> Manifest {
    let pcr = |byte: u8| attestation_verifier::Pcr::from([byte; 48]);
    Manifest {
        command_line: "console=ttyS0".to_owned(),
        eif: File::of(b"eif"),
        eif_unsigned: File::of(b"eif"),
        format: FORMAT.to_owned(),
        inputs: BTreeMap::new(),
        kernel: BTreeMap::new(),
        pcrs: [(0, pcr(1)), (1, pcr(2)), (2, pcr(3))].into(),
        source_commit: commit.to_owned(),
        toolchain: "rustc".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

/// The public key of a builder, and the manifest that it signed.
fn signed(seed: u8, manifest: &Manifest) -> (String, Vec<u8>) {
    let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let cose = manifest.sign(&Zeroizing::new(vec![seed; 32])).unwrap();
    (BASE64.encode(key.public_key()), cose)
}

#[test]
fn a_contract_is_signed_only_with_the_manifest_that_its_build_names() {
    let desk = Desk::open();
    desk.names(&manifest("abc").to_bytes(), &[]);
    let sign = "contract sign contract.toml --dir publisher";
    desk.says(sign, 1, "which was not given");
    fs::write(desk.path("other.json"), manifest("abd").to_bytes()).unwrap();
    desk.says(&format!("{sign} --build-manifest other.json"), 1, "which was not given");
    let both = format!("{sign} --build-manifest build-manifest.json --build-manifest other.json");
    desk.says(&both, 1, "no build of the contract names this manifest");
    desk.says(&format!("{sign} --build-manifest build-manifest.json"), 0, "Signed by publisher");
    desk.says("contract show contract.toml", 0, "build manifest");

    // The manifest of another image, under the registers of this one.
    let mut other = manifest("abc");
    other.pcrs.insert(2, attestation_verifier::Pcr::from([9; 48]));
    fs::write(desk.path("other.json"), other.to_bytes()).unwrap();
    let text = fs::read_to_string(desk.path("contract.toml")).unwrap();
    let digests = [manifest("abc"), other]
        .map(|manifest| protocol::digest::Digest::of_file(&manifest.to_bytes()).to_string());
    fs::write(desk.path("other.toml"), text.replace(&digests[0], &digests[1])).unwrap();
    let sign = "contract sign other.toml --salts contract.toml.salts --dir retailer --build-manifest other.json";
    desk.says(sign, 1, "the registers in the contract are of another image");
}

#[test]
fn everybody_who_must_have_rebuilt_an_image_has_signed_its_manifest_before_a_party_signs() {
    let desk = Desk::open();
    let rebuilt = manifest("abc");
    let [(one, by_one), (two, by_two), (_, by_stranger)] =
        [1, 2, 3].map(|seed| signed(seed, &rebuilt));
    for (name, bytes) in [("one", &by_one), ("two", &by_two), ("stranger", &by_stranger)] {
        fs::write(desk.path(&format!("{name}.cose")), bytes).unwrap();
    }
    let mut forged = by_two.clone();
    *forged.last_mut().unwrap() ^= 1;
    fs::write(desk.path("forged.cose"), forged).unwrap();
    desk.names(&rebuilt.to_bytes(), &[&one, &two]);
    let sign = "contract sign contract.toml --dir publisher --build-manifest one.cose";
    desk.says(sign, 1, &format!("{two} must have rebuilt build"));
    desk.says(&format!("{sign} --build-manifest build-manifest.json"), 1, "must have rebuilt");
    desk.says(
        &format!("{sign} --build-manifest stranger.cose"),
        1,
        "who is not one of the contract's",
    );
    desk.says(&format!("{sign} --build-manifest forged.cose"), 1, "forged.cose: ");
    desk.says(&format!("{sign} --build-manifest two.cose"), 0, "Signed by publisher");
    desk.says("contract show contract.toml", 0, &two);
    // A successor with another build, whose manifest is named, too.
    desk.says("contract sign contract.toml.signed --dir retailer --build-manifest one.cose --build-manifest two.cose", 0, "every party");
    let new =
        "contract new --name next --supersedes contract.toml.signed --dir publisher -o next.toml";
    let registers = "--pcr 0={0} --pcr 1={0} --pcr 2={0}".replace("{0}", &"ab".repeat(48));
    desk.says(&format!("{new} {registers}"), 2, "names its manifest");
    fs::write(desk.path("next.json"), manifest("abd").to_bytes()).unwrap();
    desk.says(&format!("{new} --pcrs next.json"), 0, "manifest: ");
    // A rehearsal has a build of its own, which nobody rebuilt.
    let text = fs::read_to_string(desk.path("contract.toml")).unwrap();
    Agreement::new(&text).unwrap();
}
