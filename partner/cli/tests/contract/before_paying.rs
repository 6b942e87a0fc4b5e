//! What is told of a contract before anything is paid: by trials, prices and checks.

use super::*;

#[test]
fn a_trial_without_its_data_could_not_tell() {
    let dir = parties();
    fs::write(dir.path().join("job.toml"), LIFT).unwrap();
    let trial =
        "try --contract contract.toml --job job.toml --data exposures=e.csv --data sales=s.csv";
    let (_, talk) = says(dir.path(), 2, trial);
    assert!(talk.contains("e.csv: No such file"), "{talk}");
    let (_, talk) =
        says(dir.path(), 2, "try --contract contract.toml --job job.toml --data sales=s.csv");
    assert!(talk.contains("add --data exposures=FILE"), "{talk}");
    let (_, talk) =
        says(dir.path(), 2, "try --contract contract.toml --job job.toml --data sale=s.csv");
    let unknown =
        "--data names \"sale\", and the contract has no such dataset: it has exposures, sales";
    assert!(talk.contains(unknown), "{talk}");
}

/// What was typed is spoken of, and not a file that nobody has seen.
#[test]
fn a_name_or_a_file_that_is_mistaken_is_called_so() {
    let dir = parties();
    let new = "contract new --name Room! --party p/party.toml --party r/party.toml --pcrs pcrs.json -o x.toml";
    let (_, talk) = says(dir.path(), 2, new);
    assert!(talk.contains("--name: name \"Room!\"") && !talk.contains("line"), "{talk}");
    let (_, talk) = says(dir.path(), 1, "contract sign p/party.toml --dir p");
    assert!(talk.contains("p/party.toml") && talk.contains("this is no contract"), "{talk}");
}

#[test]
fn a_trial_says_what_the_contract_gives_and_leaves_its_exact_bytes() {
    let dir = parties();
    fs::write(dir.path().join("job.toml"), LIFT).unwrap();
    let people = 0..400;
    let arm = |n: i32| if n % 2 == 0 { "mens" } else { "none" };
    let rows = people.clone().map(|n| format!("p{n}@example.com,{},1,1\n", arm(n)));
    let rows = rows.collect::<String>();
    fs::write(dir.path().join("e.csv"), format!("email,arm,history,recency\n{rows}")).unwrap();
    let rows = people.map(|n| format!("p{n}@example.com,1,0,2.50\n")).collect::<String>();
    fs::write(dir.path().join("s.csv"), format!("email,visit,conversion,spend\n{rows}")).unwrap();
    let trial =
        "try --contract contract.toml --job job.toml --data exposures=e.csv --data sales=s.csv";
    let (json, _) = says(dir.path(), 0, &format!("{trial} --json -o out"));
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let written = || fs::read(dir.path().join("out/result.json")).unwrap();
    let kept = written();
    assert_eq!(
        document["result"]["result"],
        serde_json::from_slice::<serde_json::Value>(&kept).unwrap()
    );
    assert!(json.ends_with("}\n") && json.lines().count() == 1, "{json}");
    assert!(document["remarks"][0].as_str().unwrap().starts_with("SIMULATED"), "{json}");
    let page = fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert!(page.contains("A TRIAL, SIMULATED."));
    // Another job's result is not overwritten.
    let (_, talk) = says(dir.path(), 2, &format!("{trial} -o out"));
    assert!(
        talk.contains("out/result.json exists already, and nothing is written over it"),
        "{talk}"
    );
    assert_eq!(kept, written());
    fs::write(dir.path().join("job.toml"), LIFT.replace("epsilon = 1", "epsilon = 5")).unwrap();
    let (_, talk) = says(dir.path(), 1, trial);
    let expected = "the contract gives epsilon 4 (delta 1e-6) a month for measurement on \"exposures\"; \
                    this job asks epsilon 5 (delta 1e-6)";
    assert!(talk.contains(expected), "{talk}");
    let (json, _) = says(dir.path(), 1, &format!("{trial} --json"));
    let error = &serde_json::from_str::<serde_json::Value>(&json).unwrap()["error"];
    assert_eq!((&error["rule"], &error["owner"]), (&"over_budget".into(), &"publisher".into()));
    assert_eq!(error["would_pass"]["epsilon"], 4.0, "{error}");
}

/// A refusal that is known only of buyers takes buyers out of the arms: said before anything is paid.
#[test]
fn consent_that_is_asked_of_the_outcomes_alone_is_told_before_anything_is_paid() {
    let dir = parties();
    let path = dir.path().join("contract.toml");
    let text = fs::read_to_string(&path).unwrap();
    let consent = "[[dataset.column]]\nname = \"agreed\"\nrole = \"consent\"\n\n";
    let before = |mark: &str| text.replacen(mark, &format!("{consent}{mark}"), 1);
    let (of_arms, of_outcomes) =
        ("[[dataset.column]]\nname = \"history\"", "[[dataset.column]]\nname = \"visit\"");
    let job = "[lift]\n[lift.assignment]\ntest = [\"mens\"]\ncontrol = [\"none\"]\n[[lift.outcome]]\n\
               name = \"visit\"\ntype = \"binary\"\n[lift.privacy]\nepsilon = 1.0\ndelta = 1e-6\n";
    fs::write(dir.path().join("job.toml"), job).unwrap();
    let pages = |contract: String| {
        fs::write(&path, contract).unwrap();
        let (show, _) = says(dir.path(), 0, "contract show contract.toml");
        let (price, _) = says(dir.path(), 0, "job price job.toml --contract contract.toml");
        let (json, _) = says(dir.path(), 0, "job price job.toml --contract contract.toml --json");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        [
            show.contains("CAREFUL: \"lift\""),
            price.contains("CAREFUL"),
            json["result"]["careful"][0].is_string(),
        ]
    };
    assert_eq!(pages(before(of_outcomes)), [true; 3]);
    assert_eq!(pages(before(of_arms)), [false; 3]);
    assert_eq!(pages(text.clone()), [false; 3]);
    assert!(text.contains("a column with role = \"consent\" belongs here"));
}

/// A row is known by the first identifier that it has: what both sides have and leave unused is said
/// wherever a contract is read or a job is priced, and so is a human who counts as two people.
#[test]
fn identifiers_that_find_too_few_are_told_before_anything_is_paid() {
    let dir = parties();
    let path = dir.path().join("contract.toml");
    let text = fs::read_to_string(&path).unwrap();
    let phone = "[[dataset.column]]\nname = \"phone\"\nrole = \"match_key\"\nkind = \"phone\"\n\n";
    let arm = "[[dataset.column]]\nname = \"arm\"";
    let both = text.replacen(arm, &format!("{phone}{arm}"), 1);
    let visit = "[[dataset.column]]\nname = \"visit\"";
    let both = both.replacen(visit, &format!("{phone}{visit}"), 1);
    assert_eq!(both.matches("name = \"phone\"").count(), 2, "{both}");
    let job = "[lift]\n[lift.assignment]\ntest = [\"mens\"]\ncontrol = [\"none\"]\n[[lift.outcome]]\n\
               name = \"visit\"\ntype = \"binary\"\n[lift.privacy]\nepsilon = 1.0\ndelta = 1e-6\n";
    fs::write(dir.path().join("job.toml"), job).unwrap();
    let pages = |contract: &str| {
        fs::write(&path, contract).unwrap();
        let (show, _) = says(dir.path(), 0, "contract show contract.toml");
        let (price, _) = says(dir.path(), 0, "job price job.toml --contract contract.toml");
        let words = |page: &str| page.split_whitespace().collect::<Vec<_>>().join(" ");
        let (show, price) = (words(&show), words(&price));
        let known = "a person is known by the first identifier that a row has";
        [
            show.contains(known),
            price.contains(known),
            show.contains("CAREFUL: it has 2 kinds of identifiers"),
        ]
    };
    assert_eq!(pages(&text), [false; 3]);
    assert_eq!(pages(&both), [true; 3]);
    let covered = both.replacen("ids_per_person = 1 ", "ids_per_person = 2 ", 1);
    assert_eq!(pages(&covered), [true, true, false]);
    // With claims all kinds that both have are used, and a reader is told in which order.
    let sales = "name = \"sales\"\n";
    let claiming = covered.replacen(sales, &format!("{sales}claims = [\"phone\", \"email\"]\n"), 1);
    assert_eq!(pages(&claiming), [false; 3]);
    let (show, _) = says(dir.path(), 0, "contract show contract.toml");
    let show = show.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(show.contains("the row there has: phone, then e-mail, and by no other"), "{show}");
}
