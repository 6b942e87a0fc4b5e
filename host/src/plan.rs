//! Turns the operator's decisions into what has to run.

use crate::{
    StartError,
    config::{Config, Enclave, Image},
    machine::{Child, Keeper, Machine, Nitro, NitroCli, Program, Qemu, Remains},
    service::Service,
    transport::{Listener, Transport},
    using,
    watched::Watched,
};
use protocol::{
    merkle::root_of,
    storage::vsock::{MAX_CONNECTIONS, STORE_PORT},
};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};
use tokio::sync::Semaphore;

/// Everything that has to run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The machine; `None` if somebody else runs the enclave.
    pub(crate) machine: Option<Machine>,
    pub(crate) watched: Watched,
    /// The listener for the enclave's questions, if it is the same for every enclave.
    pub(crate) asks: Option<Listener>,
}

/// Prepares sockets and commands; starts nothing.
///
/// # Errors
///
/// [`StartError`] for what would fail at every start.
pub(crate) fn plan(
    config: &Config,
    run: &Path,
    service: &Arc<Service>,
) -> Result<Plan, StartError> {
    let (enclave, host) = sockets(run);
    let unix = Transport::Unix { enclave: enclave.clone(), host: host.clone() };
    let pid_file = run.join("enclave.pid");
    let machine = machine(config, run, service, &unix)?;
    let known = matches!(config.enclave, Enclave::External).then(|| unix.clone());
    let (asks, places) = match &config.enclave {
        Enclave::External | Enclave::Child { .. } => {
            fits(&enclave)?;
            fits(&host)?;
            let asks = unix.listen(STORE_PORT).map_err(using(&host))?;
            (Some(asks), Semaphore::MAX_PERMITS)
        }
        Enclave::Nitro { transport, .. } => {
            let asks = transport.listen(STORE_PORT);
            let asks = asks.map_err(|cause| StartError::Vsock { port: STORE_PORT, cause })?;
            (Some(asks), MAX_CONNECTIONS)
        }
        // Each boot has sockets of its own, and parties leave one place to the probe.
        Enclave::Qemu { .. } => (None, MAX_CONNECTIONS - 1),
    };
    Ok(Plan { machine, watched: Watched::new(pid_file, known, places), asks })
}

/// The sockets of the enclave and of the host, where both are on this machine.
fn sockets(run: &Path) -> (PathBuf, PathBuf) {
    (run.join("enclave.sock"), run.join("host.sock"))
}

/// The machine that keeps the enclave alive; `None` if somebody else does.
fn machine(
    config: &Config,
    run: &Path,
    service: &Arc<Service>,
    unix: &Transport,
) -> Result<Option<Machine>, StartError> {
    let (enclave, host) = sockets(run);
    match &config.enclave {
        Enclave::External => Ok(None),
        Enclave::Child { binary } => {
            fs::metadata(binary).map_err(using(binary))?;
            let sockets = [
                "--listen-unix".as_ref(),
                enclave.as_os_str(),
                "--host-unix".as_ref(),
                host.as_os_str(),
            ];
            let mut program = Program::new(binary).with(sockets);
            if let Some(authority) = &config.simulated_ca {
                program = program.with(["--simulated-ca".as_ref(), authority.as_os_str()]);
            }
            let child = Child { program, socket: enclave.clone(), transport: unix.clone() };
            Ok(Some(Machine::Child(child)))
        }
        Enclave::Qemu { image, binary, vhost_device_vsock, module_id, accel, append } => {
            check_image(&image.eif)?;
            let directory = run.join("vm");
            no_comma(&directory)?;
            fits(&directory.join(format!("v_{STORE_PORT}")))?;
            let qemu = Qemu {
                image: image.clone(),
                binary: binary.clone(),
                vhost_device_vsock: vhost_device_vsock.clone(),
                module_id: module_id.clone(),
                accel: accel.clone(),
                append: append.clone(),
                directory,
                remains: Remains { file: run.join("processes") },
                keeper: keeper(image),
                service: Arc::clone(service),
            };
            Ok(Some(Machine::Qemu(qemu)))
        }
        Enclave::Nitro { image, nitro_cli, transport } => {
            check_image(&image.eif)?;
            let nitro = Nitro {
                image: image.clone(),
                cli: NitroCli::new(nitro_cli.clone()),
                name: name_of(run)?,
                transport: transport.clone(),
                keeper: keeper(image),
                tried: AtomicBool::new(false),
            };
            Ok(Some(Machine::Nitro(nitro)))
        }
    }
}

fn keeper(image: &Image) -> Keeper {
    Keeper { binary: image.keeper.clone() }
}

/// The name of this directory's host: the same at every start, and different from every other
/// host's.
fn name_of(run: &Path) -> Result<String, StartError> {
    let path = run.canonicalize().map_err(using(run))?;
    let digest = root_of(path.as_os_str().as_bytes()).to_string();
    Ok(format!("glovebox-{}", digest.get(..12).unwrap_or_default()))
}

/// Checks the image now: a wrong file should show at once, not at every boot.
fn check_image(eif: &Path) -> Result<(), StartError> {
    let mut magic = [0; EIF_MAGIC.len()];
    let read = File::open(eif).and_then(|mut file| file.read_exact(&mut magic));
    match read {
        Err(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => Err(using(eif)(cause)),
        Ok(()) if magic == EIF_MAGIC => Ok(()),
        _ => Err(StartError::Image { path: eif.to_owned() }),
    }
}

fn no_comma(path: &Path) -> Result<(), StartError> {
    if path.as_os_str().as_bytes().contains(&b',') {
        return Err(StartError::Comma { path: path.to_owned() });
    }
    Ok(())
}

fn fits(path: &Path) -> Result<(), StartError> {
    let length = path.as_os_str().as_bytes().len();
    if length > MAX_SOCKET_PATH {
        return Err(StartError::SocketPath { path: path.to_owned(), length });
    }
    Ok(())
}

/// `eif_header.magic` of aws-nitro-enclaves-image-format.
pub(crate) const EIF_MAGIC: [u8; 4] = *b".eif";
/// `sun_path` of `sockaddr_un` holds 108 bytes, the last of which is zero (unix(7)).
pub(crate) const MAX_SOCKET_PATH: usize = 107;
