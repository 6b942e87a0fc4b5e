//! Dates, addresses and values that a contract holds as text, and what is said of those that it cannot hold.

use super::*;

#[test]
fn refuses_dates_and_addresses_that_are_none() {
    let error =
        parse(&edit("expires", "2027-12-31T00:00:00Z", "2027-02-30T00:00:00Z")).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Value { what: "expires", .. }), "{error}");
    assert_eq!(error.line, 3);
    let text = edit("custody", &custody(), "publisher.example");
    let flaw = Flaw::Range {
        what: "custody",
        found: "publisher.example".to_owned(),
        expected: CUSTODY_ADDRESS,
    };
    refused(&text, "custody", &flaw);
    let long = format!("http://{}", "a".repeat(200_000));
    let plain = "http://publisher.example:7501";
    for address in ["http://localhost@evil.example:7501", "http://a\\u001b", plain, &long] {
        let text = edit("custody", &custody(), address);
        let error = parse(&text).unwrap_err();
        assert!(matches!(error.flaw, Flaw::Range { what: "custody", .. }), "{error}");
        assert!(error.to_string().len() < 400, "{error}");
    }
}

#[test]
fn refuses_values_that_look_the_same() {
    for (first, second) in [
        ("gift card", "gift\\u00a0card"),
        ("gift card", "gift  card"),
        ("gift card", "gift\\u2003card"),
        ("gift card", "gift\\u3000 card"),
    ] {
        let text = edit("domain", "\"mens\", \"womens\"", &format!("\"{first}\", \"{second}\""));
        let error = parse(&text).unwrap_err();
        assert!(matches!(error.flaw, Flaw::Duplicate { .. }), "{error}");
        let shown = error.to_string();
        let spelt = second.replace("\\u00a0", "\\u{a0}").replace("\\u2003", "\\u{2003}");
        let spelt = spelt.replace("\\u3000", "\\u{3000}");
        let words = format!("\"{spelt}\" is already used or looks like \"{first}\"");
        assert!(shown.ends_with(&words), "{shown}");
    }
    for hidden in ["\\u200b", "\\u2060", "\\u00ad", "\\ufe0f", "\\u3164"] {
        let text = edit("domain", "\"womens\"", &format!("\"mens{hidden}\""));
        assert!(matches!(parse(&text).unwrap_err().flaw, Flaw::Hidden(_)), "{hidden}");
    }
    for (after, name) in [("name = \"sales\"", "\"sales\""), ("measures", "\"visit\"")] {
        for other in ["\\u00a0", " ", "\\u200b"] {
            let text = edit(after, name, &format!("{}{other}\"", name.trim_end_matches('"')));
            parse(&text).unwrap_err();
        }
    }
}

#[test]
fn what_is_not_there_is_said_in_a_sentence() {
    let text = edit("owner = \"publisher\"", "publisher", "press");
    let said = parse(&text).unwrap_err().to_string();
    assert!(said.contains("this contract has no party called \"press\": it has \""), "{said}");
    let what = "group or label column (written dataset.column)";
    let said =
        |name: &str| Flaw::Unknown { what: what.to_owned(), name: name.to_owned() }.to_string();
    assert!(said("matched").contains("every job may group by it"));
    assert!(
        said("shop")
            .contains("have no group or label column \"shop\": expected the dataset, a point")
    );
}
