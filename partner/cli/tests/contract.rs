//! `glovebox` as a person calls it, as far as no room is needed.

#![expect(clippy::unwrap_used, reason = "a test says what failed by its name")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

#[path = "contract/before_paying.rs"]
mod before_paying;
#[path = "contract/kms.rs"]
mod kms;
#[path = "contract/linted.rs"]
mod linted;
#[path = "contract/tested.rs"]
mod tested;

fn glovebox(dir: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glovebox"));
    command.current_dir(dir).args(line.split_whitespace()).output().unwrap()
}

/// Runs a command that must end with `code`, and returns what it says: results, then talk.
fn says(dir: &Path, code: i32, line: &str) -> (String, String) {
    let output = glovebox(dir, line);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, talk) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{talk}");
    (out, talk)
}

/// Two parties and a contract that nobody has signed.
fn parties() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    says(dir.path(), 0, "init --dir p --name publisher --custody http://localhost:7501");
    says(dir.path(), 0, "init --dir r --name retailer");
    let pcr = "ab".repeat(48);
    let pcrs = format!("{{\"pcrs\":{{\"0\":\"{pcr}\",\"1\":\"{pcr}\",\"2\":\"{pcr}\"}}}}");
    fs::write(dir.path().join("pcrs.json"), pcrs).unwrap();
    let new = "contract new --name room --party p/party.toml --party r/party.toml --pcrs pcrs.json";
    says(dir.path(), 0, new);
    dir
}

/// What the other side sent may have any size, and any address in it.
#[test]
fn a_party_file_of_the_other_side_is_bounded() {
    let dir = parties();
    let honest = fs::read_to_string(dir.path().join("p/party.toml")).unwrap();
    let new = "contract new --name other --party x.toml --party r/party.toml --pcrs pcrs.json -o x";
    let long = format!("http://{}", "a".repeat(200_000));
    let short = format!("http://{}", "a".repeat(20_000));
    for (address, words) in [
        ("http://localhost@evil.example:7501", "without a user"),
        ("http://localhost\\u001b[2J:7501", "cannot stand in a contract"),
        (&short, "at most 300 characters"),
        (&long, "expected a file of at most 65536"),
    ] {
        let text = honest.replace("http://localhost:7501", address);
        fs::write(dir.path().join("x.toml"), text).unwrap();
        let (_, talk) = says(dir.path(), 2, new);
        assert!(talk.contains(words) && talk.len() < 600, "{talk}");
    }
    fs::write(dir.path().join("big.toml"), "#\n".repeat(2 << 20)).unwrap();
    let (_, talk) = says(dir.path(), 2, "contract show big.toml");
    assert!(talk.contains("found 4194304 bytes, expected a file of at most 2097152"), "{talk}");
}

#[test]
fn never_overwrites_a_key_or_a_contract() {
    let dir = parties();
    let key = fs::read(dir.path().join("p/root.key")).unwrap();
    says(dir.path(), 2, "init --dir p --name publisher");
    assert_eq!(fs::read(dir.path().join("p/root.key")).unwrap(), key);
    let new =
        "contract new --name other --party p/party.toml --party r/party.toml --pcrs pcrs.json";
    says(dir.path(), 2, new);
}

#[test]
fn a_contract_gathers_the_signature_of_every_party() {
    let dir = parties();
    let (_, talk) = says(dir.path(), 0, "contract sign contract.toml --dir p");
    assert!(talk.contains("still to sign: retailer"), "{talk}");
    assert!(talk.contains("contract.toml.signed and contract.toml.salts"), "{talk}");
    let (page, _) = says(dir.path(), 0, "contract show contract.toml.signed");
    assert!(page.contains("publisher: signed") && page.contains("retailer: NOT SIGNED"), "{page}");
    // The other one signs what it was sent; signing the same TOML once more changes nothing.
    let (_, talk) = says(dir.path(), 0, "contract sign contract.toml.signed --dir r");
    assert!(talk.contains("every party has signed"), "{talk}");
    let (_, talk) = says(dir.path(), 0, "contract sign contract.toml --dir p");
    assert!(talk.contains("every party has signed"), "{talk}");
    says(dir.path(), 0, "contract diff contract.toml contract.toml.signed");
}

#[test]
fn a_contract_is_written_for_any_kind_and_number_of_parties() {
    let dir = parties();
    says(dir.path(), 0, "init --dir t --name third");
    let all = "--party p/party.toml --party r/party.toml --party t/party.toml --pcrs pcrs.json";
    let (_, talk) =
        says(dir.path(), 2, &format!("contract new --name x --kind sql {all} -o x.toml"));
    assert!(talk.contains("no such kind of analysis, expected one of lift, table"), "{talk}");
    let (_, talk) =
        says(dir.path(), 2, &format!("contract new --name x --kind choice {all} -o x.toml"));
    assert!(talk.contains("a choice is asked under a table: --kind table"), "{talk}");
    for (kind, parties) in
        [("table", all), ("lift", all), ("table", "--party p/party.toml --pcrs pcrs.json")]
    {
        let new = format!("contract new --name room --kind {kind} {parties} -o {kind}.toml");
        let (_, talk) = says(dir.path(), 0, &new);
        assert_eq!(talk.contains("assigns them to arms"), kind == "lift", "{talk}");
        let (page, _) = says(dir.path(), 0, &format!("contract show {kind}.toml"));
        assert!(page.contains("publisher: NOT SIGNED"), "{page}");
        assert_eq!(page.contains("third: NOT SIGNED"), parties == all, "{page}");
        assert!(page.contains("on the legal basis: consent"), "{page}");
        fs::remove_file(dir.path().join(format!("{kind}.toml"))).unwrap();
    }
}

/// Its salt comes with the contract, sealed to each party, and goes over to the contract that replaces it.
#[test]
fn a_bucket_salt_is_kept_by_every_party_and_by_the_contract_that_replaces_it() {
    let dir = parties();
    let salts = |party: &str| {
        let folder = fs::read_dir(dir.path().join(party).join("salts")).unwrap();
        let files = folder.map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.collect::<Vec<_>>()
    };
    let beside = dir.path().join("contract.toml.salts");
    fs::rename(&beside, dir.path().join("elsewhere")).unwrap();
    let (_, talk) = says(dir.path(), 2, "contract sign contract.toml --dir p");
    assert!(talk.contains("there is no contract.toml.salts"), "{talk}");
    says(dir.path(), 0, "contract sign contract.toml --dir p --salts elsewhere");
    fs::rename(dir.path().join("elsewhere"), &beside).unwrap();
    says(dir.path(), 0, "contract sign contract.toml.signed --dir r");
    assert_eq!((salts("p").len(), salts("p")), (1, salts("r")));
    let text = fs::read(dir.path().join("contract.toml")).unwrap();
    let salt = &salts("p")[0];
    let in_clear = |bytes: &[u8]| bytes.windows(salt.len()).any(|part| part == salt);
    assert!(!in_clear(&text) && !in_clear(&fs::read(&beside).unwrap()));

    let parties = "--party p/party.toml --party r/party.toml --pcrs pcrs.json";
    let new = format!(
        "contract new --name next {parties} --dir p --supersedes contract.toml.signed -o next.toml"
    );
    says(dir.path(), 0, &new);
    says(dir.path(), 0, "contract sign next.toml --dir r");
    let both = salts("r");
    assert!(both.len() == 2 && both[0] == both[1]);
    // Another salt in the contract's place: what was sealed by buckets would be of no use.
    let text = fs::read_to_string(dir.path().join("next.toml")).unwrap();
    let line = text.lines().find(|line| line.starts_with("bucket_salt")).unwrap();
    let other = format!("bucket_salt = \"{}\"", "ab".repeat(48));
    fs::write(dir.path().join("other.toml"), text.replace(line, &other)).unwrap();
    let (_, talk) = says(dir.path(), 1, "contract sign other.toml --dir r --salts next.toml.salts");
    assert!(talk.contains("another bucket salt than the one it replaces"), "{talk}");
    let said = "contract sign other.toml --dir r --salts next.toml.salts --other-bucket-salt";
    let (_, talk) = says(dir.path(), 1, said);
    assert!(talk.contains("does not have the bucket salt of this contract for retailer"), "{talk}");
    assert!(talk.contains("the one written beside this contract is needed"), "{talk}");
}

/// What is to be sent along is named where it is, and is this contract's.
#[test]
fn the_salts_that_are_sent_on_exist_and_are_the_contracts_own() {
    let dir = parties();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("moved")).unwrap();
    fs::copy(at("contract.toml"), at("moved/c.toml")).unwrap();
    says(dir.path(), 0, "contract sign contract.toml --dir p");
    // The folder knows the salt by now, so nothing is missed but what the others need.
    let (_, talk) = says(dir.path(), 0, "contract sign moved/c.toml --dir p");
    assert!(!talk.contains("and moved/c.toml.salts"), "{talk}");
    assert!(talk.contains("there is no moved/c.toml.salts"), "{talk}");
    let new = "contract new --name other --party p/party.toml --party r/party.toml --pcrs pcrs.json -o other.toml";
    says(dir.path(), 0, new);
    fs::copy(at("other.toml.salts"), at("moved/c.toml.salts")).unwrap();
    let (_, talk) = says(dir.path(), 1, "contract sign moved/c.toml --dir p");
    assert!(
        talk.contains("does not have the bucket salt of this contract for publisher"),
        "{talk}"
    );
    fs::copy(at("contract.toml.salts"), at("moved/c.toml.salts")).unwrap();
    let (_, talk) = says(dir.path(), 0, "contract sign moved/c.toml --dir p");
    assert!(talk.contains("and moved/c.toml.salts, which has the bucket salt"), "{talk}");
}

/// What partners agreed on stays, comments and all; what differs is printed.
#[test]
fn a_contract_that_replaces_another_starts_from_its_text() {
    let dir = parties();
    let path = dir.path().join("contract.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("min_cell = 50 ", "min_cell = 70 # agreed in May,");
    fs::write(&path, text).unwrap();
    says(dir.path(), 0, "contract sign contract.toml --dir p");
    says(dir.path(), 0, "contract sign contract.toml.signed --dir r");
    let new = "contract new --name next --dir p --supersedes contract.toml.signed --expires 2099-01-01T00:00:00Z";
    let (_, talk) = says(dir.path(), 0, &format!("{new} -o next.toml"));
    for change in ["the name: ", "the end: ", "the contract it names as its predecessor: none, now"]
    {
        assert!(talk.contains(change), "no {change} in {talk}");
    }
    assert!(!talk.contains("smallest cell") && !talk.contains("party \""), "{talk}");
    let next = fs::read_to_string(dir.path().join("next.toml")).unwrap();
    assert!(next.contains("min_cell = 70 # agreed in May,"), "{next}");
    let (_, talk) = says(dir.path(), 2, &format!("{new} --kind table -o drafted.toml"));
    assert!(talk.contains("give --party for each party, or leave --kind out"), "{talk}");
    // Another key of one party, a new party and another build.
    says(dir.path(), 0, "init --dir r2 --name retailer");
    says(dir.path(), 0, "init --dir t --name third");
    let other = "0".repeat(95) + "1";
    let new = format!(
        "{new} --party r2/party.toml --party t/party.toml --pcr 0={other} --pcr 1={other} --pcr 2={other} -o other.toml"
    );
    let (_, talk) = says(dir.path(), 0, &new);
    for change in ["party \"third\": new", "party \"retailer\", root key: ", "PCR0: "] {
        assert!(talk.contains(change), "no {change} in {talk}");
    }
    assert!(!talk.contains("party \"publisher\""), "{talk}");
    // Of the one that replaces another, again.
    for (party, from) in [("p", "next.toml"), ("r", "next.toml.signed")] {
        says(dir.path(), 0, &format!("contract sign {from} --dir {party}"));
    }
    let again = "contract new --name third --dir p --supersedes next.toml.signed -o third.toml";
    let (_, talk) = says(dir.path(), 0, again);
    assert_eq!(talk.matches("predecessor").count(), 1, "{talk}");
}

#[test]
fn a_contract_that_has_ended_is_not_signed() {
    let dir = parties();
    let text = fs::read_to_string(dir.path().join("contract.toml")).unwrap();
    let line = text.lines().find(|line| line.starts_with("expires = ")).unwrap();
    let over = text.replace(line, "expires = \"2020-01-01T00:00:00Z\"");
    fs::write(dir.path().join("contract.toml"), over).unwrap();
    let (_, talk) = says(dir.path(), 1, "contract sign contract.toml --dir p");
    assert!(talk.contains("ended at 2020-01-01T00:00:00"), "{talk}");
    assert!(!dir.path().join("contract.toml.signed").exists());
}

#[test]
fn a_stranger_cannot_sign() {
    let dir = parties();
    says(dir.path(), 0, "init --dir s --name publisher");
    let (_, talk) = says(dir.path(), 1, "contract sign contract.toml --dir s");
    assert!(talk.contains("no party"), "{talk}");
}

#[test]
fn signatures_of_another_text_are_not_taken_over() {
    let dir = parties();
    says(dir.path(), 0, "contract sign contract.toml --dir p");
    let path = dir.path().join("contract.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("min_cell = 50", "min_cell = 10")).unwrap();
    let (_, talk) = says(dir.path(), 1, "contract sign contract.toml --dir r");
    assert!(talk.contains("another text"), "{talk}");
    let (changes, _) = says(dir.path(), 1, "contract diff contract.toml.signed contract.toml");
    assert_eq!(changes.trim(), "the smallest cell shown: 50, now 10");
}

#[test]
fn shows_what_one_person_can_lose_through_each_dataset_and_all() {
    let dir = parties();
    let (page, _) = says(dir.path(), 0, "contract show contract.toml");
    for text in [
        "through \"exposures\": epsilon 20.00 at delta 1e-6",
        "through \"sales\": epsilon 20.00 at delta 1e-6",
        "through all of them: epsilon 31.31 at delta 1e-6",
        "its key is never granted",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
}

#[test]
fn shows_and_compares_what_each_analysis_lists() {
    let dir = parties();
    let (page, _) = says(dir.path(), 0, "contract show contract.toml");
    for text in [
        "\"lift\", for measurement: randomised lift",
        "    people and their arms: exposures\n",
        "    the arm: arm\n",
        "    what they did: sales\n",
        "    outcomes that may be compared: visit, conversion, spend\n",
        "    day that a window may go by: none\n",
        "Nothing is shown about an arm of fewer than 50 people",
        "Head counts of who was found and who was not in an arm that is shown",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
    let text = fs::read_to_string(dir.path().join("contract.toml")).unwrap();
    let fewer = text.replace("[\"visit\", \"conversion\", \"spend\"]", "[\"visit\"]");
    let table = "[[analysis]]\nname = \"groups\"\nkind = \"table\"\npurpose = \"measurement\"\n\
                 population = \"exposures\"\ngroup_by = [\"exposures.arm\"]\n\
                 analysts = [\"publisher\"]\nreceivers = [\"publisher\"]\n[[build]]";
    fs::write(dir.path().join("other.toml"), fewer.replace("[[build]]", table)).unwrap();
    let (changes, _) = says(dir.path(), 1, "contract diff contract.toml other.toml");
    // Whoever signs a new analysis reads what it allows, and to whom.
    let lines: Vec<_> = changes.trim().lines().collect();
    assert_eq!(lines.first(), Some(&"analysis \"groups\": new"), "{changes}");
    assert!(
        lines.contains(&"analysis \"groups\", groups may be made by: exposures.arm"),
        "{changes}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("analysis \"groups\", ") && line.ends_with(": publisher"))
    );
    let last =
        "analysis \"lift\", outcomes that may be compared: visit, conversion, spend, now visit";
    assert_eq!(lines.last(), Some(&last), "{changes}");
    let (page, _) = says(dir.path(), 0, "contract show other.toml");
    for text in [
        "    joined with: none\n",
        "    groups may be made by: exposures.arm\n",
        "    groups of one person: 1\n",
        "Nothing is shown about an arm or a group of fewer than 50 people",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
}

#[test]
fn refuses_a_contract_by_line_and_reason() {
    let dir = parties();
    let text = fs::read_to_string(dir.path().join("contract.toml")).unwrap();
    fs::write(dir.path().join("low.toml"), text.replace("min_cell = 50", "min_cell = 9")).unwrap();
    let (_, talk) = says(dir.path(), 1, "contract show low.toml");
    assert!(talk.contains("line 6: min_cell is 9, expected 10"), "{talk}");
}

#[test]
fn an_unsigned_contract_opens_no_room() {
    let dir = parties();
    let (_, talk) = says(dir.path(), 2, "verify https://127.0.0.1:1 --contract contract.toml");
    assert!(talk.contains("not signed yet"), "{talk}");
    says(dir.path(), 0, "contract sign contract.toml --dir p");
    let (_, talk) =
        says(dir.path(), 1, "verify https://127.0.0.1:1 --contract contract.toml.signed");
    assert!(talk.contains("not signed by retailer"), "{talk}");
    says(dir.path(), 0, "contract sign contract.toml --dir r");
    let (out, talk) =
        says(dir.path(), 2, "verify https://127.0.0.1:1 --contract contract.toml.signed");
    assert!(out.is_empty() && talk.contains("nobody listens"), "{out}{talk}");
}

#[test]
fn a_contract_that_has_ended_is_refused_anew_and_marked() {
    let dir = parties();
    let pcr = "ab".repeat(48);
    let pcrs = format!("--pcr 0={pcr} --pcr 1={pcr} --pcr 2={pcr}");
    let new = "contract new --name old --party p/party.toml --party r/party.toml -o old.toml";
    let (_, talk) = says(dir.path(), 2, &format!("{new} {pcrs} --expires 2020-01-01T00:00:00Z"));
    assert!(talk.contains("--expires 2020-01-01T00:00:00Z is past"), "{talk}");
    let (_, talk) = says(dir.path(), 2, new);
    assert!(talk.contains("name it with --pcr 0=HEX, or all of them with --pcrs FILE"), "{talk}");
    says(dir.path(), 0, &format!("{new} {pcrs} --expires 2090-01-01T00:00:00Z"));
    let text = fs::read_to_string(dir.path().join("old.toml")).unwrap();
    fs::write(dir.path().join("old.toml"), text.replace("2090-", "2020-")).unwrap();
    let (page, _) = says(dir.path(), 0, "contract show old.toml");
    assert!(page.contains("ends     2020-01-01 00:00:00 UTC  EXPIRED\n"), "{page}");
    let (page, _) = says(dir.path(), 0, "contract show contract.toml");
    assert!(!page.contains("EXPIRED"), "{page}");
}

#[test]
fn a_damaged_file_is_named() {
    let dir = parties();
    says(dir.path(), 0, "contract sign contract.toml --dir p");
    let path = dir.path().join("contract.toml.signed");
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(&path, bytes).unwrap();
    let damaged = "contract.toml.signed: neither TOML nor a whole signed contract";
    for line in ["contract show contract.toml.signed", "contract sign contract.toml.signed --dir r"]
    {
        let (_, talk) = says(dir.path(), 1, line);
        assert!(talk.contains(damaged), "{talk}");
    }
    let (_, talk) = says(dir.path(), 1, "contract sign contract.toml --dir r");
    assert!(talk.contains("contract.toml.signed: the bytes are not a signed message"), "{talk}");
}

#[test]
fn who_closes_the_pipe_has_read_enough() {
    let dir = parties();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_glovebox"));
    command.current_dir(dir.path()).args(["contract", "show", "contract.toml"]).stdout(writer);
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

const LIFT: &str = r#"
[lift.assignment]
test = ["mens"]
control = ["none"]
[[lift.outcome]]
name = "visit"
type = "binary"
[lift.privacy]
epsilon = 1
delta = 1e-6
"#;

#[test]
fn the_other_sides_party_toml_brings_a_party_and_nothing_else() {
    let dir = parties();
    let theirs = fs::read_to_string(dir.path().join("r/party.toml")).unwrap();
    let new = "contract new --name room --party p/party.toml --party theirs.toml --pcrs pcrs.json \
               --expires 2099-01-01T00:00:00Z -o other.toml";
    let pcr = "cd".repeat(48);
    let build = format!(
        "\n[[build]]\nname = \"fast\"\npcr0 = \"{pcr}\"\npcr1 = \"{pcr}\"\npcr2 = \"{pcr}\"\n"
    );
    for (more, why) in [
        (build.as_str(), "unknown field `build`"),
        ("\n[[analysis]]\nname = \"report\"\n", "unknown field `analysis`"),
        ("role = \"operator\"\n", "unknown field `role`"),
        ("min_cell = 10\n", "unknown field `min_cell`"),
        (theirs.as_str(), "it does not have exactly one [[party]]"),
        ("custody = \"http://x\\n\"\n", "cannot stand in a contract"),
    ] {
        fs::write(dir.path().join("theirs.toml"), format!("{theirs}{more}")).unwrap();
        let (_, talk) = says(dir.path(), 2, new);
        assert!(talk.contains(why), "{why} in {talk}");
        assert!(!dir.path().join("other.toml").exists(), "{more}");
    }
    // Not even their comments come along.
    fs::write(dir.path().join("theirs.toml"), format!("# as agreed, min_cell = 10\n{theirs}"))
        .unwrap();
    says(dir.path(), 0, new);
    let text = fs::read_to_string(dir.path().join("other.toml")).unwrap();
    assert!(text.contains(theirs.trim()) && !text.contains("as agreed"), "{text}");

    // A contract of two builds, whoever wrote it, does not say "only" of either.
    fs::write(dir.path().join("two.toml"), format!("{text}{build}")).unwrap();
    let (page, _) = says(dir.path(), 0, "contract show two.toml");
    assert!(page.contains("In one of these 2 builds"), "{page}");
    assert!(!page.contains("\" only:"), "{page}");
    let (page, _) = says(dir.path(), 0, "contract show contract.toml");
    assert!(page.contains("In the build \"first\" only:"), "{page}");
    assert!(!page.contains("as AWS's certificates name"), "{page}");
}

#[test]
fn the_regions_that_a_contract_permits_are_read_and_compared() {
    let dir = parties();
    let text = fs::read_to_string(dir.path().join("contract.toml")).unwrap();
    let regions = "purposes = [\"measurement\"]";
    let some = format!("regions = [\"eu-central-1\", \"eu-west-1\"]\n{regions}");
    let some = text.replacen(regions, &some, 1);
    assert_ne!(some, text);
    fs::write(dir.path().join("some.toml"), &some).unwrap();
    let (page, _) = says(dir.path(), 0, "contract show some.toml");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        page.contains("In eu-central-1 or eu-west-1 only, as AWS's certificates name"),
        "{page}"
    );
    let (fields, _) = says(dir.path(), 0, "contract show some.toml --json");
    assert!(fields.contains("\"regions\":[\"eu-central-1\",\"eu-west-1\"]"), "{fields}");

    let one = some.replacen(", \"eu-west-1\"", "", 1);
    fs::write(dir.path().join("one.toml"), one).unwrap();
    for (before, after, said) in [
        ("contract", "some", "the regions it may run in: new: eu-central-1 or eu-west-1"),
        ("one", "some", "the regions it may run in: eu-central-1, now eu-central-1 or eu-west-1"),
        ("some", "contract", "the regions it may run in: gone (was: eu-central-1 or eu-west-1)"),
    ] {
        let words = format!("contract diff {before}.toml {after}.toml");
        let (page, _) = says(dir.path(), 1, &words);
        assert!(page.contains(said), "{words}: {page}");
    }
}

#[test]
fn how_old_a_list_of_opt_outs_may_be_is_read_and_compared() {
    let dir = parties();
    let text = fs::read_to_string(dir.path().join("contract.toml")).unwrap();
    let some = text.replacen("[[dataset]]", "[[dataset]]\nopt_outs_within_days = 30", 1);
    assert_ne!(some, text);
    fs::write(dir.path().join("some.toml"), &some).unwrap();
    let (page, _) = says(dir.path(), 0, "contract show some.toml");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("a list of who opted out, at most 30 days old"), "{page}");
    let (fields, _) = says(dir.path(), 0, "contract show some.toml --json");
    assert!(fields.contains("\"opt_outs_within_days\":30"), "{fields}");
    let other = some.replacen("= 30", "= 7", 1);
    fs::write(dir.path().join("other.toml"), other).unwrap();
    for (before, after, said) in [
        ("contract", "some", "its list of opt-outs: new: at most 30 days old"),
        ("some", "other", "its list of opt-outs: at most 30 days old, now at most 7 days old"),
    ] {
        let words = format!("contract diff {before}.toml {after}.toml");
        let (page, _) = says(dir.path(), 1, &words);
        assert!(page.contains(said), "{words}: {page}");
    }
}

#[test]
fn no_text_of_another_party_hides_or_moves_what_stands_beside_it() {
    let dir = parties();
    let text = fs::read_to_string(dir.path().join("contract.toml")).unwrap();
    for hidden in
        ["\u{202e}", "\u{2066}", "\u{200b}", "\u{2028}", "\u{feff}", "\u{ad}", "\u{e0041}"]
    {
        let number = format!("U+{:04X}", u32::from(hidden.chars().next().unwrap()));
        let spelt = format!("\\U{:08X}", u32::from(hidden.chars().next().unwrap()));
        for evil in [
            text.replacen("\"none\"", &format!("\"none{hidden}\""), 1),
            text.replacen("\"none\"", &format!("\"none{spelt}\""), 1),
            text.replacen("min_cell", &format!("# {hidden}\nmin_cell"), 1),
        ] {
            fs::write(dir.path().join("evil.toml"), &evil).unwrap();
            let (_, talk) = says(dir.path(), 1, "contract show evil.toml");
            assert!(talk.contains(&number) && !talk.contains(hidden), "{number}: {talk}");
            says(dir.path(), 1, "contract sign evil.toml --dir p");
        }
        let name = text.replacen("name = \"room\"", &format!("name = \"ro{spelt}om\""), 1);
        fs::write(dir.path().join("evil.toml"), &name).unwrap();
        let (_, talk) = says(dir.path(), 1, "contract show evil.toml");
        assert!(talk.contains("is not a name") && !talk.contains(hidden), "{talk}");
    }
    // A value that reads like the sentence it stands in is told from it by its quotes.
    let evil = text.replacen("\"none\"", "\"none; its key is never granted\"", 1);
    fs::write(dir.path().join("evil.toml"), evil).unwrap();
    let (page, _) = says(dir.path(), 0, "contract show evil.toml");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("\"none; its key is never granted\"; its key is granted"), "{page}");
}

#[test]
fn the_registers_of_a_build_are_taken_as_nitro_cli_prints_them() {
    let dir = parties();
    let pcr = "ab".repeat(48);
    let new = "contract new --name room --party p/party.toml --party r/party.toml --pcrs build.json \
               -o other.toml";
    let flat = format!("{{\"PCR0\": \"{pcr}\", \"PCR1\": \"{pcr}\", \"PCR2\": \"{pcr}\"}}");
    let printed = format!("{{\"Measurements\": {flat}}}");
    for json in [&flat, &printed] {
        fs::write(dir.path().join("build.json"), json).unwrap();
        says(dir.path(), 0, new);
        fs::remove_file(dir.path().join("other.toml")).unwrap();
    }
    fs::write(dir.path().join("build.json"), format!("[{printed}]")).unwrap();
    let (_, talk) = says(dir.path(), 2, new);
    assert!(talk.contains("an array of 1"), "{talk}");
}
