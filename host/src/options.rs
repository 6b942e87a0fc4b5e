//! The operator's options, from the command line or a file.

use crate::{failure::Failure, log::LogFormat};
use host::{Config, Enclave, Image, Kms, Limits, Transport};
use protocol::{
    contract::{Contract, TAG},
    sign::Jointly,
};
use serde::Deserialize;
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf, absolute},
};

/// Options of a command, and the file that completes them.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Given {
    /// TOML file with any of the other options; options on the command line come first
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Debug, Default, clap::Args, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// Run the simulated enclave: for tests and demonstrations; it protects nothing
    #[arg(long, conflicts_with_all = ["qemu", "nitro"])]
    pub(crate) simulated: bool,

    /// Boot this image under QEMU: for tests; it protects nothing
    #[arg(long, value_name = "EIF", conflicts_with = "nitro")]
    pub(crate) qemu: Option<PathBuf>,

    /// Run this image as a Nitro enclave of this EC2 instance
    #[arg(long, value_name = "EIF")]
    pub(crate) nitro: Option<PathBuf>,

    /// Contract for the enclave to open, signed by every party
    #[arg(long, value_name = "FILE")]
    pub(crate) contract: Option<PathBuf>,

    /// Directory for blobs, uploads and sockets
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Address for TLS and uploads alike [default: 127.0.0.1:7443]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Memory of the enclave in MiB [default: 1024]
    #[arg(long, value_name = "MIB", help_heading = "Image")]
    memory_mib: Option<u64>,

    /// Processors of the enclave [default: 2]
    #[arg(long, value_name = "N", help_heading = "Image")]
    cpus: Option<u32>,

    /// Vsock context id of the enclave, above 3 [default: 16]
    #[arg(long, value_name = "N", help_heading = "Image")]
    cid: Option<u32>,

    /// Show the enclave's console in the log; on Nitro no party believes such an enclave
    #[arg(long, help_heading = "Image")]
    debug: bool,

    /// How long an enclave may take until it accepts connections [default: 120]
    #[arg(long, value_name = "SECONDS", help_heading = "Image")]
    boot_seconds: Option<u64>,

    /// The nitro-cli program [default: nitro-cli on PATH]
    #[arg(long, value_name = "FILE", help_heading = "Nitro")]
    nitro_cli: Option<PathBuf>,

    /// QEMU with the machine nitro-enclave [default: qemu-system-x86_64 in
    /// $GLOVEBOX_QEMU/bin, else on PATH]
    #[arg(long, value_name = "FILE", help_heading = "QEMU")]
    qemu_binary: Option<PathBuf>,

    /// The vsock device beside QEMU [default: vhost-device-vsock in $GLOVEBOX_QEMU/bin, else on PATH]
    #[arg(long, value_name = "FILE", help_heading = "QEMU")]
    vhost_device_vsock: Option<PathBuf>,

    /// Name of QEMU's security module in its documents [default: glovebox]
    #[arg(long, value_name = "NAME", help_heading = "QEMU")]
    module_id: Option<String>,

    /// QEMU's accelerator, tcg or kvm [default: tcg]
    #[arg(long, value_name = "NAME", help_heading = "QEMU")]
    accel: Option<String>,

    /// More words for the kernel's command line under QEMU, which does not measure them
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true, help_heading = "QEMU")]
    append: Option<String>,

    /// Enclave binary [default: glovebox-enclave-simulated beside this program]
    #[arg(long, value_name = "FILE", help_heading = "Simulated")]
    enclave: Option<PathBuf>,

    /// Where the simulated certificate authority is kept [default: DIR/simulated-ca]
    #[arg(long, value_name = "DIR", help_heading = "Simulated")]
    simulated_ca: Option<PathBuf>,

    /// Append what the host sees of every job to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Loopback address where Prometheus reads /metrics (host/METRICS.md) [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,

    /// Loopback address of a program that signs requests to AWS KMS, such as aws-sigv4-proxy, for owners who hand over keys by it
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "AWS KMS")]
    kms: Option<SocketAddr>,

    /// Folder of the files that owners wrote with `glovebox grant --kms`; it is looked at again and again
    #[arg(long, value_name = "DIR", help_heading = "AWS KMS")]
    kms_grants: Option<PathBuf>,

    /// How log lines are written to standard error [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log: Option<LogFormat>,

    /// Run an enclave only while a run of a standing order is due, as analysts schedule it (`glovebox order schedule`)
    #[arg(long)]
    scheduled: bool,

    /// How long an enclave stays once its run was answered, so that owners' services hear of it [default: 30]
    #[arg(long, value_name = "SECONDS", requires = "scheduled")]
    linger_seconds: Option<u64>,

    /// The table `limits`, which only the file of --config can have.
    #[arg(skip)]
    limits: Option<Limits>,
}

impl Given {
    /// Whether a file completes the options of the command line.
    pub(crate) fn has_file(&self) -> bool {
        self.config.is_some()
    }

    /// All options, of the command line and the file together.
    pub(crate) fn options(self) -> Result<Options, Failure> {
        let file = match self.config {
            None => Options::default(),
            Some(path) => read_file(&path)?,
        };
        Ok(self.options.or(file))
    }
}

fn read_file(path: &Path) -> Result<Options, Failure> {
    let text =
        fs::read_to_string(path).map_err(|cause| Failure::Read { path: path.to_owned(), cause })?;
    let file: Options = toml::from_str(&text).map_err(|cause| {
        let before = cause.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Failure::Config { path: path.to_owned(), line, text: cause.message().replace('\n', " ") }
    })?;
    file.modes()?;
    Ok(file)
}

impl Options {
    /// The number of options that say how to run the enclave; more than one is an error.
    fn modes(&self) -> Result<usize, Failure> {
        let modes = [self.simulated, self.qemu.is_some(), self.nitro.is_some()];
        match modes.into_iter().filter(|named| *named).count() {
            many @ 2.. => Err(Failure::Modes { many }),
            modes => Ok(modes),
        }
    }

    fn or(self, file: Self) -> Self {
        // A mode on the command line replaces the file's.
        let here = self.simulated || self.qemu.is_some() || self.nitro.is_some();
        let (simulated, qemu, nitro) = if here {
            (self.simulated, self.qemu, self.nitro)
        } else {
            (file.simulated, file.qemu, file.nitro)
        };
        Self {
            simulated,
            qemu,
            nitro,
            contract: self.contract.or(file.contract),
            dir: self.dir.or(file.dir),
            listen: self.listen.or(file.listen),
            memory_mib: self.memory_mib.or(file.memory_mib),
            cpus: self.cpus.or(file.cpus),
            cid: self.cid.or(file.cid),
            debug: self.debug || file.debug,
            boot_seconds: self.boot_seconds.or(file.boot_seconds),
            nitro_cli: self.nitro_cli.or(file.nitro_cli),
            qemu_binary: self.qemu_binary.or(file.qemu_binary),
            vhost_device_vsock: self.vhost_device_vsock.or(file.vhost_device_vsock),
            module_id: self.module_id.or(file.module_id),
            accel: self.accel.or(file.accel),
            append: self.append.or(file.append),
            enclave: self.enclave.or(file.enclave),
            simulated_ca: self.simulated_ca.or(file.simulated_ca),
            trace: self.trace.or(file.trace),
            metrics: self.metrics.or(file.metrics),
            kms: self.kms.or(file.kms),
            kms_grants: self.kms_grants.or(file.kms_grants),
            log: self.log.or(file.log),
            scheduled: self.scheduled || file.scheduled,
            linger_seconds: self.linger_seconds.or(file.linger_seconds),
            limits: self.limits.or(file.limits),
        }
    }

    /// Address on which the host listens.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 7443)))
    }

    /// How log lines are written.
    pub(crate) fn log(&self) -> LogFormat {
        self.log.unwrap_or_default()
    }

    /// The limits, which a running host takes over, if a start would take these options; `None` if they have no limits.
    pub(crate) fn limits_again(self) -> Result<Option<Limits>, Failure> {
        let has_limits = self.limits.is_some();
        let config = self.config()?;
        Ok(has_limits.then_some(config.limits))
    }

    /// What the host puts up with.
    pub(crate) fn limits(&self) -> Limits {
        self.limits.clone().unwrap_or_default()
    }

    /// The machine that runs the enclave.
    pub(crate) fn enclave(&self) -> Result<Enclave, Failure> {
        if self.modes()? == 0 {
            return Err(Failure::NoMode);
        }
        if let Some(eif) = &self.qemu {
            return Ok(Enclave::Qemu {
                image: self.image(eif)?,
                binary: found(&self.qemu_binary, "qemu-system-x86_64"),
                vhost_device_vsock: found(&self.vhost_device_vsock, "vhost-device-vsock"),
                module_id: self.module_id.clone().unwrap_or_else(|| "glovebox".to_owned()),
                accel: self.accel.clone().unwrap_or_else(|| "tcg".to_owned()),
                append: self.append.clone(),
            });
        }
        if let Some(eif) = &self.nitro {
            let image = self.image(eif)?;
            let transport = Transport::Vsock { cid: image.cid };
            return Ok(Enclave::Nitro { image, nitro_cli: self.nitro_cli(), transport });
        }
        let binary = self.enclave.clone().map_or_else(enclave_beside, Ok)?;
        Ok(Enclave::Child { binary })
    }

    pub(crate) fn nitro_cli(&self) -> PathBuf {
        self.nitro_cli.clone().unwrap_or_else(|| "nitro-cli".into())
    }

    fn image(&self, eif: &Path) -> Result<Image, Failure> {
        let keeper = env::current_exe().map_err(Failure::System)?;
        let mut image = Image::new(&absolute(eif).map_err(Failure::System)?, &keeper);
        image.memory_mib = self.memory_mib.unwrap_or(image.memory_mib);
        image.cpus = self.cpus.unwrap_or(image.cpus);
        image.cid = self.cid.unwrap_or(image.cid);
        image.debug = self.debug;
        image.boot_seconds = self.boot_seconds.unwrap_or(image.boot_seconds);
        for (option, is_zero) in
            [("--memory-mib", image.memory_mib == 0), ("--cpus", image.cpus == 0)]
        {
            if is_zero {
                return Err(Failure::Zero { option });
            }
        }
        if image.cid <= RESERVED_CIDS {
            return Err(Failure::Cid { found: image.cid });
        }
        Ok(image)
    }

    /// The whole configuration of a host.
    pub(crate) fn config(self) -> Result<Config, Failure> {
        let enclave = self.enclave()?;
        let contract = self.contract.clone().ok_or(Failure::Missing { option: "--contract" })?;
        // What the enclave would refuse at every start is better refused once, here.
        let expired = open_contract(&contract)?.expires;
        if expired <= host::now() {
            return Err(Failure::Ended { path: contract, expired });
        }
        let dir = self.dir.clone().ok_or(Failure::Missing { option: "--dir" })?;
        let make = if self.simulated { Config::simulated } else { Config::of_image };
        let mut config = make(&contract, &dir, self.listen(), enclave);
        if self.simulated {
            config.simulated_ca = self.simulated_ca.or(config.simulated_ca);
        }
        (config.trace, config.metrics) = (self.trace, self.metrics);
        config.kms = match (self.kms, self.kms_grants) {
            (Some(proxy), Some(grants)) => {
                Some(Kms::new(proxy, &grants).ok_or(Failure::Kms { found: proxy })?)
            }
            (None, None) => None,
            (Some(_), None) => return Err(Failure::Missing { option: "--kms-grants" }),
            (None, Some(_)) => return Err(Failure::Missing { option: "--kms" }),
        };
        config.scheduled = self.scheduled;
        config.linger_seconds = self.linger_seconds.unwrap_or(config.linger_seconds);
        config.limits = self.limits.unwrap_or_default();
        Ok(config)
    }
}

/// Reads a contract that every party has signed.
pub(crate) fn open_contract(path: &Path) -> Result<Contract, Failure> {
    let signed = fs::read(path).map_err(|cause| Failure::Read { path: path.to_owned(), cause })?;
    if Jointly::parse(TAG, &signed).is_err() && Contract::parse(&signed).is_ok() {
        return Err(Failure::Unsigned { path: path.to_owned() });
    }
    Contract::open(&signed).map_err(|cause| Failure::Contract { path: path.to_owned(), cause })
}

/// The path of a program: the named one, or one in the directory that `tests/qemu/setup.sh` builds
/// both programs into.
fn found(named: &Option<PathBuf>, name: &str) -> PathBuf {
    let built = || env::var_os("GLOVEBOX_QEMU").map(|bed| Path::new(&bed).join("bin").join(name));
    named.clone().or_else(built).unwrap_or_else(|| name.into())
}

/// The enclave binary that is installed with this program.
pub(crate) fn enclave_beside() -> Result<PathBuf, Failure> {
    let own = env::current_exe().map_err(Failure::System)?;
    Ok(own.with_file_name("glovebox-enclave-simulated"))
}

/// vsock(7): any, hypervisor, local and host have the context ids up to 2; Nitro's parent has 3.
const RESERVED_CIDS: u32 = 3;
