//! Packs, measures and compares enclave images. 0: yes; 1: no; 2: could not tell.

mod build;
mod compare;
mod failure;
mod files;
mod measure;

use attestation_verifier::sources;
use clap::Parser;
use std::{
    io::{self, Write},
    process::ExitCode,
    sync::LazyLock,
};

/// Pack, measure and compare enclave images (EIF)
///
/// Exits with 0 for yes, 1 for no, and 2 if that cannot be told, for example because a file cannot
/// be read.
#[derive(Debug, Parser)]
#[command(version = VERSION.as_str())]
enum Command {
    Build(Box<build::Build>),
    Measure(measure::Measure),
    Compare(compare::Compare),
}

fn main() -> ExitCode {
    let command = Command::parse();
    let mut out = io::stdout().lock();
    let verdict = match command {
        Command::Build(build) => build.run(&mut out),
        Command::Measure(measure) => measure.run(&mut out),
        Command::Compare(compare) => compare.run(&mut out),
    };
    match verdict.and_then(|yes| Ok(out.flush().map(|()| yes)?)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            // Nobody is left to tell if stderr is gone too.
            let _unheard = writeln!(io::stderr(), "eif-build: {failure}");
            failure.exit_code()
        }
    }
}

/// What `--version` says.
static VERSION: LazyLock<String> =
    LazyLock::new(|| sources::in_words(env!("CARGO_PKG_VERSION"), option_env!("GLOVEBOX_COMMIT")));
