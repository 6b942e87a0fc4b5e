//! A data-subject request: where one person is, from which job on they count no more, and which answers contain them.

use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt};
use tests::processes::Site;

/// What `dsr` says at the retailer of somebody.
fn asked(site: &Site, person: &str) -> (Option<i32>, Value, String) {
    fs::write(site.path("person"), format!("{person}\n")).unwrap();
    let said = site.run("dsr --from person UNDER --dir retailer --json");
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let words =
        format!("{}\n{}\n{}", document["text"].as_str().unwrap(), document["error"], said.err);
    (said.code, document["result"]["rooms"][0].clone(), words)
}

#[test]
fn a_person_is_found_taken_out_and_shown_to_count_no_more_from_one_job_on() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    site.open_result(0, "retailer");
    site.ok("audit list ROOM UNDER --dir retailer");
    let before = site.job_name(0).unwrap();
    // Written in another way than in the table, and never repeated.
    let person = "PERSON7@example.com";
    let (code, room, words) = asked(&site, person);
    assert_eq!(code, Some(1), "{words}");
    assert_eq!((&room["counts"], &room["told"]), (&true.into(), &true.into()), "{words}");
    assert_eq!(
        (&room["versions"][0]["rows"], &room["versions"][0]["refused_rows"]),
        (&1.into(), &0.into())
    );
    assert_eq!(room["granted"][0]["contains"], true, "{words}");
    assert_eq!(
        (&room["answers"][0]["job"], &room["answers"][0]["contains"]),
        (&before.as_str().into(), &true.into())
    );
    assert_eq!(room["answers"][0]["is_model"], false);
    assert_eq!(room["not_counted_from_job"], Value::Null);
    assert!(words.contains("glovebox seal TABLE") && words.contains("sales --revoke"), "{words}");
    assert!(!words.to_lowercase().contains("person7"), "{words}");
    // Nobody else is found under that name, and nobody who is in nothing counts.
    let (code, room, words) = asked(&site, "person2007@example.com");
    assert_eq!((code, &room["counts"]), (Some(0), &false.into()), "{words}");
    assert!(words.contains("No answer contains the person"), "{words}");

    let table = fs::read_to_string(site.path("retailer.csv")).unwrap();
    let without: Vec<&str> = table.lines().filter(|row| !row.contains("Person7@")).collect();
    assert_eq!(without.len() + 1, table.lines().count());
    fs::write(site.path("without.csv"), without.join("\n") + "\n").unwrap();
    site.ok("seal without.csv --contract contract.toml.signed --dataset sales --dir retailer -o retailer/sales-2");
    let (code, room, words) = asked(&site, person);
    assert_eq!(code, Some(1), "the old version is still granted: {words}");
    assert_eq!(
        (&room["versions"][0]["rows"], &room["versions"][1]["rows"]),
        (&1.into(), &0.into())
    );
    let (kept, aside) = (site.path("retailer/audit"), site.path("audit-aside"));
    fs::rename(&kept, &aside).unwrap();
    let (code, _, words) = asked(&site, person);
    assert_eq!(code, Some(2), "no log says which version is granted: {words}");
    fs::rename(&aside, &kept).unwrap();
    site.ok("upload ROOM retailer/sales-2.sealed");
    site.ok("grant ROOM UNDER --dataset sales --manifest retailer/sales-2.manifest --keys retailer/sales-2.keys --dir retailer");
    site.ok(&site.submit_of(1));
    site.ok("audit list ROOM UNDER --dir retailer");
    let after = site.job_name(1).unwrap();
    let (code, room, words) = asked(&site, person);
    assert_eq!(code, Some(0), "{words}");
    assert_eq!(room["not_counted_from_job"], after.as_str(), "{words}");
    let contains = |room: &Value| -> Vec<Value> {
        let answers = room["answers"].as_array().unwrap().iter();
        answers.map(|answer| answer["contains"].clone()).collect()
    };
    assert_eq!(contains(&room), [Value::from(true), Value::from(false)], "{words}");
    assert!(words.contains("glovebox delete") && words.contains("cannot be proven"), "{words}");
    // Without the old version's keys nobody can tell any more who was in it, and that is said.
    fs::remove_file(site.path("retailer/sales.keys")).unwrap();
    let (code, room, words) = asked(&site, person);
    assert_eq!(
        (code, contains(&room)),
        (Some(0), vec![Value::Null, Value::from(false)]),
        "{words}"
    );
    assert_eq!(room["not_counted_from_job"], after.as_str(), "{words}");
    // Without the newest one's nothing can be told.
    fs::remove_file(site.path("retailer/sales-2.keys")).unwrap();
    let (code, room, words) = asked(&site, person);
    assert_eq!((code, &room["told"]), (Some(2), &false.into()), "{words}");
}

#[test]
fn whoever_opts_out_counts_from_the_next_grant_on_in_no_answer_without_sealing_again() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    fs::write(site.path("person"), "PERSON7@example.com\n").unwrap();
    let optout = |words: &str| {
        let line = format!("optout {words} --contract contract.toml.signed --dir retailer --json");
        let said = site.run(&line);
        let document: Value = serde_json::from_str(&said.out).unwrap();
        assert!(!document.to_string().to_lowercase().contains("person7"), "{document}");
        (said.code, document["result"]["lists"][0].clone(), document)
    };
    // Wrong input: nobody, something that is no identifier, somebody else's dataset.
    for (words, code, says) in [
        ("add", 2, "there is no identifier"),
        ("add nobody", 2, "identifier 1"),
        ("add --from person --dataset exposures", 1, "belongs to publisher"),
        ("remove", 2, "there is no identifier"),
    ] {
        let (found, _, document) = optout(words);
        assert_eq!(found, Some(code), "{document}");
        assert!(document["error"].to_string().contains(says), "{document}");
    }
    let (code, list, _) = optout("show --from person");
    assert_eq!((code, &list["number"]), (Some(1), &Value::Null));
    let (code, list, document) = optout("add --from person");
    assert_eq!(
        (code, &list["added"], &list["places"]),
        (Some(0), &1.into(), &64.into()),
        "{document}"
    );
    let file = list["file"].as_str().unwrap();
    let mode = fs::metadata(site.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // Once more changes nothing, not even the list.
    let (_, again, _) = optout("add --from person");
    assert_eq!((&again["added"], &again["digest"]), (&0.into(), &list["digest"]));
    assert_eq!(optout("show --from person").0, Some(0));

    // The owner's custody pays for nothing on what was granted before, and says what to do.
    let said = site.run(&site.submit_of(1));
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("older list of opt-outs than retailer has made"), "{}", said.err);
    assert!(said.err.contains("glovebox grant sales"), "{}", said.err);
    site.ok("audit list ROOM UNDER --dir retailer");
    let (code, room, words) = asked(&site, "person7@example.com");
    assert_eq!((code, &room["counts"]), (Some(1), &true.into()), "still granted: {words}");
    assert!(words.contains("an instance has an older list of opt-outs"), "{words}");

    site.ok(&Site::grant_of("retailer"));
    site.ok(&site.submit_of(2));
    site.open_result(2, "retailer");
    site.ok("audit list ROOM UNDER --dir retailer");
    let (code, room, words) = asked(&site, "person7@example.com");
    assert_eq!(code, Some(0), "{words}");
    let after = site.job_name(2).unwrap();
    assert_eq!(room["not_counted_from_job"], after.as_str(), "{words}");
    assert_eq!(room["versions"][0]["rows"], 1, "the sealed file still has the row: {words}");
    assert_eq!(room["versions"][0]["counting_rows"], 0, "{words}");
    assert!(words.contains("taken out by the list of opt-outs"), "{words}");
    // A receipt that holds says nothing of a model that it is not of.
    let of_lift = fs::read(site.path("retailer/result-2/receipt.cbor")).unwrap();
    fs::create_dir_all(site.path("retailer/model")).unwrap();
    fs::create_dir_all(site.path("retailer/rooms")).unwrap();
    fs::write(site.path("retailer/model/receipt.cbor"), of_lift).unwrap();
    let model = include_str!("vectors/analyses/train/result.json");
    fs::write(site.path("retailer/model/result.json"), model).unwrap();
    let root = site.path("host/simulated-ca/root.der");
    let room = format!(
        "url = \"https://localhost:7443\"\ncontract = {:?}\ndanger_root = {root:?}\n",
        site.path("contract.toml.signed")
    );
    fs::write(site.path("retailer/rooms/spring.toml"), room).unwrap();
    let line =
        "model export --model retailer/model/result.json --onnx model.onnx --dir retailer --json";
    let said = site.run(line);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["result"]["told"], false, "{document}");
    fs::remove_dir_all(site.path("retailer/rooms")).unwrap();
    fs::remove_dir_all(site.path("retailer/model")).unwrap();
    // Somebody who is on no list still counts.
    let (code, _, words) = asked(&site, "person8@example.com");
    assert_eq!(code, Some(1), "{words}");

    // In a folder without the list no other one is made, and nothing is granted: either would bring back whoever is on it.
    let (lists, aside) = (site.path("retailer/opt-outs"), site.path("aside"));
    fs::rename(&lists, &aside).unwrap();
    for words in ["add person9@example.com", "renew"] {
        let (code, _, document) = optout(words);
        assert_eq!(code, Some(1), "{document}");
        let says = document["error"].to_string();
        assert!(says.contains("custody.sqlite names a list of opt-outs of sales"), "{says}");
        assert!(says.contains("from the machine where the last one was made"), "{says}");
        assert!(!lists.exists());
    }
    let refused = site.run(&Site::grant_of("retailer"));
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("the ledger knows a newer list of opt-outs"), "{}", refused.err);
    fs::rename(&aside, &lists).unwrap();

    // Taken off again by a newer list, which has to be granted, too.
    let (_, list, _) = optout("remove --all");
    assert_eq!((&list["removed"], &list["identifiers"]), (&1.into(), &0.into()));
    site.ok(&Site::grant_of("retailer"));
    site.ok("audit list ROOM UNDER --dir retailer");
    let (code, room, words) = asked(&site, "person7@example.com");
    assert_eq!((code, &room["counts"]), (Some(1), &true.into()), "{words}");
    assert_eq!(room["granted"][0]["contains"], true, "{words}");
}
