//! How many values of each column are good, empty or refused, and why.

use super::{BadRow, NAMED_ROWS, Reason, convert::Hints};
use serde::{Serialize, Serializer};
use std::fmt;

/// How many rows there were, and which were bad.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Count {
    /// Good rows: those that are sealed.
    pub rows: u64,
    /// Different people among them, by the first match key present; 0 if they were not counted, which is null in JSON.
    #[serde(serialize_with = "null_if_zero")]
    pub people: u64,
    /// The most rows of one of them.
    #[serde(skip_serializing_if = "is_zero")]
    pub most_rows: u64,
    /// Good rows that are left out, since their people have more than were declared for one.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut_rows: u64,
    /// How many people have fewer rows for it.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut_people: u64,
    /// Good rows that are left out, since other people have every match key of theirs, too.
    #[serde(skip_serializing_if = "is_zero")]
    pub keyless_rows: u64,
    /// The people of these rows.
    #[serde(skip_serializing_if = "is_zero")]
    pub keyless_people: u64,
    /// Bad rows.
    pub rejected: u64,
    /// Bad rows without any identifier.
    pub no_identifier: u64,
    /// Lines inside bad rows, beside the one that each begins on, that may be rows of their own behind a
    /// quote that was not closed.
    #[serde(skip_serializing_if = "is_zero")]
    pub swallowed_lines: u64,
    /// What is wrong with bad rows as a whole.
    pub refused_rows: Refusals,
    /// The sealed columns in the contract's order; in JSON each with its shares.
    #[serde(serialize_with = "with_shares")]
    pub columns: Vec<ColumnCount>,
    /// Whether the table is a file of rejected rows: they are all that is sealed.
    #[serde(skip)]
    pub only_rejects: bool,
    /// The first ten bad rows.
    #[serde(skip)]
    pub first: Vec<BadRow>,
}

impl Count {
    /// Adds what was counted of the rows behind these.
    pub(super) fn add(&mut self, behind: Self) {
        self.rows += behind.rows;
        self.rejected += behind.rejected;
        self.no_identifier += behind.no_identifier;
        self.swallowed_lines += behind.swallowed_lines;
        self.refused_rows.extend(behind.refused_rows);
        let room = NAMED_ROWS.saturating_sub(self.first.len());
        self.first.extend(behind.first.into_iter().take(room));
        for (column, behind) in self.columns.iter_mut().zip(behind.columns) {
            column.good += behind.good;
            column.empty += behind.empty;
            column.refused.extend(behind.refused);
            column.hints.extend(behind.hints);
            column.left_out += behind.left_out;
            column.yes = column.yes.zip(behind.yes).map(|(yes, more)| yes + more);
        }
    }

    /// What an unclosed quote may have swallowed, behind a number of bad rows; nothing if it did not.
    #[must_use]
    pub fn swallowed(&self) -> String {
        match self.swallowed_lines {
            0 => String::new(),
            lines => format!(
                ", and {} more {} in bad rows, perhaps behind a quote that was not closed (each counts as a row)",
                thousands(lines),
                plural(lines, "line lies", "lines lie"),
            ),
        }
    }
}

/// The values of one column, in all rows that have the header's number of fields.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ColumnCount {
    /// Column in the contract.
    pub column: String,
    /// Whether it is a match key.
    #[serde(skip)]
    pub is_key: bool,
    /// Values that can be sealed.
    pub good: u64,
    /// Empty fields, and words for none.
    pub empty: u64,
    /// Values that cannot be sealed, by reason.
    pub refused: Refusals,
    /// Options that would read refused values.
    #[serde(skip)]
    pub(crate) hints: Hints,
    /// Refused match keys of rows that another match key identifies: such a row is sealed without
    /// this one.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// Different match keys that several people have, and that are taken from all of them but the one who is known by it.
    #[serde(skip_serializing_if = "is_zero")]
    pub shared_keys: u64,
    /// How many people are without such a key for it.
    #[serde(skip_serializing_if = "is_zero")]
    pub shared_people: u64,
    /// People with several match keys of the kind, of which one is kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub several_people: u64,
    /// For a column of consent: how many of the good ones are yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yes: Option<u64>,
}

/// How often each reason was found, in the order of the first time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Refusals(Vec<(Reason, u64)>);

impl Refusals {
    /// Counts one more.
    pub(super) fn add(&mut self, reason: &Reason) {
        self.add_times(reason, 1);
    }

    fn extend(&mut self, behind: Self) {
        behind.0.iter().for_each(|(reason, times)| self.add_times(reason, *times));
    }

    fn add_times(&mut self, reason: &Reason, times: u64) {
        // Rows are one of a kind, however many fields they lack.
        let same = |known: &Reason| match (known, reason) {
            (Reason::Fields { .. }, Reason::Fields { .. }) => true,
            (known, reason) => known == reason,
        };
        match self.0.iter_mut().find(|(known, _)| same(known)) {
            Some((_, count)) => *count += times,
            None => self.0.push((reason.clone(), times)),
        }
    }

    /// How often nothing stood where a value must.
    fn empty(&self) -> u64 {
        let empty = self.0.iter().filter(|(reason, _)| *reason == Reason::Empty);
        empty.map(|(_, count)| count).sum()
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Each reason in words and how often it was found.
    pub fn iter(&self) -> impl Iterator<Item = (String, u64)> {
        self.0.iter().map(|(reason, count)| match reason {
            Reason::Fields { expected, .. } => {
                (format!("another number of fields than the header's {expected}"), *count)
            }
            reason => (reason.to_string(), *count),
        })
    }
}

impl Serialize for Refusals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Refused {
            reason: String,
            count: u64,
        }
        serializer.collect_seq(self.iter().map(|(reason, count)| Refused { reason, count }))
    }
}

impl ColumnCount {
    /// Fields in which something stands, good or not, and all fields. A value that must be there and is not counts as refused, and
    /// its field as empty.
    fn filled(&self) -> (u64, u64) {
        let all = self.good + self.refused.total() + self.empty;
        (all - self.empty - self.refused.empty(), all)
    }

    /// The option with which refused values would be read, and how many of them. Where several read as many, the owner knows which.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let (options, read, tried) = self.hints.best()?;
        let how_many = match (thousands(read), thousands(tried)) {
            (all, _) if read == tried && read == self.refused.total() => {
                format!("all {all} of them")
            }
            (all, _) if read == tried => format!("all {all} that were tried"),
            (some, all) => format!("{some} of {all} that were tried"),
        };
        let reads = plural(u64::try_from(options.len()).unwrap_or(u64::MAX), "reads", "each read");
        let which = if options.len() > 1 { ": which is meant, only you know" } else { "" };
        Some(format!("{} {reads} {how_many}{which}", options.join(" and ")))
    }

    /// For a column of consent: fields that say yes, and all that are good or empty.
    fn agree(&self) -> Option<(u64, u64)> {
        self.yes.map(|yes| (yes, self.good + self.empty))
    }

    /// Says what was cleaned away of a match key.
    fn cleaned(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shared_keys > 0 {
            let (keys, people) = (thousands(self.shared_keys), thousands(self.shared_people));
            let are = plural(
                self.shared_keys,
                "key is of several people, and is",
                "keys are each of several people, and are",
            );
            let from = plural(self.shared_people, "person", "people");
            write!(f, "\n  {keys:>10}  {are} taken from {people} {from}")?;
        }
        if self.several_people > 0 {
            let people = thousands(self.several_people);
            let have = plural(
                self.several_people,
                "person has several keys",
                "people have several keys each",
            );
            write!(f, "\n  {people:>10}  {have}, of which one is kept")?;
        }
        Ok(())
    }
}

/// The table of all columns, and under each why values were refused.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.columns.iter().map(|column| column.column.len()).max().unwrap_or_default();
        let width = width.max("column".len());
        write!(
            f,
            "{:width$}  {:>12}  {:>12}  {:>12}  {:>8}",
            "column", "good", "empty", "refused", "filled"
        )?;
        for column in &self.columns {
            let (good, empty) = (thousands(column.good), thousands(column.empty));
            let refused = thousands(column.refused.total());
            write!(f, "\n{:width$}  {good:>12}  {empty:>12}  {refused:>12}", column.column)?;
            write!(f, "  {:>8}", share(column.filled()))?;
            if let Some((yes, all)) = column.agree() {
                let (no, agree) = (thousands(column.good - yes), share((yes, all)));
                write!(
                    f,
                    "  (yes {}, no {no}, so {agree} agree; empty counts as no)",
                    thousands(yes)
                )?;
            }
            for (reason, count) in column.refused.iter() {
                write!(f, "\n  {:>10}  {reason}", thousands(count))?;
            }
            if let Some(hint) = column.hint() {
                write!(f, "\n  {:>10}  {hint}", "")?;
            }
            if column.left_out > 0 {
                let left_out = thousands(column.left_out);
                let sealed = plural(
                    column.left_out,
                    "of these, in a row that is sealed by another match key without this one",
                    "of these, in rows that are sealed by another match key without this one",
                );
                write!(f, "\n  {left_out:>10}  {sealed}")?;
            }
            column.cleaned(f)?;
        }
        if self.refused_rows.total() > 0 {
            write!(f, "\nwhole rows")?;
        }
        for (reason, count) in self.refused_rows.iter() {
            write!(f, "\n  {:>10}  {reason}", thousands(count))?;
        }
        if self.swallowed_lines > 0 {
            let more = plural(self.swallowed_lines, "more line lies", "more lines lie");
            let lines = thousands(self.swallowed_lines);
            write!(
                f,
                "\nlines\n  {lines:>10}  {more} inside bad rows, perhaps since a quote was not closed"
            )?;
        }
        Ok(())
    }
}

/// A share in percent, to one decimal, rounded down so that 100 % is all; a dash of nothing.
fn share(of: (u64, u64)) -> String {
    match thousandths(of) {
        Some(thousandths) => format!("{}.{} %", thousandths / 10, thousandths % 10),
        None => "-".to_owned(),
    }
}

/// A part of a whole in thousandths, rounded down; none of nothing.
fn thousandths((part, whole): (u64, u64)) -> Option<u64> {
    let share = (u128::from(part) * 1000).checked_div(u128::from(whole))?;
    u64::try_from(share).ok()
}

/// The columns with the shares that are shown: which are filled, and which agree.
fn with_shares<S: Serializer>(columns: &[ColumnCount], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct WithShares<'a> {
        #[serde(flatten)]
        column: &'a ColumnCount,
        /// In thousandths, rounded down; null of no row.
        filled_thousandths: Option<u64>,
        /// In thousandths, rounded down; of a column of consent alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        agree_thousandths: Option<u64>,
    }
    serializer.collect_seq(columns.iter().map(|column| WithShares {
        column,
        filled_thousandths: thousandths(column.filled()),
        agree_thousandths: column.agree().and_then(thousandths),
    }))
}

fn null_if_zero<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    (*number > 0).then_some(*number).serialize(serializer)
}

/// `number` with commas between thousands.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The word for one or for another number.
#[must_use]
pub fn plural(number: u64, one: &'static str, more: &'static str) -> &'static str {
    if number == 1 { one } else { more }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An amount that must be there, and is missing in 3 of 4 rows.
    #[test]
    fn what_is_missing_is_not_filled() {
        let mut column =
            ColumnCount { column: "amount".to_owned(), good: 1, ..ColumnCount::default() };
        column.refused.add_times(&Reason::Empty, 3);
        let agreed = ColumnCount {
            column: "agreed".to_owned(),
            good: 3,
            empty: 1,
            yes: Some(2),
            ..ColumnCount::default()
        };
        let count = Count { rows: 1, columns: vec![column, agreed], ..Count::default() };
        let shown = count.to_string();
        assert!(
            shown.lines().any(|line| line.starts_with("amount") && line.ends_with("25.0 %")),
            "{shown}"
        );
        let json = serde_json::to_value(&count).unwrap();
        assert_eq!(json["people"], serde_json::Value::Null);
        assert_eq!(json["columns"][0]["filled_thousandths"], 250);
        assert_eq!(json["columns"][0]["good"], 1);
        assert_eq!(json["columns"][1]["filled_thousandths"], 750);
        assert_eq!(json["columns"][1]["agree_thousandths"], 500);
        assert!(json["columns"][0].get("agree_thousandths").is_none());
    }
}
