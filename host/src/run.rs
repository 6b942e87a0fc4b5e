//! `glovebox-host run`.

use crate::{failure::Failure, options::Given};
use host::{Config, Enclave, Host};
use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// Start an enclave and serve its parties
///
/// Runs until SIGINT, SIGTERM or SIGHUP. The instance then leaves its closing, so that what was
/// handed to it and not spent returns to its owners. A second signal does not wait for anything.
/// Exits with 1 if a Nitro enclave may still be there, or for a failure that may pass (a port is
/// taken), and with 2 if it cannot start like this. Options that are not given here are taken from
/// the file of --config, whose keys have the names of these options; its table `limits` has the
/// host's limits.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    #[command(flatten)]
    given: Given,
}

impl Run {
    /// Runs the command until a signal ends it.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.given.options()?.config()?;
        start_logging();
        let runtime = tokio::runtime::Runtime::new().map_err(Failure::System)?;
        runtime.block_on(serve(config))
    }
}

async fn serve(config: Config) -> Result<ExitCode, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::System)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::System)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::System)?;
    let greeting = config.clone();
    let mut host = host::start(config).await?;
    greet(&host, &greeting);
    let patience = match &greeting.enclave {
        Enclave::Qemu { image, .. } | Enclave::Nitro { image, .. } => {
            Duration::from_secs(image.boot_seconds)
        }
        _ => ENCLAVE_PATIENCE,
    };
    let serving = host.serving(patience);
    let told = async {
        if serving.await {
            tracing::info!("the enclave accepts connections");
        } else {
            tracing::warn!("the enclave does not accept connections yet; the lines above say why");
        }
        std::future::pending::<()>().await;
    };
    let asked = tokio::select! {
        () = told => false,
        () = host.failed() => false,
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
        _ = hangup.recv() => {
            tracing::info!("the terminal is gone (SIGHUP): ending; this signal does not reload the configuration");
            true
        }
    };
    if asked {
        tracing::info!("ending; a second signal does not wait for anything");
    } else {
        tracing::error!("a part of this program failed, and it cannot go on without: ending");
    }
    let gone = tokio::select! {
        gone = host.shutdown() => gone,
        _ = interrupt.recv() => told_twice(),
        _ = terminate.recv() => told_twice(),
    };
    Ok(if asked && gone { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told_twice() -> bool {
    tracing::warn!("ending without waiting; the next start ends what may be left");
    false
}

fn greet(host: &Host, config: &Config) {
    let address = host.address();
    let authority = config.simulated_ca.clone().unwrap_or_default();
    let (mode, root) = match &config.enclave {
        Enclave::Qemu { image, .. } => (
            format!("QEMU, for tests: this machine can read everything in {}", image.eif.display()),
            " --danger-root FILE (the root that QEMU signs under)".to_owned(),
        ),
        Enclave::Nitro { image, .. } if image.debug => (
            format!("Nitro enclave in DEBUG mode, which no party believes: {}", image.eif.display()),
            String::new(),
        ),
        Enclave::Nitro { image, .. } => {
            (format!("Nitro enclave {}", image.eif.display()), String::new())
        }
        _ => (
            "SIMULATED enclave: for tests and demonstrations; this machine can read everything in it."
                .to_owned(),
            format!(" --danger-root {}", authority.join("root.der").display()),
        ),
    };
    let (dir, contract) = (config.dir.display(), config.contract.display());
    let text = format!(
        "{mode}\n\
         \x20 room       https://{address}\n\
         \x20 uploads    http://{address} (same port)\n\
         \x20 directory  {dir}\n\
         \x20 contract   {contract}\n\
         \x20 next       each party: glovebox verify https://{address} --contract {contract}{root}\n\
         \x20 stop       control-C; uploads and results stay, the next start is a new instance\n",
    );
    // Without a standard error the host works as well.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // The logger would report a line that it cannot write through a macro that panics when it
        // cannot write.
        .log_internal_errors(false)
        .init();
}

const ENCLAVE_PATIENCE: Duration = Duration::from_secs(60);
