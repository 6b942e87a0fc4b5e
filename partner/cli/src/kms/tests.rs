//! Policies that let somebody past the enclave, each found under its name, and those that do not.

use super::{
    condition::fits,
    example::policy,
    grants::{Grants, GrantsError},
    judge::{Verdict, judge},
    policy::{Policy, PolicyError},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const PCR0: &str = "abababababababababababababababababababababababababababababababababababababababababababababababab";

fn verdict(policy: &Value) -> Verdict {
    judge(&Policy::parse(&policy.to_string()).unwrap(), None)
}

/// Faults of a policy, by the statements that they are in.
fn faults(policy: &Value) -> Vec<(String, &'static str)> {
    let findings = verdict(policy).findings.into_iter();
    findings.map(|finding| (finding.statement.unwrap(), finding.fault)).collect()
}

/// The passing policy with one more statement, called "More".
fn with(more: Value) -> Value {
    let mut all = policy(&"c0".repeat(48), &["sales"], vec![PCR0.to_owned()]);
    let mut statement = json!({
        "Sid": "More", "Effect": "Allow", "Resource": "*", "Action": "kms:Decrypt",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/somebody"},
    });
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Null => drop(statement.as_object_mut().unwrap().remove(name)),
            value => statement[name] = value.clone(),
        }
    }
    all["Statement"].as_array_mut().unwrap().push(statement);
    all
}

/// Faults of the one statement that was added.
fn more(statement: Value) -> Vec<&'static str> {
    let found = faults(&with(statement));
    assert!(found.iter().all(|(statement, _)| statement == "More"), "{found:?}");
    found.into_iter().map(|(_, fault)| fault).collect()
}

/// The conditions of the statement in the example that opens, with `operator` on the build.
fn held(operator: &str, build: Value) -> Value {
    json!({
        operator: {"kms:RecipientAttestation:ImageSha384": build},
        "ForAnyValue:StringEqualsIgnoreCase": {
            "kms:EncryptionContext:contract": "c0", "kms:EncryptionContext:dataset": "sales",
        },
    })
}

const OPEN: [&str; 3] = ["no_build", "no_contract", "no_dataset"];

#[test]
fn the_example_passes_and_names_whom_it_trusts() {
    let found = verdict(&policy(&"c0".repeat(48), &["sales", "stores"], vec![PCR0.to_owned()]));
    assert_eq!(found.findings, []);
    assert!(found.opens);
    let administrator = "arn:aws:iam::111122223333:role/glovebox-key-administrator";
    assert_eq!(found.trusted.into_iter().collect::<Vec<_>>(), [administrator]);
}

#[test]
fn the_policy_that_aws_writes_by_itself_is_refused_for_every_way_around() {
    let default = json!({
        "Version": "2012-10-17", "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions", "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*",
        }],
    });
    let found = verdict(&default);
    let faults: Vec<_> = found.findings.iter().map(|finding| finding.fault).collect();
    let around = ["reencrypt", "grants", "policy_change", "replica"];
    assert_eq!(faults, [&around[..], &OPEN].concat());
    assert!(!found.opens && found.trusted.is_empty());
    let first = &found.findings[4];
    assert_eq!(first.statement.as_deref(), Some("Enable IAM User Permissions"));
    assert_eq!(
        first.text,
        "arn:aws:iam::111122223333:root (a whole account, whose IAM policies decide who) may call kms:Decrypt, \
         kms:DeriveSharedSecret, kms:GenerateDataKey, kms:GenerateDataKeyPair without being an enclave of a build that is named"
    );
    assert!(
        first
            .remedy
            .contains("\"StringEqualsIgnoreCase\": {\"kms:RecipientAttestation:ImageSha384\": ..}")
    );
}

#[test]
fn refuses_every_way_to_write_decrypt() {
    for action in [
        json!("kms:Decrypt"),
        json!("KMS:decrypt"),
        json!("kms:Dec*"),
        json!("kms:*Decrypt"),
        json!("kms:?ecrypt"),
        json!(["kms:DescribeKey", "kms:D*"]),
    ] {
        assert_eq!(more(json!({"Action": action})), OPEN, "{action}");
    }
    for action in ["kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:DeriveSharedSecret"] {
        assert_eq!(more(json!({"Action": action})), OPEN, "{action}");
    }
    for everything in ["*", "kms:*"] {
        assert_eq!(more(json!({"Action": everything}))[4..], OPEN, "{everything}");
    }
    for nothing in [
        "kms:Encrypt",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:GenerateRandom",
        "kms:List*",
        "kms:DecryptX",
        "s3:*",
    ] {
        assert_eq!(more(json!({"Action": nothing})), [""; 0], "{nothing}");
    }
}

#[test]
fn refuses_everything_but_a_few_actions() {
    // As AWS' own pages advise for the account: all that is left around `kms:Decrypt` is a way to it. Whoever may change the
    // policy asks for data keys as well.
    let found = more(json!({"Action": null, "NotAction": "kms:Decrypt"}));
    assert_eq!(found, [&["reencrypt", "grants", "policy_change", "replica"][..], &OPEN].concat());
    let spare =
        ["kms:Dec*", "kms:Derive*", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:CreateGrant"];
    assert_eq!(more(json!({"Action": null, "NotAction": spare})), [""; 0]);
}

#[test]
fn refuses_everybody_however_it_is_written() {
    for (name, whom) in [
        ("Principal", json!("*")),
        ("Principal", json!({"AWS": "*"})),
        ("Principal", json!({"AWS": ["arn:aws:iam::111122223333:role/a", "*"]})),
        ("NotPrincipal", json!({"AWS": "arn:aws:iam::111122223333:role/a"})),
    ] {
        let mut statement =
            json!({"Principal": null, "Action": ["kms:Decrypt", "kms:PutKeyPolicy"]});
        statement[name] = whom;
        assert_eq!(more(statement.clone()), [&["policy_change"][..], &OPEN].concat());
        // Held to a build, contract and dataset, anybody may ask: what comes back is for the enclave alone.
        statement["Condition"] = held("StringEquals", json!(PCR0));
        assert_eq!(more(statement), [""; 0]);
    }
}

#[test]
fn refuses_conditions_that_only_seem_to_hold_a_request() {
    for (operator, build, why) in [
        (
            "StringEqualsIfExists",
            PCR0,
            "\"StringEqualsIfExists\" is met by a request without that key, too",
        ),
        ("StringEqualsIgnoreCaseIfExists", PCR0, "is met by a request without that key, too"),
        ("ForAllValues:StringEquals", PCR0, "is met by a request without that key, too"),
        ("ForAnyValue:StringLikeIfExists", PCR0, "is met by a request without that key, too"),
        (
            "StringLike",
            "*",
            "\"StringLike\" with \"*\" or \"?\" is met by values that nobody wrote down",
        ),
        ("StringLike", "ab?b", "is met by values that nobody wrote down"),
        ("StringEquals", "${aws:PrincipalTag/pcr0}", "is met by what whoever asks brings along"),
        ("StringNotEquals", PCR0, "says only what the value must not be"),
        ("StringNotLike", "00*", "says only what the value must not be"),
        ("ArnEquals", PCR0, "holds no text to a value"),
        ("Null", "false", "holds no text to a value"),
    ] {
        let found = verdict(&with(json!({"Condition": held(operator, json!(build))})));
        assert_eq!(found.findings.len(), 1, "{operator}: {:?}", found.findings);
        assert_eq!(found.findings[0].fault, "no_build");
        assert!(found.findings[0].text.contains(why), "{operator}: {}", found.findings[0].text);
    }
    for operator in
        ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ForAnyValue:StringEquals"]
    {
        assert_eq!(
            more(json!({"Condition": held(operator, json!([PCR0, PCR0]))})),
            [""; 0],
            "{operator}"
        );
    }
    let key = "kms:encryptioncontext:CONTRACT";
    for (operator, value) in [("StringLike", "c0*"), ("StringEqualsIfExists", "c0")] {
        let condition = json!({
            "StringEquals": {"kms:RecipientAttestation:PCR0": PCR0, "kms:EncryptionContext:dataset": "sales"},
            operator: {key: value},
        });
        assert_eq!(more(json!({"Condition": condition})), ["no_contract"], "{operator}");
    }
}

#[test]
fn a_condition_that_holds_is_enough_beside_one_that_does_not() {
    let condition = json!({
        "StringLike": {"kms:RecipientAttestation:PCR0": "*", "kms:EncryptionContext:dataset": "*"},
        "StringEquals": {
            "KMS:recipientattestation:pcr0": PCR0,
            "kms:EncryptionContext:contract": "c0",
            "kms:EncryptionContext:dataset": ["sales"],
        },
    });
    assert_eq!(more(json!({"Condition": condition})), [""; 0]);
}

#[test]
fn refuses_conditions_about_something_else() {
    for (key, value) in [
        ("aws:PrincipalOrgID", "o-1"),
        ("kms:CallerAccount", "111122223333"),
        ("kms:ViaService", "ec2.eu-central-1.amazonaws.com"),
        ("kms:RecipientAttestation:NitroTPMPCR0", PCR0),
        ("kms:RecipientAttestation", PCR0),
        ("kms:RecipientAttestation:PCR32", PCR0),
        ("kms:EncryptionContextKeys", "contract"),
    ] {
        assert_eq!(more(json!({"Condition": {"StringEquals": {key: value}}})), OPEN, "{key}");
    }
}

#[test]
fn refuses_registers_that_name_no_build() {
    let context = |register: &str, value: &str| {
        json!({"StringEquals": {
            register: value, "kms:EncryptionContext:contract": "c0", "kms:EncryptionContext:dataset": "sales",
        }})
    };
    let found =
        verdict(&with(json!({"Condition": context("kms:RecipientAttestation:PCR8", PCR0)})));
    assert_eq!(found.findings.len(), 1);
    assert_eq!(found.findings[0].fault, "no_build");
    assert!(found.findings[0].remedy.contains("PCR8 is whoever signed it"), "{:?}", found.findings);
    for (value, why) in [
        ("00".repeat(48), "any enclave in debug mode"),
        ("ab".repeat(32), "expected 96 hexadecimal digits"),
        (format!("{}zz", "ab".repeat(47)), "expected 96 hexadecimal digits"),
    ] {
        let found =
            verdict(&with(json!({"Condition": context("kms:RecipientAttestation:PCR0", &value)})));
        assert_eq!(found.findings.len(), 1);
        assert_eq!(found.findings[0].fault, "wrong_build");
        assert!(found.findings[0].text.contains(why), "{}", found.findings[0].text);
    }
}

#[test]
fn refuses_each_way_around_the_conditions() {
    for (action, fault) in [
        ("kms:ReEncryptFrom", "reencrypt"),
        ("kms:ReEncrypt*", "reencrypt"),
        ("kms:ReEncrypt", "reencrypt"),
        ("kms:CreateGrant", "grants"),
        ("kms:Create*", "grants"),
    ] {
        assert_eq!(more(json!({"Action": action})), [fault], "{action}");
        // No condition helps but one on an enclave, and KMS knows no enclave with these calls.
        let condition = json!({"Bool": {"kms:GrantIsForAWSResource": true}});
        assert_eq!(more(json!({"Action": action, "Condition": condition})), [fault], "{action}");
        assert_eq!(
            more(json!({"Action": action, "Condition": held("StringEquals", json!(PCR0))})),
            [""; 0]
        );
    }
    assert_eq!(more(json!({"Action": "kms:ReEncryptTo"})), [""; 0]);
}

#[test]
fn the_policy_may_be_changed_by_a_role_that_opens_nothing_and_by_nobody_else() {
    for (action, fault) in [("kms:PutKeyPolicy", "policy_change"), ("kms:ReplicateKey", "replica")]
    {
        let who = |whom: &str| more(json!({"Action": action, "Principal": {"AWS": whom}}));
        assert_eq!(who("arn:aws:iam::111122223333:role/administrator"), [""; 0]);
        assert_eq!(who("arn:aws:iam::111122223333:root"), [fault]);
        assert_eq!(who("arn:aws-us-gov:iam::111122223333:root"), [fault]);
        assert_eq!(who("111122223333"), [fault]);
        // The role that hosts run under, which the example lets ask for data keys.
        assert_eq!(who("arn:aws:iam::111122223333:role/glovebox-host"), [fault]);
    }
}

#[test]
fn statements_that_deny_are_not_counted() {
    let denied = with(json!({
        "Effect": "Deny", "Principal": "*",
        "Condition": {"StringNotEquals": {"kms:RecipientAttestation:ImageSha384": PCR0}},
    }));
    let found = verdict(&denied);
    assert_eq!((found.findings.len(), found.denials), (0, 1));
}

#[test]
fn what_the_conditions_name_is_compared_with_the_contract() {
    let contract = rehearsal::with_throw_away_keys(include_str!(
        "../../../../protocol/src/analysis/lift/sample/contract.toml"
    ));
    let contract = contract.unwrap().unwrap();
    let datasets: Vec<&str> = contract.datasets.keys().map(String::as_str).collect();
    let builds: Vec<String> =
        contract.builds.iter().map(|build| build.pcrs[&0].to_string()).collect();
    let faults = |contract_digest: &str, datasets: &[&str], builds: Vec<String>| {
        let policy = Policy::parse(&policy(contract_digest, datasets, builds).to_string()).unwrap();
        let findings = judge(&policy, Some(&contract)).findings.into_iter();
        findings.map(|finding| finding.fault).collect::<Vec<_>>()
    };
    let digest = contract.digest.to_string();
    assert_eq!(faults(&digest, &datasets, builds.clone()), [""; 0]);
    assert_eq!(faults(&"c0".repeat(48), &datasets, builds.clone()), ["wrong_contract"]);
    assert_eq!(faults(&digest, &["elsewhere"], builds.clone()), ["wrong_dataset"]);
    assert_eq!(
        faults(&digest, &datasets, [builds, vec!["cd".repeat(48)]].concat()),
        ["wrong_build"]
    );
}

#[test]
fn refuses_every_grant_with_which_something_can_be_decrypted() {
    let one = |operation: &str| {
        let listed = json!({"Grants": [{
            "KeyId": "arn:aws:kms:eu-central-1:111122223333:key/k", "GrantId": "0c237476", "Name": "",
            "GranteePrincipal": "arn:aws:iam::111122223333:role/a", "Operations": ["DescribeKey", operation],
            "Constraints": {"EncryptionContextSubset": {"contract": "c0", "dataset": "sales"}},
        }], "Truncated": false});
        Grants::parse(&listed.to_string()).unwrap().findings()
    };
    let found = one("Decrypt");
    assert_eq!(
        found[0].to_string(),
        "- Grant 0c237476: arn:aws:iam::111122223333:role/a may call Decrypt by a grant, whatever the policy says.\n  \
         Mend it: end it with `aws kms revoke-grant --key-id KEY --grant-id 0c237476`."
    );
    for operation in [
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "ReEncryptFrom",
        "CreateGrant",
        "DeriveSharedSecret",
        "WhateverComes",
    ] {
        assert_eq!(one(operation).len(), 1, "{operation}");
    }
    for operation in ["Encrypt", "GenerateDataKeyWithoutPlaintext", "ReEncryptTo", "RetireGrant"] {
        assert_eq!(one(operation), [], "{operation}");
    }
    assert!(matches!(
        Grants::parse(r#"{"Grants": [], "Truncated": true}"#),
        Err(GrantsError::Truncated)
    ));
    assert!(matches!(Grants::parse(r#"{"Statement": []}"#), Err(GrantsError::Json(_))));
}

#[test]
fn reads_what_aws_prints_and_refuses_what_could_be_read_in_two_ways() {
    let policy = policy(&"c0".repeat(48), &["sales"], vec![PCR0.to_owned()]);
    let printed = json!({"Policy": policy.to_string(), "PolicyName": "default"}).to_string();
    assert_eq!(Policy::parse(&printed).unwrap().statements.len(), 3);
    let one = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:List*"}});
    assert_eq!(Policy::parse(&one.to_string()).unwrap().statements[0].name, "number 1");
    let statement = |text: &str| Policy::parse(&format!("{{\"Statement\": [{text}]}}")).map(drop);
    for (text, why) in [
        (
            r#"{"Effect": "Allow", "Effect": "Deny", "Principal": "*", "Action": "*"}"#,
            "\"Effect\" stands there twice",
        ),
        (
            r#"{"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {"StringEquals": {"a": "1"}, "stringequals": {"a": "2"}}}"#,
            "\"stringequals\" stands there twice",
        ),
        (
            r#"{"Effect": "Allow", "Principal": "*", "Action": "*", "condition": {}}"#,
            "a key policy has no element called \"condition\"",
        ),
        (r#"{"Effect": "allow", "Principal": "*", "Action": "*"}"#, "expected Effect"),
        (r#"{"Effect": "Allow", "Action": "*"}"#, "expected Principal"),
        (
            r#"{"Effect": "Allow", "Principal": "*", "NotPrincipal": "*", "Action": "*"}"#,
            "expected Principal",
        ),
        (r#"{"Effect": "Allow", "Principal": "*"}"#, "expected Action"),
        (r#"{"Effect": "Allow", "Principal": "*", "Action": []}"#, "expected Action"),
        (r#"{"Effect": "Allow", "Principal": "*", "Action": [["*"]]}"#, "expected Action"),
        (r#"{"Effect": "Allow", "Principal": {"AWS": {}}, "Action": "*"}"#, "expected Principal"),
        (
            r#"{"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {"StringEquals": {"a": []}}}"#,
            "expected Condition",
        ),
        (
            r#"{"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": []}"#,
            "found something else",
        ),
        ("7", "found something else"),
    ] {
        let said = statement(text).unwrap_err().to_string();
        assert!(said.contains(why), "{text}: {said}");
    }
    assert!(matches!(Policy::parse("{}"), Err(PolicyError::Lacks { element: "Statement", .. })));
    assert!(matches!(Policy::parse("kms:*"), Err(PolicyError::Json(_))));
    assert!(matches!(Policy::parse("null"), Err(PolicyError::Json(_))));
}

proptest! {
    #[test]
    fn patterns_fit_as_a_reader_by_the_letter_says(pattern in "[ab?*]{0,8}", text in "[ab]{0,8}") {
        fn slow(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern, text) {
                ([], []) => true,
                ([b'*', rest @ ..], _) => (0..=text.len()).any(|skipped| slow(rest, &text[skipped..])),
                ([b'?', rest @ ..], [_, after @ ..]) => slow(rest, after),
                ([one, rest @ ..], [other, after @ ..]) => one == other && slow(rest, after),
                _ => false,
            }
        }
        prop_assert_eq!(fits(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}\":,a*S ]{0,60}") {
        let _ = Policy::parse(&text);
    }
}
