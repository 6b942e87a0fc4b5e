//! `glovebox order`: questions that are asked again and again, signed once.

mod decide;
mod new;
mod plan;
mod results;
mod series;
mod show;
mod words;

use crate::failure::Failure;
use std::process::ExitCode;

/// Write, read, accept and cancel standing orders: a question that is asked again and again, signed once
#[derive(Debug, clap::Subcommand)]
pub(crate) enum OrderCommand {
    New(new::New),
    Show(show::Show),
    Accept(decide::Accept),
    Schedule(decide::Schedule),
    Suspend(decide::Suspend),
    Resume(decide::Resume),
    Cancel(decide::Cancel),
    List(decide::List),
    Check(decide::Check),
    Results(results::Results),
}

impl OrderCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::New(new) => new.run(),
            Self::Show(show) => show.run(),
            Self::Accept(accept) => accept.run(),
            Self::Schedule(schedule) => schedule.run().await,
            Self::Suspend(suspend) => suspend.run(),
            Self::Resume(resume) => resume.run(),
            Self::Cancel(cancel) => cancel.run(),
            Self::List(list) => list.run(),
            Self::Check(check) => check.run(),
            Self::Results(results) => results.run(),
        }
    }
}
