//! `glovebox-host run`.

use host::{Config, Enclave, Host, Limits, StartError};
use protocol::contract::{Contract, OpenContractError};
use serde::Deserialize;
use std::{
    fs,
    io::{self, IsTerminal, Write},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// Start an enclave and serve its parties
///
/// Runs until SIGINT or SIGTERM. What is not given here is taken from the file of --config, whose
/// keys have the names of these options; its table `limits` has what the host puts up with.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// TOML file with any of the other options; options on the command line win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Run the simulated enclave: for tests and demonstrations, protects nothing
    #[arg(long)]
    simulated: bool,

    /// Contract that the enclave is to open, signed by every party
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,

    /// Directory for blobs, uploads and sockets
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Address for TLS and uploads alike [default: 127.0.0.1:7443]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Enclave binary [default: glovebox-enclave-simulated beside this program]
    #[arg(long, value_name = "FILE")]
    enclave: Option<PathBuf>,

    /// Where the simulated certificate authority is kept [default: DIR/simulated-ca]
    #[arg(long, value_name = "DIR")]
    simulated_ca: Option<PathBuf>,

    /// Append what the host sees of every job to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Only in the file of --config.
    #[arg(skip)]
    limits: Option<Limits>,
}

impl Run {
    /// Runs the command until a signal ends it.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let file = match &self.config {
            None => Options::default(),
            Some(path) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|cause| Failure::Read { path: path.clone(), cause })?;
                toml::from_str(&text)
                    .map_err(|cause| Failure::Config { path: path.clone(), cause })?
            }
        };
        let config = self.options.or(file).config()?;
        start_logging();
        let runtime = tokio::runtime::Runtime::new().map_err(Failure::System)?;
        runtime.block_on(serve(config))
    }
}

impl Options {
    fn or(self, file: Self) -> Self {
        Self {
            simulated: self.simulated || file.simulated,
            contract: self.contract.or(file.contract),
            dir: self.dir.or(file.dir),
            listen: self.listen.or(file.listen),
            enclave: self.enclave.or(file.enclave),
            simulated_ca: self.simulated_ca.or(file.simulated_ca),
            trace: self.trace.or(file.trace),
            limits: self.limits.or(file.limits),
        }
    }

    fn config(self) -> Result<Config, Failure> {
        if !self.simulated {
            return Err(Failure::OnlySimulated);
        }
        let contract = self.contract.ok_or(Failure::Missing { option: "--contract" })?;
        // What the enclave would refuse at every start is better refused once, here.
        let signed =
            fs::read(&contract).map_err(|cause| Failure::Read { path: contract.clone(), cause })?;
        Contract::open(&signed)
            .map_err(|cause| Failure::Contract { path: contract.clone(), cause })?;
        let dir = self.dir.ok_or(Failure::Missing { option: "--dir" })?;
        let listen = self.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 7443)));
        let binary = self.enclave.map_or_else(enclave_beside, Ok)?;
        let mut config = Config::simulated(&contract, &dir, listen, Enclave::Child { binary });
        config.simulated_ca = self.simulated_ca.or(config.simulated_ca);
        config.trace = self.trace;
        config.limits = self.limits.unwrap_or_default();
        Ok(config)
    }
}

async fn serve(config: Config) -> Result<ExitCode, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::System)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::System)?;
    let (dir, contract) = (config.dir.clone(), config.contract.clone());
    let authority = config.simulated_ca.clone().unwrap_or_default();
    let host = host::start(config).await?;
    greet(&host, &dir, &contract, &authority);
    let told = async {
        if host.serving(ENCLAVE_PATIENCE).await {
            tracing::info!("the enclave accepts connections");
        } else {
            tracing::warn!("the enclave does not accept connections yet; its lines above say why");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = told => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("ending");
    host.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn greet(host: &Host, dir: &Path, contract: &Path, authority: &Path) {
    let (address, dir, contract) = (host.address(), dir.display(), contract.display());
    let root = authority.join("root.der");
    let root = root.display();
    let text = format!(
        "SIMULATED enclave: for tests and demonstrations; this machine can read everything in it.\n\
         \x20 room       https://{address}\n\
         \x20 uploads    http://{address} (same port)\n\
         \x20 directory  {dir}\n\
         \x20 contract   {contract}\n\
         \x20 next       each party: glovebox verify https://{address} --danger-root {root}\n\
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
        .init();
}

/// The enclave binary that is installed with this program.
pub(crate) fn enclave_beside() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(Failure::System)?;
    Ok(own.with_file_name("glovebox-enclave-simulated"))
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    /// An option is neither on the command line nor in the file.
    #[error("{option} is missing: give it here or in the file of --config")]
    Missing { option: &'static str },
    /// This build can start no other.
    #[error("found no --simulated: this version starts simulated enclaves only")]
    OnlySimulated,
    /// The configuration file cannot be read.
    #[error("reading {path}", path = .path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The configuration file is none.
    #[error("parsing {path}", path = .path.display())]
    Config {
        path: PathBuf,
        #[source]
        cause: toml::de::Error,
    },
    /// The contract is none, or not signed by every party.
    #[error("opening {path} (`glovebox contract sign` makes what is needed)", path = .path.display())]
    Contract {
        path: PathBuf,
        #[source]
        cause: OpenContractError,
    },
    /// The enclave binary cannot be run.
    #[error("running {path}", path = .path.display())]
    Enclave {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The host did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The operating system.
    #[error("asking the operating system")]
    System(#[source] io::Error),
}

const ENCLAVE_PATIENCE: Duration = Duration::from_secs(60);
