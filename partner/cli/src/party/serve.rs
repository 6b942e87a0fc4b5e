//! What runs of a party unattended, what it holds back, and how a file that was held is accepted.

use crate::{
    document,
    failure::Failure,
    profile, say,
    service::{
        countersign,
        held::Marks,
        journal::Journal,
        lock,
        room::RoomService,
        rules::{RoomRules, Rules, SERVICE},
        watch::Watcher,
    },
};
use client::{clock, keys::Identity};
use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::{JoinSet, LocalSet},
};

/// Do unattended what service.toml in the party's folder says, and nothing else
///
/// Verifies each new instance, grants and renews by rule, countersigns, fetches results, and writes what it did and why into
/// the journal (`glovebox journal`). Uses the service key only. Stopping it takes back what it granted.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The party's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Serve {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let rules = Rules::read(&self.dir)?.ok_or_else(|| {
            Failure::unclear(format!(
                "there is no {}: it says what is done unattended (partner/SERVICE.md)",
                self.dir.join(SERVICE).display()
            ))
        })?;
        let identity = Arc::new(Identity::load_for_service(&self.dir)?);
        crate::keys::warn_of_ends(&identity);
        let _alone = lock::take(&self.dir)?;
        let journal = Journal::of(&self.dir);
        let mut rooms = Vec::new();
        for room in rules.rooms {
            rooms.push(RoomService::new(&self.dir, room, &identity, &journal)?);
        }
        let failed = |cause| Failure::unclear(format!("waiting for signals: {cause}"));
        let mut terminated = signal(SignalKind::terminate()).map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        // Everything that can be wrong at the start is said before anything is done.
        let mut custodies = Vec::new();
        for room in &rooms {
            custodies.extend(countersign::listen(room.for_custody()).await?);
        }
        let watchers = rooms.iter().map(Watcher::of).collect::<Result<Vec<_>, _>>()?;
        let watchers: Vec<Watcher> = watchers.into_iter().flatten().collect();
        let names: Vec<_> = rooms.iter().map(RoomService::name).collect();
        document::fields(&serde_json::json!({"rooms": names}))?;
        document::serves()?;
        journal.add(clock::now(), "", "started", &format!("for {}", names.join(", ")))?;
        let every = Duration::from_secs(rules.every_seconds);
        LocalSet::new()
            .run_until(async move {
                let mut running = JoinSet::new();
                for custody in custodies {
                    let mut stopped = stopped.clone();
                    let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
                    let journal = Journal::of(&self.dir);
                    running.spawn_local(async move {
                        let Err(why) = custody.serve(stop).await else { return };
                        let why = format!("nothing is countersigned any more, until the service is started again: {why}");
                        say::note(&why);
                        if let Err(why) = journal.add(clock::now(), "", "failed", &why) {
                            say::note(why);
                        }
                    });
                }
                for watcher in watchers {
                    running.spawn_local(watch_files(watcher, every, stopped.clone()));
                }
                for room in rooms {
                    running.spawn_local(attend(room, every, stopped.clone()));
                }
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminated.recv() => {}
                }
                let _ = stop.send(true);
                let ending = async { while running.join_next().await.is_some() {} };
                if tokio::time::timeout(ENDING, ending).await.is_err() {
                    say::note("Not everything ended in time: what was granted ends by itself.");
                }
            })
            .await;
        journal.add(clock::now(), "", "stopped", "it was told to")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Looks at files again and again until the service stops; an upload that is cut goes on after the next start.
async fn watch_files(mut watcher: Watcher, every: Duration, mut stopped: watch::Receiver<bool>) {
    let looking = async {
        loop {
            watcher.look().await;
            tokio::time::sleep(every).await;
        }
    };
    tokio::select! {
        () = looking => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

/// Looks at a room again and again until the service stops.
async fn attend(mut room: RoomService, every: Duration, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = room.look() => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    room.stop().await;
}

/// Stop granting a dataset unattended; the service takes back what it granted at its next look
///
/// Other datasets go on. `glovebox grant DATASET --revoke` does the same, and takes the grant back at once, also where no
/// service runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    what: What,
}

impl Stop {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        self.what.set(true)
    }
}

/// Let the service grant a dataset again that was stopped or taken back
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    what: What,
}

impl Resume {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        self.what.set(false)
    }
}

#[derive(Debug, clap::Args)]
struct What {
    /// The dataset
    dataset: String,

    /// Name of the room in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<String>,

    /// The party's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl What {
    fn set(&self, stop: bool) -> Result<ExitCode, Failure> {
        let room = profile::meant(&self.dir, self.room.as_deref())?;
        let contract = crate::files::signed_contract(&room.contract)?;
        let identity = Identity::load(&self.dir)?;
        client::grant::own_dataset(&contract, &self.dataset, identity.party_in(&contract)?)?;
        let new = crate::service::stops::set(&self.dir, contract.digest, &self.dataset, stop)?;
        let has_rule = Rules::read(&self.dir)?.is_some_and(|rules| {
            let here = |rules: &&RoomRules| rules.name == room.name;
            let mut grants = rules.rooms.iter().filter(here).flat_map(|rules| &rules.grants);
            grants.any(|rule| rule.dataset == self.dataset)
        });
        let state = match (stop, has_rule && lock::is_taken(&self.dir)?) {
            (true, _) if !has_rule => format!(
                "stopped. No rule of service.toml grants it in the room {}, so NOTHING WAS TAKEN BACK: `glovebox grant {} \
                 --revoke` does that",
                room.name, self.dataset
            ),
            (false, _) if !has_rule => {
                format!("goes on, but no rule of service.toml grants it in the room {}", room.name)
            }
            (true, true) => "stopped: the service takes it back and grants it no more".to_owned(),
            (true, false) => format!(
                "stopped: a service that starts in this folder grants none of it. NONE RUNS NOW, so nothing was taken back: \
                 `glovebox grant {} --revoke` does that",
                self.dataset
            ),
            (false, true) => "goes on by its rule".to_owned(),
            (false, false) => {
                "goes on by its rule once a service runs in this folder; none does now".to_owned()
            }
        };
        document::fields(&serde_json::json!({
            "dataset": self.dataset, "room": room.name, "stopped": stop, "before": !new, "by_rule": has_rule,
        }))?;
        let before = if new { "" } else { " (it was so before)" };
        say::result(format_args!("{}: {state}{before}", self.dataset))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Let the service take the very file that it held back
///
/// A file that took its place since is not accepted, and one that was refused is to be mended.
#[derive(Debug, clap::Args)]
pub(crate) struct Accept {
    /// The dataset
    dataset: String,

    /// Name of the room in the party's folder [default: the only one whose rules watch a file of the dataset]
    #[arg(long)]
    room: Option<String>,

    /// The party's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Accept {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let rules = Rules::read(&self.dir)?;
        let rooms = rules.iter().flat_map(|rules| &rules.rooms);
        let rooms = rooms.filter(|room| self.room.as_ref().is_none_or(|named| *named == room.name));
        let watched = rooms.flat_map(|room| room.watches.iter().map(move |rule| (room, rule)));
        let found: Vec<_> = watched.filter(|(_, rule)| rule.dataset == self.dataset).collect();
        let (room, rule) = match found.as_slice() {
            [only] => *only,
            [] => {
                let of_room =
                    self.room.as_ref().map(|room| format!(" in the room \"{}\"", say::name(room)));
                return Err(Failure::unclear(format!(
                    "no rule watches a file of \"{}\"{}: name a dataset of a [[room.watch]] in service.toml",
                    say::name(&self.dataset),
                    of_room.unwrap_or_default()
                )));
            }
            several => {
                let names: Vec<_> = several.iter().map(|(room, _)| room.name.as_str()).collect();
                return Err(Failure::unclear(format!(
                    "which room is meant? A file of \"{}\" is watched in {}: name one with --room",
                    self.dataset,
                    names.join(" and ")
                )));
            }
        };
        Marks::of(&self.dir, &room.name, &rule.dataset).accept(&self.dir.join(&rule.file))?;
        document::fields(&serde_json::json!({
            "dataset": self.dataset, "room": room.name, "file": rule.file,
        }))?;
        say::result(format_args!(
            "{}: {} will be taken as it is",
            self.dataset,
            rule.file.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Print what the party's service did, and why
#[derive(Debug, clap::Args)]
pub(crate) struct Read {
    /// Only this room
    #[arg(long)]
    room: Option<String>,

    /// Only the last lines
    #[arg(long, value_name = "N")]
    last: Option<usize>,

    /// The party's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Read {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let lines = Journal::of(&self.dir).read(self.room.as_deref())?;
        document::fields(&serde_json::json!({"entries": [], "torn": []}))?;
        let skip = self.last.map_or(0, |last| lines.len().saturating_sub(last));
        for line in lines.into_iter().skip(skip) {
            match line {
                Ok(entry) => {
                    document::item("entries", serde_json::json!(entry));
                    say::result(entry.shown())?;
                }
                Err(torn) => {
                    document::item("torn", serde_json::json!(torn));
                    say::result(format_args!("torn line: {}", say::name(torn)))?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How long what was begun may take once the service was told to stop.
const ENDING: Duration = Duration::from_secs(30);
