//! What monitoring reads, and that its page and its example of rules are about just that.

#![expect(clippy::float_cmp, reason = "what is compared are whole numbers")]

use crate::{
    operations::{health, run_with_config},
    operator::signal,
    support::{Room, blob, eventually, http, json},
};
use host::Limits;
use protocol::merkle::root_of;
use std::{collections::BTreeSet, fs, net::SocketAddr, os::unix::fs::PermissionsExt};
use tokio::net::UnixListener;

const PAGE: &str = include_str!("../../METRICS.md");
const ALERTS: &str = include_str!("../../alerts.yml");

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn read(room: &Room) -> String {
    let at = fs::read_to_string(room.path("run/metrics-address")).unwrap();
    let (status, text) = http(at.trim().parse().unwrap(), "GET", "/metrics", b"").await;
    assert_eq!(status, 200);
    String::from_utf8(text).unwrap()
}

/// Names of metrics in a text, as rules name them.
fn names(text: &str) -> BTreeSet<&str> {
    let part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let words = text.split(|letter| !part(letter));
    words.filter(|word| word.starts_with("glovebox_host_")).collect()
}

/// The sample of a metric.
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn the_page_and_the_rules_name_what_is_served_and_nothing_else() {
    let room = Room::new();
    let _host = room.host_with(|config| config.metrics = Some(local())).await;
    let text = read(&room).await;
    let served: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, _)| name)
        .collect();
    assert!(served.len() >= 17, "{text}");
    let rows = PAGE.lines().filter(|line| line.starts_with("| `glovebox_host_"));
    let told: BTreeSet<&str> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    assert_eq!(told, served);
    for name in names(ALERTS) {
        let name = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(served.contains(name), "a rule names {name}, which is not served");
    }
    // So are the values of labels.
    for (label, value) in labels(ALERTS) {
        assert!(text.contains(&format!("{label}=\"{value}\"")), "a rule names {label}={value}");
    }
    for (label, value) in labels(&text).filter(|(label, _)| label != "le") {
        assert!(PAGE.contains(&format!("`{value}`")) || label == "code", "{label}={value}");
    }
    assert!(labels(&text).any(|label| label == ("code".to_owned(), "disk_full".to_owned())));
}

/// Labels and their values: `code="a"`, or `code=~"a|b"`.
fn labels(text: &str) -> impl Iterator<Item = (String, String)> {
    let braces = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let pairs = braces.flat_map(|inside| inside.split(',')).filter_map(|pair| {
        let (label, values) = pair.split_once('=')?;
        let values = values.trim_start_matches('~').trim_matches('"');
        Some(
            values.split('|').map(|value| (label.to_owned(), value.to_owned())).collect::<Vec<_>>(),
        )
    });
    pairs.flatten()
}

#[tokio::test]
async fn what_happens_is_counted_by_its_kind() {
    let room = Room::new();
    let limits = |config: &mut host::Config| {
        config.metrics = Some(local());
        config.limits.max_blob_bytes = 100_000;
    };
    let host = room.host_with(limits).await;
    let bytes = blob(70_000);
    let root = root_of(&bytes);
    let upload = format!("/v1/uploads/{root}");
    let (status, _) = json(host.address(), "POST", &format!("{upload}?size=70000"), b"").await;
    assert_eq!(status, 200);
    let begun = read(&room).await;
    assert_eq!(sample(&begun, "glovebox_host_uploads_unfinished"), 1.0);
    assert_eq!(sample(&begun, "glovebox_host_blob_bytes"), 0.0);
    assert_eq!(sample(&begun, "glovebox_host_promised_bytes"), 70_000.0);
    json(host.address(), "PATCH", &format!("{upload}?offset=0"), &bytes).await;
    for _ in 0..2 {
        let other = root_of(b"other");
        let large = format!("/v1/uploads/{other}?size=100001");
        assert_eq!(json(host.address(), "POST", &large, b"").await.0, 413);
    }
    let text = read(&room).await;
    for (name, expected) in [
        ("glovebox_host_uploads_stored_total", 1.0),
        ("glovebox_host_uploads_unfinished", 0.0),
        ("glovebox_host_blob_bytes", 70_000.0),
        ("glovebox_host_requests_declined_total{code=\"too_large\"}", 2.0),
        ("glovebox_host_requests_declined_total{code=\"disk_full\"}", 0.0),
        ("glovebox_host_enclave_state{state=\"stopped\"}", 1.0),
        ("glovebox_host_enclave_state{state=\"serving\"}", 0.0),
        ("glovebox_host_quota_bytes", 274_877_906_944.0),
    ] {
        assert_eq!(sample(&text, name), expected, "{name}: {text}");
    }
    let _listener = UnixListener::bind(room.path("run/enclave.sock")).unwrap();
    assert_eq!(health(host.address()).await.0, 200);
    let state = "glovebox_host_enclave_state{state=\"serving\"}";
    assert_eq!(sample(&read(&room).await, state), 1.0);
}

#[tokio::test]
async fn metrics_are_served_on_loopback_alone_and_nothing_else_is_there() {
    let room = Room::new();
    let mut config = host::Config::simulated(
        &room.contract(),
        room.dir.path(),
        local(),
        host::Enclave::External,
    );
    config.metrics = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    let refused = host::start(config).await.unwrap_err().to_string();
    assert!(refused.contains("expected a loopback address"), "{refused}");
    let room = Room::new();
    let host = room.host_with(|config| config.metrics = Some(local())).await;
    let at = fs::read_to_string(room.path("run/metrics-address")).unwrap();
    let at: SocketAddr = at.trim().parse().unwrap();
    assert_eq!(http(at, "GET", "/v1/health", b"").await.0, 404);
    assert_eq!(http(at, "POST", "/metrics", b"").await.0, 405);
    // The parties' port has none of it.
    assert_eq!(http(host.address(), "GET", "/metrics", b"").await.0, 404);
}

#[tokio::test]
async fn limits_change_while_it_runs() {
    let room = Room::new();
    let host = room.host_with(|config| config.metrics = Some(local())).await;
    let mut limits = Limits::default();
    (limits.quota_bytes, limits.results_bytes) = (1000, 500);
    assert!(host.reload(limits.clone()).is_empty());
    let root = root_of(b"some");
    let (status, problem) =
        json(host.address(), "POST", &format!("/v1/uploads/{root}?size=1001"), b"").await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (507, "quota_exceeded"));
    let text = read(&room).await;
    assert_eq!(sample(&text, "glovebox_host_quota_bytes"), 1000.0);
    assert_eq!(sample(&text, "glovebox_host_results_limit_bytes"), 500.0);
    limits.max_connections += 1;
    for _ in 0..2 {
        assert_eq!(host.reload(limits.clone()), ["limits.max_connections"]);
    }
    limits.max_connections -= 1;
    assert!(host.reload(limits).is_empty());
}

#[tokio::test]
async fn sighup_reads_the_limits_again_and_each_failed_start_is_one_warning_in_json() {
    let room = Room::new();
    let enclave = room.path("enclave");
    fs::write(&enclave, "#!/bin/sh\nexit 7\n").unwrap();
    fs::set_permissions(&enclave, fs::Permissions::from_mode(0o755)).unwrap();
    let options = "metrics = \"127.0.0.1:0\"\nlog = \"json\"\n";
    let mut host = run_with_config(&room, enclave.to_str().unwrap(), options, "quota_bytes = 5");
    let died = "glovebox_host_enclave_deaths_total{cause=\"ended\",served=\"no\"}";
    eventually("a start has failed", async || {
        room.path("run/metrics-address").exists() && sample(&read(&room).await, died) > 1.0
    })
    .await;
    let log = || fs::read_to_string(room.path("stderr")).unwrap();
    let lines = || {
        let text = log();
        // The last line may still be being written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().map(|line| serde_json::from_str(line).expect(line));
        lines.collect::<Vec<serde_json::Value>>()
    };
    let failed = lines().into_iter().filter(|line| {
        let text = line["message"].as_str().unwrap_or_default();
        line["level"] == "WARN" && text.starts_with("the enclave did not start: its program ended")
    });
    assert!(failed.count() >= 1, "{}", log());

    let config = room.path("host.toml");
    let honest = fs::read_to_string(&config).unwrap();
    fs::write(&config, honest.replace("quota_bytes = 5", "quota_bytes = 7")).unwrap();
    signal("HUP", host.0.id());
    let quota = "glovebox_host_quota_bytes";
    eventually("it was read again", async || sample(&read(&room).await, quota) == 7.0).await;
    fs::write(&config, honest.replace("quota_bytes = 5", "quota = 9")).unwrap();
    signal("HUP", host.0.id());
    eventually("that is refused", async || log().contains("is not taken, and stays as it was"))
        .await;
    assert_eq!(sample(&read(&room).await, quota), 7.0);
    let (before, _) = honest.split_once("[limits]").unwrap();
    fs::write(&config, before).unwrap();
    signal("HUP", host.0.id());
    eventually("so is a file that was cut off", async || log().contains("no table [limits]")).await;
    assert_eq!(sample(&read(&room).await, quota), 7.0);
    signal("TERM", host.0.id());
    host.0.wait().unwrap();
}
