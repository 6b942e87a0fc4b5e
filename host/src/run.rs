//! `glovebox-host run`.

use crate::{
    failure::Failure,
    log::{self, LogFormat},
    options::{Given, Options},
};
use host::{Config, Enclave, Host};
use std::{
    error::Error,
    io::{self, Write},
    pin::pin,
    process::ExitCode,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// Start an enclave and serve its parties
///
/// Runs until SIGINT or SIGTERM; SIGHUP reads the limits in the file of --config again, and ends it without such a file. The
/// instance then leaves its closing, so that what was
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
        let options = self.given.clone().options()?;
        let (format, config) = (options.log(), options.config()?);
        log::start(format);
        let runtime = tokio::runtime::Runtime::new().map_err(Failure::System)?;
        runtime.block_on(serve(self.given, format, config))
    }
}

async fn serve(given: Given, format: LogFormat, config: Config) -> Result<ExitCode, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::System)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::System)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::System)?;
    let greeting = config.clone();
    let mut host = host::start(config).await?;
    // A program that reads the log expects objects alone.
    if format == LogFormat::Text {
        greet(&host, &greeting);
    }
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
    let mut told = pin!(told);
    let asked = loop {
        tokio::select! {
            () = told.as_mut() => break false,
            () = host.failed() => break false,
            _ = interrupt.recv() => break true,
            _ = terminate.recv() => break true,
            _ = hangup.recv() => {
                if !given.has_file() {
                    tracing::info!("the terminal is gone (SIGHUP): ending; without --config there is nothing to read again");
                    break true;
                }
                reload(&given, &host);
            }
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

/// Reads the options again and takes over their limits. What a start would refuse leaves everything as it is, and so does a
/// file without limits, which may have been cut off.
fn reload(given: &Given, host: &Host) {
    let read = given.clone().options().and_then(Options::limits_again);
    let limits = match read {
        Ok(Some(limits)) => limits,
        Ok(None) => {
            return tracing::warn!(
                "the configuration has no table [limits]: they stay as they were"
            );
        }
        Err(failure) => {
            let cause = source_of(&failure);
            return tracing::warn!(
                "the configuration is not taken, and stays as it was: {failure}{cause}"
            );
        }
    };
    tracing::info!(
        before = ?host.limits(),
        now = ?limits,
        "the limits were read again (SIGHUP); all else is read at the next start"
    );
    for later in host.reload(limits) {
        tracing::warn!("{later} takes effect at the next start");
    }
}

/// The causes of a failure, as they follow its text in one line.
fn source_of(failure: &dyn Error) -> String {
    let causes = std::iter::successors(failure.source(), |cause| (*cause).source());
    causes.fold(String::new(), |text, cause| format!("{text}: {cause}"))
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

const ENCLAVE_PATIENCE: Duration = Duration::from_secs(60);
