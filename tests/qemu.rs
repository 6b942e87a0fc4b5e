//! The image that ships, booted under QEMU's `nitro-enclave` machine, and the whole room on it over
//! vsock: `make qemu`. The module there signs under a throw-away authority, which the parties name
//! with `--danger-root`, so that every check of the verifier runs.
//!
//! Not run by `make test`: the tests are listed as ignored, and fail without what `make qemu` builds.
#![expect(clippy::print_stdout, reason = "`make qemu` shows what was measured")]

use crate::{
    booted::{Bed, Image, Kind, Site, build_of},
    flood,
};
use attestation_verifier::receipt::user_data_for;
use protocol::{message::Reply, storage::vsock::MAX_CONNECTIONS};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};
use tests::{repository, running::simulated_demo};
use tokio::{net::TcpStream, time::timeout};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "boots the image under QEMU: make qemu"]
async fn the_demo_comes_to_the_same_on_the_booted_image_as_simulated() {
    let bed = Bed::found();
    let (image, build) = (bed.image(), bed.build());
    let mut site = Site::new(bed, &build);
    let began = Instant::now();
    site.boot();
    let booted = began.elapsed();
    said_once(&site, "is serving");

    // Three readers of the same registers: the build manifest, the image's bytes, the module.
    let room = site.connect().await;
    println!(
        "{} ms from the host's start to the first attested reply",
        began.elapsed().as_millis()
    );
    assert!(booted < Duration::from_mins(2), "{booted:?}");
    let believed = room.believed();
    for (index, pcr) in image.pcrs() {
        assert_eq!(believed.pcrs()[&index], pcr, "PCR{index} of the document");
        assert!(build.contains(&pcr.to_string()), "PCR{index} of the build manifest");
    }
    assert_eq!(believed.user_data(), Some(&user_data_for(room.instance().as_bytes())[..]));
    drop(room);

    the_demo(&mut site);
    let simulated = tempfile::tempdir().unwrap();
    simulated_demo(simulated.path());
    same_but_for_noise(
        &read(&site.path("result.json")),
        &read(&simulated.path().join("result.json")),
    );
    site.stop();
    site.nothing_remains();
}

/// `tests/demo.sh`, but for who starts the enclave.
fn the_demo(site: &mut Site) {
    let data = repository("tests/data/hillstrom").display().to_string();
    site.ok("verify ROOM UNDER");
    for (party, dataset) in [("publisher", "exposures"), ("retailer", "sales")] {
        site.ok(&format!(
            "seal {data}/{party}.csv --contract contract.toml.signed --dataset {dataset} \
             --dir {party} -o {party}/{dataset}"
        ));
        site.ok(&format!("upload ROOM {party}/{dataset}.sealed"));
        site.ok(&format!(
            "grant ROOM UNDER --dataset {dataset} --manifest {party}/{dataset}.manifest \
             --keys {party}/{dataset}.keys --dir {party}"
        ));
    }
    site.start_custody();
    let job = site.ok(&format!(
        "job submit {data}/lift.toml --room ROOM UNDER --dir publisher --receiver publisher \
         --receiver retailer"
    ));
    site.ok(&format!("result open --job {job} --room ROOM UNDER --dir publisher -o ."));
    site.ok("receipt check receipt.cbor result.json UNDER");
    let receipt = "receipt receipt.cbor result.json --contract contract.toml --build contract.json";
    assert_eq!(site.verifier(&format!("{receipt} --danger-root ROOT")), Some(0));
    assert_eq!(site.verifier(receipt), Some(1), "AWS signed nothing here");
    for party in ["publisher", "retailer"] {
        site.ok(&format!("close ROOM UNDER --dir {party} --yes"));
        site.ok(&format!("budget --dir {party} --contract contract.toml.signed"));
    }
    let sealed = fs::read(site.path("publisher/exposures.sealed")).unwrap();
    assert!(!sealed.windows(9).any(|window| window == b"@example."), "the host saw ciphertext");
}

/// The same fields and words; estimates within six standard deviations of the noise on both, which
/// they exceed twice in a billion runs.
fn same_but_for_noise(booted: &Value, simulated: &Value) {
    let (one, other) = (shape("", booted), shape("", simulated));
    let only_in_one: Vec<_> = one.symmetric_difference(&other).collect();
    assert!(only_in_one.is_empty(), "only in one of the results: {only_in_one:#?}");
    for field in ["format", "noise", "contract_name", "purpose"] {
        assert_eq!(booted[field], simulated[field], "{field}");
    }
    let [booted, simulated] = [booted, simulated].map(|result| &result["answer"]["lift"]);
    for field in ["test", "control"] {
        assert_eq!(booted[field], simulated[field], "{field}");
    }
    let outcomes = |answer: &Value| answer["outcomes"].as_array().unwrap().clone();
    let pairs = outcomes(booted).into_iter().zip(outcomes(simulated));
    let mut different = false;
    for (one, other) in pairs {
        assert_eq!(one["name"], other["name"]);
        let number =
            |outcome: &Value, field: &str| outcome["diff_in_means"][field].as_f64().unwrap();
        let noise = number(&one, "se_mechanism").hypot(number(&other, "se_mechanism"));
        let distance = number(&one, "ate") - number(&other, "ate");
        assert!(noise > 0.0 && distance.abs() < 6.0 * noise, "{one}\n{other}");
        different |= distance.abs() > 0.0;
    }
    assert!(different, "two instances drew the same noise");
}

/// Where a result has what kind of value, without what depends on the draw of the noise: flags, and an
/// interval or its ends that not every draw has.
fn shape(path: &str, value: &Value) -> BTreeSet<String> {
    const BY_DRAW: [&str; 4] = ["flags", "relative_lift", "ci_method", "cost_per_incremental_ci"];
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !BY_DRAW.contains(&name.as_str()))
            .flat_map(|(name, field)| shape(&format!("{path}/{name}"), field))
            .collect(),
        Value::Array(values) => (0..)
            .zip(values)
            .flat_map(|(index, element)| shape(&format!("{path}/{index}"), element))
            .collect(),
        Value::Number(_) => [format!("{path}: number")].into(),
        Value::String(_) => [format!("{path}: text")].into(),
        other => [format!("{path}: {other}")].into(),
    }
}

#[test]
#[ignore = "boots the image under QEMU: make qemu"]
fn an_image_with_one_bit_changed_is_another_build_which_neither_enclave_nor_partner_accepts() {
    let bed = Bed::found();
    let (image, build) = (bed.image(), bed.build());
    let mut site = Site::new(bed, &build);
    let other = image.flipped(Kind::CommandLine, b"trust_cpu=on");
    let eif = site.path("flipped.eif");
    fs::write(&eif, &other.0).unwrap();
    for (index, differs) in [(0, true), (1, true), (2, false)] {
        assert_eq!(other.pcrs()[&index] != image.pcrs()[&index], differs, "PCR{index}");
    }

    // It sees by itself that the parties' contract is for another build.
    site.start(&eif, "contract", &[]);
    let refusal = format!("(PCR0 {})", other.pcrs()[&0]);
    until_said(&site, &refusal);
    assert_ne!(site.health().as_deref(), Some("serving"));
    site.stop();

    // Whoever signs another contract gets an instance; nobody else believes it.
    site.contract("other", &build_of(&other.pcrs()));
    site.start(&eif, "other", &[]);
    site.serves();
    site.ok("verify ROOM --contract other.toml.signed --danger-root ROOT");
    let refused = site.run("verify ROOM UNDER");
    assert_eq!(refused.code, Some(1), "{}{}", refused.out, refused.err);
    let stranger = site.run("verify ROOM --contract other.toml.signed");
    assert_eq!(stranger.code, Some(1), "AWS signed nothing here: {}", stranger.out);
    site.stop();
    site.nothing_remains();
}

#[test]
#[ignore = "boots the image under QEMU: make qemu"]
fn an_image_that_is_cut_or_changed_without_its_checksum_does_not_serve() {
    let bed = Bed::found();
    let (image, build) = (bed.image(), bed.build());
    let mut site = Site::new(bed, &build);
    let Image(mut torn) = image.clone();
    let middle = torn.len() / 2;
    torn[middle] ^= 1;
    let short = image.0[..image.0.len() - 1].to_vec();
    let half = image.0[..middle].to_vec();
    for (name, bytes) in [("torn", torn), ("short", short), ("half", half)] {
        let eif = site.path(&format!("{name}.eif"));
        fs::write(&eif, bytes).unwrap();
        site.start(&eif, "contract", &[]);
        let before = site.log().len();
        let began = Instant::now();
        // Long enough for the whole image to serve, had it been whole.
        while began.elapsed() < BOOT / 3 {
            assert_ne!(site.health().as_deref(), Some("serving"), "{name}");
            thread::sleep(Duration::from_millis(200));
        }
        assert!(site.log().len() > before, "the operator is told: {name}");
        assert!(!site.log().contains("is serving"), "{name}: {}", site.log());
        site.kill("glovebox-host");
        site.nothing_remains();
    }
}

/// QEMU's own limit, and a reason why a document of QEMU's says nothing about an enclave: words that
/// are added to the kernel's command line at start are not in PCR1. Nitro has no such option.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "boots the image under QEMU: make qemu"]
async fn qemu_does_not_measure_the_words_that_the_operator_adds_to_the_command_line() {
    let bed = Bed::found();
    let (image, build, eif) = (bed.image(), bed.build(), bed.eif.clone());
    let mut site = Site::new(bed, &build);
    site.start(&eif, "contract", &["--append", "loglevel=7"]);
    site.serves();
    let room = site.connect().await;
    for (index, pcr) in image.pcrs() {
        assert_eq!(room.believed().pcrs()[&index], pcr);
    }
}

/// Kernel-notes' trap of two full queues: every place but one is full in both directions.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "boots the image under QEMU: make qemu"]
async fn connections_that_are_full_both_ways_do_not_stop_vsock() {
    let bed = Bed::found();
    let build = bed.build();
    let mut site = Site::new(bed, &build);
    site.boot();
    let mut full = Vec::new();
    // The host probes the enclave now and then, and a party asks below.
    for _ in 2..MAX_CONNECTIONS {
        let stream = TcpStream::connect(site.address()).await.unwrap();
        full.push(tokio::spawn(flood::flood(stream)));
    }
    let mut stuck = Vec::new();
    for one in full {
        stuck.push(timeout(BOOT, one).await.unwrap().unwrap());
    }
    let began = Instant::now();
    let last = TcpStream::connect(site.address()).await.unwrap();
    let reply = timeout(BOOT, flood::attest(last)).await.unwrap();
    assert!(matches!(reply, Reply::Attested(_)), "{reply:?}");
    println!("{} ms for a document beside full connections", began.elapsed().as_millis());
    site.ok("verify ROOM UNDER");
    // An upload and a grant use the other direction and the other port.
    let data = repository("tests/data/hillstrom").display().to_string();
    site.ok(&format!(
        "seal {data}/publisher.csv --contract contract.toml.signed --dataset exposures \
         --dir publisher -o publisher/exposures"
    ));
    site.ok("upload ROOM publisher/exposures.sealed");
    site.ok("grant ROOM UNDER --dataset exposures --manifest publisher/exposures.manifest \
         --keys publisher/exposures.keys --dir publisher");
    assert!(stuck.iter().all(|one| one.sent < 16 << 20), "what is under way is bounded");
    said_once(&site, "is serving");
}

#[test]
#[ignore = "boots the image under QEMU: make qemu"]
fn killing_qemu_its_vsock_device_or_the_host_leaves_nothing_that_the_next_start_cannot_use() {
    let bed = Bed::found();
    let (build, eif) = (bed.build(), bed.eif.clone());
    let mut site = Site::new(bed, &build);
    let began = Instant::now();
    site.boot();
    let usual = began.elapsed();
    let mut instances = vec![site.instance()];
    // At its start, while it boots (at thirds), and while it serves.
    let moments = [0, 1, 2].map(|third| usual * third / 3);
    for victim in ["qemu", "vhost-device-vsock", "glovebox-host"] {
        for moment in moments.into_iter().map(Some).chain([None]) {
            if moment.is_some() {
                site.kill("glovebox-host");
                site.nothing_remains();
                site.start(&eif, "contract", &[]);
            }
            match moment {
                Some(moment) => thread::sleep(moment),
                None => site.serves(),
            }
            site.kill(victim);
            if victim == "glovebox-host" {
                site.nothing_remains();
                site.start(&eif, "contract", &[]);
            } else if moment.is_none() {
                // Another instance, of the same host.
                let last = instances.last().unwrap().clone();
                until(&site, "another instance serves", || {
                    site.health().as_deref() == Some("serving")
                        && site.run("verify ROOM UNDER").code == Some(0)
                        && site.instance() != last
                });
            }
            site.serves();
            site.ok("verify ROOM UNDER");
            let instance = site.instance();
            assert!(!instances.contains(&instance), "{victim}: keys died with the enclave");
            instances.push(instance);
        }
    }
    assert_eq!(site.processes("qemu-system").len(), 1, "one enclave, not several");
    site.stop();
    site.nothing_remains();
}

/// Not a test of speed: `make bench` shows what this prints. CPU time is the measure, since a busy
/// machine takes longer.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "boots the image under QEMU: make qemu"]
async fn what_a_boot_costs() {
    let bed = Bed::found();
    let (image, build) = (bed.image(), bed.build());
    println!("image: {} bytes", image.0.len());
    for (kind, range) in image.sections() {
        println!("  {:>9} bytes  {kind:?}", range.len());
    }
    let mut site = Site::new(bed, &build);
    println!("boot, to the first attested reply, on emulated CPUs:");
    for _ in 0..3 {
        let began = Instant::now();
        site.boot();
        drop(site.connect().await);
        let wall = began.elapsed();
        println!("  {:>5} ms; {}", wall.as_millis(), spent(&site));
        site.stop();
        site.nothing_remains();
    }
    site.boot();
    the_demo(&mut site);
    println!("with the demo's lift job: {}", spent(&site));
    site.stop();
}

/// CPU time and largest memory of what stands for the enclave, and of the programs beside it.
fn spent(site: &Site) -> String {
    let one = |name: &str| {
        let pid = site.processes(name)[0];
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // Fields are counted from behind the name, which may have blanks in it.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = [fields[11], fields[12]].map(|it| it.parse::<u64>().unwrap()).iter().sum();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        // 100 ticks to a second on every Linux of this architecture.
        format!("{name} {}.{:02} CPU s, {} MiB", ticks / 100, ticks % 100, kib / 1024)
    };
    ["qemu-system", "vhost-device-vsock", "glovebox-host"].map(one).join("; ")
}

fn until_said(site: &Site, words: &str) {
    until(site, words, || site.log().contains(words));
}

fn until(site: &Site, what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < BOOT * 2, "waited until {what}:\n{}", site.log());
        thread::sleep(Duration::from_millis(100));
    }
}

fn said_once(site: &Site, words: &str) {
    assert_eq!(site.log().matches(words).count(), 1, "{}", site.log());
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Longer than a boot takes on a busy machine without hardware virtualisation.
const BOOT: Duration = Duration::from_secs(60);
