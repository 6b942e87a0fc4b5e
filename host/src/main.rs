//! `glovebox-host`: the program that the operator runs.

mod doctor;
mod failure;
mod keep;
mod log;
mod options;
mod pcrs;
mod run;

use attestation_verifier::sources;
use clap::Parser;
use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
    sync::LazyLock,
};

/// Carries ciphertext between parties, an enclave and a disk
///
/// Nobody has to trust this program or the machine it runs on: parties check the enclave, the
/// enclave checks the blobs.
#[derive(Debug, Parser)]
#[command(name = "glovebox-host", version = VERSION.as_str())]
enum Command {
    Run(Box<run::Run>),
    Pcrs(pcrs::Pcrs),
    Doctor(Box<doctor::Doctor>),
    #[command(hide = true)]
    Keep(keep::Keep),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Run(run) => run.run(),
        Command::Pcrs(pcrs) => pcrs.run(&mut io::stdout()),
        Command::Doctor(doctor) => doctor.run(&mut io::stdout()),
        Command::Keep(keep) => keep.run(),
    };
    done.unwrap_or_else(|failure| {
        let causes = std::iter::successors(failure.source(), |cause| (*cause).source());
        // Some errors say their cause themselves.
        let text = causes.map(ToString::to_string).fold(failure.to_string(), |text, cause| {
            if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
        });
        // If there is no standard error left, nobody can be told.
        let _ = writeln!(io::stderr(), "glovebox-host: {text}");
        failure.exit_code()
    })
}

/// What `--version` says.
static VERSION: LazyLock<String> =
    LazyLock::new(|| sources::in_words(env!("CARGO_PKG_VERSION"), option_env!("GLOVEBOX_COMMIT")));
