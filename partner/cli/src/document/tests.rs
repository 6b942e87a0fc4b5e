use super::*;
use crate::Cli;
use clap::{Command, CommandFactory};
use std::collections::BTreeSet;

/// The page that says what each command prints with `--json`.
const PAGE: &str = include_str!("../../../../protocol/spec/commands-v1.md");

/// The words of every command that does something.
fn leaves(command: &Command, words: &str, found: &mut BTreeSet<String>) {
    let below: Vec<_> =
        command.get_subcommands().filter(|below| below.get_name() != "help").collect();
    if below.is_empty() {
        found.insert(words.to_owned());
    }
    for command in below {
        leaves(command, format!("{words} {}", command.get_name()).trim_start(), found);
    }
}

#[test]
fn every_command_stands_on_the_page_of_documents() {
    let (mut found, mut cli) = (BTreeSet::new(), Cli::command());
    cli.build();
    leaves(&cli, "", &mut found);
    let headings = PAGE.lines().filter_map(|line| line.strip_prefix("### `"));
    let told: BTreeSet<_> = headings.map(|line| line.trim_end_matches('`').to_owned()).collect();
    assert_eq!(found, told);
}

#[test]
fn every_command_takes_json() {
    fn refuses(command: &Command) -> Vec<String> {
        let here = command.get_arguments().any(|argument| argument.get_id() == "json");
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        let below = below.flat_map(refuses);
        below.chain((!here).then(|| command.get_name().to_owned())).collect()
    }
    let mut cli = Cli::command();
    cli.build();
    assert_eq!(refuses(&cli), Vec::<String>::new());
}

#[test]
fn a_document_has_the_fields_of_the_page_and_one_line() {
    let document = Document { text: vec!["a\nb".to_owned()], ..Document::default() };
    let shown = document.shown(Some(0), None);
    for field in shown.as_object().unwrap().keys() {
        assert!(PAGE.contains(&format!("| `{field}` |")), "{field}");
    }
    assert!(PAGE.contains(FORMAT));
    assert_eq!(visible(&shown.to_string()).lines().count(), 1);
}
