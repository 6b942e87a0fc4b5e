//! The simulated enclave: a child process on Unix sockets.
//!
//! It lives as long as the pipe on its standard input: the kernel closes that when the host dies,
//! however it dies, and the child then ends by itself.

use super::{Death, Program, relay, system};
use crate::{
    durable::remove_if_there,
    transport::Transport,
    watched::{Stop, Watched},
};
use std::{path::PathBuf, process::Stdio, time::Duration};
use tokio::{process, time::timeout};

/// Everything that is needed to start the simulated enclave.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) program: Program,
    /// The socket on which the enclave will listen.
    pub(crate) socket: PathBuf,
    pub(crate) transport: Transport,
}

impl Child {
    pub(super) async fn live(&self, watched: &Watched, stop: &mut Stop) -> Result<(), Death> {
        // The socket of an enclave that was killed would still be there, and refuse connections.
        remove_if_there(&self.socket).map_err(system("removing an old socket"))?;
        let spawned = process::Command::new(&self.program.path)
            .args(&self.program.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Control-C at the terminal is for the host, which then ends the enclave in order.
            .process_group(0)
            .spawn();
        let mut child = spawned.map_err(system("starting the enclave's program"))?;
        child.stdout.take().map(|console| tokio::spawn(relay("enclave", console)));
        child.stderr.take().map(|console| tokio::spawn(relay("enclave", console)));
        watched.reachable(self.transport.clone());
        watched.started(child.id().unwrap_or(0));
        // Standard input is taken out, since waiting for a child would close it at once.
        let stdin = child.stdin.take();
        tokio::select! {
            ended = child.wait() => {
                let status = ended.map_err(system("waiting for the enclave"))?;
                return Err(Death::Ended { program: "its program", status });
            }
            () = stop.asked() => {}
        }
        drop(stdin);
        end(&mut child).await;
        Ok(())
    }
}

/// Gives the enclave, whose standard input is already closed, time to end, and kills it if it does
/// not.
async fn end(child: &mut process::Child) {
    if timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!("the enclave did not end when its input closed; killing it");
        if let Err(cause) = child.kill().await {
            tracing::error!(%cause, "killing the enclave");
        }
    }
}

const GRACE: Duration = Duration::from_secs(5);
