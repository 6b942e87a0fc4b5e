//! What `--nitro` needs of an EC2 parent instance.

use super::{Check, Root, Verdict, fail, is_slow, ok, printed, said, slow, unusable, user, warn};
use crate::options::Options;
use host::Image;
use protocol::storage::vsock::STORE_PORT;
use std::{fs, io, path::Path};
use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener};

pub(super) fn checks(root: &Root, image: &Image, cli: &Path, options: &Options) -> Vec<Check> {
    let mut checks = vec![version(cli), driver(root)];
    let (pool, pages) = (pool(root, image.cpus), huge_pages(root, image.memory_mib, options));
    let reserved = [&pool, &pages].iter().all(|check| check.verdict != Verdict::Fail);
    checks.extend(allocator(root, image, reserved));
    checks.extend([pool, pages]);
    checks.push(vsock(root, options));
    checks.extend(others(cli, image.cid, options));
    checks
}

fn version(cli: &Path) -> Check {
    let name = "nitro-cli";
    match printed(cli, &["--version"]) {
        Ok((true, version)) if is_old(&version) => warn(
            name,
            version,
            "sudo dnf upgrade aws-nitro-enclaves-cli (names of enclaves need a newer one)",
        ),
        Ok((true, version)) => ok(name, version),
        Ok((false, _)) => fail(name, format!("{} does not run", cli.display()), INSTALL),
        Err(cause) => unusable(name, cli, &cause, INSTALL),
    }
}

/// `Nitro CLI 1.4.2`
fn is_old(version: &str) -> bool {
    let mut numbers = version.rsplit(' ').next().unwrap_or_default().split('.');
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    matches!((number(), number()), (Some(1), Some(0 | 1)) | (Some(0), _))
}

fn driver(root: &Root) -> Check {
    let name = "driver";
    let device = root.path("/dev/nitro_enclaves");
    match fs::File::options().read(true).write(true).open(&device) {
        Ok(_) => ok(name, "/dev/nitro_enclaves is usable"),
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => fail(
            name,
            "/dev/nitro_enclaves: permission denied",
            format!(
                "sudo usermod -aG ne {}, then log in again (a service: SupplementaryGroups=ne)",
                user()
            ),
        ),
        Err(_) if root.path("/sys/module/nitro_enclaves").exists() => fail(
            name,
            "the module nitro_enclaves is loaded, but there is no /dev/nitro_enclaves",
            "stop the instance and start it with --enclave-options Enabled=true",
        ),
        Err(_) => fail(
            name,
            "there is no /dev/nitro_enclaves",
            "start the instance with --enclave-options Enabled=true, then sudo modprobe nitro_enclaves",
        ),
    }
}

/// The service that reserves processors and pages at boot. `nitro-cli` takes what is reserved, by
/// whomever: in a container and on systems that reserve on the kernel's command line there is no such
/// file, and none is needed.
fn allocator(root: &Root, image: &Image, reserved_now: bool) -> Vec<Check> {
    let name = "allocator";
    let Some(text) = root.read(ALLOCATOR) else {
        let found = format!("there is no {ALLOCATOR}");
        return vec![if reserved_now {
            warn(
                name,
                format!("{found}, but CPUs and huge pages are reserved in another way"),
                "see that they are after the next boot, too (hugepages= and nitro_enclaves.ne_cpus=)",
            )
        } else {
            fail(name, found, INSTALL)
        }];
    };
    let (memory, cpus) = (sum(&text, "memory_mib", |number| number.parse().ok()), reserved(&text));
    let takes = format!("this host takes {} MiB and {} CPUs", image.memory_mib, image.cpus);
    let found = match flaw(&text) {
        // Then a sum of nothing says nothing of what the file's writer meant.
        Some(flaw) if memory == 0 || cpus == 0 => {
            format!("{ALLOCATOR} cannot be read as YAML of the allocator: {flaw}; {takes}")
        }
        _ => format!("{ALLOCATOR} reserves {memory} MiB and {cpus} CPUs; {takes}"),
    };
    let fits = memory >= image.memory_mib && cpus >= u64::from(image.cpus);
    let mut checks = vec![if fits {
        ok(name, found)
    } else {
        let (memory, cpus) = (memory.max(image.memory_mib), cpus.max(image.cpus.into()));
        fail(
            name,
            found,
            format!("set memory_mib: {memory} and cpu_count: {cpus} there, then {RESTART}"),
        )
    }];
    // It runs once and ends: whether it is active says nothing.
    let (name, systemctl) = ("allocator service", Path::new("systemctl"));
    match printed(systemctl, &["is-enabled", SERVICE]) {
        Ok((false, state)) => {
            let state = if state.is_empty() { "not there" } else { &state };
            let remedy = format!("sudo systemctl enable --now {SERVICE}");
            checks.push(warn(name, format!("{SERVICE} is {state}"), remedy));
        }
        Err(cause) if is_slow(&cause) => checks.push(slow(name, systemctl)),
        _ => {}
    }
    checks
}

/// A file with several pools has the key several times.
fn sum(yaml: &str, key: &str, count: impl Fn(&str) -> Option<u64>) -> u64 {
    let values = yaml.lines().filter_map(|line| {
        let (found, value) = line.trim().trim_start_matches("- ").split_once(':')?;
        let value = value.split('#').next().unwrap_or_default().trim();
        (found.trim() == key).then(|| count(value.trim_matches('"')))?
    });
    values.sum()
}

/// Where the file is not what the allocator reads: lines of `key: value`, some with `- ` before.
fn flaw(yaml: &str) -> Option<String> {
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(yaml.lines()) {
        let text = line.split('#').next().unwrap_or_default();
        if matches!(text.trim(), "" | "---" | "...") {
            continue;
        }
        if text.starts_with('\t') {
            return Some(format!("line {number} begins with a tab, where YAML has spaces"));
        }
        let pair = text.trim().trim_start_matches("- ").split_once(':');
        let pair = pair.filter(|(_, value)| value.is_empty() || value.starts_with(' '));
        let Some((key, value)) = pair else {
            return Some(format!("line {number} is not `key: value`"));
        };
        let value = value.trim().trim_matches('"');
        let is_number = match key.trim() {
            "memory_mib" | "cpu_count" => value.parse::<u64>().is_ok(),
            "cpu_pool" => in_list(value) > 0,
            _ => true,
        };
        if !is_number {
            return Some(format!("line {number} gives {} no number", key.trim()));
        }
        keys.push(key.trim());
    }
    let needed = [&["memory_mib"][..], &["cpu_count", "cpu_pool"]];
    let missing = needed.into_iter().find(|names| !keys.iter().any(|key| names.contains(key)));
    missing.map(|names| format!("it has no {}", names.join(" or ")))
}

fn reserved(yaml: &str) -> u64 {
    sum(yaml, "cpu_count", |number| number.parse().ok())
        + sum(yaml, "cpu_pool", |list| Some(in_list(list)))
}

/// How many numbers a list like `1,3,6-9` names.
fn in_list(list: &str) -> u64 {
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.trim().split_once('-').unwrap_or((range.trim(), range.trim()));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        (last.checked_sub(first)?).checked_add(1)
    });
    ranges.sum()
}

fn pool(root: &Root, cpus: u32) -> Check {
    let name = "cpu pool";
    let pool = root.read("/sys/module/nitro_enclaves/parameters/ne_cpus").unwrap_or_default();
    let free = in_list(&pool);
    let threads = root.read("/sys/devices/system/cpu/smt/active").as_deref() == Some("1");
    if free < u64::from(cpus) {
        let found = format!("the driver has {free} CPUs, cpus is {cpus}");
        return fail(name, found, RESTART);
    }
    if threads && !cpus.is_multiple_of(2) {
        let found = format!("cpus is {cpus}, but only whole cores of two threads can be given");
        return fail(name, found, format!("set cpus = {}", cpus + 1));
    }
    ok(name, format!("the driver has {free} CPUs ({pool}), cpus is {cpus}"))
}

fn huge_pages(root: &Root, memory_mib: u64, options: &Options) -> Check {
    let name = "huge pages";
    let free = |kib: u64| -> u64 {
        let path = format!("/sys/kernel/mm/hugepages/hugepages-{kib}kB/free_hugepages");
        let pages: u64 = root.read(&path).and_then(|text| text.parse().ok()).unwrap_or_default();
        pages.saturating_mul(kib / 1024)
    };
    let (large, small) = (free(1 << 20), free(2 << 10));
    let found = format!(
        "{} MiB are free (1 GiB pages: {large} MiB, 2 MiB pages: {small} MiB), memory_mib is {memory_mib}",
        large + small
    );
    if large + small >= memory_mib {
        ok(name, found)
    } else if super::place::is_running(options) {
        warn(
            name,
            found,
            "none, if the missing ones are those of this host's own enclave, which runs",
        )
    } else {
        fail(
            name,
            found,
            format!(
                "end other enclaves (nitro-cli describe-enclaves), or {RESTART} soon after boot"
            ),
        )
    }
}

fn vsock(root: &Root, options: &Options) -> Check {
    let name = "vsock";
    if !root.path("/dev/vsock").exists() {
        let remedy = "sudo modprobe vsock; on EC2 it comes with the module nitro_enclaves";
        return fail(name, "there is no /dev/vsock", remedy);
    }
    if super::place::is_running(options) {
        return ok(name, "this directory's host runs now");
    }
    if !root.is_real() {
        return ok(name, "/dev/vsock is there");
    }
    match bind(STORE_PORT) {
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => fail(
            name,
            format!("port {STORE_PORT} of vsock is taken"),
            "end the other glovebox-host: an instance has room for one",
        ),
        Err(cause) => fail(
            name,
            format!("port {STORE_PORT} of vsock: {}", said(&cause)),
            "let the user of the host use vsock (a service: RestrictAddressFamilies, DeviceAllow)",
        ),
        Ok(()) => ok(name, format!("/dev/vsock is there, its port {STORE_PORT} is free")),
    }
}

fn bind(port: u32) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, port)).map(drop)
}

/// Enclaves that are there already.
fn others(cli: &Path, cid: u32, options: &Options) -> Option<Check> {
    let json = match printed(cli, &["describe-enclaves"]) {
        Ok((true, json)) => json,
        Err(cause) if is_slow(&cause) => return Some(slow("cid", cli)),
        _ => return None,
    };
    let enclaves: Vec<serde_json::Value> = serde_json::from_str(&json).ok()?;
    let taken = enclaves.iter().any(|enclave| enclave.get("EnclaveCID") == Some(&cid.into()));
    let found = format!("{} enclaves run, cid is {cid}", enclaves.len());
    Some(match taken {
        true if super::place::is_running(options) => ok("cid", found),
        true => fail("cid", format!("{found}, which one of them has"), "choose another cid"),
        false => ok("cid", found),
    })
}

const ALLOCATOR: &str = "/etc/nitro_enclaves/allocator.yaml";
const SERVICE: &str = "nitro-enclaves-allocator.service";
const INSTALL: &str = "sudo dnf install aws-nitro-enclaves-cli";
const RESTART: &str = "sudo systemctl restart nitro-enclaves-allocator.service";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_allocators_file_with_one_pool_or_several() {
        let one = "---\n# memory_mib: 9\nmemory_mib: 512 # MiB\ncpu_count: 2\n";
        assert_eq!((sum(one, "memory_mib", |it| it.parse().ok()), reserved(one)), (512, 2));
        let two = "- memory_mib: 512\n  cpu_count: 2\n- memory_mib: 256\n  cpu_pool: 2,3,6-9\n";
        assert_eq!((sum(two, "memory_mib", |it| it.parse().ok()), reserved(two)), (768, 8));
        assert_eq!(reserved("cpu_pool: \"1,x,9-3\""), 1);
    }

    #[test]
    fn says_where_the_allocators_file_is_malformed() {
        for (text, expected) in [
            ("---\nmemory_mib 512\ncpu_count: 2\n", "line 2 is not `key: value`"),
            ("memory_mib:512\n", "line 1 is not `key: value`"),
            (
                "- memory_mib: 512\n\tcpu_count: 2\n",
                "line 2 begins with a tab, where YAML has spaces",
            ),
            ("memory_mib: 512 MiB\n", "line 1 gives memory_mib no number"),
            ("memory_mib: 512\ncpu_pool: a-b\n", "line 2 gives cpu_pool no number"),
            ("# memory_mib: 9\n", "it has no memory_mib"),
            ("memory_mib: 512\n", "it has no cpu_count or cpu_pool"),
        ] {
            assert_eq!(flaw(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(flaw("---\n# memory_mib: 9\nmemory_mib: 512 # MiB\ncpu_count: 2\n"), None);
    }

    #[test]
    fn knows_versions_without_names_and_pcrs() {
        for (version, old) in [
            ("Nitro CLI 1.1.0", true),
            ("Nitro CLI 1.2.0", false),
            ("Nitro CLI 2.0.0", false),
            ("", false),
        ] {
            assert_eq!(is_old(version), old, "{version}");
        }
    }
}
