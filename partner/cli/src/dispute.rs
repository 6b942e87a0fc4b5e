//! `glovebox dispute`: one file from which an auditor derives a disputed answer again, offline.

mod again;
mod compare;
mod named;

use crate::{
    common_args::{Common, CommonArgs, TrustArgs},
    document,
    failure::Failure,
    files::{self, Paper},
    result::given::{self, Given},
    say, unchecked, verify,
};
use ::page::terminal;
use client::receipt_check::{self, ReceiptFiles};
use protocol::{result::JobResult, text::in_shell};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Derive a disputed answer again from one file, or ask it again and compare both
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DisputeCommand {
    Write(Write),
    Check(Check),
    #[command(name = "ask")]
    AskAgain(again::AskAgain),
    Compare(compare::Compare),
}

impl DisputeCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Write(write) => write.run(),
            Self::Check(check) => check.run(),
            Self::AskAgain(ask) => ask.run().await,
            Self::Compare(compare) => compare.run(),
        }
    }
}

/// Put contract, receipt, result and released figures of an answer into one file
///
/// Checks all of it first. The file shows what the receivers of the answer have seen, and nobody's rows; an auditor needs it and
/// this program, and no key. Nothing is run again: the same noise would need its seed outside, which would uncover exact totals. Whoever
/// doubts the released figures themselves asks the owners for another paid job on the same versions, which the file names.
#[derive(Debug, clap::Args)]
pub(crate) struct Write {
    /// The folder of an opened result: result.json, receipt.cbor and released.cbor
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "dispute.json")]
    output: PathBuf,

    #[command(flatten)]
    common: CommonArgs,
}

/// Derive a disputed answer again from one file, offline
///
/// Checks the enclave, the contract's signatures, the receipt, policy and price, and estimates every figure again from the released
/// ones. Says in words what was asked of whose data, then the answer as it was derived. Exit code: 0 it is the answer, 1 it is not.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The file that `glovebox dispute write` made
    file: PathBuf,

    /// Your own copy of the contract, which must be the one in the file; without it the contract is the accuser's own word
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,

    #[command(flatten)]
    trust: TrustArgs,
}

/// The content of the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Always [`FORMAT`].
    format: String,
    /// The signed contract, in hexadecimal.
    #[serde(with = "as_hex")]
    contract: Vec<u8>,
    /// The receipt, in hexadecimal.
    #[serde(with = "as_hex")]
    receipt: Vec<u8>,
    /// The released figures, in hexadecimal.
    #[serde(with = "as_hex")]
    released: Vec<u8>,
    /// The result's exact text.
    result: String,
}

impl Write {
    fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        // Who is to believe the file must see that every party signed.
        common.contract()?;
        let files = given::GivenFiles::of(&self.folder);
        let released = files.released.clone().ok_or_else(|| {
            let folder = self.folder.display();
            Failure::unclear(format!(
                "{folder} has no released.cbor, from which the answer is derived: take it from where the result was opened"
            ))
        })?;
        let given = Given::read(&files, &common)?;
        let case = Case {
            format: FORMAT.to_owned(),
            contract: files::read_contract(&common.contract)?,
            receipt: files::read(&files.receipt)?,
            released: files::read(&released)?,
            result: files::read_text(&files.result)?,
        };
        if self.output.exists() {
            let output = self.output.display();
            return Err(Failure::unclear(format!("{output} exists already: name another with -o")));
        }
        let text = serde_json::to_vec_pretty(&case).map_err(Failure::unclear)?;
        files::write_private(&self.output, &text)?;
        document::fields(&serde_json::json!({"file": self.output}))?;
        say::result(self.output.display())?;
        let root = if given.from.simulated { " --danger-root FILE" } else { "" };
        say::note(format_args!(
            "{} An auditor runs: glovebox dispute check {} --contract THEIR-OWN-COPY{root}",
            given.what_holds(),
            in_shell(&self.output.display().to_string())
        ));
        Ok(ExitCode::SUCCESS)
    }
}

impl Check {
    fn run(&self) -> Result<ExitCode, Failure> {
        let case = Case::read(&self.file)?;
        let contract = protocol::contract::Contract::open(&case.contract)
            .map_err(|why| files::named(&self.file, format!("the contract in it: {why}")))?;
        if let Some(path) = &self.contract {
            let own = Paper::read(path)?.contract;
            if own.digest != contract.digest {
                return Err(files::named(
                    &self.file,
                    format!(
                        "it is about contract {}, and {} is {}",
                        contract.digest,
                        path.display(),
                        own.digest
                    ),
                ));
            }
        }
        let trust = self.trust.trust()?;
        let result = case.result.as_bytes();
        let beside = ReceiptFiles { result: Some(result), released: Some(&case.released) };
        let checked = match receipt_check::check(&contract, &case.receipt, beside, &trust) {
            Ok(checked) => checked,
            Err(error) => {
                document::fields(&serde_json::json!({
                    "holds": false, "checks": verify::as_json(error.checks()),
                }))?;
                verify::print(error.checks())?;
                return Err(error.into());
            }
        };
        verify::print(&checked.checks)?;
        say::result(format_args!("\n{}", self.whose_contract()))?;
        say::result(format_args!("\n{}\n", crate::receipt::in_words(&checked, &contract)?))?;
        let files =
            (Common::name_of(&self.file), self.trust.danger_root.as_deref().map(Common::name_of));
        let from = checked.provenance(&trust, result, &checked.job, None, files);
        let answer = JobResult::from_json(result).map_err(Failure::no)?;
        let page = answer.page(&from);
        document::fields(&serde_json::json!({
            "contract_is_own": self.contract.is_some(),
            "holds": true, "simulated": trust.is_simulated(), "contract": contract.digest,
            "job": answer.job, "checks": verify::as_json(&checked.checks), "result": answer, "page": page,
        }))?;
        let summary = terminal::summary(&page).map_err(Failure::unclear)?;
        say::result(format_args!("{}\n", summary.trim_end()))?;
        unchecked::say(&unchecked::of_a_dispute(&contract, &trust, self.contract.is_some()))?;
        say::note(format_args!(
            "\nThe answer was derived again from the figures that the enclave released, and is the same ({} checks).",
            checked.checks.len()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

impl Check {
    /// Whose word it is that this is the contract which the parties signed.
    fn whose_contract(&self) -> String {
        match &self.contract {
            Some(own) => {
                format!(
                    "The contract is your own, {}, and the one in the file is the same.",
                    own.display()
                )
            }
            None => format!(
                "WARNING: the contract, with its parties, keys and builds, is the one in {}: whoever wrote the file chose it, and may \
                 have signed as every party of it. Compare it with a copy that you trust: --contract FILE.",
                self.file.display()
            ),
        }
    }
}

impl Case {
    fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path)?;
        let case: Option<Self> = serde_json::from_slice(&bytes).ok();
        let case = case.filter(|case| case.format == FORMAT);
        case.ok_or_else(|| {
            files::named(
                path,
                format!("expected a file of format {FORMAT}, as `glovebox dispute write` makes it"),
            )
        })
    }
}

/// Bytes as hexadecimal digits.
mod as_hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The format of the file.
const FORMAT: &str = "glovebox-dispute-v1";
