//! Names and keys: which are refused, and what a refusal lists.

use super::*;

#[test]
fn refuses_two_things_of_one_name() {
    let text = edit("name = \"retailer\"", "retailer", "publisher");
    let error = parse(&text).unwrap_err();
    assert_eq!((error.line, error.flaw), (15, duplicate("publisher", "publisher")));
    let text = edit("\"sales\"", "sales", "exposures");
    assert_eq!(parse(&text).unwrap_err().flaw, duplicate("exposures", "exposures"));
    let text = edit("\"margin\"", "margin", "spend");
    assert_eq!(parse(&text).unwrap_err().flaw, duplicate("spend", "spend"));
    let text = edit("purposes", "[\"measurement\"]", "[\"measurement\", \"measurement\"]");
    refused(&text, "purposes", &duplicate("measurement", "measurement"));
    let text = edit("domain", "\"womens\"", "\"mens \"");
    refused(&text, "domain", &duplicate("mens", "mens"));
    let text = edit("measures", "\"spend\"", "\"visit\"");
    refused(&text, "measures", &duplicate("visit", "visit"));
    let text = edit("receivers", "\"retailer\"", "\"publisher\"");
    refused(&text, "receivers", &duplicate("publisher", "publisher"));
    let budget = "[[dataset.budget]]\npurpose = \"measurement\"\nlegal_basis = \"consent\"\nperiod = \"day\"\nepsilon = 1\ndelta = 1e-6\nlifetime_epsilon = 1\n\n[[dataset]]\nname = \"sales\"";
    let text = edit("[[dataset]]\nname = \"sales\"", "[[dataset]]\nname = \"sales\"", budget);
    assert_eq!(parse(&text).unwrap_err().flaw, duplicate("measurement", "measurement"));
    let build = sample().split_once("[[build]]").unwrap().1.to_owned();
    let text = format!("{}\n[[build]]{build}", sample());
    assert_eq!(parse(&text).unwrap_err().flaw, duplicate("build-1", "build-1"));
}

#[test]
fn refuses_names_that_a_person_could_confuse() {
    for (one, other) in [
        ("acme", "ac-me"),
        ("acme", "acrne"),
        ("acme0", "acmeo"),
        ("al1y", "ally"),
        ("alice", "allce"),
        ("west", "vvest"),
        ("shop5", "shops"),
    ] {
        let text = sample().replace("\"publisher\"", &format!("\"{one}\""));
        let text = text.replace("\"retailer\"", &format!("\"{other}\""));
        refused(&text, &format!("name = \"{other}\""), &duplicate(one, other));
    }
    let text = edit("\"margin\"", "margin", "spen_d");
    refused(&text, "spen_d", &duplicate("spend", "spen_d"));
}

#[test]
fn refuses_names_outside_plain_ascii() {
    // The second begins with a Cyrillic letter; the last is one character too long.
    let long = "a".repeat(33);
    for name in
        ["Retailer", "\u{440}etailer", "", "-retailer", "1retailer", "re tailer", "r\u{e9}", &long]
    {
        let text = edit("name = \"retailer\"", "\"retailer\"", &format!("\"{name}\""));
        refused(&text, &format!("name = \"{name}\""), &Flaw::Name(name.to_owned()));
    }
    parse(&sample().replace("\"retailer\"", &format!("\"{}\"", "a".repeat(32)))).unwrap();
}

#[test]
fn refuses_two_parties_with_one_key() {
    let shared = Flaw::SharedKey("publisher".to_owned());
    for (mine, theirs) in [
        (signing_key(1).public().to_string(), signing_key(2).public().to_string()),
        (recipient_key(1), recipient_key(2)),
    ] {
        let text = sample().replace(&theirs, &mine);
        let error = parse(&text).unwrap_err();
        let second = text.lines().enumerate().filter(|(_, line)| line.contains(&mine)).nth(1);
        assert_eq!((error.line, error.flaw), (second.unwrap().0 + 1, shared.clone()));
    }
}

#[test]
fn refuses_keys_that_are_none() {
    let text = edit("root_key", &signing_key(1).public().to_string(), "AAAA");
    let reason = "expected an Ed25519 key of 32 bytes in base64".to_owned();
    refused(&text, "\"AAAA\"", &Flaw::Value { what: "root_key", reason });
    let text = edit("recipient_key", &recipient_key(1), "AAAA");
    let error = parse(&text).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Value { what: "recipient_key", .. }), "{error}");
}

#[test]
fn refuses_names_that_nothing_has() {
    let parties = ["publisher", "retailer"];
    let flaw = no_such("party", "broker", &parties);
    assert_eq!(
        flaw.to_string(),
        "this contract has no party called \"broker\": it has \"publisher\", \"retailer\""
    );
    refused(&edit("owner", "publisher", "broker"), "broker", &flaw);
    for (field, from, what) in [
        ("assignment", "exposures", "dataset"),
        ("outcome", "sales", "dataset"),
        ("analysts", "retailer", "party"),
        ("receivers", "retailer", "party"),
        ("measures", "spend", "measure column"),
        ("date", "bought", "date column"),
    ] {
        let analysis = &sample()[sample().find("[[analysis]]").unwrap()..];
        let edited = analysis.replacen(
            analysis.lines().find(|line| line.starts_with(field)).unwrap(),
            &analysis.lines().find(|line| line.starts_with(field)).unwrap().replace(from, "nobody"),
            1,
        );
        let flaw = match what {
            "dataset" => no_such(what, "nobody", &["exposures", "sales"]),
            "party" => no_such(what, "nobody", &parties),
            _ => unknown(what, "nobody"),
        };
        refused(&sample().replace(analysis, &edited), "nobody", &flaw);
    }
    // A column that is there, in another role or in the other dataset.
    refused(
        &edit("arm = ", "\"arm\"", "\"email\""),
        "arm = \"email\"",
        &unknown("group column", "email"),
    );
    refused(
        &edit("date = ", "\"bought\"", "\"spend\""),
        "date = \"spend\"",
        &unknown("date column", "spend"),
    );
    refused(
        &edit("measures", "\"spend\"", "\"arm\""),
        "measures",
        &unknown("measure column", "arm"),
    );
    // A column that is there, written with its dataset where only one is meant.
    let alone = "write `bought` alone: it is a column of the outcome";
    refused_by_toml(&edit("date = ", "\"bought\"", "\"sales.bought\""), "date = \"sales", alone);
}

#[test]
fn refuses_a_column_with_a_name_of_the_format() {
    let text = edit("name = \"sales\"", "name = \"margin\"", "name = \"glovebox_row\"");
    let flaw = Flaw::Column {
        column: "glovebox_row".to_owned(),
        expected: "names that begin with \"glovebox_\" are the format's own",
    };
    let error = parse(&text).unwrap_err();
    assert_eq!(error.flaw, flaw);
}
