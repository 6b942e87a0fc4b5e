//! Values that occur nowhere else, and the search for them in every form they might take.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
    path::Path,
};

/// One row for each person: an address and five numbers.
pub(crate) struct Canaries {
    rows: u32,
}

/// A value to search for, and the forms that it might take.
struct Canary {
    name: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

/// A canary, the name of the form and the form.
type Needle<'a> = (&'a Canary, &'a str, &'a [u8]);

impl Canaries {
    pub(crate) fn plant(rows: u32) -> Self {
        Self { rows }
    }

    /// For the contract of [`tests::Parties`].
    pub(crate) fn exposures(&self) -> String {
        let arm = |row| if row % 2 == 0 { "test" } else { "control" };
        self.table("email,arm,history", |row, csv| {
            write!(csv, "{},{},{}.25", email(row), arm(row), number(0, row)).unwrap();
        })
    }

    pub(crate) fn sales(&self) -> String {
        self.table("email,bought,spend,note", |row, csv| {
            let [bought, spend, note] = [1, 2, 3].map(|column| number(column, row));
            // Another spelling of the same person.
            let email = email(row).to_uppercase();
            write!(csv, " {email},{bought},{spend}.99,{note}").unwrap();
        })
    }

    /// For the demo's contract.
    pub(crate) fn publisher(&self) -> String {
        let arm = |row: u32| if row.is_multiple_of(2) { "mens" } else { "none" };
        self.table("email,arm,history,recency", |row, csv| {
            let [history, recency] = [0, 3].map(|column| number(column, row));
            write!(csv, "{},{},{history}.25,{recency}", email(row), arm(row)).unwrap();
        })
    }

    pub(crate) fn retailer(&self) -> String {
        self.table("email,visit,conversion,spend", |row, csv| {
            let [visit, conversion, spend] = [1, 4, 2].map(|column| number(column, row));
            write!(csv, "{},{visit},{conversion},{spend}.99", email(row)).unwrap();
        })
    }

    fn table(&self, header: &str, mut line: impl FnMut(u32, &mut String)) -> String {
        let mut csv = format!("{header}\n");
        for row in 0..self.rows {
            line(row, &mut csv);
            csv.push('\n');
        }
        csv
    }

    fn all(&self) -> Vec<Canary> {
        let of_row = |row| {
            let numbers = (0..COLUMNS).map(move |column| Canary {
                name: format!("number {column} of row {row}"),
                forms: forms_of_number(number(column, row)),
            });
            let address = email(row);
            let key = digest(&SHA256, address.as_bytes());
            let upper = forms(address.to_uppercase().as_bytes());
            let forms = [forms(address.as_bytes()), upper, forms(key.as_ref())].concat();
            std::iter::once(Canary { name: format!("address of row {row}"), forms }).chain(numbers)
        };
        (0..self.rows).flat_map(of_row).collect()
    }

    /// The canaries that are somewhere in `hay`: which, in which form, where.
    pub(crate) fn found_in(&self, hay: &Haystack) -> BTreeMap<String, String> {
        let all = self.all();
        let mut starts: HashMap<[u8; START], Vec<Needle<'_>>> = HashMap::new();
        let mut likely = vec![false; 1 << 16];
        for canary in &all {
            for (form, bytes) in &canary.forms {
                let start = *bytes.first_chunk().unwrap();
                likely[usize::from(u16::from_le_bytes([start[0], start[1]]))] = true;
                starts.entry(start).or_default().push((canary, form, bytes));
            }
        }
        let mut found = BTreeMap::new();
        for (what, hay) in &hay.parts {
            for at in 0..hay.len().saturating_sub(START - 1) {
                if !likely[usize::from(u16::from_le_bytes([hay[at], hay[at + 1]]))] {
                    continue;
                }
                let rest = &hay[at..];
                for (canary, form, bytes) in starts.get(&rest[..START]).into_iter().flatten() {
                    if rest.starts_with(bytes) {
                        found.insert(canary.name.clone(), format!("as {form} in {what}"));
                    }
                }
            }
        }
        found
    }

    pub(crate) fn appear_nowhere_in(&self, hay: &Haystack) {
        let found = self.found_in(hay);
        let first: Vec<_> = found.iter().take(10).collect();
        assert!(found.is_empty(), "{} canaries got out: {first:#?}", found.len());
    }

    /// Plants each form of each canary among other bytes, and searches.
    pub(crate) fn are_each_found_in_every_form(&self) {
        let mut kinds = BTreeSet::new();
        for canary in self.all() {
            for (form, bytes) in &canary.forms {
                let mut hay = Haystack::default();
                hay.add("hay", [b"among others ", &bytes[..], b"."].concat());
                assert!(self.found_in(&hay).contains_key(&canary.name), "{} {form}", canary.name);
                kinds.insert(*form);
            }
        }
        assert_eq!(kinds.len(), 10, "{kinds:?}");
    }
}

/// What is searched, by what it is.
#[derive(Default)]
pub(crate) struct Haystack {
    parts: Vec<(String, Vec<u8>)>,
}

impl Haystack {
    pub(crate) fn add(&mut self, what: &str, bytes: Vec<u8>) {
        self.parts.push((what.to_owned(), bytes));
    }

    /// Every file below `folder`, with its name.
    pub(crate) fn folder(&mut self, what: &str, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            self.add(what, path.to_string_lossy().into_owned().into_bytes());
            if path.is_dir() {
                self.folder(what, &path);
            } else if path.is_file() {
                self.add(what, std::fs::read(&path).unwrap());
            }
        }
    }

    /// Bytes of everything called `what`.
    pub(crate) fn size(&self, what: &str) -> usize {
        self.parts.iter().filter(|part| part.0 == what).map(|part| part.1.len()).sum()
    }
}

/// Normalised already.
fn email(row: u32) -> String {
    format!("canary.{row:04}.zyxwvut@canary.example")
}

/// 17 digits, with two more after the point where the column has them: fits into 64 bits.
fn number(column: u32, row: u32) -> i64 {
    27_182_818_284_590_000 + i64::from(column) * 100_000_000 * 314_159 + i64::from(row)
}

/// A number as it is and as cents, in text and as the integers that files and messages hold.
fn forms_of_number(number: i64) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = forms(number.to_string().as_bytes());
    for unit in [number, number * 100 + 25, number * 100 + 99] {
        all.extend([
            ("a little-endian integer", unit.to_le_bytes().to_vec()),
            ("a big-endian integer", unit.to_be_bytes().to_vec()),
            ("a hexadecimal integer", format!("{unit:x}").into_bytes()),
            ("a hexadecimal integer", hex::encode(unit.to_le_bytes()).into_bytes()),
            ("a variable-length integer", varint(unit << 1)),
        ]);
    }
    all
}

/// Bytes as they are, in hex, and in base64 at each of the three offsets that they may have in it.
fn forms(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = vec![
        ("it is", bytes.to_vec()),
        ("hex", hex::encode(bytes).into_bytes()),
        ("HEX", hex::encode_upper(bytes).into_bytes()),
    ];
    for (shift, name) in [(0, "base64"), (1, "base64, 1 off"), (2, "base64, 2 off")] {
        let text = STANDARD.encode([&[0; 2][..shift], bytes].concat());
        // Characters that depend on what is before or after are left out.
        let (first, end) = ([0, 2, 3][shift], (shift + bytes.len()) * 8 / 6);
        let text = &text[first..end];
        all.push((name, text.as_bytes().to_vec()));
        if text.contains(['+', '/']) {
            all.push((name, text.replace('+', "-").replace('/', "_").into_bytes()));
        }
    }
    all
}

fn varint(value: i64) -> Vec<u8> {
    let (mut value, mut bytes) = (value.unsigned_abs(), Vec::new());
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

/// Every form is at least so long.
const START: usize = 8;
const COLUMNS: u32 = 5;
