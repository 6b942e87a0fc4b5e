//! `glovebox kms`: what a policy of an AWS KMS key must say before the key guards keys of columns.

mod condition;
mod example;
mod grants;
mod judge;
mod lint;
mod policy;

use crate::failure::Failure;
use std::process::ExitCode;

/// Check the policy of an AWS KMS key that guards a dataset's keys, and print one that passes
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KmsCommand {
    Lint(lint::Lint),
    Example(example::Example),
}

impl KmsCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Lint(lint) => lint.run(),
            Self::Example(example) => example.run(),
        }
    }
}

#[cfg(test)]
mod tests;
