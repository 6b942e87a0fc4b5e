//! What a key policy lets anybody do that it should not.

use super::{
    condition::{Hold, fits},
    policy::{Actions, Policy, Statement, Whom},
};
use attestation_verifier::Pcr;
use protocol::contract::Contract;
use serde::Serialize;
use std::{collections::BTreeSet, fmt};

/// One thing that is wrong with a statement or a grant, and how it is mended.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// `Sid` of the statement, or its number; `None` of a grant.
    pub(crate) statement: Option<String>,
    /// The grant, if it is one.
    pub(crate) grant: Option<String>,
    /// A word for programs.
    pub(crate) fault: &'static str,
    /// What it lets happen.
    pub(crate) text: String,
    /// How the statement is mended.
    pub(crate) remedy: String,
}

impl Finding {
    fn of(statement: &Statement, fault: &'static str, text: String, remedy: String) -> Self {
        Self { statement: Some(statement.name.clone()), grant: None, fault, text, remedy }
    }

    /// What it is about, for people.
    fn about(&self) -> String {
        match (&self.statement, &self.grant) {
            (Some(statement), _) => format!("Statement \"{statement}\""),
            (None, grant) => format!("Grant {}", grant.as_deref().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "- {}: {}.\n  Mend it: {}.", self.about(), self.text, self.remedy)
    }
}

/// What was found in a policy.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) findings: Vec<Finding>,
    /// Who may write another policy for the key, and is held to nothing.
    pub(crate) trusted: BTreeSet<String>,
    /// Statements that deny, which are not counted in a policy's favour.
    pub(crate) denials: usize,
    /// Whether any enclave may have anything decrypted.
    pub(crate) opens: bool,
}

/// Judges every statement that allows something. A policy allows what any of its statements does, so each must hold alone.
pub(crate) fn judge(policy: &Policy, contract: Option<&Contract>) -> Verdict {
    let mut verdict = Verdict::default();
    let openers: BTreeSet<&str> = policy.statements.iter().flat_map(may_open).collect();
    for statement in &policy.statements {
        if !statement.allows {
            verdict.denials = verdict.denials.saturating_add(1);
            continue;
        }
        let found = verdict.findings.len();
        match statement.holds(is_attestation) {
            // Such a statement applies to the calls that take a document of an enclave, and to no other call.
            Hold::Fixed(_) => {}
            Hold::Loose(_) => around(statement, &openers, &mut verdict),
        }
        let opened = named(statement, &OPENING);
        if !opened.is_empty() {
            opening(statement, &opened, contract, &mut verdict.findings);
            verdict.opens |= verdict.findings.len() == found;
        }
    }
    verdict
}

/// Calls that give back what KMS decrypted or made, and take the document of an enclave.
fn opening(
    statement: &Statement,
    opened: &[&str],
    contract: Option<&Contract>,
    findings: &mut Vec<Finding>,
) {
    let what = format!("{} may call {}", whom(statement), opened.join(", "));
    let mut add = |fault, text: String, remedy: String| {
        findings.push(Finding::of(statement, fault, text, remedy));
    };
    match statement.holds(is_build) {
        Hold::Fixed(values) => {
            for value in values {
                if let Some((text, remedy)) = wrong_register(value, contract) {
                    add("wrong_build", text, remedy);
                }
            }
        }
        Hold::Loose(weak) => {
            let spare = match (opened.contains(&"kms:Decrypt"), statement.holds(is_attestation)) {
                (_, Hold::Fixed(_)) => {
                    ". Other registers than PCR0 name no build: PCR8 is whoever signed it"
                }
                (false, _) => {
                    ". To wrap a data key takes kms:Encrypt alone, which gives nothing back"
                }
                _ => "",
            };
            add(
                "no_build",
                format!("{what} without being an enclave of a build that is named{}", seems(weak)),
                format!(
                    "take these actions away, or add {BUILD_CONDITION} with PCR0 of the build{spare}"
                ),
            );
        }
    }
    for (key, word, missing, wrong) in [
        (CONTRACT_KEY, "contract", "no_contract", "wrong_contract"),
        (DATASET_KEY, "dataset", "no_dataset", "wrong_dataset"),
    ] {
        match statement.holds(|found| found.eq_ignore_ascii_case(key)) {
            Hold::Fixed(values) => {
                let other = contract.and_then(|contract| wrong_context(word, values, contract));
                if let Some((text, remedy)) = other {
                    add(wrong, text, remedy);
                }
            }
            Hold::Loose(weak) => add(
                missing,
                format!("{what} for any {word}{}", seems(weak)),
                format!("add \"StringEquals\": {{\"{key}\": ..}} with {}", named_by(word)),
            ),
        }
    }
}

/// What a key of the encryption context names a contract or a dataset by.
fn named_by(word: &str) -> &'static str {
    match word {
        "contract" => "the contract's digest",
        _ => "the dataset's name in the contract",
    }
}

/// Ways around the conditions of other statements, which no document of an enclave can restrict.
fn around(statement: &Statement, openers: &BTreeSet<&str>, verdict: &mut Verdict) {
    let (who, Verdict { findings, trusted, .. }) = (whom(statement), verdict);
    let mut add = |fault, text: String, remedy: &str| {
        findings.push(Finding::of(statement, fault, text, remedy.to_owned()));
    };
    if !named(statement, &["kms:ReEncryptFrom", "kms:ReEncrypt"]).is_empty() {
        add(
            "reencrypt",
            format!(
                "{who} may have KMS encrypt anew, under a key with another policy, whatever this key encrypted"
            ),
            "take kms:ReEncryptFrom (and kms:ReEncrypt*) away: KMS takes no document of an enclave with it",
        );
    }
    if !named(statement, &["kms:CreateGrant"]).is_empty() {
        add(
            "grants",
            format!(
                "{who} may hand out grants, and whoever has one decrypts without being an enclave"
            ),
            "take kms:CreateGrant away: a grant cannot be held to a build",
        );
    }
    for (action, fault, does) in CHANGES {
        if named(statement, &[action]).is_empty() {
            continue;
        }
        let Whom::These(all) = &statement.whom else {
            add(fault, format!("{who} may {does}"), NAME_ONE_ROLE);
            continue;
        };
        for one in all {
            if is_account(one) {
                let why = "that is a whole account, whose IAM policies decide who may";
                add(fault, format!("{one} may {does}: {why}"), NAME_ONE_ROLE);
            } else if openers.contains(one.as_str()) {
                add(
                    fault,
                    format!("{one} may {does}, and asks for data keys as well"),
                    "let the role that looks after the key be another one than the role that hosts run under",
                );
            } else {
                trusted.insert(one.clone());
            }
        }
    }
}

/// What is wrong with the value of a register.
fn wrong_register(value: &str, contract: Option<&Contract>) -> Option<(String, String)> {
    let Ok(pcr) = value.parse::<Pcr>() else {
        return Some((
            format!("\"{value}\" is no register: expected 96 hexadecimal digits"),
            "write PCR0 as `glovebox contract show` or the build's manifest has it".to_owned(),
        ));
    };
    if pcr == Pcr::DEBUG {
        return Some((
            "PCR0 is all zeros: that is any enclave in debug mode, whose memory the operator reads"
                .to_owned(),
            "write PCR0 of the build".to_owned(),
        ));
    }
    let contract = contract?;
    let listed = contract.builds.iter().any(|build| build.pcrs.get(&0) == Some(&pcr));
    (!listed).then(|| {
        (
            format!("the contract lists no build whose PCR0 is {value}"),
            "write PCR0 of a build that the contract lists; `glovebox contract show` prints them"
                .to_owned(),
        )
    })
}

/// What is wrong with the values of a key of the encryption context.
fn wrong_context(word: &str, values: &[String], contract: &Contract) -> Option<(String, String)> {
    let digest = contract.digest.to_string();
    let known: Vec<&str> = match word {
        "contract" => vec![&digest],
        _ => contract.datasets.keys().map(String::as_str).collect(),
    };
    let other = values.iter().find(|value| !known.contains(&value.as_str()))?;
    Some((
        format!("it opens for the {word} \"{other}\", which is not of this contract"),
        format!("write {}", known.join(" or ")),
    ))
}

/// Those of `actions` that the statement is about.
fn named<'a>(statement: &Statement, actions: &[&'a str]) -> Vec<&'a str> {
    let about = |action: &str| match &statement.actions {
        Actions::These(patterns) => patterns.iter().any(|pattern| fits(pattern, action)),
        Actions::AllBut(patterns) => !patterns.iter().any(|pattern| fits(pattern, action)),
    };
    actions.iter().copied().filter(|action| about(action)).collect()
}

/// Whom a statement lets ask for what KMS decrypted.
fn may_open(statement: &Statement) -> Vec<&str> {
    match &statement.whom {
        Whom::These(all) if statement.allows && !named(statement, &OPENING).is_empty() => {
            all.iter().map(String::as_str).collect()
        }
        _ => Vec::new(),
    }
}

fn whom(statement: &Statement) -> String {
    match &statement.whom {
        Whom::Everybody => "anybody in any account".to_owned(),
        Whom::EverybodyBut => {
            "anybody in any account, but for those named by NotPrincipal,".to_owned()
        }
        Whom::These(all) => {
            let name = |one: &String| match is_account(one) {
                true => format!("{one} (a whole account, whose IAM policies decide who)"),
                false => one.clone(),
            };
            all.iter().map(name).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Whether a principal is an account: its number, or its root, which lets IAM policies there hand the right on.
fn is_account(principal: &str) -> bool {
    let digits = principal.len() == 12 && principal.bytes().all(|byte| byte.is_ascii_digit());
    digits || principal.starts_with("arn:") && principal.ends_with(":root")
}

fn seems(weak: Option<(super::condition::Weakness, &str)>) -> String {
    weak.map(|(weakness, operator)| format!("; {}", weakness.words(operator))).unwrap_or_default()
}

/// Registers of an enclave, and not those of NitroTPM.
fn is_attestation(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let register = key.strip_prefix("kms:recipientattestation:pcr");
    is_build(&key)
        || register.is_some_and(|number| number.parse::<u8>().is_ok_and(|number| number < 32))
}

/// Both keys are PCR0.
fn is_build(key: &str) -> bool {
    ["kms:RecipientAttestation:ImageSha384", "kms:RecipientAttestation:PCR0"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(key))
}

/// Keys of the encryption context under which a dataset's data key is wrapped.
pub(crate) const CONTRACT_KEY: &str = "kms:EncryptionContext:contract";
pub(crate) const DATASET_KEY: &str = "kms:EncryptionContext:dataset";
const BUILD_CONDITION: &str =
    "\"StringEqualsIgnoreCase\": {\"kms:RecipientAttestation:ImageSha384\": ..}";
/// Calls that put something else in the place of the policy: the call, its fault, and what it does.
const CHANGES: [(&str, &str, &str); 2] = [
    ("kms:PutKeyPolicy", "policy_change", "write another policy"),
    ("kms:ReplicateKey", "replica", "copy the key to a region where it has another policy"),
];
const NAME_ONE_ROLE: &str = "name the one role of the dataset's owner that looks after the key";
/// Calls that give back a secret in the clear where no document of an enclave is asked for. `GenerateRandom` is left out: it uses no key.
const OPENING: [&str; 4] =
    ["kms:Decrypt", "kms:DeriveSharedSecret", "kms:GenerateDataKey", "kms:GenerateDataKeyPair"];
