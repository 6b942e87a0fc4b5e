//! The enclave with a simulated module, for laptops. It is never packed into an image.

use clap::Parser;
use enclave::{LifeError, StreamHost, UnixTransport, console, live};
use nsm::{Nsm, Simulated, SimulatedError, measure};
use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

/// The enclave with a simulated Nitro Secure Module
///
/// Started by `glovebox-host run --simulated`. Ends when its standard input does, so that it never
/// outlives its host.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Socket to listen on
    #[arg(long, value_name = "PATH", required_unless_present = "print_pcrs")]
    listen_unix: Option<PathBuf>,

    /// Socket of the host
    #[arg(long, value_name = "PATH", required_unless_present = "print_pcrs")]
    host_unix: Option<PathBuf>,

    /// Directory of the simulated CA, made on first use
    #[arg(long, value_name = "DIR", required_unless_present = "print_pcrs")]
    simulated_ca: Option<PathBuf>,

    /// Print PCR0 to PCR2 of this program as a build manifest, and end
    #[arg(long)]
    print_pcrs: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    console::start();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let program = std::env::current_exe().and_then(std::fs::read)?;
    let pcrs = measure(&program);
    drop(program);
    let (Some(listen), Some(host), Some(ca), false) =
        (arguments.listen_unix, arguments.host_unix, arguments.simulated_ca, arguments.print_pcrs)
    else {
        // A build manifest, as verifiers and contracts read it.
        let registers: Vec<_> =
            pcrs.iter().map(|(index, pcr)| format!("\"{index}\": \"{pcr}\"")).collect();
        writeln!(io::stdout().lock(), "{{\"pcrs\": {{{}}}}}", registers.join(", "))?;
        return Ok(());
    };
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        // The host holds the other end, which is closed when this returns.
        let _ended = io::stdin().read_to_end(&mut rest);
        std::process::exit(0);
    });
    let nsm: Arc<dyn Nsm> = Arc::new(Simulated::with_ca(&ca, pcrs)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listen = UnixTransport::new(listen);
    Ok(runtime.block_on(live(nsm, StreamHost::unix(host), &listen, "SIMULATED "))?)
}

/// Why the simulated enclave's program ends.
///
/// Remedy: start it by `glovebox-host run --simulated`.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Life(#[from] LifeError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Simulated(#[from] SimulatedError),
}
