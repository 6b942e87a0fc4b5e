//! `glovebox kms lint`: whether a key's policy keeps everybody but the enclaves that are meant from decrypting.

use super::{
    grants::Grants,
    judge::{Verdict, judge},
    policy::Policy,
};
use crate::{
    document,
    failure::Failure,
    files::{self, Paper},
    say,
};
use std::{path::PathBuf, process::ExitCode};

/// Look for what a key policy lets anybody do but an enclave of a named build, for one contract and its datasets
///
/// Each statement that allows something is looked at alone, and Deny is not counted. IAM policies are not looked at: they count only where the policy names a
/// whole account. Exit code: 0 nothing found, 1 something found, 2 not a key policy.
#[derive(Debug, clap::Args)]
pub(crate) struct Lint {
    /// The policy, as a file of JSON; what `aws kms get-key-policy` prints is taken, too
    policy: PathBuf,
    /// Compare what the conditions name with this contract, signed or not
    #[arg(long)]
    contract: Option<PathBuf>,
    /// Look at the grants on the key as well: what `aws kms list-grants` prints
    #[arg(long)]
    grants: Option<PathBuf>,
}

impl Lint {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let text = files::read_text_at_most(&self.policy, MOST_BYTES)?;
        let policy =
            Policy::parse(&text).map_err(|why| files::named(&self.policy, why).unanswered())?;
        let contract = self.contract.as_deref().map(Paper::read).transpose();
        let contract = contract.map_err(Failure::unanswered)?.map(|paper| paper.contract);
        let mut verdict = judge(&policy, contract.as_ref());
        if let Some(path) = &self.grants {
            let grants = Grants::parse(&files::read_text_at_most(path, MOST_GRANTS)?);
            let grants = grants.map_err(|why| files::named(path, why).unanswered())?;
            verdict.findings.extend(grants.findings());
        }
        if let Some(contract) = &contract {
            document::fields(&serde_json::json!({"contract": contract.digest}))?;
        }
        document::fields(&serde_json::json!({
            "passes": verdict.findings.is_empty(),
            "findings": verdict.findings,
            "trusted": verdict.trusted,
        }))?;
        verdict.findings.iter().try_for_each(say::result)?;
        remarks(&verdict);
        if self.grants.is_none() {
            say::note(
                "Grants on the key are not in its policy, and were not looked at: name what `aws kms list-grants --key-id KEY` prints with --grants.",
            );
        }
        Ok(if verdict.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What is no fault, and may mislead.
fn remarks(verdict: &Verdict) {
    if verdict.findings.is_empty() {
        say::note("Nothing was found.");
        if !verdict.opens {
            say::note(
                "No statement lets anybody decrypt: no enclave gets anything from this key either.",
            );
        }
    }
    for who in &verdict.trusted {
        say::note(format_args!(
            "{who} may put another policy in the place of this one, and is trusted with all that the key guards."
        ));
    }
    if verdict.denials > 0 {
        say::note(
            "Statements that deny were not counted: what a policy must not allow is not to be allowed.",
        );
    }
}

/// KMS takes policies of 32 KiB; as a text inside JSON one is twice as long at most.
const MOST_BYTES: u64 = 64 << 10;
/// Some ten thousand grants; a key for a dataset needs none.
const MOST_GRANTS: u64 = 4 << 20;
