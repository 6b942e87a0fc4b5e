//! What `--qemu` needs.

use super::{Check, Root, fail, ok, printed, said, unusable, warn};
use host::Image;
use std::{env, fs::File, path::Path};

pub(super) fn checks(
    root: &Root,
    image: &Image,
    binary: &Path,
    device: &Path,
    accel: &str,
) -> Vec<Check> {
    let mut checks = vec![machine(binary)];
    checks.push(match printed(device, &["--version"]) {
        Ok((true, version)) => ok("vsock device", version),
        Ok((false, _)) => {
            fail("vsock device", format!("{} does not run", device.display()), DEVICE)
        }
        Err(cause) => unusable("vsock device", device, &cause, DEVICE),
    });
    checks.push(match ["NSM_SIGN_KEY", "NSM_SIGN_CERT", "NSM_SIGN_CA"].map(env::var_os) {
        [Some(_), Some(_), Some(_)] => ok("signing", "NSM_SIGN_KEY, _CERT and _CA are set"),
        _ => warn(
            "signing",
            "QEMU will leave its documents unsigned, and no party believes those",
            "set NSM_SIGN_KEY, NSM_SIGN_CERT and NSM_SIGN_CA for the patched QEMU of tests/qemu",
        ),
    });
    if accel == "kvm" {
        let opened = File::options().read(true).write(true).open(root.path("/dev/kvm"));
        checks.push(match opened {
            Ok(_) => ok("kvm", "/dev/kvm is usable"),
            Err(cause) => fail("kvm", format!("/dev/kvm: {}", said(&cause)), "use accel = \"tcg\""),
        });
    }
    checks.extend(available(root, image.memory_mib));
    checks
}

fn machine(binary: &Path) -> Check {
    let name = "qemu";
    let shown = binary.display();
    match printed(binary, &["-M", "help"]) {
        Ok((true, machines)) if machines.contains("nitro-enclave") => {
            ok(name, format!("{shown} has the machine nitro-enclave"))
        }
        Ok(_) => fail(name, format!("{shown} has no machine nitro-enclave"), QEMU),
        Err(cause) => unusable(name, binary, &cause, QEMU),
    }
}

fn available(root: &Root, memory_mib: u64) -> Option<Check> {
    let text = root.read("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    let (mib, name) = (kib / 1024, "free memory");
    let found = format!("{mib} MiB are available, the enclave gets {memory_mib}");
    Some(match mib >= memory_mib {
        true => ok(name, found),
        false => warn(name, found, "lower memory_mib, or end other programs"),
    })
}

const QEMU: &str = "Debian's is built without it: tests/qemu/setup.sh builds one; \
                    name it by --qemu-binary, or its directory by GLOVEBOX_QEMU";
const DEVICE: &str = "tests/qemu/setup.sh builds it; name it by --vhost-device-vsock, \
                      or its directory by GLOVEBOX_QEMU";
