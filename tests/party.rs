//! A party's folder: daily commands without flags, and what its service does when nobody looks.

use protocol::contract::Contract;
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tests::{
    processes::Site,
    running::{Process, until},
};

/// Both parties write the room into their folders.
pub(crate) fn join(site: &Site) {
    for party in ["publisher", "retailer"] {
        site.ok(&format!("party join spring ROOM UNDER --dir {party}"));
    }
}

#[test]
fn daily_commands_need_no_flags_in_a_partys_folder() {
    let mut site = Site::new();
    site.start_host();
    join(&site);
    for (party, dataset) in [("publisher", "exposures"), ("retailer", "sales")] {
        site.ok(&format!("verify --dir {party}"));
        site.ok(&format!("upload {party}/{dataset}.sealed --dir {party}"));
        let granted = site.ok(&format!("grant {dataset} --dir {party}"));
        assert!(granted.starts_with(&format!("{dataset}: granted")), "{granted}");
        // Each owns one dataset only, so even its name may be left out.
        site.ok(&format!("grant --dir {party}"));
        site.ok(&format!("budget --dir {party}"));
    }
    let _ = site.submit_of(1);
    site.ok("job price job-1.toml --dir publisher");
    site.ok("job status --dir publisher --json");
    // The publisher pays at home; the retailer's custody serves with nothing but its folder.
    site.start_custody_without_flags();
    let job = site.ok("job submit job-1.toml --dir publisher");
    site.ok(&format!("result open --job {job} --dir publisher -o publisher/one"));
    site.ok("receipt check publisher/one/receipt.cbor publisher/one/result.json --dir publisher");

    let shown = site.ok("party show --dir retailer");
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "Room \"spring\" at https://127.0.0.1",
        "which commands mean that name no room",
        "SIMULATED, it is not AWS's",
        "Its dataset \"sales\" may be used for measurement",
        "It believes no build that is on its list of withdrawn builds, which has none",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    // Without a service nobody takes anything back, and that is said.
    let stopped = site.ok("party stop sales --dir retailer");
    assert!(
        stopped.contains("NOTHING WAS TAKEN BACK") && stopped.contains("grant sales --revoke"),
        "{stopped}"
    );
    assert_eq!(open(&site).len(), 2);
    let resumed = site.ok("party resume sales --dir retailer");
    assert!(resumed.contains("no rule of service.toml grants it"), "{resumed}");
    let nowhere = site.run("party stop sales --dir .");
    assert!(
        nowhere.code == Some(2) && nowhere.err.contains("which room is meant?"),
        "{}",
        nowhere.err
    );

    // Its owner alone has the host delete a file, and may upload it again.
    let blobs = site.path("host/blobs/datasets");
    let stored = || fs::read_dir(&blobs).unwrap().count();
    assert_eq!(stored(), 2);
    let refused = site.run("delete retailer/sales.sealed --dir publisher");
    assert_eq!((refused.code, stored()), (Some(1), 2), "{}", refused.err);
    assert!(refused.err.contains("does not do this for whoever signed it"), "{}", refused.err);
    site.ok("delete retailer/sales.sealed --dir retailer");
    assert_eq!(stored(), 1);
    let gone = site.run("delete retailer/sales.sealed --dir retailer");
    assert_eq!(gone.code, Some(1), "{}", gone.err);
    site.ok("upload retailer/sales.sealed --dir retailer");
    site.ok("delete retailer/sales.sealed --dir retailer");
    site.ok("upload retailer/sales.sealed --dir retailer");
    assert_eq!(stored(), 2);

    // A second room makes the question open, and then nothing is guessed.
    site.ok("party join autumn https://127.0.0.1:9 UNDER --dir retailer");
    let asked = site.run("grant sales --dir retailer");
    assert!(asked.code == Some(2) && asked.err.contains("which room is meant?"), "{}", asked.err);
    assert!(asked.err.contains("autumn and spring"), "{}", asked.err);
    site.ok("verify spring --dir retailer");
    site.ok("grant spring sales --revoke --dir retailer");
    let refused = site.run("verify winter --dir retailer");
    assert!(
        refused.code == Some(2) && refused.err.contains("no room \"winter\""),
        "{}",
        refused.err
    );
    site.ok("close spring --yes --dir retailer");
}

/// The rules of a party's service, which looks every second; `more` of its only room.
pub(crate) fn rules(site: &Site, party: &str, more: &str) {
    let contract = contract(site).digest;
    let text = format!(
        "every_seconds = 1\n[[room]]\nname = \"spring\"\ncontract = \"{contract}\"\n{more}"
    );
    fs::write(site.path(&format!("{party}/service.toml")), text).unwrap();
}

fn contract(site: &Site) -> Contract {
    Contract::open(&fs::read(site.path("contract.toml.signed")).unwrap()).unwrap()
}

/// The rule that grants a dataset to the build of the contract.
pub(crate) fn granting(site: &Site, dataset: &str) -> String {
    let build = &contract(site).builds[0].name;
    format!("[[room.grant]]\ndataset = \"{dataset}\"\nbuilds = [\"{build}\"]\n")
}

/// Starts a party's service and waits until it has verified whoever serves.
pub(crate) fn serve(site: &Site, party: &str) -> Process {
    let service = site.begin(&format!("party serve --dir {party}"));
    until("the service has verified the enclave", || journal(site, party).contains("verified: "));
    service
}

/// What a party's service has written down: nothing before it has started.
pub(crate) fn journal(site: &Site, party: &str) -> String {
    site.run(&format!("journal --dir {party}")).out
}

/// The datasets that the instance which serves now has open.
pub(crate) fn open(site: &Site) -> Vec<String> {
    let said = site.run("job status --dir publisher --json");
    let status = serde_json::from_str::<Value>(&said.out).unwrap();
    let open = status["result"]["datasets"].as_array().into_iter().flatten();
    open.map(|open| open["dataset"].as_str().unwrap().to_owned()).collect()
}

/// A stranger who asks for slices again and again, each time with other bytes.
fn knock(address: SocketAddr, times: u32) {
    for time in 0..times {
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        let body = format!("{time}").repeat(200);
        let head = format!(
            "POST /v1/slice HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // Whether it is answered or cut is the custody's business.
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
        let _ = stream.read(&mut [0; 1024]);
    }
}

/// Strangers who begin and do not go on, who say that they send a terabyte, and who speak TLS where there is none or noise
/// where there is. They stay as long as the returned value.
fn besiege(address: SocketAddr) -> Vec<TcpStream> {
    let slow = b"POST /v1/slice HTTP/1.1\r\nhost: a\r\ncontent-le".as_slice();
    let huge =
        b"POST /v1/slice HTTP/1.1\r\nhost: a\r\ncontent-length: 1099511627776\r\n\r\n".as_slice();
    let endless =
        b"POST /v1/slice HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n"
            .as_slice();
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice();
    let mut all = Vec::new();
    for (begun, more) in [(slow, 0), (huge, 1 << 16), (endless, 1 << 20), (hello, 1 << 10)] {
        for _ in 0..75 {
            let Ok(mut stream) = TcpStream::connect(address) else { continue };
            stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
            // Whether it is taken or cut is the custody's business.
            let _ = stream.write_all(begun).and_then(|()| stream.write_all(&vec![7; more]));
            all.push(stream);
        }
    }
    all
}

/// The most memory that a process has had, in KiB.
fn most_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

#[test]
fn after_a_kill_the_next_enclave_is_verified_granted_and_serving_without_a_person() {
    let mut site = Site::new();
    site.start_host();
    site.upload();
    join(&site);
    let listen = format!("listen = \"{}\"\nresults = \"results\"\n", site.custody_address());
    rules(&site, "retailer", &format!("{listen}{}", granting(&site, "sales")));
    rules(&site, "publisher", &granting(&site, "exposures"));
    // Whoever reads this file waits for ever.
    let root = site.path("retailer/root.key");
    rename(&root, &site.path("retailer-root.key"));
    assert!(Command::new("mkfifo").arg(&root).status().unwrap().success());
    let services = ["publisher", "retailer"].map(|party| serve(&site, party));
    until("both have granted", || open(&site).len() == 2);
    site.submit_of(1);
    let line = "job submit job-1.toml --dir publisher --receiver publisher --receiver retailer";
    let job = site.ok(line);
    let fetched = |job: &str| site.path(&format!("retailer/results/{job}"));
    until("the result was fetched", || fetched(&job).join("result.json").exists());
    for file in ["report.html", "receipt.cbor", "released.cbor"] {
        assert!(fetched(&job).join(file).exists(), "{file}");
    }

    let before = site.instance();
    let killed = Instant::now();
    site.kill_enclave();
    until("both have granted again", || open(&site).len() == 2);
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(60), "it took {took:?}");
    assert_ne!(site.instance(), before);
    site.submit_of(2);
    let job = site.ok(&line.replace("job-1", "job-2"));
    until("the second result was fetched", || fetched(&job).join("result.json").exists());

    // One result that is bad holds up no other.
    site.submit_of(4);
    let mut jobs = [job, site.ok(&line.replace("job-1", "job-4"))];
    jobs.sort();
    let [bad, good] = jobs;
    until("the next result was fetched", || fetched(&good).join("result.json").exists());
    until("the one before was", || fetched(&bad).join("result.json").exists());
    fs::write(site.path(&format!("host/blobs/results/{bad}/retailer")), "not a result").unwrap();
    for job in [&bad, &good] {
        fs::remove_dir_all(fetched(job)).unwrap();
    }
    // Whatever a person stops is looked at at once.
    site.ok("party stop sales --dir retailer");
    until("the good one was fetched again", || fetched(&good).join("result.json").exists());
    assert!(!fetched(&bad).exists());
    let said = journal(&site, "retailer");
    assert!(said.contains(&format!("failed: result of job {bad}: ")), "{said}");
    site.ok("party resume sales --dir retailer");
    until("it was let go on", || open(&site).len() == 2);

    // One grant ends, and others go on.
    site.ok("grant sales --revoke --dir retailer");
    assert_eq!(open(&site), ["exposures"]);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(open(&site), ["exposures"], "the service gives nothing again that was taken back");
    site.ok("party resume sales --dir retailer");
    until("it was let go on", || open(&site).len() == 2);

    let said = journal(&site, "retailer");
    for words in [
        "service  started: for spring",
        "spring  verified: the instance",
        "spring  granted: sales to the instance",
        "spring  countersigned: job",
        "spring  fetched: the result of job",
        "spring  held: sales: a person stopped it",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(said.matches("verified: ").count(), 2, "{said}");
    for (line, words) in [
        ("journal --dir .", "there is no ./journal.jsonl"),
        ("journal --dir retailer --room sprnig", "there is no room \"sprnig\""),
    ] {
        let refused = site.run(line);
        assert!(refused.code == Some(2) && refused.err.contains(words), "{}", refused.err);
    }

    // Strangers at its port: the owner's own work goes on, and the journal stays short.
    let lines = journal(&site, "retailer").lines().count();
    let (address, memory) = (site.custody_address(), most_memory(services[1].pid()));
    let besieging = besiege(address);
    let strangers: Vec<_> =
        (0..8_u8).map(|_| std::thread::spawn(move || knock(address, 400))).collect();
    site.submit_of(3);
    let job = site.ok(&line.replace("job-1", "job-3"));
    until("the third result was fetched", || fetched(&job).join("result.json").exists());
    for stranger in strangers {
        stranger.join().unwrap();
    }
    drop(besieging);
    let said = journal(&site, "retailer");
    let more = said.lines().count() - lines;
    assert!(more <= 40, "{more} lines: {said}");
    // The next line counts those that were not told.
    until("the others are counted", || {
        knock(address, 1);
        std::thread::sleep(Duration::from_millis(500));
        journal(&site, "retailer").contains("more since the line before)")
    });
    let grown = most_memory(services[1].pid()).saturating_sub(memory);
    assert!(grown < 128 * 1024, "{grown} KiB more");

    // Stopping a service stops what it agreed to.
    let [publisher, retailer] = services;
    retailer.terminate();
    let ended = retailer.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(open(&site), ["exposures"]);
    assert!(journal(&site, "retailer").contains("took back: sales"), "{}", ended.err);
    // But not what a person granted by hand for longer since.
    site.ok("grant exposures --dir publisher");
    publisher.terminate();
    let ended = publisher.end();
    assert_eq!((ended.code, open(&site)), (Some(0), vec!["exposures".to_owned()]), "{}", ended.err);
    assert!(journal(&site, "publisher").contains("left: exposures"), "{}", ended.err);
}

#[test]
fn a_service_does_nothing_under_another_contract_or_in_another_build() {
    let mut site = Site::new();
    site.start_host();
    site.upload();
    join(&site);
    let grant = granting(&site, "sales");
    let digest = contract(&site).digest.to_string();
    rules(&site, "retailer", &grant);
    let path = site.path("retailer/service.toml");
    let honest = fs::read_to_string(&path).unwrap();

    fs::write(&path, honest.replace(&digest, &"ab".repeat(48))).unwrap();
    let refused = site.run("party serve --dir retailer");
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("are for the contract abab"), "{}", refused.err);
    let shown = site.ok("party show --dir retailer");
    assert!(shown.contains("UNATTENDED: NOTHING"), "{shown}");

    let build = contract(&site).builds[0].name.clone();
    fs::write(&path, honest.replace(&format!("[\"{build}\"]"), "[\"v9\"]")).unwrap();
    let refused = site.run("party serve --dir retailer");
    assert!(
        refused.code == Some(1) && refused.err.contains("name the build \"v9\""),
        "{}",
        refused.err
    );

    // A build that is withdrawn while the service runs loses what it has.
    fs::write(&path, &honest).unwrap();
    let service = serve(&site, "retailer");
    until("it has granted", || open(&site) == ["sales"]);
    site.ok("build withdraw build.json --dir retailer");
    until("it was taken back", || open(&site).is_empty());
    std::thread::sleep(Duration::from_secs(3));
    assert!(open(&site).is_empty());
    let said = journal(&site, "retailer");
    assert!(
        said.contains("took back: sales") && said.contains("its build was withdrawn"),
        "{said}"
    );
    drop(service);
    let words =
        site.ok("party show --dir retailer").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("It never grants to a build that this party has withdrawn"), "{words}");
}

#[test]
fn keys_are_in_no_more_instances_than_the_rule_says() {
    let mut site = Site::new();
    site.start_host();
    site.upload();
    join(&site);
    rules(&site, "retailer", &format!("instances = 1\n{}minutes = 1\n", granting(&site, "sales")));
    let service = serve(&site, "retailer");
    until("it has granted", || open(&site) == ["sales"]);
    // A host that kills, or starts enclaves beside each other, gets the keys into one of them at a time.
    site.kill_enclave();
    until("it holds back", || {
        journal(&site, "retailer").contains("held: sales: keys are in 1 instance that has")
    });
    assert!(open(&site).is_empty());
    // Also after a restart of the service itself.
    drop(service);
    let service = site.begin("party serve --dir retailer");
    std::thread::sleep(Duration::from_secs(3));
    assert!(open(&site).is_empty());
    until("the first has expired", || open(&site) == ["sales"]);
    drop(service);
}

#[test]
fn a_new_file_is_sealed_and_uploaded_and_one_that_moved_too_far_waits_for_a_person() {
    let mut site = Site::new();
    site.start_host();
    site.upload();
    join(&site);
    let watch = "[[room.watch]]\ndataset = \"sales\"\nfile = \"incoming/sales.csv\"\n";
    rules(&site, "retailer", &format!("{}{watch}", granting(&site, "sales")));
    let nowhere = site.run("party serve --dir retailer");
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.err);
    assert!(nowhere.err.contains("there is no folder retailer/incoming"), "{}", nowhere.err);
    let [incoming, moved] = ["retailer/incoming", "retailer/moved"].map(|name| site.path(name));
    fs::create_dir(&incoming).unwrap();
    let service = serve(&site, "retailer");
    until("it has granted", || open(&site) == ["sales"]);
    let table = fs::read_to_string(site.path("retailer.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    let [file, ready, held, refused] = ["", ".ready", ".held", ".refused"]
        .map(|end| site.path(&format!("retailer/incoming/sales.csv{end}")));
    let give = |text: &str| {
        fs::write(&file, text).unwrap();
        fs::write(&ready, "").unwrap();
        until("it was looked at", || !ready.exists());
    };
    let sealed = || {
        let files = fs::read_dir(site.path("retailer/sealed")).map_or(0, |all| all.count());
        files / 3
    };
    // A file without its .ready is not touched, however long it lies there.
    fs::write(&file, &table[..table.len() / 2]).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sealed(), 0);

    give(&table);
    until("it was uploaded", || journal(&site, "retailer").contains("uploaded: sales"));
    until("the new version is granted", || {
        journal(&site, "retailer").matches("granted: sales").count() == 2
    });
    assert_eq!(sealed(), 1);

    give(&lines[..lines.len() / 2].join("\n"));
    until("it is held", || held.exists());
    let said = journal(&site, "retailer");
    assert!(said.contains("rows went from 2000 to 999, by more than 20 %"), "{said}");
    assert_eq!(sealed(), 1);
    // A person lets it through: that file, and no other in its place.
    fs::write(&file, &table[..table.len() / 3]).unwrap();
    let other = site.run("party accept sales --dir retailer");
    assert_eq!(other.code, Some(1), "{}", other.err);
    assert!(other.err.contains("another file than the one that was held"), "{}", other.err);
    assert!(held.exists() && sealed() == 1);
    fs::write(&file, lines[..lines.len() / 2].join("\n")).unwrap();
    site.ok("party accept sales --dir retailer --room spring");
    until("it was taken", || journal(&site, "retailer").matches("sealed: sales").count() == 2);

    give(&table.replacen("@Example.com", "", 200));
    until("it is refused", || journal(&site, "retailer").contains("refused: sales"));
    until("and set aside", || refused.exists());
    let said = journal(&site, "retailer");
    assert!(said.contains("--max-rejected is the key max_rejected"), "{said}");
    let never = site.run("party accept sales --dir retailer");
    assert!(
        never.code == Some(1) && never.err.contains("was refused and not held"),
        "{}",
        never.err
    );
    assert_eq!((sealed(), open(&site)), (2, vec!["sales".to_owned()]));

    // A folder that goes while it is watched is missed.
    rename(&incoming, &moved);
    until("it is missed", || journal(&site, "retailer").contains("there is no folder"));
    rename(&moved, &incoming);
    drop(service);
}

#[test]
fn an_idle_room_is_closed_only_where_the_rules_say_so_and_killed_services_forget_nothing() {
    let mut site = Site::new();
    site.start_host();
    site.upload();
    join(&site);
    rules(&site, "publisher", &granting(&site, "exposures"));
    rules(&site, "retailer", &format!("close_idle_minutes = 1\n{}", granting(&site, "sales")));
    // `kill -9` of the service at any moment: the next one reads what was written, and goes on.
    for step in 0..12 {
        let service = site.begin("party serve --dir retailer");
        std::thread::sleep(Duration::from_millis(60 * step));
        drop(service);
        let memory = site.path("retailer/service/spring.json");
        if memory.exists() {
            serde_json::from_slice::<Value>(&fs::read(&memory).unwrap()).unwrap();
        }
    }
    let services = ["publisher", "retailer"].map(|party| serve(&site, party));
    let second = site.run("party serve --dir retailer");
    assert_eq!(second.code, Some(1), "{}", second.err);
    assert!(second.err.contains("another service runs in retailer"), "{}", second.err);
    until("both have granted", || open(&site).len() == 2);
    assert!(site.path("retailer/service/spring.json").exists(), "it remembers something");
    let said = journal(&site, "retailer");
    assert!(!said.contains("took the grant back"), "a crash is nobody's revocation: {said}");
    // Only the retailer's rules close it, when nothing was asked for a minute.
    let began = Instant::now();
    while !journal(&site, "retailer").contains("closed: the instance") {
        assert!(began.elapsed() < Duration::from_mins(4), "{}", journal(&site, "retailer"));
        std::thread::sleep(Duration::from_secs(2));
    }
    assert!(began.elapsed() > Duration::from_secs(45), "{:?}", began.elapsed());
    assert!(!journal(&site, "publisher").contains("closed: the instance"));
    drop(services);
}
