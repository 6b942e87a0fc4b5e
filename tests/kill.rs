//! `kill -9` of the host, the enclave or custody at any moment, then a restart: nothing that a party
//! needs is lost, and no budget is ever gained.
//!
//! A sweep of moments over the usual duration of a command stands for "at any moment"; the last is
//! after its end. What must hold afterwards does not depend on where exactly the blow fell.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tests::{
    processes::{Ledger, Site, close, price, rho_of},
    running::{Road, ended_within, started, until},
};

#[test]
fn killing_the_host_during_an_upload_loses_nothing() {
    let mut site = Site::new();
    site.start_host();
    for percent in [0, 1, 35, 60, 99, 100] {
        let name = format!("large-{percent}");
        let root = site.large_file(&name, LARGE);
        let size = u64::try_from(LARGE).unwrap();
        let road = Road::to(site.address());
        let line = format!("upload https://{} {name}.sealed", road.address);
        let client = site.begin(&line);
        let point = size * percent / 100;
        until("so much is on its way", || road.passed() >= point);
        site.kill_host();
        let (kept, _) = site.stored(root);
        assert!(kept + CHUNK + ENVELOPES >= point, "{percent} %: {kept} kept of {point} sent");

        thread::sleep(Duration::from_millis(100));
        let before = road.passed();
        site.start_host();
        // The client goes on by itself, or says that the same command goes on.
        let said = client.end();
        if said.code != Some(0) {
            assert!(said.err.contains("is the host running?"), "{percent} %: {}", said.err);
            site.ok(&line);
        }
        let sent = road.passed() - before;
        let rest = size - kept;
        assert!(
            (rest..=rest + ENVELOPES).contains(&sent),
            "{percent} %: {sent} sent, {rest} lacked"
        );
        assert_eq!(site.stored(root), (size, true));
        let blob = site.path("host/blobs/datasets").join(root.to_string());
        assert!(fs::read(blob).unwrap() == fs::read(site.path(&format!("{name}.sealed"))).unwrap());
    }
}

#[test]
fn an_upload_whose_host_and_client_were_killed_continues_where_it_stopped() {
    let mut site = Site::new();
    site.start_host();
    let root = site.large_file("large", LARGE);
    let size = u64::try_from(LARGE).unwrap();
    let road = Road::to(site.address());
    let client = site.begin(&format!("upload https://{} large.sealed", road.address));
    until("half of it is there", || site.stored(root).0 >= size / 2);
    drop(client);
    site.kill_host();
    let (kept, whole) = site.stored(root);
    assert!(!whole);
    site.start_host();
    let second = Road::to(site.address());
    site.ok(&format!("upload https://{} large.sealed", second.address));
    assert!((size - kept..=size - kept + ENVELOPES).contains(&second.passed()));
    assert_eq!(site.stored(root), (size, true));
    let third = Road::to(site.address());
    site.ok(&format!("upload https://{} large.sealed", third.address));
    assert!(third.passed() <= ENVELOPES, "what is there is not sent again");
}

#[test]
fn killing_the_host_while_a_job_runs_costs_at_most_its_slice() {
    let mut site = Site::open();
    let strike = |site: &mut Site| {
        site.kill_host();
        site.start_host();
    };
    kill_during_jobs(&mut site, strike, |_| {});
}

#[test]
fn killing_the_host_while_it_is_granted_never_gains_budget() {
    let mut site = Site::open();
    let line = format!("{} --prepay 0.5 --purpose measurement", Site::grant_of("publisher"));
    let usual = duration(&site, &line);
    for moment in moments(usual) {
        let before = site.instance();
        let mut grant = site.begin(&line);
        grant.age(moment);
        site.kill_host();
        site.start_host();
        let said = grant.end();
        assert_ne!(site.instance(), before);
        let lost = granted_to(&site.ledger("publisher"), &before);
        assert!(close(lost, 0.0) || close(lost, price()), "at most the slice: {lost}");
        assert!(said.code != Some(0) || close(lost, price()), "what was granted is in the ledger");

        site.ok(&line);
        site.ok(&line);
        let ledger = site.ledger("publisher");
        let now = ledger.of(&site.instance());
        assert!(close(now.granted, price()), "granting again adds nothing: {}", now.granted);
        assert!(close(site.account("exposures").0, price()), "and arrives");
        if lost > 0.0 {
            assert_eq!(ledger.of(&before).state, "not_closed");
        }
    }
}

#[test]
fn killing_the_host_while_it_closes_credits_what_it_attested_and_that_once() {
    let mut site = Site::open();
    let line = "close ROOM UNDER --dir publisher --yes";
    let mut usual = None;
    let (mut n, mut closed, mut spent) = (0, 0, 0.0);
    let mut moments = vec![Duration::ZERO];
    while let Some(moment) = moments.pop() {
        let prepaid = format!("{} --prepay 1 --purpose measurement", Site::grant_of("publisher"));
        site.ok(&prepaid);
        site.ok(&Site::grant_of("retailer"));
        let instance = site.instance();
        n += 1;
        site.ok(&site.submit_of(n));
        spent += price();
        if usual.is_none() {
            // The first one is closed in peace.
            let time = duration(&site, line);
            usual = Some(time);
            moments = self::moments(time);
        } else {
            let mut close = site.begin(line);
            close.age(moment);
            site.kill_host();
            site.start_host();
            close.end();
        }
        site.kill_host();
        site.start_host();
        // The closing is at the host or it is not; only the instance's own words credit anything.
        let again = format!("{line} --instance {instance}");
        let first = site.run(&again);
        let second = site.run(&again);
        assert_eq!(first.code, second.code);
        let ledger = site.ledger("publisher");
        let taken = ledger.of(&instance);
        assert!(close(taken.granted, rho_of(1.0)), "{taken:?}");
        if first.code == Some(0) {
            closed += 1;
            assert_eq!(taken.state, "closed");
            assert!(close(taken.granted - taken.credited, price()), "{taken:?}");
            assert!(second.out.contains("credited before"), "{}", second.out);
        } else {
            assert!(close(taken.credited, 0.0), "{taken:?}");
        }
        assert!(ledger.used >= spent - 1e-9, "{} used, {spent} spent", ledger.used);
    }
    assert!(closed > 1, "no closing was ever stored");
}

#[test]
fn killing_the_enclave_after_grants_costs_no_budget_but_the_slice_outstanding() {
    let mut site = Site::open();
    site.ok(&format!("{} --prepay 0.5 --purpose measurement", Site::grant_of("publisher")));
    site.ok(&Site::grant_of("retailer"));
    let first = site.instance();
    site.kill_enclave();
    let second = site.instance();
    assert_ne!(second, first);

    let refused = site.run(&site.submit_of(0));
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("publisher"), "names who must grant again: {}", refused.err);
    site.grant();
    site.ok(&site.submit_of(0));
    let ledger = site.ledger("publisher");
    assert!(close(ledger.of(&first).granted, price()));
    assert_eq!(ledger.of(&first).state, "not_closed");
    assert!(close(ledger.of(&second).granted, price()));
    let words = site.ok("budget --dir publisher --contract contract.toml.signed");
    assert!(words.contains("not closed") && words.contains(&first[..12]), "names it: {words}");
    let retailer = site.ledger("retailer");
    assert!(close(retailer.used, price()), "the retailer had handed out nothing");

    // A host whose enclaves die young pauses longer each time; another host begins anew.
    let rest = |site: &mut Site| {
        site.kill_host();
        site.start_host();
    };
    kill_during_jobs(&mut site, |site| site.kill_enclave(), rest);
}

#[test]
fn killing_custody_at_every_step_never_gains_budget() {
    let mut site = Site::open();
    site.grant();
    site.kill_custody();
    let offline = site.run(&site.submit_of(0));
    assert_eq!(offline.code, Some(2), "{}", offline.err);
    assert!(offline.err.contains("--id"), "{}", offline.err);
    assert!(close(site.ledger("retailer").used, 0.0));
    site.start_custody();
    let usual = duration(&site, &site.submit_of(0));

    let mut n = 0;
    for moment in moments(usual) {
        n += 1;
        let mut submit = site.begin(&site.submit_of(n));
        submit.age(moment);
        site.kill_custody();
        submit.end();
        site.start_custody();
        site.ok(&site.submit_of(n));
        exactly_paid(&site, n + 1);
    }
    // The moment between "it is in the ledger" and "it is answered".
    let counter = site.path("retailer/custody.generation");
    for _ in 0..4 {
        n += 1;
        let before = fs::read(&counter).unwrap();
        let mut submit = site.begin(&site.submit_of(n));
        until("custody counts", || fs::read(&counter).unwrap() != before || !submit.runs());
        site.kill_custody();
        submit.end();
        site.start_custody();
        site.ok(&site.submit_of(n));
        exactly_paid(&site, n + 1);
    }
    // The analyst's own ledger is kept by the command itself.
    for moment in moments(usual) {
        n += 1;
        let mut submit = site.begin(&site.submit_of(n));
        submit.age(moment);
        drop(submit);
        site.ok(&site.submit_of(n));
        exactly_paid(&site, n + 1);
    }
    // It hangs up just when everything is paid, as a host can make it do: the answer is not lost.
    for _ in 0..4 {
        n += 1;
        let mut submit = site.begin(&site.submit_of(n));
        until("the retailer has countersigned", || {
            let paid = site.job_name(n).map(|job| format!("countersigned: job {job}"));
            paid.is_some_and(|paid| site.custody_said().contains(&paid)) || !submit.runs()
        });
        drop(submit);
        site.ok(&site.submit_of(n));
        exactly_paid(&site, n + 1);
    }
    // And closing, which credits.
    site.kill_custody();
    for moment in moments(duration(&site, "close ROOM UNDER --dir publisher --yes")) {
        let mut close = site.begin("close ROOM UNDER --dir retailer --yes");
        close.age(moment);
        drop(close);
    }
    site.ok("close ROOM UNDER --dir retailer --yes");
    for party in ["publisher", "retailer"] {
        let ledger = site.ledger(party);
        assert_eq!(ledger.taken.len(), 1);
        assert_eq!(ledger.taken[0].state, "closed");
        assert!(close(ledger.used, f64::from(n + 1) * price()), "{party}: {}", ledger.used);
    }
}

#[test]
fn a_stored_result_survives_everything() {
    let mut site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    let result = site.open_result(0, "publisher");
    site.kill_host();
    site.start_host();
    assert_eq!(site.open_result(0, "publisher"), result);
    site.kill_custody();
    site.kill_enclave();
    assert_eq!(site.open_result(0, "retailer"), result);

    // The next instance does not answer by the same name: the first answer stays what it is.
    site.start_custody();
    site.grant();
    let again = site.run(&site.submit_of(0));
    assert_ne!(again.code, Some(0));
    assert!(again.err.contains("another instance"), "{}", again.err);
    assert_eq!(site.open_result(0, "publisher"), result);

    // The host dies while it keeps a result, and while it closes.
    for n in 1..5 {
        site.grant();
        let submit = site.begin(&site.submit_of(n));
        until("the result is kept", || site.has_result(n));
        site.kill_host();
        site.start_host();
        submit.end();
        let kept = site.open_result(n, "publisher");
        let closing = site.begin("close ROOM UNDER --dir publisher --yes");
        site.kill_host();
        site.start_host();
        closing.end();
        // It may have closed the one that came after the blow.
        site.kill_host();
        site.start_host();
        assert_eq!(site.open_result(n, "publisher"), kept);
    }
    assert_eq!(site.open_result(0, "retailer"), result);
}

#[test]
fn a_process_that_does_not_end_is_killed_and_one_that_does_is_not_held_up() {
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let pid = child.id();
    assert_eq!(ended_within(&mut child, Duration::from_millis(50)), None);
    assert_eq!(started(pid), None);
    let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
    let ended = ended_within(&mut child, Duration::from_mins(1)).unwrap();
    assert_eq!(ended.code(), Some(3));
}

/// Strikes at every moment of a job, on an instance of its own each time; then the room goes on, and
/// may `rest` before the next.
fn kill_during_jobs(site: &mut Site, strike: impl Fn(&mut Site), rest: impl Fn(&mut Site)) {
    site.grant();
    let usual = duration(site, &site.submit_of(100));
    let mut kept = 0;
    for (n, moment) in (101..).zip(moments(usual)) {
        rest(site);
        site.grant();
        let before = site.instance();
        let granted_before = both(site, |ledger| granted_to(ledger, &before));
        let mut submit = site.begin(&site.submit_of(n));
        submit.age(moment);
        strike(site);
        let said = submit.end();
        let lost = both(site, |ledger| granted_to(ledger, &before));
        for (lost, granted_before) in lost.iter().zip(granted_before) {
            let slice = lost - granted_before;
            assert!(close(slice, 0.0) || close(slice, price()), "at most its slice: {slice}");
        }
        if site.has_result(n) {
            kept += 1;
            site.open_result(n, "publisher");
            assert!(lost.iter().all(|lost| *lost > 0.0), "the answer was paid for: {lost:?}");
        } else {
            assert_ne!(said.code, Some(0), "answered, but not kept");
        }

        // The room goes on. A job that was signed for the lost instance is asked anew, by a new name.
        site.grant();
        let again = if site.run(&site.submit_of(n)).code == Some(0) { n } else { n + ANEW };
        site.ok(&site.submit_of(again));
        site.open_result(again, "publisher");
        site.open_result(again, "retailer");
        let now = site.instance();
        assert_ne!(now, before);
        for (party, dataset) in [("publisher", "exposures"), ("retailer", "sales")] {
            let ledger = site.ledger(party);
            let (granted, spent) = site.account(dataset);
            assert!(close(granted, price()) && close(spent, price()), "{granted} {spent}");
            assert!(close(ledger.of(&now).granted, price()), "{party}");
            if ledger.taken.iter().any(|taken| taken.instance == before) {
                assert_eq!(ledger.of(&before).state, "not_closed", "{party}");
            }
        }
    }
    assert!(kept > 0, "no blow fell after the answer");
}

/// On the one instance so far, `jobs` jobs were answered: each was paid once by each owner.
fn exactly_paid(site: &Site, jobs: u32) {
    let expected = f64::from(jobs) * price();
    for (party, dataset) in [("publisher", "exposures"), ("retailer", "sales")] {
        let ledger = site.ledger(party);
        assert!(close(ledger.used, expected), "{party}: {} for {jobs} jobs", ledger.used);
        let (granted, spent) = site.account(dataset);
        assert!(close(granted, expected) && close(spent, expected), "{granted} {spent}");
    }
}

fn both(site: &Site, what: impl Fn(&Ledger) -> f64) -> [f64; 2] {
    ["publisher", "retailer"].map(|party| what(&site.ledger(party)))
}

fn granted_to(ledger: &Ledger, instance: &str) -> f64 {
    let taken = ledger.taken.iter().find(|taken| taken.instance == instance);
    taken.map_or(0.0, |taken| taken.granted)
}

fn duration(site: &Site, line: &str) -> Duration {
    let began = Instant::now();
    site.ok(line);
    began.elapsed()
}

/// Before the command has done anything, at seven moments of it, and after its end.
fn moments(usual: Duration) -> Vec<Duration> {
    (0..8).map(|eighth| usual * eighth / 7).chain([Duration::from_secs(60)]).collect()
}

/// From a job's number to that of the same job on another instance.
const ANEW: u32 = 50;
/// More than four of the client's chunks.
const LARGE: usize = 9 << 20;
/// Bytes that the client sends at once and learns the fate of.
const CHUNK: u64 = 2 << 20;
/// More than all that an upload sends besides the file.
const ENVELOPES: u64 = 16 << 10;
