//! The enclave's kernel, alone under QEMU, beside a vsock device that takes nothing from it before it has
//! taken what is for it: `make qemu`. A kernel that does the same waits for ever.
//!
//! Not run by `make test`: listed as ignored, and fails without what `make qemu` builds.
#![expect(clippy::print_stdout, reason = "`make qemu` shows what was measured")]

use std::{
    env, fs,
    fs::File,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tests::repository;

#[test]
#[ignore = "boots the kernel under QEMU: make qemu"]
fn a_device_that_waits_for_the_guest_does_not_stop_it() {
    // Each request is an open file here and in the device.
    let own = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &own, "--nofile=8192:"]).status();
    assert!(raised.unwrap().success(), "this machine allows fewer than 8192 open files");
    let bed = Bed::boot();
    // Nobody listens in this guest, so each connection is one request there and one refusal back: first
    // one, to see that it is up.
    let up = bed.refused(BOOT);
    assert!(up.is_some(), "the kernel answers nothing:\n{}", bed.console());

    // More requests than both queues hold and as many replies may wait beside them, all at once: the
    // guest finds them when it goes on.
    bed.signal("STOP");
    let began = Instant::now();
    let many: Vec<UnixStream> = (0..MANY).map(|_| bed.connect()).collect();
    thread::sleep(Duration::from_secs(1));
    bed.signal("CONT");
    let mut open = Vec::new();
    for (number, stream) in many.into_iter().enumerate() {
        if !ends_within(&stream, PATIENCE.saturating_sub(began.elapsed())) {
            open.push(number);
        }
    }
    assert!(
        open.is_empty(),
        "{} of {MANY} requests got no reply within {} s: driver and device wait for each other\n{}",
        open.len(),
        PATIENCE.as_secs(),
        bed.console()
    );
    println!("{} ms for {MANY} requests and their replies", began.elapsed().as_millis());
    assert!(bed.refused(Duration::from_secs(30)).is_some(), "and goes on");
}

/// A guest of nothing but the kernel, and its device.
struct Bed {
    folder: tempfile::TempDir,
    device: Child,
    qemu: Child,
}

impl Bed {
    fn boot() -> Self {
        let of = |variable: &str, usual: &str| {
            let named = env::var_os(variable).map(PathBuf::from);
            let path = named.unwrap_or_else(|| repository("target").join(usual));
            assert!(path.exists(), "there is no {}: run `make qemu`", path.display());
            path.canonicalize().unwrap()
        };
        let kernel = of("GLOVEBOX_TEST_KERNEL", "kernel/bzImage");
        let qemu = of("GLOVEBOX_TEST_QEMU", "qemu/bin/qemu-system-x86_64");
        let vsock = of("GLOVEBOX_TEST_VHOST_DEVICE_VSOCK", "qemu/bin/vhost-device-vsock");
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("initrd"), archive("init", &idle_program())).unwrap();
        let log = |name: &str| Stdio::from(File::create(at(name)).unwrap());

        let mut device = Command::new(vsock);
        // It has this process's limit of open files.
        device.arg("--vm");
        device.arg(format!("guest-cid=4,socket={},uds-path={}", at("vhost"), at("v")));
        device.env("VHOST_VSOCK_PUSH_BACK", "1").stdin(Stdio::null());
        let device = device.stdout(log("device.out")).stderr(log("device.err")).spawn().unwrap();
        wait_for(Path::new(&at("vhost")));

        let firmware = qemu.parent().unwrap().parent().unwrap().join("share");
        let mut machine = Command::new(qemu);
        machine.arg("-L").arg(firmware);
        machine.args(["-M", "microvm,acpi=off,memory-backend=m,auto-kernel-cmdline=on"]);
        machine.args(["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "128M"]);
        machine.args(["-object", "memory-backend-memfd,id=m,size=128M,share=on"]);
        machine.arg("-kernel").arg(kernel).args(["-initrd", &at("initrd")]);
        machine.args(["-append", "console=ttyS0 panic=-1 reboot=t"]);
        machine.args(["-chardev", &format!("socket,id=c,path={}", at("vhost"))]);
        machine.args(["-device", "vhost-user-vsock-device,chardev=c"]);
        machine.args(["-display", "none", "-nodefaults", "-no-reboot", "-monitor", "none"]);
        machine.args(["-serial", &format!("file:{}", at("console"))]);
        machine.stdin(Stdio::null()).stdout(log("qemu.out")).stderr(log("qemu.err"));
        let qemu = machine.spawn().unwrap();
        let bed = Self { folder, device, qemu };
        // Earlier the device has no rings to put a request into, and closes the connection itself.
        let began = Instant::now();
        while !bed.console().contains("Run /init") {
            assert!(began.elapsed() < BOOT, "the kernel does not come up:\n{}", bed.console());
            thread::sleep(Duration::from_millis(100));
        }
        bed
    }

    /// A connection to a port at which nobody listens.
    fn connect(&self) -> UnixStream {
        let mut stream = UnixStream::connect(self.folder.path().join("v")).unwrap();
        stream.write_all(b"CONNECT 9999\n").unwrap();
        stream
    }

    /// How long until a connection is refused by the guest; none if it is not within `patience`.
    fn refused(&self, patience: Duration) -> Option<Duration> {
        let began = Instant::now();
        ends_within(&self.connect(), patience).then(|| began.elapsed())
    }

    fn signal(&self, name: &str) {
        let pid = self.qemu.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    fn console(&self) -> String {
        let read = |name| fs::read(self.folder.path().join(name)).unwrap_or_default();
        let text = ["qemu.err", "device.err", "console"].map(read).concat();
        let start = text.len().saturating_sub(4096);
        String::from_utf8_lossy(&text[start..]).into_owned()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for child in [&mut self.qemu, &mut self.device] {
            // One that has ended already is as well.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether the other end closes within `patience`.
fn ends_within(mut stream: &UnixStream, patience: Duration) -> bool {
    let patience = patience.max(Duration::from_millis(1));
    stream.set_read_timeout(Some(patience)).unwrap();
    matches!(stream.read(&mut [0; 64]), Ok(0))
}

fn wait_for(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "no {}", path.display());
        thread::sleep(Duration::from_millis(20));
    }
}

/// An x86-64 program that waits for a signal, again and again: `pause()` in a loop.
fn idle_program() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let code = [0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7];
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for word in [BASE + HEADERS, 64, 0] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    // One segment, read and run.
    elf.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let length = HEADERS + u64::try_from(code.len()).unwrap();
    for word in [0, BASE, BASE, length, length, 0x1000] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend(code);
    elf
}

/// A ramdisk with one program in it, and `/dev` for the kernel's console.
fn archive(name: &str, program: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, mode, content) in
        [("dev", 0o40755, &b""[..]), (name, 0o100_755, program), ("TRAILER!!!", 0, b"")]
    {
        let sizes = [content.len(), 0, 0, 0, 0, name.len() + 1, 0];
        let mut head = format!("070701{:08x}{mode:08x}", bytes.len());
        for number in [0, 0, 1, 0] {
            head += &format!("{number:08x}");
        }
        for size in sizes {
            head += &format!("{size:08x}");
        }
        bytes.extend(head.as_bytes());
        bytes.extend(name.as_bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// The rings have 1,024 places here, and the driver stopped at as many waiting replies: one ring full of
/// replies, as many that wait for a place in it, one ring full of requests, and some more.
const MANY: usize = 3_500;
/// Translated code on a busy machine is slow.
const BOOT: Duration = Duration::from_mins(3);
const PATIENCE: Duration = Duration::from_mins(2);
