//! `glovebox-host doctor`.

mod image;
mod nitro;
mod place;
mod qemu;

use crate::{
    failure::Failure,
    options::{Given, Options, open_contract},
    pcrs::listed_in,
};
use attestation_verifier::registers;
use host::Enclave;
use serde::Serialize;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Duration,
};
use tokio::{process::Command, time::timeout};

/// Check whether this machine can run a host, and say how to mend what is wrong
///
/// Takes the options of `run`; without a mode it checks for --simulated. Exits with 0 if the host can
/// start, also if there is something to improve, and with 1 if it cannot.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    given: Given,

    /// Build manifest of the image: is it this image's, and does the contract list this build?
    #[arg(long, value_name = "FILE")]
    build_manifest: Option<PathBuf>,

    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,

    /// Look at /dev, /etc, /proc and /sys below this directory: for tests
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    sysroot: PathBuf,
}

impl Doctor {
    /// Runs the command. The report goes to `out`.
    pub(crate) fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let mut options = self.given.options()?;
        if options.qemu.is_none() && options.nitro.is_none() {
            options.simulated = true;
        }
        let enclave = options.enclave()?;
        let root = Root(self.sysroot);
        let mut checks = place::checks(&options, self.build_manifest.as_deref());
        checks.extend(match &enclave {
            Enclave::Nitro { image, nitro_cli, .. } => {
                let mut checks = image::checks(image, self.build_manifest.as_deref(), true);
                checks.extend(nitro::checks(&root, image, nitro_cli, &options));
                checks
            }
            Enclave::Qemu { image, binary, vhost_device_vsock, accel, .. } => {
                let mut checks = image::checks(image, self.build_manifest.as_deref(), false);
                checks.extend(qemu::checks(&root, image, binary, vhost_device_vsock, accel));
                checks
            }
            Enclave::Child { binary } => simulated(binary, &options),
            _ => Vec::new(),
        });
        let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
        let written = if self.json { json(out, failed, &checks) } else { table(out, &checks) };
        written.map_err(Failure::System)?;
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// One thing looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

fn ok(name: &'static str, found: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Ok, found: found.into(), remedy: None }
}

fn warn(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Warn, found: found.into(), remedy: Some(remedy.into()) }
}

fn fail(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Fail, found: found.into(), remedy: Some(remedy.into()) }
}

/// Where the system's own files are looked for.
#[derive(Debug)]
struct Root(PathBuf);

impl Root {
    fn path(&self, absolute: &str) -> PathBuf {
        self.0.join(absolute.trim_start_matches('/'))
    }

    /// The whole file without surrounding space; `None` if it is not to be read.
    fn read(&self, absolute: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.path(absolute)).ok()?;
        Some(text.trim().to_owned())
    }

    /// Whether it is the machine that this runs on.
    fn is_real(&self) -> bool {
        self.0 == Path::new("/")
    }
}

/// What the system says, without its number.
fn said(cause: &io::Error) -> String {
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// What a program prints on standard output, and whether it says that it succeeded. One that takes too
/// long is killed: systemd waits a minute and a half for all of them together.
fn printed(program: &Path, arguments: &[&str]) -> io::Result<(bool, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let output = runtime.block_on(async {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        timeout(PATIENCE, command.output()).await
    });
    let output = output.map_err(io::Error::from)??;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

/// A program that did not run, which needs mending, or took too long, which may need none.
fn unusable(name: &'static str, program: &Path, cause: &io::Error, remedy: &str) -> Check {
    let shown = program.display();
    if is_slow(cause) {
        slow(name, program)
    } else {
        fail(name, format!("{shown}: {}", said(cause)), remedy)
    }
}

fn slow(name: &'static str, program: &Path) -> Check {
    let found = format!("{} took more than {} s", program.display(), PATIENCE.as_secs());
    warn(name, found, "run it by hand, or doctor again when the machine is less busy")
}

fn is_slow(cause: &io::Error) -> bool {
    cause.kind() == io::ErrorKind::TimedOut
}

fn simulated(binary: &Path, options: &Options) -> Vec<Check> {
    let name = "enclave binary";
    let shown = binary.display();
    let pcrs = match printed(binary, &["--print-pcrs"]) {
        Ok((true, text)) => registers::parse(text.as_bytes()).ok(),
        Ok(_) => None,
        Err(cause) => {
            let remedy = "install it beside glovebox-host, or name it by --enclave";
            return vec![unusable(name, binary, &cause, remedy)];
        }
    };
    let Some(pcrs) = pcrs else {
        return vec![fail(name, format!("{shown} prints no PCRs"), "install it again")];
    };
    let mut checks = vec![ok(name, format!("{shown} runs"))];
    // One that does not open was told of already.
    let contract = options.contract.as_ref().and_then(|path| open_contract(path).ok());
    checks.extend(contract.map(|contract| match listed_in(&contract, &pcrs) {
        Some(build) => ok("build", format!("the contract lists this enclave as `{}`", build.name)),
        None => fail(
            "build",
            "the contract does not list this enclave, which will refuse to open it",
            "agree on this one: glovebox-host pcrs --simulated prints its PCRs",
        ),
    }));
    checks
}

fn table(out: &mut impl Write, checks: &[Check]) -> io::Result<()> {
    for Check { name, verdict, found, remedy } in checks {
        let verdict = match verdict {
            Verdict::Ok => "OK",
            Verdict::Warn => "WARN",
            Verdict::Fail => "FAIL",
        };
        writeln!(out, "{verdict:<4}  {name:<NAME$}  {found}")?;
        if let Some(remedy) = remedy {
            writeln!(out, "      {:<NAME$}  -> {remedy}", "")?;
        }
    }
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (fails, warns) = (count(Verdict::Fail), count(Verdict::Warn));
    match (fails, warns) {
        (0, 0) => writeln!(out, "\nReady."),
        (0, _) => writeln!(out, "\nReady, with {warns} to improve."),
        _ => writeln!(out, "\nNot ready: {fails} to mend, {warns} to improve."),
    }
}

fn json(out: &mut impl Write, failed: bool, checks: &[Check]) -> io::Result<()> {
    writeln!(out, "{}", serde_json::json!({ "ready": !failed, "checks": checks }))
}

/// The user that runs this, as a person would name it.
fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "USER".to_owned())
}

/// Width of the column of names.
const NAME: usize = 17;
/// For one outside program.
const PATIENCE: Duration = Duration::from_secs(10);
