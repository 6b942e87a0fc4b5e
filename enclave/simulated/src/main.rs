//! The enclave with a simulated module, for laptops. Never packed into an image.

use clap::Parser;
use enclave::{BootError, Booted, Host, StreamHost, UnixTransport, serve};
use nsm::{Nsm, Simulated, SimulatedError, measure};
use privacy::sampler::Exact;
use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};
use tracing_subscriber::EnvFilter;

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
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .with_env_filter(EnvFilter::new("info"))
        .init();
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
        // The host holds the other end; it is gone when this returns.
        let _ended = io::stdin().read_to_end(&mut rest);
        std::process::exit(0);
    });
    let nsm: Arc<dyn Nsm> = Arc::new(Simulated::with_ca(&ca, pcrs)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let host: Arc<dyn Host> = Arc::new(StreamHost::unix(host));
        let attested = Booted::boot(nsm, host)?.contract().await?.attest()?;
        let instance = attested.instance().short();
        let seed = attested.noise_seed()?;
        let serving = attested.open(Box::new(Exact::from_seed(*seed)), memory_bytes())?;
        let listener = UnixTransport::bind(&listen)?;
        tracing::info!("SIMULATED instance {instance} is serving");
        serve(Arc::new(serving), listener).await;
        Ok(())
    })
}

/// Half of the machine's memory: a real enclave has all of its own.
fn memory_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = total.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.map_or(4 << 30, |kibibytes| kibibytes * 512)
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Boot(#[from] BootError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Simulated(#[from] SimulatedError),
}
