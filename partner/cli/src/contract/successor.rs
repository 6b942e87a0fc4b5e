//! The text of a contract that replaces another: the same, but for its head, parties and build.
//!
//! Only whole lines are changed, so that comments stay. Whoever writes the file is shown what the two
//! contracts say differently, which compares what was read and not how it was written.

use super::snippet::Snippet;
use crate::failure::Failure;
use attestation_verifier::Pcr;
use protocol::{digest::Digest, time::Time};
use std::collections::BTreeMap;

/// What a contract says otherwise than the one that it replaces.
pub(super) struct Successor<'a> {
    pub(super) name: &'a str,
    pub(super) expires: Time,
    pub(super) supersedes: Digest,
    /// Parties with other keys than before, and new ones. All others stay.
    pub(super) parties: &'a [Snippet],
    /// Registers of its build; none to keep the builds.
    pub(super) pcrs: &'a BTreeMap<u8, Pcr>,
    /// Digest of the manifest that the registers are from, if they are from one.
    pub(super) manifest: Option<Digest>,
}

impl Successor<'_> {
    /// The text, made from `before`.
    pub(super) fn text(&self, before: &str) -> Result<String, Failure> {
        let mut tables = tables(before);
        let head = tables.first_mut().ok_or_else(|| by_hand("it is empty"))?;
        set(head, "name", self.name).ok_or_else(|| by_hand("no line begins with name ="))?;
        let expires = self.expires.to_string();
        set(head, "expires", &expires).ok_or_else(|| by_hand("no line begins with expires ="))?;
        let supersedes = self.supersedes.to_string();
        if set(head, "supersedes", &supersedes).is_none() {
            let after = head.iter().position(|line| value_of(line, "expires").is_some());
            let line = format!("supersedes = \"{supersedes}\"");
            head.insert(after.map_or(head.len(), |at| at + 1), line);
        }
        for party in self.parties {
            put_party(&mut tables, party);
        }
        self.put_registers(&mut tables)?;
        Ok(tables.concat().join("\n") + "\n")
    }

    fn put_registers(&self, tables: &mut [Vec<String>]) -> Result<(), Failure> {
        if self.pcrs.is_empty() {
            return Ok(());
        }
        let mut builds = tables.iter_mut().filter(|table| is_of(table, "[[build]]"));
        let (Some(build), None) = (builds.next(), builds.next()) else {
            return Err(by_hand("it accepts several builds, and the registers are of one"));
        };
        for (index, pcr) in self.pcrs {
            let key = format!("pcr{index}");
            let none = || by_hand(&format!("its build has no line that begins with {key} ="));
            set(build, &key, &pcr.to_string()).ok_or_else(none)?;
        }
        let names_manifest = build.iter().any(|line| value_of(line, "manifest").is_some());
        match self.manifest {
            Some(digest) if names_manifest => drop(set(build, "manifest", &digest.to_string())),
            None if names_manifest => {
                return Err(Failure::unclear(
                    "the build of the contract that is replaced names its manifest: give the build-manifest.json of the new build with \
                     --pcrs, instead of its registers alone",
                ));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Replaces the table of the party of the same name, or adds one behind the last.
fn put_party(tables: &mut Vec<Vec<String>>, party: &Snippet) {
    let mut lines: Vec<String> = party.table().trim().lines().map(str::to_owned).collect();
    let is_party = |table: &Vec<String>| is_of(table, "[[party]]");
    let is_this = |table: &Vec<String>| {
        let mut names = table.iter().filter_map(|line| value_of(line, "name"));
        is_party(table) && names.next() == Some(&party.name)
    };
    if let Some(table) = tables.iter_mut().find(|table| is_this(table)) {
        let is_kept = |line: &&String| line.trim().is_empty() || line.trim().starts_with('#');
        lines.extend(table.iter().filter(is_kept).cloned());
        *table = lines;
    } else {
        let last = tables.iter().rposition(is_party).unwrap_or(0);
        lines.push(String::new());
        tables.insert((last + 1).min(tables.len()), lines);
    }
}

/// The lines before the first table, and then those of each table.
fn tables(text: &str) -> Vec<Vec<String>> {
    let mut tables = vec![Vec::new()];
    for line in text.lines() {
        if line.starts_with('[') {
            tables.push(Vec::new());
        }
        if let Some(table) = tables.last_mut() {
            table.push(line.to_owned());
        }
    }
    tables
}

fn is_of(table: &[String], header: &str) -> bool {
    table.first().is_some_and(|line| line.trim_end() == header)
}

/// Writes another value of `key`; `None` if no line has it.
fn set(lines: &mut [String], key: &str, value: &str) -> Option<()> {
    let line = lines.iter_mut().find(|line| value_of(line, key).is_some())?;
    let comment = line.split_once('"').and_then(|(_, rest)| rest.split_once('"'));
    let comment = comment.map(|(_, comment)| comment.to_owned()).unwrap_or_default();
    *line = format!("{key} = \"{value}\"{comment}");
    Some(())
}

/// The text that a line gives to `key`.
fn value_of<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let rest = line.strip_prefix(key)?.trim_start().strip_prefix('=')?.trim_start();
    Some(rest.strip_prefix('"')?.split_once('"')?.0)
}

fn by_hand(why: &str) -> Failure {
    Failure::unclear(format!(
        "the contract that is replaced cannot be taken over: {why}; copy its text, set name, expires and supersedes \
         by hand, and compare both with `glovebox contract diff`"
    ))
}
