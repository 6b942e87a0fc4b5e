//! The command line: exit codes, encodings and the order of what is said.
#![cfg(test)]

#[path = "support/simulated.rs"]
mod simulated;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use attestation_verifier::{
    Document,
    explain::Claims,
    receipt::{
        self, BodyKind, Statement, contract_digest, nonce_for, output_digest, user_data_for,
    },
};
use coset::cbor::{Value, cbor};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value as Json;
use simulated::{Enclave, PCRS, encoded};

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn run(arguments: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_attestation-verifier"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that fails early does not read its input.
    let _early = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn vector(name: &str) -> String {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/attestation-v1");
    home.join(name).to_str().unwrap().to_owned()
}

fn file(name: &str, content: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

const REAL: &str = "accept/2025-11-10-fastcrypto-prod.bin";
const PCR0: &str = "0=3aa0e6e6ed7d8301655fced7e6ddcc443a3e57bf62f070caa6becf337069e859\
                    c0f03d68136440ff1cab8adefd20634c";
const OTHER: &str = "0=4aa0e6e6ed7d8301655fced7e6ddcc443a3e57bf62f070caa6becf337069e859\
                     c0f03d68136440ff1cab8adefd20634c";

#[test]
fn exits_with_0_1_and_2() {
    let real = vector(REAL);
    let verify = |more: &[&str]| run(&[&["verify", &real], more].concat(), b"").code;
    assert_eq!(verify(&["--pcr", PCR0, "--at", "document"]), 0);
    assert_eq!(verify(&["--pcr", PCR0, "--at", "2025-11-10T17:24:59Z"]), 0);
    assert_eq!(verify(&["--pcr", PCR0, "--at", "2025-11-10T17:25:59Z"]), 1);
    assert_eq!(verify(&["--pcr", PCR0, "--at", "2025-11-10T19:20:00+01:00", "--max-age", "1h"]), 0);
    assert_eq!(verify(&["--pcr", PCR0]), 1, "it is long after the document's day");
    assert_eq!(verify(&["--pcr", OTHER, "--at", "document"]), 1);
    assert_eq!(verify(&["--pcr", PCR0, "--at", "document", "--nonce", "00"]), 1);
    assert_eq!(verify(&["--at", "document"]), 2, "nothing is expected");
    assert_eq!(verify(&["--pcr", PCR0, "--at", "document", "--max-age", "0s"]), 2, "it has no age");
    assert_eq!(verify(&["--pcr", &PCR0.replace("0=", "00=")]), 2);
    assert_eq!(verify(&["--pcr", PCR0, "--pcr", OTHER]), 2);
    assert_eq!(verify(&["--pcr", "0=12"]), 2);
    assert_eq!(verify(&["--pcr", "32=12"]), 2);
    assert_eq!(verify(&["--pcr", PCR0, "--at", "yesterday"]), 2);
    assert_eq!(verify(&["--pcr", PCR0, "--root", "aws-cn"]), 2);
    assert_eq!(verify(&["--pcr", PCR0, "--danger-root", &real]), 2);
    assert_eq!(run(&["verify", "/no/such/file", "--pcr", PCR0], b"").code, 2);
    assert_eq!(run(&["verify", "-", "--pcr", PCR0], b"").code, 1, "no document at all");
    assert_eq!(run(&["verify", env!("CARGO_MANIFEST_DIR"), "--pcr", PCR0], b"").code, 2);
    assert_eq!(run(&[], b"").code, 2);
}

#[test]
fn reads_raw_hex_base64_and_armor_from_standard_input() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let raw = std::fs::read(vector(REAL)).unwrap();
    let base64 = STANDARD.encode(&raw);
    let armor = format!("-----BEGIN ATTESTATION-----\n{base64}\n-----END ATTESTATION-----\n");
    for input in [raw.clone(), hex::encode(&raw).into(), base64.into(), armor.into()] {
        let said = run(&["verify", "-", "--pcr", PCR0, "--at", "document"], &input);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
        assert!(said.out.ends_with("believed\n") && !said.out.contains('\x1b'));
    }
}

#[test]
fn says_that_text_is_in_no_known_encoding() {
    let said = run(&["verify", "-", "--pcr", PCR0], b"hello, world");
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    let words = "- is text, but not one document or receipt in base64, hexadecimal or armor";
    assert_eq!(said.err, format!("attestation-verifier: {words}\n"));
    let said = run(&["explain", "-"], b"\xff\xfe8\x004\x00");
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert_eq!(said.err, "attestation-verifier: - is text in UTF-16; save it in UTF-8\n");
}

#[test]
fn names_a_field_that_is_unknown() {
    let said = run(&["verify", &vector("reject/case-variant-key.bin"), "--pcr", PCR0], b"");
    assert_eq!(said.code, 1);
    let words = "not believed: check 6: unknown field at byte 3596: PCRS\n";
    assert!(said.out.ends_with(words), "{}", said.out);
}

/// A pipe can be read once: `cat root.pem | attestation-verifier .. --danger-root -`.
#[test]
fn reads_a_root_once() {
    let root = std::fs::read(vector("test-root.der")).unwrap();
    let document = vector("accept/ok-definite.bin");
    let bytes = std::fs::read(&document).unwrap();
    let claims = Claims::of(&Document::parse(&bytes).unwrap());
    let pcr0 = format!("0={}", claims.pcrs[&0]);
    for place in ["-", "/dev/stdin"] {
        let arguments = ["verify", &document, "--at", "document", "--pcr", &pcr0];
        let said = run(&[&arguments[..], &["--danger-root", place]].concat(), &root);
        assert_eq!(said.code, 0, "{place}: {}{}", said.out, said.err);
    }
}

#[test]
fn says_how_to_name_a_root_that_is_not_built_in() {
    for name in ["aws-cn", "aws-us-gov"] {
        let said = run(&["verify", &vector(REAL), "--pcr", PCR0, "--root", name], b"");
        assert_eq!((said.code, said.out.as_str()), (2, ""));
        assert!(said.err.contains(name) && said.err.contains("--danger-root FILE"), "{}", said.err);
    }
}

/// A list as openssl would print it in PEM, and as it is.
#[test]
fn looks_certificates_up_in_the_lists_given() {
    let enclave = Enclave::new();
    let list = |serials: &[usize]| {
        let revoked = serials.iter().map(|position| rcgen::RevokedCertParams {
            serial_number: simulated::serial(*position),
            revocation_time: rcgen::date_time_ymd(2026, 5, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 6, 1),
            next_update: rcgen::date_time_ymd(2026, 6, 2),
            crl_number: rcgen::SerialNumber::from(7),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        list.signed_by(&enclave.issuers[1]).unwrap().der().to_vec()
    };
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let pem = format!(
        "-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
        STANDARD.encode(list(&[]))
    );
    let clear = file("crl-clear", pem.as_bytes());
    let revoked = file("crl-revoked", &list(&[2]));
    let document = file("crl-document", &enclave.document(b"", b""));
    let root = file("crl-root", &enclave.chain[0]);
    let pcrs = PCRS.map(|(index, value)| format!("--pcr={index}={}", hex::encode(value)));
    let fixed = ["verify", &document, "--at", "document", "--danger-root", &root];
    let fixed = [&fixed, &pcrs.each_ref().map(String::as_str)[..]].concat();
    let verify = |more: &[&str]| run(&[&fixed, more].concat(), b"");

    let said = verify(&["--crl", &clear]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("35  passed       no certificate is on the list of its issuer"));
    assert!(!verify(&[]).out.contains("revocation"));
    let said = verify(&["--crl", &clear, "--crl", &revoked]);
    assert_eq!(said.code, 1);
    assert!(said.out.ends_with("not believed: check 35: certificate 2 is revoked\n"));
    let json: Json = serde_json::from_str(&verify(&["--crl", &revoked, "--json"]).out).unwrap();
    assert_eq!(json["checks"][26]["number"], 35);
    assert_eq!(json["checks"][26]["outcome"], "failed");
    let said = verify(&["--crl", &document]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("is not a revocation list"), "{}", said.err);
}

#[test]
fn a_failed_report_does_not_call_passed_what_was_not_asked() {
    let real = vector(REAL);
    let outcomes = |more: &[&str]| {
        let said = run(&[&["verify", &real, "--json", "--pcr", PCR0], more].concat(), b"");
        let json: Json = serde_json::from_str(&said.out).unwrap();
        [17, 18, 21, 22]
            .map(|number| json["checks"][number - 1]["outcome"].as_str().unwrap().to_owned())
    };
    let archived = outcomes(&["--at", "document", "--nonce", "00"]);
    assert_eq!(archived, ["not asked", "not asked", "failed", "not reached"]);
    let debug = run(&["verify", &real, "--pcr", OTHER, "--at", "document", "--allow-debug"], b"");
    assert!(debug.out.contains("19  not asked"), "{}", debug.out);
    let debug = run(&["verify", &real, "--pcr", PCR0, "--at", "document", "--allow-debug"], b"");
    assert!(debug.out.contains("19  not asked"), "the same word: {}", debug.out);
    let live = outcomes(&["--at", "2025-11-10T17:20:11Z", "--nonce", "00"]);
    assert_eq!(live, ["passed", "passed", "failed", "not reached"]);
}

#[test]
fn a_build_manifest_names_the_registers() {
    let real = vector(REAL);
    let (_, value) = PCR0.split_once('=').unwrap();
    let right = format!(r#"{{"name": "x", "pcrs": {{"0": "{value}"}}}}"#);
    let build = |name: &str, content: &str, code| {
        let manifest = file(name, content.as_bytes());
        let said = run(&["verify", &real, "--at", "document", "--build", &manifest], b"");
        assert_eq!(said.code, code, "{}", said.err);
    };
    build("right.json", &right, 0);
    build("wrong.json", &right.replace("3aa0", "4aa0"), 1);
    build("empty.json", r#"{"pcrs": {}}"#, 2);
    build("short.json", r#"{"pcrs": {"0": "00"}}"#, 2);
    build("none.json", "{}", 2);
    let pcrs = |more: &str| format!(r#"{{"pcrs": {{{more}"0": "{value}"}}}}"#);
    build("again.json", &pcrs(""), 0);
    for (nth, index) in ["0", "00", "+0", "40", "256", "PCR0"].iter().enumerate() {
        let twice = pcrs(&format!(r#""{index}": "{value}", "#));
        build(&format!("twice-{nth}.json"), &twice, 2);
    }
    let named_twice = format!(r#"{{"pcrs": {{}}, "pcrs": {{"0": "{value}"}}}}"#);
    build("twice.json", &named_twice, 2);
}

#[test]
fn json_has_one_entry_per_numbered_check() {
    let real = vector(REAL);
    let json = |more: &[&str]| {
        let said = run(&[&["verify", &real, "--json", "--at", "document"], more].concat(), b"");
        serde_json::from_str::<Json>(&said.out).unwrap()
    };
    let right = json(&["--pcr", PCR0]);
    assert_eq!(right["format"], "attestation-verifier verify v1");
    assert_eq!((&right["believed"], &right["reason"]), (&Json::Bool(true), &Json::Null));
    assert_eq!(right["checks"].as_array().unwrap().len(), 22);
    assert_eq!(right["enclave"]["timestamp_ms"], 1_762_795_210_812_u64);
    assert_eq!(right["enclave"]["user_data"], "");
    assert_eq!(right["enclave"]["nonce"], Json::Null);
    let wrong = json(&["--pcr", OTHER]);
    assert_eq!((&wrong["believed"], &wrong["enclave"]), (&Json::Bool(false), &Json::Null));
    assert_eq!(wrong["checks"][18]["outcome"], "passed");
    assert_eq!(wrong["checks"][19]["outcome"], "failed");
    assert_eq!(wrong["checks"][20]["outcome"], "not reached");
}

#[test]
fn says_untrusted_before_anything_else() {
    let (document, root) = (vector("accept/ok-definite.bin"), vector("test-root.der"));
    let said = run(&["explain", &document, "--danger-root", &root], b"");
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("UNTRUSTED root 4a8e5c34"), "{}", said.out);
    let said = run(&["explain", &document], b"");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("NOT genuine: check 11"), "{}", said.out);
}

#[test]
fn explain_gives_a_command_that_works() {
    let debug = std::fs::read(vector("accept/2024-11-14-fastcrypto-debug.bin")).unwrap();
    let spaced = file("it's a \"document\".bin", &debug);
    for document in [&vector(REAL), &spaced] {
        let said = run(&["explain", document], b"");
        assert_eq!(said.code, 0);
        let (_, arguments) = said.out.split_once("  attestation-verifier ").unwrap();
        let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_attestation-verifier"));
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{command}{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(command.contains("--allow-debug"), document == &spaced);
    }
}

#[test]
fn explain_says_what_was_checked_of_a_document_that_is_refused() {
    let said = run(&["explain", &vector("reject/tag18.bin")], b"");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("\n 1  passed  ") && said.out.contains("\n 2  failed  "));
    assert!(said.out.contains("\n 3  not reached  ") && said.out.contains("\n16  not reached  "));
    assert!(!said.out.contains("\n17 "), "{}", said.out);
    let said = run(&["explain", &vector("reject/flip-pcr0.bin")], b"");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("\n15  passed  ") && said.out.contains("\n16  failed  "));
}

#[test]
fn explain_tells_debug_mode_from_a_missing_pcr0() {
    let enclave = Enclave::new();
    let root = file("explain-root", &enclave.chain[0]);
    let explain = |name: &str, pcrs: &[(u8, [u8; 48])]| {
        let document = file(name, &enclave.document_of(pcrs, b"", b""));
        run(&["explain", &document, "--danger-root", &root], b"")
    };
    for (name, pcrs) in [("explain-none", &[][..]), ("explain-no-0", &PCRS[1..])] {
        let said = explain(name, pcrs);
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(said.out.contains("never believed: check 19: pcr 0 is missing"), "{}", said.out);
        assert!(!said.out.contains("DEBUG MODE") && said.out.contains("It has no PCR0"));
        assert!(!said.out.contains("--pcr"), "no command would work");
        assert!(said.out.contains("\n16  passed  ") && said.out.contains("\n19  failed  "));
    }
    let said = explain("explain-zero-1", &[(0, [1; 48]), (1, [0; 48])]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("DEBUG MODE, since one of PCR0 to PCR2 is zero"), "{}", said.out);
}

#[test]
fn debug_mode_must_be_allowed() {
    let document = vector("accept/2024-11-14-fastcrypto-debug.bin");
    let zero = format!("0={}", "00".repeat(48));
    let arguments = ["verify", &document, "--at", "document", "--pcr", &zero];
    let said = run(&arguments, b"");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("debug mode"));
    let said = run(&[&arguments[..], &["--allow-debug"]].concat(), b"");
    assert_eq!(said.code, 0);
    assert!(said.out.contains("warning    DEBUG mode"));
    assert!(said.out.contains("warning    pcr 0 was not named, or as zero"));
}

#[test]
fn a_receipt_is_checked_against_the_contract_and_result_the_caller_has() {
    let enclave = Enclave::new();
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let statement = Statement {
        contract: contract_digest(b"toml"),
        hpke: vec![9; Statement::HPKE_LEN],
        receipt: key.public_key().as_ref().try_into().unwrap(),
        tls: vec![1],
    }
    .encode();
    let body = encoded(
        &cbor!({
            "output" => Value::Bytes(output_digest(b"42").to_vec()),
            "contract" => Value::Bytes(contract_digest(b"toml").to_vec()),
        })
        .unwrap(),
    );
    let nonce = nonce_for(BodyKind::Receipt, &body);
    let document = enclave.document(&user_data_for(&statement), &nonce);
    let payload = receipt::payload(BodyKind::Receipt, &body, &document, &statement);
    let signature = key.sign(&receipt::signing_input(&payload));
    let container = receipt::encode(&payload, signature.as_ref().try_into().unwrap());

    let path = |name: &str, content: &[u8]| file(&format!("receipt-{name}"), content);
    let receipt = path("receipt", &container);
    let root = path("root", &enclave.chain[0]);
    let contract = path("contract", b"toml");
    let pcrs = PCRS.map(|(index, value)| format!("--pcr={index}={}", hex::encode(value)));
    let fixed = [&["--danger-root", &root], &pcrs.each_ref().map(String::as_str)[..]].concat();
    let check = |more: &[&str]| run(&[&["receipt", &receipt], more, &fixed].concat(), b"");

    let said = check(&["--contract", &contract]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("UNTRUSTED"));
    assert_eq!(check(&["--contract", &hex::encode(contract_digest(b"toml"))]).code, 0);
    assert_eq!(check(&[&path("result", b"42"), "--contract", &contract]).code, 0);
    let said = check(&[&path("other", b"43"), "--contract", &contract]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("30  failed"));
    assert_eq!(check(&["--contract", &path("other-contract", b"TOML")]).code, 1);
    let said = run(&["explain", &receipt, "--danger-root", &root], b"");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("This is a receipt or a closing"), "{}", said.out);
    assert!(said.out.contains(&format!("attestation-verifier receipt {receipt} result.json")));
    let said = check(&[]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("only claims"), "{}", said.err);
    let said = run(&["receipt", &receipt, "--contract", &contract], b"");
    assert_eq!(said.code, 2, "no build is named");
    let said = check(&["--contract", &contract, "--json"]);
    let json: Json = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["checks"].as_array().unwrap().len(), 29);
    assert_eq!(json["kind"], "receipt");
}
