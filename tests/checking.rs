//! Checking an answer by a second one: asked again on the same data, paid again, and compared figure by figure; and the decision that a
//! question names, wherever it is shown.

use serde_json::Value;
use std::fs;
use tests::processes::Site;

const DECISION: &str = "TV in spring, or not";

fn json(site: &Site, line: &str) -> Value {
    let text = site.ok(&format!("{line} --json"));
    serde_json::from_str::<Value>(&text).unwrap()["result"].take()
}

/// A question that names its decision.
fn asks(site: &Site, name: &str, cap: u32, folder: &str) -> Value {
    let job = format!(
        "[job]\ndecision = \"{DECISION}\"\n[lift]\n[lift.assignment]\ntest = [\"mens\"]\ncontrol = [\"none\"]\n\
         [[lift.outcome]]\nname = \"visit\"\ntype = \"binary\"\n[[lift.outcome]]\nname = \"spend\"\ntype = \"value\"\n\
         cap_per_user = {cap}.0\n[lift.privacy]\nepsilon = 0.5\ndelta = 1e-6\n"
    );
    fs::write(site.path(name), job).unwrap();
    json(site, &format!("job submit {name} --room ROOM UNDER --dir publisher -o {folder}"))
}

/// What a party's budget says of each decision: in how many jobs, and how much.
fn decisions(site: &Site, party: &str) -> Vec<(Option<String>, u64, f64)> {
    let budget = json(site, &format!("budget --dir {party} --contract contract.toml.signed"));
    let all = budget["budgets"][0]["decisions"].as_array().unwrap();
    let line = |of: &Value| {
        let words = of["decision"].as_str().map(str::to_owned);
        (words, of["jobs"].as_u64().unwrap(), of["rho"].as_f64().unwrap())
    };
    all.iter().map(line).collect()
}

#[test]
fn an_answer_is_checked_by_a_second_draw_that_every_owner_pays_and_sees() {
    let site = Site::open();
    site.grant();
    let first = asks(&site, "job.toml", 20, "first");
    let first_job = first["job"].as_str().unwrap().to_owned();
    let ask = "dispute ask first --room ROOM UNDER --dir publisher";
    let second = json(&site, &format!("{ask} -o second"));
    let second_job = second["job"].as_str().unwrap().to_owned();
    assert_ne!(first_job, second_job);
    // Both owners paid twice, for one decision, and the custody was told why.
    for party in ["publisher", "retailer"] {
        let [(words, 2, rho)] = &decisions(&site, party)[..] else {
            panic!("{:?}", decisions(&site, party))
        };
        assert_eq!(words.as_deref(), Some(DECISION));
        assert!((rho - 2.0 * first["rho"].as_f64().unwrap()).abs() < 1e-9, "{rho}");
    }
    let told = site.custody_said();
    for words in [
        format!("for measurement, to decide \"{DECISION}\""),
        format!("It checks the answer to job {first_job}"),
    ] {
        assert!(told.contains(&words), "{words}: {told}");
    }
    // The two agree.
    let compare = "dispute compare first second UNDER --dir publisher";
    let said = json(&site, compare);
    assert_eq!((&said["verdict"], &said["agrees"]), (&"agree".into(), &true.into()));
    assert_eq!(said["states_the_check"], true);
    let figures = said["figures"].as_array().unwrap();
    assert!(figures.len() > 6 && figures.iter().all(|of| of["apart"] == false), "{said:#}");
    assert!(site.ok(compare).contains("THEY AGREE"));
    // The same check once more is free, since it is the same draw, and so it proves nothing.
    let third = json(&site, &format!("{ask} -o third"));
    assert_ne!(third["job"], second["job"]);
    assert_eq!(decisions(&site, "retailer")[0].1, 2, "nothing was paid");
    let refuses = |line: &str, why: &str| {
        let said = site.run(line);
        assert_eq!(said.code, Some(2), "{}{}", said.out, said.err);
        assert!(said.err.contains(why), "{why}: {}", said.err);
    };
    refuses("dispute compare second third UNDER --dir publisher", "a free repeat gives the same");
    refuses("dispute compare first first UNDER --dir publisher", "both are the answer to job");
    // A check of a check is another draw.
    site.ok("dispute ask second --room ROOM UNDER --dir publisher -o fourth");
    assert_eq!(decisions(&site, "retailer")[0].1, 3);
    site.ok("dispute compare first fourth UNDER --dir publisher");
    // Another question is no check, and an answer can be brought as the file of a dispute.
    asks(&site, "other.toml", 30, "other");
    refuses("dispute compare first other UNDER --dir publisher", "different questions");
    site.ok("dispute write second UNDER --dir publisher -o second.json");
    site.ok("dispute compare first second.json UNDER --dir retailer");
    fs::remove_file(site.path("first/released.cbor")).unwrap();
    refuses("dispute compare first second UNDER --dir publisher", "no released.cbor");
    in_every_record(&site, &first_job);
}

/// Receipt, log and its sums name the decision and the check.
fn in_every_record(site: &Site, first_job: &str) {
    let receipt = site.ok("receipt check second/receipt.cbor second/result.json UNDER");
    let receipt = receipt.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(receipt.contains(DECISION), "{receipt}");
    assert!(receipt.contains(&format!("The answer to job {first_job}")), "{receipt}");
    let words = site.ok("audit list ROOM UNDER --dir retailer");
    let check = format!("a check of job {}", &first_job[..12]);
    for part in [format!("to decide \"{DECISION}\""), check] {
        assert!(words.contains(&part), "{part}: {words}");
    }
    let listed = json(site, "audit list ROOM UNDER --dir retailer");
    let answered = listed["entries"].as_array().unwrap().iter();
    let mut answered = answered.filter_map(|entry| entry["event"].get("answered"));
    assert!(answered.any(|of| of["checks"] == first_job && of["decision"] == DECISION));
    let kpis = json(site, "audit kpis UNDER --dir retailer");
    assert!(kpis["spent"].as_array().unwrap().iter().all(|of| of["decision"] == DECISION));
    let said = site.ok("audit kpis UNDER --dir retailer");
    assert!(said.contains(DECISION), "{said}");
}

#[test]
fn refuses_a_decision_that_cannot_be_shown_and_a_job_that_is_resubmitted_for_another() {
    let site = Site::open();
    site.grant();
    let job = |decision: &str| {
        format!(
            "[job]\n{decision}\n[lift]\n[lift.assignment]\ntest = [\"mens\"]\ncontrol = [\"none\"]\n\
             [[lift.outcome]]\nname = \"visit\"\ntype = \"binary\"\n[lift.privacy]\nepsilon = 0.5\ndelta = 1e-6\n"
        )
    };
    let submit = "job submit job.toml --room ROOM UNDER --dir publisher --id 00112233445566778899aabbccddeeff";
    for (decision, why) in [
        ("decision = \"\"", "job.decision is \"\""),
        ("decision = \"two\\nlines\"", "1 to 80 characters"),
        ("decision = 7", "found integer `7`, expected text"),
        ("descision = \"x\"", "descision"),
    ] {
        fs::write(site.path("job.toml"), job(decision)).unwrap();
        let said = site.run(submit);
        assert_ne!(said.code, Some(0), "{decision}: {}", said.err);
        assert!(said.err.contains(why), "{why}: {}", said.err);
    }
    fs::write(site.path("job.toml"), job("decision = \"spring\"")).unwrap();
    site.ok(submit);
    fs::write(site.path("job.toml"), job("decision = \"autumn\"")).unwrap();
    let said = site.run(submit);
    assert!(said.code != Some(0) && said.err.contains("another decision"), "{}", said.err);
}
