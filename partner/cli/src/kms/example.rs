//! `glovebox kms example`: a key policy that passes the linter.

use super::judge::{CONTRACT_KEY, DATASET_KEY};
use crate::{document, failure::Failure, files::Paper, say};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

/// Print a key policy that `kms lint` finds nothing in: one role looks after the key, one wraps, and enclaves open
///
/// Account and roles are made up; put in those of the dataset's owner. Without a contract its digest and builds are made up, too.
#[derive(Debug, clap::Args)]
pub(crate) struct Example {
    /// Take digest, builds and datasets from this contract, signed or not
    #[arg(long)]
    contract: Option<PathBuf>,
    /// The dataset that the key is for; without it, all that the contract has
    #[arg(long, requires = "contract")]
    dataset: Option<String>,
}

impl Example {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let policy = match &self.contract {
            Some(path) => {
                let contract = Paper::read(path).map_err(Failure::unanswered)?.contract;
                let known: Vec<&str> = contract.datasets.keys().map(String::as_str).collect();
                let named = match &self.dataset {
                    Some(name) if !known.contains(&name.as_str()) => {
                        return Err(Failure::no(format!(
                            "the contract has no dataset \"{name}\": name one of {} with --dataset",
                            known.join(", ")
                        )));
                    }
                    Some(name) => vec![name.as_str()],
                    None => known,
                };
                let builds = contract.builds.iter().filter_map(|build| build.pcrs.get(&0));
                let builds: BTreeSet<String> = builds.map(ToString::to_string).collect();
                policy(&contract.digest.to_string(), &named, builds.into_iter().collect())
            }
            None => policy(&"c0".repeat(48), &["sales"], vec!["ab".repeat(48)]),
        };
        document::fields(&json!({"policy": policy}))?;
        say::result(serde_json::to_string_pretty(&policy).map_err(Failure::unclear)?)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A policy of three statements, each with no more than it is for.
pub(crate) fn policy(contract: &str, datasets: &[&str], builds: Vec<String>) -> Value {
    let role = |name: &str| json!({"AWS": format!("arn:aws:iam::111122223333:role/{name}")});
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LookAfterTheKey",
                "Effect": "Allow",
                "Principal": role("glovebox-key-administrator"),
                "Action": [
                    "kms:CancelKeyDeletion",
                    "kms:DescribeKey",
                    "kms:DisableKey",
                    "kms:EnableKey",
                    "kms:EnableKeyRotation",
                    "kms:GetKeyPolicy",
                    "kms:GetKeyRotationStatus",
                    "kms:ListGrants",
                    "kms:PutKeyPolicy",
                    "kms:RevokeGrant",
                    "kms:ScheduleKeyDeletion",
                ],
                "Resource": "*",
            },
            {
                "Sid": "WrapAtTheOwner",
                "Effect": "Allow",
                "Principal": role("glovebox-owner"),
                "Action": "kms:Encrypt",
                "Resource": "*",
                "Condition": {"StringEquals": {CONTRACT_KEY: contract, DATASET_KEY: datasets}},
            },
            {
                "Sid": "OpenInEnclavesOfTheBuild",
                "Effect": "Allow",
                "Principal": role("glovebox-host"),
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": {
                    "StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": builds},
                    "StringEquals": {CONTRACT_KEY: contract, DATASET_KEY: datasets},
                },
            },
        ],
    })
}
