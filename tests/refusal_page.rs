//! `protocol/spec/refusals.md`: every text with which something is declined, with its cause and what to do, from the
//! code that says it. `GLOVEBOX_BLESS=1` writes the page anew.

mod sources;

use protocol::{canonical, message::Reply, refusal::Refusal};
use sources::{Declared, Said, composed};
use std::{collections::BTreeSet, fmt::Write as _, fs};

/// Who meets the texts of which crates, and what this page says of them first.
const SECTIONS: [(&str, &str, &[&str]); 3] = [
    (
        "What `glovebox` says at home",
        "Nobody else hears these. A command ends with 1 if the answer is no, and with 2 if the question could not be \
         answered.",
        &[
            "partner/cli",
            "partner/client",
            "partner/custody",
            "partner/sealing",
            "partner/try",
            "partner/page",
            "partner/ui",
            "protocol",
            "protocol/accounting",
        ],
    ),
    (
        "What `attestation-verifier` and `eif-build` say",
        "To whoever checks a document or a receipt, or builds and compares images.",
        &["attestation-verifier", "eif-build"],
    ),
    (
        "What `glovebox-host` and an enclave's console say",
        "To the operator. No text has data of a party in it.",
        &["host", "front", "enclave", "enclave/init", "enclave/simulated", "enclave/nsm"],
    ),
];

/// Crates whose errors end inside an enclave, where a party sees `internal`, or that have none.
const INSIDE: [&str; 7] = [
    "enclave/dataset",
    "enclave/engine",
    "enclave/privacy",
    "protocol/kms",
    "protocol/learning",
    "protocol/statistics",
    "tests",
];

#[test]
fn every_text_that_declines_has_a_cause_and_a_remedy_on_the_page() {
    let path = tests::repository("protocol/spec/refusals.md");
    let page = page();
    if std::env::var("GLOVEBOX_BLESS").is_ok_and(|bless| bless == "1") {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    let differs = found.lines().zip(page.lines()).find(|(found, made)| found != made);
    assert!(
        found == page,
        "refusals.md is not what the code says ({differs:?}); GLOVEBOX_BLESS=1 writes it"
    );
}

#[test]
fn no_crate_is_left_out_of_the_page() {
    let manifest = fs::read_to_string(tests::repository("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let members: BTreeSet<&str> = manifest["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|member| member.as_str())
        .collect();
    let listed = SECTIONS.iter().flat_map(|(_, _, crates)| crates.iter().copied()).chain(INSIDE);
    assert_eq!(listed.collect::<BTreeSet<_>>(), members);
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    refusals(&mut page);
    for (title, about, crates) in SECTIONS {
        write!(page, "\n# {title}\n\n{about}\n").unwrap();
        for folder in crates {
            for declared in
                sources::errors(folder).iter().filter(|declared| !is_of_refusals(declared))
            {
                group(&mut page, declared);
            }
        }
        for folder in crates {
            for (about, texts) in sources::commands(folder) {
                assert!(
                    !about.is_empty(),
                    "a file of {folder} does not say what it is about: {texts:?}"
                );
                write!(page, "\n## {about}\n\n").unwrap();
                for text in texts {
                    assert!(
                        sources::says_what_to_do(&text),
                        "{folder}: \"{text}\" does not say what to do"
                    );
                    writeln!(page, "- {}", quoted(&text)).unwrap();
                }
            }
        }
    }
    page
}

/// What an instance or a custody says, with the examples of the vectors.
fn refusals(page: &mut String) {
    let comments = sources::errors("protocol");
    let comments = comments.iter().find(|declared| declared.name == "Refusal").unwrap();
    let vectors =
        fs::read_to_string(tests::repository("tests/vectors/messages-v1/refusals.txt")).unwrap();
    let (mut last, mut kinds) = (String::new(), BTreeSet::new());
    for line in vectors.lines() {
        let (name, bytes) = line.split_once(' ').unwrap();
        let reply = canonical::from_slice(&hex::decode(bytes.trim()).unwrap()).unwrap();
        let Reply::Refused(refusal) = reply else { panic!("{name} is no refusal") };
        let kind = Refusal::kind(&refusal);
        if kind != last {
            let said = comments.said.iter().find(|said| snake(&said.name) == kind).unwrap();
            let remedy = said.remedy.as_ref().unwrap_or_else(|| panic!("{kind} says no remedy"));
            write!(
                page,
                "\n## `{kind}`\n\n{}\n\n**What to do.** {}\n\n",
                said.cause,
                capital(remedy)
            )
            .unwrap();
            last.clone_from(&kind);
            kinds.insert(kind);
        }
        match name.split_once('.') {
            Some((_, which)) => writeln!(page, "- `{which}`: {refusal}").unwrap(),
            None => writeln!(page, "> {refusal}").unwrap(),
        }
    }
    let all = comments.said.iter().map(|said| snake(&said.name));
    assert_eq!(kinds, all.collect::<BTreeSet<_>>(), "every kind has an example");
}

/// Whether the vectors of refusals show it.
fn is_of_refusals(declared: &Declared) -> bool {
    declared.file.starts_with("protocol/src/refusal")
}

fn group(page: &mut String, declared: &Declared) {
    let own: Vec<&Said> = declared.said.iter().filter(|said| said.text.is_some()).collect();
    if own.is_empty() {
        return;
    }
    let Declared { name, file, about, remedy, .. } = declared;
    assert!(!about.is_empty(), "{file}: {name} does not say what it is about");
    write!(page, "\n## {about}\n\n").unwrap();
    match remedy {
        Some(remedy) => write!(page, "**What to do.** {}\n\n", capital(remedy)).unwrap(),
        None => {
            let without = own.iter().find(|said| said.remedy.is_none());
            assert!(
                without.is_none(),
                "{file}: {name} has no paragraph \"Remedy: ..\", nor has each of its texts"
            );
        }
    }
    for said in own {
        let Said { text, cause, remedy, .. } = said;
        // To a party every cause is explained; what an operator or an auditor reads may be its own.
        let is_for_parties =
            SECTIONS[0].2.iter().any(|folder| file.starts_with(&format!("{folder}/src")));
        assert!(
            !cause.is_empty() || !is_for_parties,
            "{file}: {name}::{} does not say its cause",
            said.name
        );
        let text = text.as_deref().map_or_else(String::new, |text| match text {
            "" => "*(in words of its own)*".to_owned(),
            text => quoted(text),
        });
        let remedy =
            remedy.as_ref().map_or_else(String::new, |remedy| format!(" {}", capital(remedy)));
        // A type with one text has its cause for a heading.
        let why = if said.name == *name { String::new() } else { format!("{cause}{remedy}") };
        let line = if why.is_empty() { "" } else { "  \n  " };
        writeln!(page, "- {text}{line}{}", why.trim()).unwrap();
    }
}

/// As code, whatever is in it.
fn quoted(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", first.to_uppercase())
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[test]
fn texts_are_read_as_they_are_said() {
    let code = "/// Why not.\n///\n/// Remedy: try again.\n#[derive(Debug, thiserror::Error)]\n#[non_exhaustive]\npub enum No {\n    \
                /// It is late.\n    ///\n    /// Remedy: wait.\n    #[error(\n        \"found {found}, \\\n         \
                expected \\\"{}\\\" ({{}})\",\n        self.most\n    )]\n    Late {\n        /// When.\n        found: u8,\n    },\n    \
                /// Another.\n    #[error(\"{0}\")]\n    Other(Cause),\n    /// In words.\n    #[error(\"{}\", words(.0))]\n    Words(u8),\n}\n\n\
                /// No number.\n#[derive(thiserror::Error)]\n#[error(\"expected a number\")]\npub struct Bad;\n";
    let [no, bad] = <[Declared; 2]>::try_from(sources::declared("x.rs", code)).unwrap();
    assert_eq!(
        (no.name.as_str(), no.about.as_str(), no.remedy.as_deref()),
        ("No", "Why not", Some("try again."))
    );
    let texts: Vec<_> = no.said.iter().map(|said| said.text.as_deref()).collect();
    assert_eq!(texts, [Some("found {found}, expected \"..\" ({})"), None, Some("")]);
    assert_eq!(
        (no.said[0].cause.as_str(), no.said[0].remedy.as_deref()),
        ("It is late.", Some("wait."))
    );
    assert_eq!(bad.said[0].text.as_deref(), Some("expected a number"));
    let code = "fn f() -> Result<(), String> {\n    Err(format!(\n        \"{name}: found {}, \\\n         expected 1\",\n        2\n    ))\n}\n\
                fn g() { Failure::no(format!(\"{}: {why}\", path)) }\n";
    assert_eq!(composed(code), ["{name}: found .., expected 1"]);
}

const HEAD: &str = "# Refusals

Every text with which something is declined, its cause, and what to do; written from the code by
`GLOVEBOX_BLESS=1 cargo test --workspace --features attestation-verifier/cli --test all refusal_page::`. First what an
instance or a custody says to a party. Such a refusal is decided from what both sides know already (contract, request,
ledger, public sizes), never from a row, and costs nothing; names and numbers in it are examples. Then what programs say
to whoever runs them: `{name}` and `..` stand for what is found there, and a text that only passes on another is not
listed. What fails inside an enclave stays there: a party sees `internal`.

# What an instance or a custody says
";
