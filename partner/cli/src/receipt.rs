//! `glovebox receipt`: check an answer that somebody else got.

use crate::{
    common_args::CommonArgs,
    document,
    failure::Failure,
    files::{self, Paper},
    result::given,
    say, unchecked, verify,
};
use ::page::terminal;
use client::receipt_check::{self, Checked, ReceiptFiles};
use protocol::{
    contract::Contract,
    page::{Block, Page, Section, Topic, number},
};
use std::{path::PathBuf, process::ExitCode};

/// Check an answer that somebody else got
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ReceiptCommand {
    Check(Check),
}

impl ReceiptCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(check) => check.run(),
        }
    }
}

/// Check a receipt offline: the enclave, the result, and policy, noise and price derived again
///
/// Then says in words what it is about: who asked what, of which versions of whose data, for which purpose, under which rules, at
/// which price, and what was withheld.
///
/// The contract may also be its TOML alone: a receipt is held to its text, and no enclave serves one
/// that a party has not signed.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The receipt
    receipt: PathBuf,

    /// The result that it is about, byte for byte
    result: Option<PathBuf>,

    /// The released figures, from which every figure of the result is derived again: released.cbor,
    /// byte for byte
    released: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Check {
    fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        let contract = Paper::read(&common.contract)?.contract;
        let trust = common.trust()?;
        let simulated = trust.is_simulated();
        let (receipt, result) = self.read()?;
        let released = self.released.as_ref().map(|path| files::read(path)).transpose()?;
        let beside = ReceiptFiles { result: result.as_deref(), released: released.as_deref() };
        let checked = match receipt_check::check(&contract, &receipt, beside, &trust) {
            Ok(checked) => checked,
            Err(error) => {
                document::fields(&serde_json::json!({
                    "holds": false, "simulated": simulated, "why": error.to_string(),
                    "checks": verify::as_json(error.checks()),
                }))?;
                verify::print(error.checks())?;
                return Err(error.into());
            }
        };
        let about = (result.is_some(), released.is_some());
        let not_checked = unchecked::of_a_receipt(&contract, &trust, about.0, about.1);
        document::fields(&as_json(&checked, &contract, simulated, about))?;
        verify::print(&checked.checks)?;
        if simulated {
            say::result(say::SIMULATED)?;
        }
        say::result(format_args!("\n{}\n", in_words(&checked, &contract)?))?;
        unchecked::say(&not_checked)?;
        let about = match (&result, &released) {
            (Some(_), Some(_)) => {
                "with this result, and every figure of it follows from released.cbor"
            }
            (Some(_), None) => {
                "with this result; its figures were not derived again, which takes released.cbor"
            }
            (None, _) => "the result was not given",
        };
        say::result(format_args!(
            "the receipt holds ({about}): job {} of {}, attested {}",
            checked.admitted.name(),
            checked.job.signed_by(),
            number::moment(checked.attested_at)
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a receipt that holds says; `about` is whether the result was checked, and whether its answer was derived again.
fn as_json(
    checked: &Checked,
    contract: &Contract,
    simulated: bool,
    about: (bool, bool),
) -> serde_json::Value {
    let words = checked.words(contract);
    let words: Vec<_> = words.iter().map(|term| (term.name.raw(), term.text.raw())).collect();
    serde_json::json!({
        "holds": true,
        "simulated": simulated,
        "contract": checked.body.contract,
        "output": checked.body.output,
        "asked_by": checked.admitted.analyst(),
        "analyst_key": checked.job.signed_by().name(),
        "job": checked.admitted.name().to_string(),
        "decision": checked.job.job().decision,
        "checks_job": checked.job.job().checks.map(|checked| checked.to_string()),
        "words": words,
        "rho": checked.body.proof.cost.rho().value(),
        "attested_at": checked.attested_at.to_string(),
        "result_checked": about.0,
        "answer_derived": about.1,
        "checks": verify::as_json(&checked.checks),
    })
}

impl Check {
    /// The receipt and the result, in whichever order they were named.
    fn read(&self) -> Result<(Vec<u8>, Option<Vec<u8>>), Failure> {
        let receipt = files::read(&self.receipt)?;
        let (receipt, result) = match &self.result {
            None => (receipt, None),
            Some(path) => {
                let (receipt, result) = given::in_order(receipt, files::read(path)?);
                (receipt, Some(result))
            }
        };
        if given::is_result(&receipt) {
            return Err(Failure::unclear(format!(
                "{} is a result and no receipt: give the receipt.cbor that came with it, and then the result",
                self.receipt.display()
            )));
        }
        Ok((receipt, result))
    }
}

/// What a receipt is about, in words for a terminal.
pub(crate) fn in_words(checked: &Checked, contract: &Contract) -> Result<String, Failure> {
    let section = Section::new(Topic::Receipt, "What the receipt is about".into());
    let sections = vec![section.with(Block::Terms(checked.words(contract)))];
    let words = terminal::whole(&Page { sections, ..Page::default() });
    Ok(words.map_err(Failure::unclear)?.trim().to_owned())
}
