//! `protocol/spec/refusals.md`: every refusal with its cause and its remedy, from the code that says it.

use super::{Folder, refusals};
use crate::refusal::Refusal;
use std::{collections::BTreeMap, fmt::Write};

/// The comments of the enum, from its source: the first paragraph is the cause, and the one that begins with
/// "Remedy:" says what to do.
fn comments() -> BTreeMap<String, (String, String)> {
    let source = include_str!("../refusal.rs");
    let body = source.split_once("pub enum Refusal {").unwrap().1.split_once("\n}\n").unwrap().0;
    let (mut comments, mut cause, mut remedy, mut of_remedy) =
        (BTreeMap::new(), String::new(), String::new(), false);
    for line in body.lines() {
        if let Some(words) = line.strip_prefix("    /// ") {
            of_remedy |= words.starts_with("Remedy: ");
            let words = words.strip_prefix("Remedy: ").unwrap_or(words);
            let paragraph = if of_remedy { &mut remedy } else { &mut cause };
            let space = if paragraph.is_empty() { "" } else { " " };
            write!(paragraph, "{space}{words}").unwrap();
        }
        let variant = line.strip_prefix("    ").filter(|rest| rest.starts_with(char::is_uppercase));
        if let Some(variant) = variant {
            let name: String = variant.chars().take_while(|c| c.is_alphanumeric()).collect();
            assert!(!cause.is_empty() && !remedy.is_empty(), "{name} says no cause or no remedy");
            let both = (std::mem::take(&mut cause), std::mem::take(&mut remedy));
            comments.insert(snake(&name), both);
            of_remedy = false;
        }
    }
    comments
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

fn page(all: &[(String, Refusal)]) -> String {
    let comments = comments();
    let mut page = HEAD.to_owned();
    let mut last = String::new();
    for (name, refusal) in all {
        let kind = refusal.kind();
        if kind != last {
            let (cause, remedy) = &comments[&kind];
            let remedy = remedy.split_at(1);
            let remedy = format!("{}{}", remedy.0.to_uppercase(), remedy.1);
            write!(page, "\n## `{kind}`\n\n{cause}\n\n**What to do.** {remedy}\n\n").unwrap();
            last = kind;
        }
        match name.split_once('.') {
            Some((_, which)) => writeln!(page, "- `{which}`: {refusal}").unwrap(),
            None => writeln!(page, "> {refusal}").unwrap(),
        }
    }
    page
}

const HEAD: &str = "# Refusals\n\n\
    Everything that an instance or a custody says when it declines, written from the code by \
    `GLOVEBOX_BLESS=1 cargo test -p protocol golden`. A refusal is decided from what both sides know already \
    (contract, request, ledger, public sizes), never from a row, and costs nothing. Names and numbers are \
    examples. What `glovebox` says of a contract, a job, a table or a key at home is not on this page.\n";

#[test]
fn every_refusal_has_a_cause_and_a_remedy_on_the_page() {
    let all = refusals::all();
    let comments = comments();
    assert!(all.iter().all(|(_, refusal)| comments.contains_key(&refusal.kind())));
    Folder::open("../../protocol/spec").file("refusals.md", page(&all).as_bytes());
}
