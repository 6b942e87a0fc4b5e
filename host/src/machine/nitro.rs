//! An image on a Nitro parent instance, through `nitro-cli`.

use super::{
    Death, accepting,
    keeper::Keeper,
    nitro_cli::{NitroCli, Running},
    relay, system,
};
use crate::{
    config::Image,
    supervisor::{Stop, Watched},
    transport::Transport,
};
use std::time::Duration;
use tokio::{
    process::Child,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How to start it.
#[derive(Debug)]
pub(crate) struct Nitro {
    pub(crate) image: Image,
    pub(crate) cli: NitroCli,
    /// By which an enclave of this host is known again after the host was killed.
    pub(crate) name: String,
    pub(crate) transport: Transport,
    pub(crate) keeper: Keeper,
}

impl Nitro {
    pub(super) async fn live(&self, watched: &Watched, stop: &mut Stop) -> Result<(), Death> {
        self.end_earlier_ones().await?;
        let mut tasks = JoinSet::new();
        // Not to be interrupted: half-way through nobody would know the enclave's name.
        let running = self.cli.run(&self.run_enclave()).await?;
        let lease = self.keeper.afterwards(&self.cli.terminating(&running.id)).await;
        let mut lease = match lease {
            Ok(lease) => lease,
            Err(cause) => {
                self.cli.terminate(&running.id).await?;
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
        self.end(&running.id, &mut lease).await;
        lived
    }

    /// An earlier host that was killed together with its keeper may have left one.
    async fn end_earlier_ones(&self) -> Result<(), Death> {
        for earlier in self.cli.describe().await? {
            if earlier.name.as_deref() == Some(self.name.as_str()) {
                tracing::warn!(id = earlier.id, "terminating an enclave of an earlier host");
                self.cli.terminate(&earlier.id).await?;
            }
        }
        Ok(())
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
            pcr0 = described.measurements.as_ref().map_or("unknown", |it| it.pcr0.as_str()),
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
                Ok(state) => state.map_or_else(|| GONE.to_owned(), |it| it.0),
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

    async fn until_running(&self, id: &str, deadline: Instant) -> Result<Running, Death> {
        loop {
            let state = match self.state(id).await? {
                Some((state, described)) if state == RUNNING => return Ok(described),
                Some((state, _)) => state,
                None => GONE.to_owned(),
            };
            if Instant::now() >= deadline {
                return Err(Death::Vanished { state });
            }
            sleep(STARTING).await;
        }
    }

    async fn state(&self, id: &str) -> Result<Option<(String, Running)>, Death> {
        let all = self.cli.describe().await?;
        let ours = all.into_iter().find(|enclave| enclave.id == id);
        Ok(ours.map(|it| (it.state.clone().unwrap_or_default(), it)))
    }

    /// Closing its input makes the keeper terminate the enclave, as the end of this process would.
    async fn end(&self, id: &str, lease: &mut Child) {
        tracing::info!("running: {}", self.cli.terminating(id));
        drop(lease.stdin.take());
        match timeout(TERMINATION, lease.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            // It is gone already, if it ended by itself; if not, the next start tries again.
            other => tracing::warn!(?other, id, "nitro-cli terminate-enclave"),
        }
    }
}

const RUNNING: &str = "RUNNING";
const GONE: &str = "GONE";
const STARTING: Duration = Duration::from_millis(500);
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
const TERMINATION: Duration = Duration::from_secs(60);
