//! An image on a Nitro parent instance, through `nitro-cli`.

use super::{
    Death, accepting,
    keeper::Keeper,
    nitro_cli::{Described, NitroCli, Running},
    relay, system,
};
use crate::{
    config::Image,
    transport::Transport,
    watched::{Stop, Watched, source_of},
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// Everything that is needed to start a Nitro enclave.
#[derive(Debug)]
pub(crate) struct Nitro {
    pub(crate) image: Image,
    pub(crate) cli: NitroCli,
    /// The name by which this host's enclave is found again after the host was killed.
    pub(crate) name: String,
    pub(crate) transport: Transport,
    pub(crate) keeper: Keeper,
    /// Whether this host has asked for an enclave.
    pub(crate) tried: AtomicBool,
}

impl Nitro {
    pub(super) async fn live(&self, watched: &Watched, stop: &mut Stop) -> Result<(), Death> {
        // An earlier host that was killed together with its keeper may have left an enclave.
        tokio::select! {
            ended = self.end_ours() => ended?,
            () = stop.asked() => return self.clear().await,
        }
        if stop.is_asked() {
            return Ok(());
        }
        self.tried.store(true, Ordering::Relaxed);
        let mut tasks = JoinSet::new();
        // This step is not interrupted: half-way through nobody would know the enclave's id.
        let running = match self.cli.run(&self.run_enclave()).await {
            Ok(running) => running,
            // The enclave may run all the same: the answer was too slow or was not understood.
            Err(cause) => {
                let _ = self.end_ours().await.inspect_err(tell);
                return Err(cause.into());
            }
        };
        let lease = self.keeper.afterwards(&self.cli.terminating(&running.id)).await;
        let mut lease = match lease {
            Ok(lease) => lease,
            Err(cause) => {
                self.end(&running.id).await?;
                return Err(Death::System { doing: "starting the keeper", cause });
            }
        };
        watched.started(running.process);
        tracing::info!(
            id = running.id,
            cid = running.cid,
            cpus = running.cpus,
            memory_mib = running.memory_mib,
            "nitro-cli runs the enclave"
        );
        let lived = tokio::select! {
            death = self.watch(watched, &running, &mut tasks) => death,
            () = stop.asked() => Ok(()),
        };
        watched.gone();
        let ended = self.end(&running.id).await;
        if ended.is_ok() {
            // If the enclave was terminated, the keeper has nothing to do. Otherwise its input
            // closes now, and it tries too.
            if let Err(cause) = lease.kill().await {
                tracing::warn!(%cause, "ending the keeper");
            }
        }
        lived.and(ended)
    }

    /// Cleans up once more at the end. Before this host has tried to start an enclave, there can
    /// only be one of an earlier host. The next start ends that one too, so nobody waits for it
    /// long.
    pub(super) async fn clear(&self) -> Result<(), Death> {
        if self.tried.load(Ordering::Relaxed) {
            return self.end_ours().await;
        }
        let ended = timeout(HURRY, self.end_ours()).await;
        ended.map_err(|_| Death::Unknown { seconds: HURRY.as_secs() })?
    }

    /// Terminates every enclave with this host's name. A failure with one does not stop the others.
    async fn end_ours(&self) -> Result<(), Death> {
        let mut failed = None;
        for left in self.ours().await? {
            tracing::warn!(id = left.id, "terminating an enclave that was left");
            if let Err(cause) = self.cli.terminate(&left.id).await {
                let cause = cause.into();
                tell(&cause);
                failed = Some(cause);
            }
        }
        match failed {
            None => Ok(()),
            // nitro-cli also refuses if a keeper was faster, or the enclave is just ending.
            Some(_) if self.go_by_themselves().await => Ok(()),
            Some(cause) => Err(cause),
        }
    }

    /// Looks until no enclave with this host's name is listed, at least once.
    async fn go_by_themselves(&self) -> bool {
        let deadline = Instant::now() + GOING;
        loop {
            match self.ours().await {
                Ok(left) if left.is_empty() => return true,
                Ok(_) => {}
                Err(cause) => tell(&cause),
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(BETWEEN_QUICK_LOOKS).await;
        }
    }

    async fn ours(&self) -> Result<Vec<Described>, Death> {
        let mut all = self.cli.describe().await?;
        all.retain(|enclave| enclave.name.as_deref() == Some(self.name.as_str()));
        Ok(all)
    }

    /// Terminates the enclave. This is not left to the keeper, which cannot report why it failed.
    async fn end(&self, id: &str) -> Result<(), Death> {
        let Err(cause) = self.cli.terminate(id).await else { return Ok(()) };
        tell(&cause.into());
        // An enclave that ended by itself is no longer listed.
        self.end_ours().await.inspect_err(tell)
    }

    fn run_enclave(&self) -> super::Program {
        let Image { eif, memory_mib, cpus, cid, debug, .. } = &self.image;
        let program = self.cli.program(&["run-enclave", "--enclave-name", &self.name]);
        let program = program.with(["--cpu-count", &cpus.to_string()]);
        let program = program.with(["--memory", &memory_mib.to_string()]);
        let program = program.with(["--eif-path".into(), eif.clone().into_os_string()]);
        let program = program.with(["--enclave-cid", &cid.to_string()]);
        if *debug { program.with(["--debug-mode"]) } else { program }
    }

    async fn watch(
        &self,
        watched: &Watched,
        running: &Running,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), Death> {
        let deadline = Instant::now() + self.image.patience();
        let described = self.until_running(&running.id, deadline).await?;
        tracing::info!(
            flags = described.flags.as_deref().unwrap_or("unknown"),
            pcr0 = described.pcr0.as_deref().unwrap_or("unknown"),
            "the enclave is in state RUNNING"
        );
        if self.image.debug {
            let console = self.cli.program(&["console", "--enclave-id", &running.id]);
            tracing::info!("running: {console}");
            let spawned = self.keeper.spawn(&console).await;
            let mut child = spawned.map_err(system("starting nitro-cli console"))?;
            let stdout = child.stdout.take();
            tasks.spawn(async move {
                if let Some(stdout) = stdout {
                    relay("enclave", stdout).await;
                }
                drop(child);
            });
        }
        accepting(&self.transport, deadline.saturating_duration_since(Instant::now())).await?;
        watched.reachable(self.transport.clone());
        loop {
            sleep(BETWEEN_LOOKS).await;
            let state = match self.state(&running.id).await {
                Ok(state) => state.map_or_else(|| GONE.to_owned(), |(state, _)| state),
                // An enclave is not ended because a question about it failed.
                Err(cause) => {
                    tracing::warn!(%cause, "looking after the enclave");
                    continue;
                }
            };
            if state != RUNNING {
                return Err(Death::Vanished { state });
            }
        }
    }

    async fn until_running(&self, id: &str, deadline: Instant) -> Result<Described, Death> {
        loop {
            let state = match self.state(id).await? {
                Some((state, described)) if state == RUNNING => return Ok(described),
                Some((state, _)) => state,
                None => GONE.to_owned(),
            };
            if Instant::now() >= deadline {
                return Err(Death::Vanished { state });
            }
            sleep(BETWEEN_QUICK_LOOKS).await;
        }
    }

    async fn state(&self, id: &str) -> Result<Option<(String, Described)>, Death> {
        let all = self.cli.describe().await?;
        let ours = all.into_iter().find(|enclave| enclave.id == id);
        Ok(ours.map(|enclave| (enclave.state.clone().unwrap_or_default(), enclave)))
    }
}

fn tell(death: &Death) {
    tracing::warn!("{death}{}", source_of(death));
}

const RUNNING: &str = "RUNNING";
const GONE: &str = "GONE";
/// Pause between looks while an enclave starts or ends.
const BETWEEN_QUICK_LOOKS: Duration = Duration::from_millis(500);
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// Time for ending an earlier host's enclave, if this host is to end before it has started one.
const HURRY: Duration = Duration::from_secs(5);
/// How long an enclave may still be listed that could not be terminated.
const GOING: Duration = Duration::from_secs(5);
