//! An example of a contract for one kind of analysis, made from what the kind declares to read.

use super::Budget;
use crate::{
    analysis::uses::{Lists, Reading, Section, Use},
    contract::RoleKind,
};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The datasets and the `[[analysis]]` of an example for `section`, which people edit.
///
/// Datasets belong to the `parties` in turn; every party may ask, and read the answer. A contract needs a head, the
/// parties and a build besides.
#[must_use]
pub fn example(section: &'static Section, parties: &[&str], purpose: &str) -> String {
    let mut datasets: BTreeMap<&str, Vec<(String, RoleKind)>> = BTreeMap::new();
    let uses = section.uses.iter().filter(|used| used.lists == Lists::Dataset);
    let named: Vec<(&Use, &str)> =
        uses.flat_map(|used| names(used).iter().map(move |name| (used, *name))).collect();
    let mut keys = String::new();
    for used in section.uses {
        // Writing to a string cannot fail, here and below.
        let _ = match used.lists {
            Lists::Dataset if used.amount.is_list() => {
                writeln!(keys, "{} = {:?}", used.key, names(used))
            }
            Lists::Dataset => writeln!(keys, "{} = \"{0}\"", used.key),
            // One place for what it is credited to, and one for what is credited to nothing.
            Lists::CellsPerPerson if section.reads(Reading::Credit) => {
                writeln!(keys, "{} = 4", used.key)
            }
            Lists::CellsPerPerson => writeln!(keys, "{} = 1", used.key),
            Lists::Rules => writeln!(keys, "{} = [\"last\"]", used.key),
            Lists::WindowDays => writeln!(keys, "{} = 7", used.key),
            Lists::Columns { of, roles } => {
                let Some(role) = roles.first().copied() else { continue };
                let first = named.first().map(|(_, name)| *name);
                let last = named.last().map(|(_, name)| *name);
                // Groups are facts about people, and other columns say what people did.
                let home = if role == RoleKind::Group { first } else { last };
                let Some(dataset) = of.or(home) else { continue };
                let column = name(role);
                let columns = datasets.entry(dataset).or_default();
                if !columns.iter().any(|(other, _)| *other == column) {
                    columns.push((column.clone(), role));
                }
                let written = if of.is_some() { column } else { format!("{dataset}.{column}") };
                let [open, close] = if used.amount.is_list() { ["[", "]"] } else { ["", ""] };
                writeln!(keys, "{} = {open}\"{written}\"{close}", used.key)
            }
        };
    }
    let mut text = String::new();
    for ((used, name), owner) in named.iter().zip(parties.iter().cycle()) {
        let columns = datasets.remove(name).unwrap_or_default();
        text += &dataset(used, name, owner, &columns, purpose);
    }
    let _ = writeln!(
        text,
        "# What may be asked, by whom, and who may read the answer: {}.\n[[analysis]]\nname = \"{kind}\"\n\
         kind = \"{kind}\"\npurpose = \"{purpose}\"\n{keys}analysts = {parties:?}\nreceivers = {parties:?}\n",
        section.title,
        kind = section.kind,
    );
    text
}

/// Example names for the datasets of a use: its key, or for a list a first and a second name.
fn names(used: &'static Use) -> &'static [&'static str] {
    if used.amount.is_list() { &["first", "second"] } else { std::slice::from_ref(&used.key) }
}

fn dataset(
    used: &Use,
    name: &str,
    owner: &str,
    columns: &[(String, RoleKind)],
    purpose: &str,
) -> String {
    let title = used.title;
    let what = match used.amount.is_list() {
        true => format!("One of the {title}"),
        // What a dataset is joined with stands elsewhere.
        false if title.ends_with(" with") => format!("The {}", used.noun),
        false => format!("The {}: {title}", used.noun),
    };
    let mut text = format!(
        "# {what}.\n[[dataset]]\nname = \"{name}\"\nowner = \"{owner}\"\n\
         lineage = \"{name}\"          # the same people in all versions; the owner's ledger is kept by it\n\n\
         [[dataset.column]]\nname = \"email\"\nrole = \"match_key\"             # normalised and hashed before it \
         leaves; joins the datasets\nkind = \"email\"                 # or \"phone\", \"hashed\"\n\n"
    );
    for (column, role) in columns {
        let _ = writeln!(text, "[[dataset.column]]\nname = \"{column}\"\nrole = \"{role}\"");
        if *role == RoleKind::Group {
            text += "domain = [\"a\", \"b\"]            # every value there is; a public list\n";
        }
        if *role == RoleKind::Measure {
            text +=
                "scale = 2                      # decimals that a value may have, as in 12.34\n";
        }
        text.push('\n');
    }
    let budget = Budget {
        purpose,
        legal_basis: "consent",
        period: "month",
        epsilon: 4.0,
        lifetime_epsilon: 20.0,
    };
    // It is for groups whose values are private, which labels alone make.
    let is_label = columns.iter().any(|(_, role)| *role == RoleKind::Label);
    let selection = if is_label { "selection_delta = 1e-6\n" } else { "" };
    let _ = writeln!(text, "{budget}{selection}");
    text
}

/// An example name for a column of this role.
fn name(role: RoleKind) -> String {
    match role {
        RoleKind::Group => "segment".to_owned(),
        RoleKind::Measure => "spend".to_owned(),
        RoleKind::Date => "day".to_owned(),
        RoleKind::Label => "shop".to_owned(),
        other => format!("a_{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        analysis::sections,
        contract::{Contract, tests},
    };

    #[test]
    fn the_example_of_every_kind_parses_with_any_number_of_parties() {
        let sample = tests::sample();
        let (_, builds) = sample.split_once("[[build]]").unwrap();
        for section in sections() {
            for number in 1..=4 {
                let names = ["one", "two", "three", "four"].get(..number).unwrap();
                let text = tests::head() + &tests::parties(names);
                let text =
                    format!("{text}{}[[build]]{builds}", example(section, names, "measurement"));
                let contract = Contract::parse(text.as_bytes());
                let contract = contract.unwrap_or_else(|e| panic!("{}: {e}\n{text}", section.kind));
                let terms = &contract.analyses[section.kind];
                assert_eq!((terms.section(), terms.analysts.len()), (section, number));
                let listed = section.uses.iter().all(|used| terms.words(used) != "none");
                assert!(listed, "{}: something is not listed", section.kind);
                assert_eq!(contract.parties.len(), number);
                // Sections stand apart, and money has decimals.
                assert!(!text.contains("selection_delta = 1e-6\n#"), "{text}");
                let labels = text.matches("role = \"label\"").count();
                assert_eq!(text.matches("selection_delta").count(), labels, "{text}");
                let measures = text.matches("role = \"measure\"").count();
                assert_eq!(text.matches("scale = 2 ").count(), measures, "{text}");
                assert!(!text.contains(": datasets ") && !text.contains(" with.\n"), "{text}");
            }
        }
    }
}
