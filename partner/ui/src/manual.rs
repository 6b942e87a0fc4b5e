//! What the page of a kind says of each field of its job: the tables under "In the job", whose form a test holds.

use std::collections::BTreeMap;

/// The tables of one kind's job, by path, such as `lift.window`.
#[derive(Debug, Default)]
pub(crate) struct Manual<'m>(BTreeMap<&'m str, Table<'m>>);

#[derive(Debug)]
struct Table<'m> {
    /// What stands beside the path: `needed`, or how many.
    remark: &'m str,
    /// What people call the table; empty where nothing is said.
    label: &'m str,
    fields: BTreeMap<&'m str, Entry<'m>>,
}

/// What is said of one field.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry<'m> {
    /// What may stand there.
    pub(crate) value: &'m str,
    /// What it means to leave it out; empty where nothing is said.
    pub(crate) left_out: &'m str,
    /// What people call it; empty where nothing is said.
    pub(crate) label: &'m str,
    /// What they call the fields of a table that stands in one line: `first: first day, last: last day`.
    inner: &'m str,
}

impl<'m> Manual<'m> {
    pub(crate) fn parse(text: &'m str) -> Self {
        let mut tables: BTreeMap<&str, Table<'_>> = BTreeMap::new();
        let part = text.split("\n## ").find(|part| part.starts_with("In the job\n"));
        let mut path = None;
        let lines = part.unwrap_or_default().lines();
        for line in lines.filter(|line| !line.starts_with("|-")) {
            let Some(cells) = cells(line) else {
                path = None;
                continue;
            };
            let (Some(first), Some(value)) = (cells.first().copied(), cells.get(1).copied()) else {
                continue;
            };
            let left_out = cells.get(2).copied().unwrap_or_default();
            match path {
                None => {
                    let head = quoted(first).next().map(|head| head.trim_matches(['[', ']']));
                    let remark = first.rsplit('`').next().unwrap_or_default();
                    let (remark, label) = remark.split_once(": ").unwrap_or((remark, ""));
                    let remark = remark.trim_start_matches([',', ' ']);
                    path = head;
                    if let Some(head) = head {
                        tables.insert(head, Table { remark, label, fields: BTreeMap::new() });
                    }
                }
                Some(at) => {
                    let Some(table) = tables.get_mut(at) else { continue };
                    let is_shared = quoted(first).nth(1).is_some();
                    let (_, called) = first.rsplit_once("`: ").unwrap_or_default();
                    let (called, inner) = called.split_once(" (").unwrap_or((called, ""));
                    let inner = inner.trim_end_matches(')');
                    let none = std::iter::repeat(None);
                    let lefts = left_out.split(", ").map(Some).chain(none.clone());
                    let labels = called.split(", ").map(Some).chain(none);
                    // Several fields in one row have one thing in common, or one each.
                    for ((name, own), label) in quoted(first).zip(lefts).zip(labels) {
                        let left_out = if left_out.contains(", ") && is_shared {
                            own.unwrap_or(left_out)
                        } else {
                            left_out
                        };
                        let label = if is_shared { label.unwrap_or_default() } else { called };
                        table.fields.insert(name, Entry { value, left_out, label, inner });
                    }
                }
            }
        }
        Self(tables)
    }

    /// What is said of the field `name` of the table at `path`.
    pub(crate) fn field(&self, path: &str, name: &str) -> Entry<'m> {
        let table = self.0.get(path);
        table.and_then(|table| table.fields.get(name)).copied().unwrap_or_default()
    }

    /// What is said of the field `name` of the table at `path`; of a table that stands in one line, what is said of the table.
    pub(crate) fn of(&self, path: &str, name: &str) -> Entry<'m> {
        let own = self.field(path, name);
        match path.rsplit_once('.') {
            Some((above, table)) if own.value.is_empty() => {
                let Entry { value, inner, .. } = self.field(above, table);
                let mut labels = inner.split(", ").filter_map(|pair| pair.split_once(": "));
                let label = labels.find(|(of, _)| *of == name).map_or("", |(_, label)| label);
                Entry { value, left_out: "-", label, inner: "" }
            }
            _ => own,
        }
    }

    /// What people call the table at `path`; empty where nothing is said.
    pub(crate) fn title(&self, path: &str) -> &'m str {
        match (self.0.get(path), path.rsplit_once('.')) {
            (Some(table), _) => table.label,
            (None, Some((above, name))) => self.field(above, name).label,
            (None, None) => "",
        }
    }

    /// What is said of a whole table: in a heading of its own, or in the row of its field.
    pub(crate) fn is_needed(&self, path: &str) -> bool {
        match self.0.get(path) {
            Some(table) => ["needed", "1 to", "one to", "at least one"]
                .iter()
                .any(|word| table.remark.starts_with(word)),
            None => path
                .rsplit_once('.')
                .is_some_and(|(above, name)| self.field(above, name).left_out == "-"),
        }
    }
}

/// The cells of a row of a table; none of another line.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    Some(inner.split(" | ").map(str::trim).collect())
}

/// The words in backquotes.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::analysis;

    #[test]
    fn the_manual_of_a_lift_is_read() {
        let manual = Manual::parse(analysis::manual("lift").unwrap());
        assert_eq!(manual.field("lift", "confidence").left_out, "0.95");
        assert!(
            manual.field("lift.assignment", "control").value.contains("values of the arm column")
        );
        assert_eq!(manual.field("lift.privacy", "epsilon").left_out, "-");
        assert!(manual.is_needed("lift.assignment") && manual.is_needed("lift.outcome"));
        assert!(!manual.is_needed("lift.window") && !manual.is_needed("lift.cost"));
        assert_eq!(manual.title("lift.assignment"), "who is compared");
        assert_eq!(manual.field("lift.window", "end").label, "last day");
        assert_eq!(manual.of("lift.privacy.split", "sum_sq").label, "squares");
        assert_eq!(manual.title("lift.privacy.split"), "how epsilon is divided");
        // A table in one line has no heading of its own.
        let outcomes = Manual::parse(analysis::manual("outcomes").unwrap());
        assert!(outcomes.is_needed("outcomes.observed") && !outcomes.is_needed("outcomes.started"));
    }

    /// Each field of each kind has words, whichever kinds there are; and a label, but where every question says the same.
    #[test]
    fn every_field_of_every_kind_has_words_and_a_label() {
        use protocol::analysis::shape::{Field, Shape};
        fn check(manual: &Manual<'_>, path: &str, fields: &[Field]) {
            for Field { name, shape } in fields {
                let below = format!("{path}.{name}");
                let inner = match shape {
                    Shape::Table(fields) => Some(fields),
                    Shape::List(of) => match &**of {
                        Shape::Table(fields) => Some(fields),
                        _ => None,
                    },
                    _ => None,
                };
                match inner.filter(|_| manual.0.contains_key(below.as_str())) {
                    Some(fields) => {
                        assert!(!manual.title(&below).is_empty(), "{below} has no label");
                        check(manual, &below, fields);
                    }
                    None => {
                        let Entry { value, label, inner: labels, .. } = manual.field(path, name);
                        assert!(!value.is_empty(), "{below}");
                        let is_same = ["done anyway", "refused whatever"];
                        let is_same = is_same.iter().any(|words| value.contains(words));
                        assert!(is_same || !label.is_empty(), "{below} has no label");
                        let unnamed = inner.into_iter().flatten().find(|field| {
                            !labels
                                .split(", ")
                                .any(|of| of.starts_with(&format!("{}: ", field.name)))
                        });
                        assert!(is_same || unnamed.is_none(), "{below}: {unnamed:?} has no label");
                    }
                }
            }
        }
        for kind in analysis::KINDS {
            let manual = Manual::parse(analysis::manual(kind.kind).unwrap());
            let Some(Shape::Table(fields)) = analysis::shape(kind.kind) else {
                panic!("{}", kind.kind)
            };
            check(&manual, kind.kind, &fields);
        }
    }
}
