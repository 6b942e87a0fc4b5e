//! An image under QEMU's `nitro-enclave` machine, with vhost-device-vsock for its vsock.

use super::{Death, Program, accepting, keeper::Keeper, relay, remains::Remains, system};
use crate::{
    config::Image,
    service::Service,
    transport::{Listener, Transport, heartbeat},
    watched::{Stop, Watched},
};
use protocol::storage::vsock::{HEARTBEAT_PORT, STORE_PORT};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    process::Child,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Everything that is needed to start an image under QEMU.
#[derive(Debug)]
pub(crate) struct Qemu {
    pub(crate) image: Image,
    pub(crate) binary: PathBuf,
    pub(crate) vhost_device_vsock: PathBuf,
    pub(crate) module_id: String,
    pub(crate) accel: String,
    pub(crate) append: Option<String>,
    /// The directory of the sockets of one boot; it is made afresh for each.
    pub(crate) directory: PathBuf,
    pub(crate) remains: Remains,
    pub(crate) keeper: Keeper,
    pub(crate) service: Arc<Service>,
}

impl Qemu {
    pub(super) async fn live(&self, watched: &Watched, stop: &mut Stop) -> Result<(), Death> {
        self.remains.sweep().map_err(system("ending an earlier host's programs"))?;
        self.fresh_directory().map_err(system("making a directory for sockets"))?;
        let transport = Transport::Hybrid { socket: socket_in(&self.directory) };
        let beats =
            transport.listen(HEARTBEAT_PORT).map_err(system("listening for the heartbeat"))?;
        let store = transport.listen(STORE_PORT).map_err(system("listening for the enclave"))?;
        let mut served = JoinSet::new();
        served.spawn(Arc::clone(&self.service).serve(store));

        let mut device = self.spawn("vhost-device-vsock", &self.device()).await?;
        let (mut qemu, device_pid) = (None, device.id());
        let lived = tokio::select! {
            // Unless the host shuts down, only a death ends the first future.
            death = self.boot_and_watch(watched, &transport, &beats, device_pid, &mut qemu) => death,
            ended = device.wait() => ended
                .map_err(system("waiting for vhost-device-vsock"))
                .and_then(|status| Err(Death::Ended { program: "vhost-device-vsock", status })),
            () = stop.asked() => Ok(()),
        };
        watched.gone();
        for mut child in qemu.into_iter().chain([device]) {
            // A process that has already ended is reaped all the same.
            if let Err(cause) = child.kill().await {
                tracing::warn!(%cause, "ending QEMU or vhost-device-vsock");
            }
        }
        // What cannot be removed now is removed before the next boot.
        let _ = self.remains.sweep();
        let _ = fs::remove_dir_all(&self.directory);
        lived
    }

    /// Boots once the device is there, reports when the enclave can be reached, and then keeps
    /// trying to connect. The device's worker can die silently, and then only a new pair helps.
    async fn boot_and_watch(
        &self,
        watched: &Watched,
        transport: &Transport,
        beats: &Listener,
        device: Option<u32>,
        qemu: &mut Option<Child>,
    ) -> Result<(), Death> {
        self.record(&[device])?;
        self.device_listens().await?;
        let qemu = qemu.insert(self.spawn("QEMU", &self.qemu()).await?);
        self.record(&[device, qemu.id()])?;
        watched.started(qemu.id().unwrap_or(0));
        let watch = async {
            let patience = self.image.patience();
            // Connecting before the guest has set its rings up can wedge the device for good.
            let beat = timeout(patience, heartbeat(beats)).await;
            beat.map_err(|_| Death::Silent { seconds: patience.as_secs() })?
                .map_err(system("answering the heartbeat"))?;
            tracing::info!("the enclave's heartbeat was answered");
            accepting(transport, patience).await?;
            watched.reachable(transport.clone());
            let mut failures = 0;
            while failures < WEDGED {
                sleep(BETWEEN_PROBES).await;
                // Parties leave one place to this probe, so it never fails for lack of a place.
                failures = if transport.connect().await.is_ok() { 0 } else { failures + 1 };
            }
            Err(Death::Wedged)
        };
        tokio::select! {
            death = watch => death,
            ended = qemu.wait() => {
                let status = ended.map_err(system("waiting for QEMU"))?;
                Err(Death::Ended { program: "QEMU", status })
            }
        }
    }

    fn record(&self, processes: &[Option<u32>]) -> Result<(), Death> {
        let pids: Vec<u32> = processes.iter().flatten().copied().collect();
        self.remains.record(&pids).map_err(system("writing process ids down"))
    }

    fn fresh_directory(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.directory) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        fs::create_dir_all(&self.directory)
    }

    async fn device_listens(&self) -> Result<(), Death> {
        let path = self.directory.join(DEVICE);
        let listens = async {
            while !path.exists() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let silent = |_| Death::Silent { seconds: DEVICE_START.as_secs() };
        timeout(DEVICE_START, listens).await.map_err(silent)
    }

    async fn spawn(&self, name: &'static str, program: &Program) -> Result<Child, Death> {
        tracing::info!("running: {program}");
        let mut child = self.keeper.spawn(program).await.map_err(system("starting a program"))?;
        // QEMU's standard output is the enclave's console, if anything.
        child.stdout.take().map(|console| tokio::spawn(relay("enclave", console)));
        child.stderr.take().map(|console| tokio::spawn(relay(name, console)));
        Ok(child)
    }

    /// Directories of the firmware: beside a QEMU that was built here, or where Debian has it.
    fn firmware(&self) -> Vec<PathBuf> {
        let built = self.binary.parent().and_then(Path::parent).map(|bed| bed.join("share"));
        let known = built.into_iter().chain(FIRMWARE.map(PathBuf::from));
        known.filter(|directory| directory.join(MICROVM).is_file()).collect()
    }

    fn device(&self) -> Program {
        let vm = format!(
            "guest-cid={},socket={},uds-path={}",
            self.image.cid,
            self.directory.join(DEVICE).display(),
            socket_in(&self.directory).display(),
        );
        // The device floods the log while nothing listens in the guest.
        let quiet = ["RUST_LOG=error".into(), self.vhost_device_vsock.clone().into_os_string()];
        Program::new("env").with(quiet).with(["--vm", &vm])
    }

    fn qemu(&self) -> Program {
        let Image { eif, memory_mib, cpus, debug, .. } = &self.image;
        let device = self.directory.join(DEVICE);
        let serial = if *debug { "file:/dev/stdout" } else { "null" };
        let mut program = Program::new(&self.binary);
        for firmware in self.firmware() {
            program = program.with(["-L".into(), firmware.into_os_string()]);
        }
        let machine = format!("nitro-enclave,vsock=c,id={}", self.module_id);
        program = program.with(["-M", &machine, "-accel", &self.accel, "-cpu", "max"]);
        program = program.with(["-smp", &cpus.to_string(), "-m", &format!("{memory_mib}M")]);
        program = program.with(["-kernel".into(), eif.clone().into_os_string()]);
        program = program.with(["-chardev", &format!("socket,id=c,path={}", device.display())]);
        program = program.with(["-display", "none", "-nodefaults", "-no-reboot"]);
        program = program.with(["-serial", serial, "-monitor", "none"]);
        let words = self.append.iter().fold(REBOOT.to_owned(), |all, more| format!("{all} {more}"));
        program.with(["-append", &words])
    }
}

fn socket_in(directory: &Path) -> PathBuf {
    directory.join("v")
}

const DEVICE: &str = "vhost";
/// With the image's `reboot=k`, which suits Nitro, the kernel asks a keyboard controller that QEMU's
/// machine lacks, and may start again instead of ending.
const REBOOT: &str = "reboot=t";
const FIRMWARE: [&str; 2] = ["/usr/share/qemu", "/usr/share/seabios"];
/// The firmware of `nitro-enclave`, as of QEMU's `microvm`.
const MICROVM: &str = "bios-microvm.bin";
const DEVICE_START: Duration = Duration::from_secs(10);
const BETWEEN_PROBES: Duration = Duration::from_secs(30);
/// This many probes in a row fail for no other reason, even on a busy machine.
const WEDGED: u32 = 3;
