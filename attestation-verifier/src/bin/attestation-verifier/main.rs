//! Checks attestation documents and receipts. 0: believed; 1: not believed; 2: could not tell.

mod expectation;
mod explain;
mod failure;
mod input;
mod receipt;
mod report;
mod verify;

use std::{io, io::Write as _, process::ExitCode, sync::LazyLock};

use attestation_verifier::sources;
use clap::Parser;

/// Check AWS Nitro attestation documents and the receipts of a Glovebox enclave
///
/// Reads raw, base64, hexadecimal or PEM-armored input. Exits with 0 if it is believed, 1 if it is
/// not, and 2 if that cannot be told: a file cannot be read, or it is not said what to expect.
#[derive(Debug, Parser)]
#[command(version = VERSION.as_str())]
enum Command {
    Verify(verify::Verify),
    Explain(explain::Explain),
    Receipt(receipt::Receipt),
}

fn main() -> ExitCode {
    let command = Command::parse();
    let mut out = io::stdout().lock();
    let verdict = match command {
        Command::Verify(verify) => verify.run(&mut out),
        Command::Explain(explain) => explain.run(&mut out),
        Command::Receipt(receipt) => receipt.run(&mut out),
    };
    match verdict.and_then(|believed| Ok(out.flush().map(|()| believed)?)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            // Nobody is left to tell if stderr is gone too.
            let _unheard = writeln!(io::stderr(), "attestation-verifier: {failure}");
            ExitCode::from(2)
        }
    }
}

/// What `--version` says.
static VERSION: LazyLock<String> =
    LazyLock::new(|| sources::in_words(env!("CARGO_PKG_VERSION"), option_env!("GLOVEBOX_COMMIT")));
