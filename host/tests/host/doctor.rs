//! The doctor on machines that have one flaw each.

use crate::{
    operator::{IDLE_ENCLAVE, program, signed_contract},
    support::{Room, eif},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha384};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

#[test]
fn finds_nothing_wrong_with_a_good_parent_instance() {
    let patient = Patient::new();
    let (code, report) = patient.examine(&[]);
    assert_eq!(code, 0, "{report}");
    assert!(report.contains("\nReady"), "{report}");
    assert_eq!(warned(&report), [""; 0], "{report}");
    for line in [
        "OK    contract           `alone`, signed by one, ends 2099-01-01T00:00:00Z\n",
        "OK    nitro-cli          Nitro CLI 1.4.2\n",
        "OK    huge pages         2048 MiB are free (1 GiB pages: 1024 MiB, 2 MiB pages: 1024 MiB), memory_mib is 1024\n",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

/// What the doctor would improve, but for the disk, which is this machine's own.
fn warned(report: &str) -> Vec<&str> {
    let names = report.lines().filter_map(|line| line.strip_prefix("WARN  ")?.split("  ").next());
    names.filter(|name| *name != "disk").collect()
}

#[test]
fn names_each_flaw_of_a_parent_instance_and_its_remedy() {
    const PAGES: &str = "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
    let flaws: &[(&str, &str, Option<&str>, &str)] = &[
        ("driver", "dev/nitro_enclaves", None, "--enclave-options Enabled=true"),
        (
            "allocator",
            ALLOCATOR,
            Some("memory_mib: 512\ncpu_count: 4\n"),
            "set memory_mib: 1024 and cpu_count: 4 there",
        ),
        (
            "allocator",
            ALLOCATOR,
            Some("memory_mib: 2048\ncpu_pool: 3\n"),
            "set memory_mib: 2048 and cpu_count: 2 there",
        ),
        (
            "allocator",
            ALLOCATOR,
            Some("memory_mib 2048\n"),
            "set memory_mib: 1024 and cpu_count: 2 there",
        ),
        ("cpu pool", CPUS, Some("\n"), "sudo systemctl restart nitro-enclaves-allocator.service"),
        ("huge pages", PAGES, Some("0"), "soon after boot"),
        ("vsock", "dev/vsock", None, "sudo modprobe vsock"),
        ("image", "../image.eif", Some("PK"), "name the .eif file"),
        ("image", "../image.eif", Some(".eif and more"), "fetch it again"),
        ("image", "../image.eif", None, "fetch the image"),
        ("contract", "../contract.toml", Some("[contract]"), "glovebox contract sign"),
        ("nitro-cli", "../nitro-cli", None, "sudo dnf install aws-nitro-enclaves-cli"),
    ];
    for (name, file, content, remedy) in flaws {
        let patient = Patient::new();
        if *name == "huge pages" {
            patient.write("sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0");
        }
        match content {
            None => fs::remove_file(patient.root.join(file)).unwrap(),
            Some(content) => patient.write(file, content),
        }
        let (code, report) = patient.examine(&["--json"]);
        let report: Value = serde_json::from_str(&report).unwrap();
        let failed: Vec<&Value> = report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|check| check["verdict"] == "fail")
            .collect();
        assert_eq!((code, &report["ready"]), (1, &Value::Bool(false)));
        assert_eq!(failed.len(), 1, "{name} {file}: {report:#}");
        assert_eq!(failed[0]["name"], *name);
        assert!(failed[0]["remedy"].as_str().unwrap().contains(remedy), "{report:#}");
    }
}

#[test]
fn takes_what_is_reserved_whoever_reserved_it() {
    let patient = Patient::new();
    fs::remove_file(patient.root.join(ALLOCATOR)).unwrap();
    let (code, report) = patient.examine(&[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(warned(&report), ["allocator"], "{report}");
    assert!(report.contains("reserved in another way"), "{report}");
    // Nor does it pass without either.
    patient.write(CPUS, "\n");
    let (code, report) = patient.examine(&[]);
    assert_eq!(code, 1, "{report}");
    for name in ["allocator  ", "cpu pool  "] {
        assert!(report.contains(&format!("FAIL  {name}")), "{name}: {report}");
    }
    assert!(report.contains("-> sudo dnf install aws-nitro-enclaves-cli\n"), "{report}");
}

#[test]
fn leaves_a_machine_as_it_was() {
    let patient = Patient::new();
    let host = patient.room.path("host");
    let (code, report) = patient.examine(&[]);
    assert_eq!(code, 0, "{report}");
    assert!(report.contains("host is not there yet: `run` makes it\n"), "{report}");
    assert!(!host.exists(), "made by a check");

    // Of one that is there: not even a time changes; and what `run` complains of, it says too.
    fs::create_dir(&host).unwrap();
    for (mode, warnings) in [(0o755, vec!["directory"]), (0o700, vec![])] {
        fs::set_permissions(&host, fs::Permissions::from_mode(mode)).unwrap();
        let before = fs::metadata(&host).unwrap().modified().unwrap();
        let (code, report) = patient.examine(&[]);
        assert_eq!((code, warned(&report)), (0, warnings), "{report}");
        assert_eq!(fs::metadata(&host).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_dir(&host).unwrap().count(), 0);
    }
}

#[test]
fn waits_for_no_program_for_ever() {
    let patient = Patient::new();
    fs::write(patient.room.path("timedatectl"), "#!/bin/sh\nexec sleep 60\n").unwrap();
    let asked = Instant::now();
    let (code, report) = patient.examine(&[]);
    assert_eq!(code, 0, "{report}");
    assert!(asked.elapsed() < Duration::from_secs(50), "{report}");
    assert!(
        report.contains("WARN  clock              timedatectl took more than 10 s\n"),
        "{report}"
    );
}

#[test]
fn finds_what_does_not_fit_together() {
    let patient = Patient::new();
    let (code, report) = patient.examine(&["--memory-mib", "7"]);
    assert_eq!(code, 1);
    assert!(
        report
            .contains("FAIL  memory             memory_mib is 7; four times the image is 9 MiB\n"),
        "{report}"
    );
    assert!(report.contains("-> set memory_mib = 256 or more\n"), "{report}");
    let patient = Patient::new();
    patient.write("sys/devices/system/cpu/smt/active", "1");
    patient.write(CPUS, "1,3,5-6");
    patient.write(ALLOCATOR, "memory_mib: 2048\ncpu_count: 4\n");
    let (_, report) = patient.examine(&["--cpus", "3"]);
    assert!(report.contains("-> set cpus = 4\n"), "{report}");
    let (_, report) = patient.examine(&["--debug", "--listen", "127.0.0.1:0"]);
    assert!(
        report.contains("WARN  debug") && report.contains("set listen = \"0.0.0.0:7443\""),
        "{report}"
    );
    assert_eq!(warned(&report), ["port", "debug"], "{report}");
    assert!(report.contains("\nReady, with ") && report.ends_with(" to improve.\n"), "{report}");
    fs::write(patient.room.path("running"), "another\n").unwrap();
    let (code, report) = patient.examine(&[]);
    assert!(
        code == 1
            && report.contains(
                "FAIL  cid                1 enclaves run, cid is 16, which one of them has\n"
            ),
        "{report}"
    );
}

#[test]
fn knows_whether_the_contract_lists_the_build() {
    let patient = Patient::new();
    let manifest = patient.room.path("build.json");
    for (byte, code) in [("ab", 0), ("cd", 1)] {
        let pcr = byte.repeat(48);
        fs::write(
            &manifest,
            serde_json::json!({"pcrs": {"0": pcr, "1": pcr, "2": pcr}}).to_string(),
        )
        .unwrap();
        let found = patient.examine(&["--build-manifest", manifest.to_str().unwrap()]);
        assert_eq!(found.0, code, "{}", found.1);
    }
}

#[test]
fn tells_a_whole_image_from_a_cut_a_long_and_a_damaged_one() {
    let patient = Patient::new();
    let path = patient.room.path("image.eif");
    let (whole, shown) = (eif(2 << 20), path.display());
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut aimless = whole.clone();
    aimless[28] = 0xff;
    let cut = &whole[..whole.len() - 1];
    for (bytes, found) in [
        (cut, "is not whole: found 2097711 bytes, expected 2097712"),
        (&[&whole[..], b"x"].concat(), "is not whole: found 2097713 bytes, expected 2097712"),
        (&whole[..100], "is not whole: found 100 bytes, expected 548"),
        (&damaged, "is damaged: its checksum is another"),
        (&aimless, "is not whole: found 2097712 bytes, expected 18374686479673721392"),
    ] {
        fs::write(&path, bytes).unwrap();
        let (code, report) = patient.examine(&[]);
        assert_eq!(code, 1, "{report}");
        let line = format!("FAIL  image              {shown} {found}\n");
        assert!(report.contains(&line), "{line}{report}");
    }
}

#[test]
fn tells_the_manifest_of_this_image_from_that_of_another() {
    let patient = Patient::new();
    let manifest = patient.room.path("build.json");
    let pcr = "ab".repeat(48);
    let image = eif(2 << 20);
    let digest: String = Sha384::digest(&image).iter().map(|byte| format!("{byte:02x}")).collect();
    let (file, other) = (json!({"bytes": image.len(), "sha384": digest}), "0".repeat(96));
    let pcrs = json!({"0": pcr, "1": pcr, "2": pcr});
    let signed = json!({"0": pcr, "1": pcr, "2": pcr, "8": pcr});
    for (json, code, line) in [
        (json!({"pcrs": pcrs, "eif": file}), 0, "OK    manifest           it is this image's"),
        (json!({"pcrs": pcrs}), 0, "WARN  manifest           it names no file"),
        (
            json!({"pcrs": pcrs, "eif": {"bytes": image.len(), "sha384": other}}),
            1,
            "FAIL  manifest           it is another image's, of the same length\n",
        ),
        (
            json!({"pcrs": pcrs, "eif": {"bytes": 7, "sha384": digest}}),
            1,
            "FAIL  manifest           it is another image's: 2097712 bytes here, 7 there\n",
        ),
        (
            json!({"pcrs": signed, "eif": {"bytes": 7, "sha384": digest}}),
            0,
            "WARN  manifest           it is of another image, or of another signing",
        ),
    ] {
        fs::write(&manifest, json.to_string()).unwrap();
        let found = patient.examine(&["--build-manifest", manifest.to_str().unwrap()]);
        assert!(found.0 == code && found.1.contains(line), "{line}: {}", found.1);
    }
}

#[test]
fn knows_whether_the_contract_lists_the_simulated_enclave() {
    let patient = Patient::new();
    let enclave = patient.room.path("enclave");
    for (byte, code, line) in [
        ("ab", 0, "OK    build              the contract lists this enclave as `none`\n"),
        ("cd", 1, "FAIL  build              the contract does not list this enclave, which"),
    ] {
        let pcr = byte.repeat(48);
        let pcrs = json!({"pcrs": {"0": pcr, "1": pcr, "2": pcr}});
        fs::write(&enclave, format!("#!/bin/sh\necho '{pcrs}'\n")).unwrap();
        fs::set_permissions(&enclave, fs::Permissions::from_mode(0o755)).unwrap();
        let output = patient.doctor(&["--enclave", enclave.to_str().unwrap()]).output().unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{report}");
        assert!(report.contains(line), "{report}");
    }
}

#[test]
fn tells_of_a_port_a_directory_and_a_program_that_cannot_be_used() {
    let room = Room::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fs::write(room.path("file"), "").unwrap();
    let mut doctor = program();
    doctor.arg("doctor").arg("--dir").arg(room.path("file")).args(["--listen", &address]);
    let missing = room.path("no-such-program");
    let output = doctor.arg("--enclave").arg(&missing).output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(report.contains(&format!("FAIL  port               {address} is taken\n")), "{report}");
    assert!(report.contains("-> end that program (ss -ltnp names it)"), "{report}");
    assert!(report.contains("FAIL  directory "), "{report}");
    let line = format!("FAIL  enclave binary     {}: No such file", missing.display());
    assert!(report.contains(&line), "{report}");
    let mut doctor = program();
    doctor.arg("doctor").arg("--dir").arg(room.dir.path());
    doctor.args(["--listen", "127.0.0.1:0", "--enclave", IDLE_ENCLAVE]);
    fs::write(room.contract(), signed_contract()).unwrap();
    let named = program().args(doctor.get_args()).arg("--contract").arg(room.contract()).output();
    assert_eq!(named.unwrap().status.code(), Some(0));
    // Without one, `run` would not start.
    let output = doctor.output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report.contains("FAIL  contract           none is named\n"), "{report}");
}

#[test]
fn examines_a_machine_for_qemu() {
    let patient = Patient::new();
    let stand_ins = PathBuf::from(STAND_INS);
    let qemu = |binary: PathBuf| {
        let mut doctor = patient.doctor(&["--qemu"]);
        doctor.arg(patient.room.path("image.eif")).arg("--qemu-binary").arg(binary);
        doctor.arg("--vhost-device-vsock").arg(stand_ins.join("vhost-device-vsock"));
        doctor.env("NSM_SIGN_KEY", "k").env("NSM_SIGN_CERT", "c").env("NSM_SIGN_CA", "a");
        let output = doctor.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, report) = qemu(stand_ins.join("qemu"));
    assert!(code == Some(0) && report.contains("has the machine nitro-enclave\n"), "{report}");
    let (code, report) = qemu("true".into());
    assert!(
        code == Some(1) && report.contains("FAIL  qemu               true has no machine"),
        "{report}"
    );
}

#[test]
fn says_how_full_the_rooms_for_results_and_logs_are() {
    let patient = Patient::new();
    let config = patient.room.path("host.toml");
    fs::write(&config, "[limits]\nresults_bytes = 2097152\n").unwrap();
    let more = ["--config", config.to_str().unwrap()];
    assert!(!patient.examine(&more).1.contains("results_bytes"), "nothing before there is one");
    let job = patient.room.path("host/blobs/results/job-1");
    fs::create_dir_all(&job).unwrap();
    for (length, verdict, found) in [
        (1 << 20, "OK    results", "they take 1 of 2 MiB (results_bytes)"),
        (2 << 20, "WARN  results", "they take 2 of 2 MiB (results_bytes)"),
    ] {
        fs::write(job.join("acme"), vec![0; length]).unwrap();
        let (code, report) = patient.examine(&more);
        let line = report.lines().find(|line| line.contains("results_bytes")).unwrap();
        assert!(code == 0 && line.starts_with(verdict) && line.contains(found), "{report}");
    }
    fs::write(&config, "[limits]\nlogs_bytes = 2097152\n").unwrap();
    let log = patient.room.path("host/blobs/logs/a1");
    fs::create_dir_all(&log).unwrap();
    fs::write(log.join("opening"), vec![0; 2 << 20]).unwrap();
    let (code, report) = patient.examine(&more);
    let found = "they take 2 of 2 MiB (logs_bytes)";
    let line = report.lines().find(|line| line.contains("logs_bytes")).unwrap();
    assert!(code == 0 && line.starts_with("WARN  logs") && line.contains(found), "{report}");
}

/// A parent instance on which all is well.
struct Patient {
    room: Room,
    root: PathBuf,
}

impl Patient {
    fn new() -> Self {
        let room = Room::new();
        let root = room.path("root");
        let patient = Self { room, root };
        for (file, content) in [
            ("dev/nitro_enclaves", ""),
            ("dev/vsock", ""),
            (ALLOCATOR, "---\nmemory_mib: 2048\ncpu_count: 2\n"),
            (CPUS, "1,3\n"),
            ("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    4194304 kB\n"),
            ("sys/devices/system/cpu/smt/active", "0\n"),
            ("sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n"),
            ("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "512\n"),
        ] {
            patient.write(file, content);
        }
        fs::write(patient.room.path("image.eif"), eif(2 << 20)).unwrap();
        fs::write(patient.room.contract(), signed_contract()).unwrap();
        fs::copy(format!("{STAND_INS}/nitro-cli"), patient.room.path("nitro-cli")).unwrap();
        for (name, says) in [("timedatectl", "echo yes"), ("systemctl", "echo enabled")] {
            let path = patient.room.path(name);
            fs::write(&path, format!("#!/bin/sh\n{says}\n")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        patient
    }

    fn write(&self, file: &str, content: &str) {
        let path = self.root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn doctor(&self, more: &[&str]) -> std::process::Command {
        let mut doctor = program();
        let search = std::env::var("PATH").unwrap();
        doctor.env("PATH", format!("{}:{search}", self.room.dir.path().display()));
        doctor.arg("doctor").arg("--sysroot").arg(&self.root);
        doctor.arg("--dir").arg(self.room.path("host")).arg("--contract").arg(self.room.contract());
        if !more.contains(&"--listen") {
            doctor.args(["--listen", "0.0.0.0:0"]);
        }
        doctor.args(more);
        doctor
    }

    fn examine(&self, more: &[&str]) -> (i32, String) {
        let mut doctor = self.doctor(more);
        doctor.arg("--nitro").arg(self.room.path("image.eif"));
        doctor.arg("--nitro-cli").arg(self.room.path("nitro-cli"));
        let output = doctor.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }
}

const ALLOCATOR: &str = "etc/nitro_enclaves/allocator.yaml";
const CPUS: &str = "sys/module/nitro_enclaves/parameters/ne_cpus";
const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/host/stand-ins");
