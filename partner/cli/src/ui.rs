//! `glovebox ui`: the party's page in a browser on its own machine.

mod acts;
mod amounts;
mod ask;
mod budget;
mod data;
mod desk;
mod drafts;
mod journal;
mod payers;
mod results;
mod room;
mod screens;
mod terminal;
mod typed;

use crate::{common_args::CommonArgs, document, failure::Failure, profile::RoomWord, say};
use ::ui::Desk;
use acts::Acts;
use client::keys::Identity;
use desk::PartyDesk;
use std::{process::ExitCode, sync::Arc};
use terminal::{Terminal, secret};
use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
};
use typed::Typed;

/// Open this party's page in a browser: what is left, what was answered, who is believed and why
///
/// Serves it on loopback to whoever opens the link that is printed, which holds once; Enter prints another one. The page
/// prepares, and this terminal shows what was prepared and asks: nothing is signed without a yes here.
#[derive(Debug, clap::Args)]
pub(crate) struct Ui {
    /// The room: its address, or its name in the party's folder [default: the usual room there]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,

    /// Port of loopback to serve at [default: any free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
}

impl Ui {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let contract = common.contract()?;
        let identity = Identity::load(&common.dir)?;
        let trust = common.trust()?;
        let (acts, wishes) = Acts::new();
        let desk = PartyDesk::new(common, contract, identity, trust, Handle::current(), acts)?;
        let desk = Arc::new(desk);
        let page: Arc<dyn Desk> = Arc::<PartyDesk>::clone(&desk);
        let bound = ::ui::Ui::bind(self.port, secret()?, page).await;
        let bound = bound.map_err(|cause| {
            Failure::unclear(format!(
                "listening at port {} of 127.0.0.1: {cause}; name another one with --port",
                self.port
            ))
        })?;
        let links = bound.links();
        let link = links.print(secret()?);
        say::result(&link)?;
        say::note(
            "Open this link on this machine: it lets in one browser, once. Enter prints another one, Ctrl-C ends the page.",
        );
        document::fields(&serde_json::json!({"link": link}))?;
        document::serves()?;
        let failed = |cause| Failure::unclear(format!("waiting for signals: {cause}"));
        let mut terminated = signal(SignalKind::terminate()).map_err(failed)?;
        let stop = async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
        };
        let mut terminal = Terminal { desk, links, typed: Typed::begin(), wishes };
        tokio::select! {
            served = tokio::spawn(bound.serve(stop)) => {
                let served = served.map_err(Failure::unclear)?;
                served.map_err(|cause| Failure::unclear(format!("serving the page: {cause}")))?;
            }
            ended = terminal.attend() => ended?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
