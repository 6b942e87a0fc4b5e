//! Budget means one thing: what one person has lost, whatever it is called, wherever the keys are and
//! however a room ends. The programs in processes of their own, as their users run them.

use serde_json::Value;
use std::{collections::BTreeSet, fs};
use tests::{
    processes::{Site, close, price, rho_of},
    running::Said,
};

/// The site's contract with something else in it, written as `name`.
fn edited(site: &Site, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(site.path("contract.toml")).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(site.path(name), text.replace(from, to)).unwrap();
}

#[track_caller]
fn refused(said: &Said, words: &[&str]) {
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    for word in words {
        assert!(said.err.contains(word), "{word}: {}", said.err);
    }
}

fn people(site: &Site, party: &str, contract: &str) -> Value {
    let text = site.ok(&format!("budget --dir {party} --contract {contract} --json"));
    serde_json::from_str::<Value>(&text).unwrap()["result"]["people"][0].clone()
}

#[test]
fn a_new_name_for_purpose_lineage_or_period_is_asked_about_and_adds_to_the_same_sum() {
    let site = Site::open();
    site.grant();
    for (name, from, to) in [
        ("before.toml", "\"measurement\"", "\"planning\""),
        ("never.toml", "lineage = \"sales\"", "lineage = \"nobody\""),
    ] {
        edited(&site, name, from, to);
    }
    // Nothing was lost yet, so nothing is asked.
    site.ok("contract sign before.toml --dir retailer");
    site.ok(&site.submit_of(0));
    let renamed = [
        ("purpose.toml", "\"measurement\"", "\"measuring\""),
        ("lineage.toml", "lineage = \"sales\"", "lineage = \"sales-b\""),
        ("period.toml", "period = \"month\"", "period = \"week\""),
    ];
    for (name, from, to) in renamed {
        edited(&site, name, from, to);
        let sign = format!("contract sign {name} --dir retailer");
        refused(&site.run(&sign), &["whose people are in \"sales\"?", "--same-people"]);
        assert!(!site.path(&format!("{name}.signed")).exists(), "nothing is signed before");
        let told = site.run(&format!("{sign} --same-people sales"));
        assert_eq!(told.code, Some(0), "{}", told.err);
        assert!(told.err.contains("epsilon 0.5"), "shows the sum: {}", told.err);
        // Said once, it is kept.
        site.ok(&sign);
        let line = people(&site, "retailer", name);
        assert!(close(line["lost_rho"].as_f64().unwrap(), price()), "{name}: {line}");
    }
    let words = site.ok("budget --dir retailer --contract lineage.toml");
    assert!(words.contains("over all purposes, names and contracts"), "{words}");
    // New people start a sum of their own, and names that the ledger knows are never new.
    site.ok("contract sign never.toml --dir retailer --new-people");
    assert_eq!(people(&site, "retailer", "never.toml")["lost_rho"], 0.0);
    edited(&site, "again.toml", "\"measurement\"", "\"research\"");
    let again = site.run("contract sign again.toml --dir retailer --new-people");
    refused(&again, &["are not new"]);
}

#[test]
fn sealing_notices_people_of_another_lineage() {
    let site = Site::open();
    let share = "100 % of the people in \"sales\" (lineage \"sales-b\") are in lineage \"sales\"";
    edited(&site, "other.toml", "lineage = \"sales\"", "lineage = \"sales-b\"");
    let seal = |out: &str| {
        format!(
            "seal retailer.csv --contract other.toml --dataset sales --dir retailer -o retailer/{out}"
        )
    };
    // Also before anything was lost: what is lost later would be two sums.
    for (out, flags) in [("a", ""), ("b", "--new-people")] {
        refused(&site.run(&format!("{} {flags}", seal(out))), &[share, "--same-people"]);
        assert!(!site.path(&format!("retailer/{out}.sealed")).exists(), "nothing is written");
    }
    site.grant();
    site.ok(&site.submit_of(0));
    for (out, flags) in [("a", ""), ("b", "--new-people")] {
        refused(&site.run(&format!("{} {flags}", seal(out))), &[share, "--same-people"]);
        assert!(!site.path(&format!("retailer/{out}.sealed")).exists(), "nothing is written");
    }
    site.ok(&format!("{} --same-people sales", seal("c")));
    site.ok(&seal("d"));
    let keys = fs::read(site.path("retailer/people/key")).unwrap();
    assert_eq!(keys.len(), 32);
    let csv = fs::read_to_string(site.path("retailer.csv")).unwrap();
    let email = csv.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let kept = fs::read(site.path("retailer/people/sales.sketch")).unwrap();
    assert!(!String::from_utf8_lossy(&kept).contains(&email));
}

#[test]
fn two_lineages_of_one_contract_with_the_same_people_are_one_sum_from_the_beginning() {
    let site = Site::open();
    let toml = fs::read_to_string(site.path("contract.toml")).unwrap();
    let begin = toml.find("[[dataset]]\nname = \"sales\"").unwrap();
    let second = toml.get(begin..).and_then(|rest| rest.split("[[analysis]]").next()).unwrap();
    assert!(second.contains("lineage = \"sales\""), "{second}");
    let second = second.replace("= \"sales\"", "= \"sales2\"");
    fs::write(site.path("two.toml"), format!("{toml}\n{second}")).unwrap();
    let seal = "seal retailer.csv --contract two.toml --dataset sales2 --dir retailer -o retailer";
    let share = "100 % of the people in \"sales2\" (lineage \"sales2\") are in lineage \"sales\"";
    refused(&site.run(&format!("{seal}/a")), &[share, "--same-people sales2=sales"]);
    assert!(!site.path("retailer/a.sealed").exists(), "nothing is written");
    // The answer can be given before anything was lost, and before the contract was signed.
    site.ok(&format!("{seal}/b --same-people sales"));
    site.ok("contract sign two.toml --dir retailer");
    site.grant();
    site.ok(&site.submit_of(0));
    let line = people(&site, "retailer", "two.toml");
    assert_eq!(line["datasets"], serde_json::json!(["sales", "sales2"]));
    assert!(close(line["lost_rho"].as_f64().unwrap(), price()), "{line}");
    assert_eq!(line["unanswered"], serde_json::json!([]));
}

/// The samples of two lineages that were sealed elsewhere, or by a build that did not ask.
#[test]
fn custody_that_runs_countersigns_nothing_of_people_of_whom_it_is_not_known_whose_they_are() {
    let site = Site::open();
    site.grant();
    let people_of = |name: &str| site.path(&format!("retailer/people/{name}.sketch"));
    fs::copy(people_of("sales"), people_of("sales-b")).unwrap();
    let said = site.run(&site.submit_of(0));
    assert_ne!(said.code, Some(0), "{}{}", said.out, said.err);
    let share = "100 % of the people in \"sales\" (lineage \"sales\") are in lineage \"sales-b\"";
    assert!(site.custody_said().contains(share), "{}", site.custody_said());
    refused(&site.run(&Site::grant_of("retailer")), &[share]);
    refused(&site.run("contract sign contract.toml --dir retailer --new-people"), &[share]);
    let words = site.ok("budget --dir retailer --contract contract.toml").replace('\n', " ");
    assert!(
        words.contains("NOT ANSWERED: 100 % of the people known of lineage \"sales\""),
        "{words}"
    );
    assert_eq!(people(&site, "retailer", "contract.toml")["unanswered"][0]["other"], "sales-b");
    site.ok("contract sign contract.toml --dir retailer --same-people sales=sales-b");
    site.ok(&site.submit_of(1));
}

#[test]
fn known_people_among_made_up_ones_are_not_new() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    edited(&site, "other.toml", "lineage = \"sales\"", "lineage = \"sales-b\"");
    let csv = fs::read_to_string(site.path("retailer.csv")).unwrap();
    let row = csv.lines().nth(1).unwrap();
    let (email, values) = row.split_once(',').unwrap();
    assert!(email.contains('@'), "{email}");
    let known = csv.lines().skip(1).map(|row| row.split(',').next()).collect::<BTreeSet<_>>();
    let made_up: String =
        (0..9 * known.len()).map(|n| format!("nobody{n}@example.com,{values}\n")).collect();
    fs::write(site.path("diluted.csv"), format!("{}\n{made_up}", csv.trim_end())).unwrap();
    let seal = "seal diluted.csv --contract other.toml --dataset sales --dir retailer -o retailer";
    let shares = "10 % of the people in \"sales\" (lineage \"sales-b\") are in lineage \"sales\", and 100 % of \
                  the people known of lineage \"sales\" are in \"sales\"";
    refused(
        &site.run(&format!("{seal}/a --new-people")),
        &[shares, "say --same-people sales=sales: what is lost under either name is then one sum"],
    );
    assert!(!site.path("retailer/a.sealed").exists(), "nothing is written");
    site.ok(&format!("{seal}/b --same-people sales"));
}

/// Each lot is below the share that is asked about by itself, in the file and in the lineage.
#[test]
fn known_people_do_not_come_in_under_one_new_name_after_another() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    let csv = fs::read_to_string(site.path("retailer.csv")).unwrap();
    let (head, rows) = csv.split_once('\n').unwrap();
    let email = |row: &str| row.split(',').next().unwrap().to_owned();
    let known = rows.lines().map(email).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let values = rows.lines().next().unwrap().split_once(',').unwrap().1;
    let lot = known.len() * 16 / 100;
    // A lot of known people, and 84 others to 16 of them.
    let file = |name: &str, from: usize| {
        edited(
            &site,
            &format!("{name}.toml"),
            "lineage = \"sales\"",
            &format!("lineage = \"{name}\""),
        );
        let known = known.iter().skip(from).take(lot).cloned();
        let others = (0..lot * 84 / 16).map(|n| format!("{name}{n}@example.com"));
        let rows =
            known.chain(others).map(|email| format!("{email},{values}\n")).collect::<String>();
        fs::write(site.path(&format!("{name}.csv")), format!("{head}\n{rows}")).unwrap();
        format!(
            "seal {name}.csv --contract {name}.toml --dataset sales --dir retailer -o retailer/{name} \
             --new-people"
        )
    };
    let first = file("first", 0);
    let said = site.run(&first);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("are in lineage \"sales\""), "small shares are said: {}", said.err);
    site.ok("contract sign first.toml --dir retailer --new-people");
    let words = site.ok("budget --dir retailer --contract first.toml").replace('\n', " ");
    let shown = "of the people of lineage \"first\" were known of lineage \"sales\" when they were taken for others";
    assert!(words.contains(shown), "{words}");
    let kept = people(&site, "retailer", "first.toml")["known"][0].clone();
    assert_eq!((&kept["lineage"], &kept["other"]), (&"first".into(), &"sales".into()), "{kept}");
    assert!((14..=16).contains(&kept["percent_of_lineage"].as_u64().unwrap()), "{kept}");
    // The same people again, and others of the same lineage.
    let again = "the same people may come in again and again";
    let more = "have come in again under names that were taken for other people";
    for (name, from, why) in [("again", 0, again), ("more", lot, more)] {
        let seal = file(name, from);
        refused(&site.run(&seal), &[why, "--same-people sales="]);
        assert!(!site.path(&format!("retailer/{name}.sealed")).exists(), "nothing is written");
    }
    site.ok(&format!("{} --although-they-overlap", file("more", lot)));
    // Said to be one they are one sum, and no more of them is asked about.
    site.ok("contract sign first.toml --dir retailer --same-people sales=sales");
    site.ok(&file("again", 0).replace("--new-people", "--same-people sales"));
}

#[test]
fn told_again_that_they_are_others_it_is_kept() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    edited(&site, "other.toml", "lineage = \"sales\"", "lineage = \"sales-b\"");
    let seal = "seal retailer.csv --contract other.toml --dataset sales --dir retailer -o retailer";
    site.ok(&format!("{seal}/a --new-people --although-they-overlap"));
    site.ok(&format!("{seal}/b"));
    site.ok("contract sign other.toml --dir retailer --new-people");
}

#[test]
fn keys_in_a_copied_folder_hand_out_nothing_until_told_that_it_is_the_first() {
    let mut site = Site::open();
    let (from, copy) = (site.path("retailer"), site.path("copy"));
    fs::create_dir_all(copy.join("salts")).unwrap();
    let salts = fs::read_dir(from.join("salts")).unwrap();
    let salts = salts.map(|entry| format!("salts/{}", entry.unwrap().file_name().display()));
    let keys = ["root", "service", "analyst", "recipient"].map(|name| format!("{name}.key"));
    let delegations = ["service", "analyst"].map(|name| format!("{name}.delegation"));
    let others = ["withdrawn.json".to_owned()];
    for file in keys.into_iter().chain(delegations).chain(others).chain(salts) {
        fs::copy(from.join(&file), copy.join(&file)).unwrap();
    }
    let grant = Site::grant_of("retailer").replace("--dir retailer", "--dir copy");
    site.kill_custody();
    for line in [
        grant.clone(),
        format!("{grant} --prepay 4 --purpose measurement"),
        "custody serve UNDER --room ROOM --dir copy --listen 127.0.0.1:0".to_owned(),
        "contract sign contract.toml --dir copy".to_owned(),
        "budget --dir copy --contract contract.toml.signed".to_owned(),
    ] {
        refused(&site.run(&line), &["custody new --i-know-it-is-the-first"]);
        assert!(!site.path("copy/custody.sqlite").exists(), "{line}");
    }
    assert_eq!(site.run("custody new --dir copy").code, Some(2));
    site.ok("custody new --dir copy --i-know-it-is-the-first");
    site.ok(&grant);
}

#[test]
fn a_withdrawn_build_is_believed_by_no_command_and_a_list_that_cannot_be_read_by_none() {
    let mut site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    site.open_result(0, "retailer");
    site.kill_custody();
    let job = site.job_name(0).unwrap();
    let lines = [
        "verify ROOM UNDER --dir retailer".to_owned(),
        Site::grant_of("retailer"),
        "custody serve UNDER --room ROOM --dir retailer --listen 127.0.0.1:0".to_owned(),
        site.submit_of(1).replace("--dir publisher", "--dir retailer"),
        "job status --room ROOM UNDER --dir retailer".to_owned(),
        format!("result open --job {job} --room ROOM UNDER --dir retailer -o retailer/again"),
        "receipt check retailer/result-0/receipt.cbor retailer/result-0/result.json UNDER --dir retailer"
            .to_owned(),
    ];
    site.ok("build withdraw build.json --dir retailer");
    assert!(site.ok("build withdrawn --dir retailer").starts_with("0="));
    // Custody starts, believes no job's instance, and is tested in its crate.
    for line in lines.iter().filter(|line| !line.starts_with("custody")) {
        let said = site.run(line);
        assert_eq!(said.code, Some(1), "{line}: {}{}", said.out, said.err);
        assert!(said.err.contains("withdrawn"), "{line}: {}", said.err);
    }
    site.ok("verify ROOM UNDER --dir publisher");
    for harm in ["", "{\"withdrawn\": 1}"] {
        fs::write(site.path("retailer/withdrawn.json"), harm).unwrap();
        for line in &lines {
            let said = site.run(line);
            assert_eq!(said.code, Some(2), "{line}: {}{}", said.out, said.err);
        }
    }
    fs::remove_file(site.path("retailer/withdrawn.json")).unwrap();
    for line in &lines {
        let said = site.run(line);
        assert_eq!(said.code, Some(2), "{line}: {}{}", said.out, said.err);
        assert!(said.err.contains("withdrawn.json"), "{line}: {}", said.err);
    }
}

/// A custody that serves reads the list for every job, and an owner gets out of a room what is in it.
#[test]
fn a_build_that_is_withdrawn_while_custody_serves_is_paid_no_more_and_gives_back_what_it_has() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    site.ok("build withdraw build.json --dir retailer");
    let said = site.run(&site.submit_of(1));
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.err.contains("does not believe"), "{}", said.err);
    site.ok("grant ROOM UNDER --dataset sales --revoke --dir retailer");
    let said = site.run("close ROOM UNDER --dir retailer --yes");
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(
        said.out.contains("closed") && said.err.contains("nothing was credited"),
        "{}",
        said.err
    );
}

#[test]
fn what_was_prepaid_comes_back_after_a_planned_stop() {
    let mut site = Site::open();
    site.kill_custody();
    let prepay = format!("{} --prepay 1 --purpose measurement", Site::grant_of("publisher"));
    site.ok(&prepay);
    site.ok(&Site::grant_of("retailer"));
    let first = site.instance();
    assert!(close(site.ledger("publisher").used, rho_of(1.0)));
    let told = site.ok("budget --dir publisher --contract contract.toml.signed");
    assert!(told.contains("if it has ended: `glovebox custody settle`"), "{told}");
    site.stop_host();
    site.start_host();
    // Whoever looks for what the last instance left does not end the one that serves, which was handed nothing.
    let next = site.instance();
    refused(
        &site.run("close ROOM UNDER --dir publisher --yes"),
        &["not closed.", "handed nothing", &first[..12], "glovebox custody settle", &next],
    );
    site.ok("verify ROOM UNDER");
    let settled = site.ok("custody settle ROOM UNDER --dir publisher");
    assert!(settled.contains("credited"), "{settled}");
    let ledger = site.ledger("publisher");
    assert!(close(ledger.used, 0.0), "{}", ledger.used);
    assert_eq!(ledger.of(&first).state, "closed");
    // Once.
    site.ok("custody settle ROOM UNDER --dir publisher");
    assert!(close(site.ledger("publisher").used, 0.0));
    // An instance that was killed has left none, and says so; the digits that are shown name it.
    site.ok(&prepay);
    let second = site.instance();
    site.kill_host();
    site.start_host();
    let lost = site.run("custody settle ROOM UNDER --dir publisher");
    assert_eq!(lost.code, Some(1), "{}{}", lost.out, lost.err);
    assert!(
        lost.out.contains("cannot be settled") && lost.out.contains(&second[..12]),
        "{}",
        lost.out
    );
    let short = site.run(&format!("close ROOM UNDER --dir publisher --instance {}", &second[..12]));
    site.ok(&format!("close ROOM UNDER --dir publisher --instance {}", &first[..12]));
    // By its digits the one that serves is closed, and no other in its place.
    refused(&short, &["nothing was closed", &second[..12], "another one serves there"]);
    let serving = site.instance();
    site.ok(&format!("close ROOM UNDER --dir publisher --yes --instance {serving}"));
}

#[test]
fn a_custody_that_starts_settles_what_ended_while_it_was_away() {
    let mut site = Site::open();
    site.ok(&format!("{} --prepay 1 --purpose measurement", Site::grant_of("retailer")));
    site.kill_custody();
    site.stop_host();
    site.start_host();
    assert!(close(site.ledger("retailer").used, rho_of(1.0)));
    site.start_custody();
    assert!(close(site.ledger("retailer").used, 0.0), "{}", site.custody_said());
    assert!(site.custody_said().contains("credited"), "{}", site.custody_said());
}

#[test]
fn a_grant_that_is_taken_back_ends_and_others_go_on() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    let theirs = site.run("grant ROOM UNDER --dataset sales --dir publisher --revoke");
    refused(&theirs, &["sales"]);
    site.ok("grant ROOM UNDER --dataset sales --dir retailer --revoke");
    let status = site.ok("job status --room ROOM UNDER --dir publisher");
    assert!(status.contains("open     exposures"), "{status}");
    assert!(status.contains("not open sales: retailer's grant has expired"), "{status}");
    refused(&site.run(&site.submit_of(1)), &["retailer has not granted the keys of \"sales\""]);
    // What was answered stays answered; granted anew it goes on, at the price it had.
    site.open_result(0, "publisher");
    site.ok(&Site::grant_of("retailer"));
    site.ok(&site.submit_of(1));
    assert!(close(site.ledger("retailer").used, 2.0 * price()));
}
