//! A dataset's section of a contract, from the header of its table.

use crate::{document, failure::Failure, files, say};
use parquet::file::reader::{FileReader, SerializedFileReader};
use protocol::{
    contract::{draft::Budget, is_name},
    text::{self, in_shell, visible},
};
use std::{
    fmt::Write,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

/// Prints the section `dataset` of `owner` for the table in `path`.
///
/// Of the table only the names of its columns are read, so nothing of a row gets into the contract. A role is a guess by the name; what
/// is not recognised stays at home.
pub(super) fn print(
    path: &Path,
    dataset: Option<&str>,
    owner: Option<&str>,
) -> Result<(), Failure> {
    for (option, name) in [("--dataset", dataset), ("--owner", owner)] {
        if let Some(name) = name.filter(|name| !is_name(name)) {
            let name = text::quoted(name);
            return Err(Failure::unclear(format!("{option} {name}: expected {A_NAME}")));
        }
    }
    let names = names(path)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let dataset = dataset.map_or_else(|| contract_name(&stem), str::to_owned);
    let columns: Vec<_> = names.iter().map(|name| (name.as_str(), contract_name(name))).collect();
    let mut taken = std::collections::BTreeSet::new();
    if let Some((name, twice)) = columns.iter().find(|(_, column)| !taken.insert(column.clone())) {
        return Err(files::named(
            path,
            format!(
                "two columns would be called \"{twice}\", one of them {}: rename one in the table",
                text::quoted(name)
            ),
        ));
    }
    let section = section(&dataset, owner.unwrap_or("OWNER"), &columns);
    document::fields(&serde_json::json!({"dataset": dataset, "section": section}))?;
    say::result(section.trim_end())?;
    let mut maps = String::new();
    for (name, column) in columns.iter().filter(|(name, column)| name != column) {
        if text::hidden(name).is_some() {
            say::note(format_args!(
                "The column {} has a name that no command can say: call it \"{column}\" in the table.",
                text::quoted(name)
            ));
        } else {
            maps += &format!(" --map {}", in_shell(&format!("{name}={column}")));
        }
    }
    say::note(format_args!(
        "\nEvery role is a guess by the column's name: read each. Then look at the table, which needs no keys:\n  glovebox seal {} --check \
         --contract CONTRACT --dataset {dataset}{maps}",
        in_shell(&path.display().to_string())
    ));
    Ok(())
}

fn section(dataset: &str, owner: &str, columns: &[(&str, String)]) -> String {
    let mut text = format!(
        "[[dataset]]\nname = \"{dataset}\"\nowner = \"{owner}\"\nlineage = \"{dataset}\"          # the same people in all versions; the \
         owner's ledger is kept by it\n"
    );
    for (name, column) in columns {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[dataset.column]]\nname = \"{column}\"");
        if name != column {
            let _ = write!(text, "     # in the file: {}", visible(name));
        }
        let _ = write!(text, "\n{}", guess(column));
    }
    let budget = Budget {
        purpose: "measurement",
        legal_basis: "consent",
        period: "month",
        epsilon: 4.0,
        lifetime_epsilon: 20.0,
    };
    let _ = write!(text, "\n{budget}");
    text
}

/// The lines of a column that say its role.
fn guess(column: &str) -> &'static str {
    let found = GUESSES.iter().find(|(words, _)| words.iter().any(|word| column.contains(word)));
    found.map_or(
        "role = \"never\"               # not recognised: it stays with its owner\n",
        |(_, lines)| lines,
    )
}

/// The names of a table's columns: of CSV with a header, or of Parquet.
fn names(path: &Path) -> Result<Vec<String>, Failure> {
    let file = File::open(path).map_err(Failure::reading(path))?;
    let mut head = BufReader::new(file.take(MOST_HEADER));
    if head.fill_buf().map_err(Failure::reading(path))?.starts_with(PARQUET) {
        let unreadable = |why: parquet::errors::ParquetError| files::named(path, why);
        let file = File::open(path).map_err(Failure::reading(path))?;
        let reader = SerializedFileReader::new(file).map_err(unreadable)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        return Ok(schema.columns().iter().map(|column| column.name().to_owned()).collect());
    }
    let line = first_record(&mut head).map_err(Failure::reading(path))?;
    let line = String::from_utf8(line)
        .map_err(|_| files::named(path, "expected CSV of UTF-8 with a header, or Parquet"))?;
    let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
    let separator =
        [',', ';', '\t', '|'].into_iter().max_by_key(|sign| line.matches(*sign).count());
    let separator = separator.and_then(|sign| u8::try_from(sign).ok()).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(line.as_bytes());
    let record = reader.records().next().transpose().map_err(|why| files::named(path, why))?;
    let names: Vec<_> = record.iter().flatten().map(str::to_owned).collect();
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err(files::named(
            path,
            "its first line has a column without a name: expected a header",
        ));
    }
    if line.matches('"').count() % 2 == 1 && names.iter().any(|name| name.contains('\n')) {
        return Err(files::named(path, "a quote in its header is not closed"));
    }
    Ok(names)
}

/// The first record: the first line, and those behind it that an open quote takes along.
fn first_record(head: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut record = Vec::new();
    loop {
        let read = head.read_until(b'\n', &mut record)?;
        let quotes = record.iter().filter(|byte| **byte == b'"').count();
        if read == 0 || quotes.is_multiple_of(2) {
            return Ok(record);
        }
    }
}

/// A name that may stand in a contract: small letters, digits and underscores, a letter first.
fn contract_name(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_lowercase() || letter.is_ascii_digit() => letter,
        _ => '_',
    });
    let name: String = letters.collect();
    let parts: Vec<_> = name.split('_').filter(|part| !part.is_empty()).collect();
    let name = parts.join("_");
    let begins = name.starts_with(|letter: char| letter.is_ascii_lowercase());
    let name = if begins { name } else { format!("c_{name}") };
    let short: String = name.chars().take(MOST_NAME).collect();
    short.trim_end_matches('_').to_owned()
}

/// Roles by a part of the column's name. The first that fits counts.
const GUESSES: &[(&[&str], &str)] = &[
    (
        &["consent", "opt_in", "optin", "agree", "permission"],
        "role = \"consent\"             # whether the person agreed; empty counts as no\n",
    ),
    (
        &["sha256", "hashed", "uid2"],
        "role = \"match_key\"           # joins the datasets\nkind = \"hashed\"\n",
    ),
    (
        &["mail"],
        "role = \"match_key\"           # normalised and hashed before it leaves; joins the datasets\nkind = \"email\"\n",
    ),
    (
        &["phone", "mobile", "msisdn"],
        "role = \"match_key\"           # normalised and hashed before it leaves; joins the datasets\nkind = \"phone\"\n",
    ),
    (
        &["customer_id", "person_id", "member_id", "user_id", "account_id", "customer_number"],
        "role = \"person\"              # whose rows are one person's; it is not sealed\n",
    ),
    (&["date", "day", "time"], "role = \"date\"\n"),
    (
        &["amount", "price", "spend", "revenue", "value", "total", "cost"],
        "role = \"measure\"             # a number to add up\nscale = 2                      # its decimals\n",
    ),
    (
        &["count", "visit", "quantity", "conversion", "clicks", "units"],
        "role = \"measure\"             # a number to add up\nscale = 0                      # its decimals\n",
    ),
    (
        &[
            "arm", "group", "segment", "region", "country", "channel", "category", "campaign",
            "gender", "plan",
        ],
        "role = \"group\"\ndomain = []                    # write every value there is: the list is public\n",
    ),
];

/// What a name in a contract is.
const A_NAME: &str = "a name of small letters, digits, - and _, a letter first, at most 32";
/// The most characters of a name in a contract.
const MOST_NAME: usize = 32;
/// How Parquet files begin.
const PARQUET: &[u8] = b"PAR1";
/// Largest header that is read, in bytes.
const MOST_HEADER: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_gets_a_name_that_a_contract_takes() {
        for (name, expected) in [
            ("E-Mail", "e_mail"),
            ("Spend (USD)", "spend_usd"),
            ("2024", "c_2024"),
            ("\u{dc}mlaut", "mlaut"),
            ("a name that is longer than a contract takes", "a_name_that_is_longer_than_a_con"),
            ("\u{dc}", "c"),
        ] {
            assert!(is_name(expected));
            assert_eq!(contract_name(name), expected);
        }
    }

    /// Nothing of a row is in what an owner sends to the other side.
    #[test]
    fn a_section_is_made_from_the_header_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sales.csv");
        std::fs::write(&path, "\u{feff}E-Mail;Day;foo\nann@example.com;2026-01-01;secret\n")
            .unwrap();
        let names = names(&path).unwrap();
        assert_eq!(names, ["E-Mail", "Day", "foo"]);
        let columns: Vec<_> =
            names.iter().map(|name| (name.as_str(), contract_name(name))).collect();
        let section = section("sales", "shop", &columns);
        assert!(
            section.contains("kind = \"email\"") && section.contains("role = \"date\""),
            "{section}"
        );
        assert!(section.contains("name = \"foo\"\nrole = \"never\""), "{section}");
        assert!(!section.contains("ann@") && !section.contains("secret"), "{section}");
        let parsed: toml::Table = section.parse().unwrap();
        assert!(parsed.contains_key("dataset"));
        std::fs::write(
            &path,
            "\"E-Mail\n(private)\",\"a \"\"b\"\"\",day\nann@example.com,1,2026-01-01\n",
        )
        .unwrap();
        assert_eq!(super::names(&path).unwrap(), ["E-Mail\n(private)", "a \"b\"", "day"]);
        std::fs::write(&path, "a,\"b\nann@example.com,1\n").unwrap();
        assert!(super::names(&path).unwrap_err().to_string().contains("is not closed"));
        std::fs::write(&path, "a,,c\n").unwrap();
        assert!(super::names(&path).unwrap_err().to_string().contains("a column without a name"));
    }
}
