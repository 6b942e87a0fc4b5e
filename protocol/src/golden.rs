//! Bytes that somebody may hold, in `tests/vectors`: made here from fixed keys, seeds and times,
//! compared with the files, read from the files, and written again.
//!
//! `GLOVEBOX_BLESS=1 cargo test -p protocol golden` writes the files anew; see CONTRIBUTING.md.

mod contract;
mod job;
mod kms;
mod messages;
mod opt_outs;
mod orders;
mod refusals;
mod released;
mod results;
mod room;
mod sealed;
mod storage;
mod stored_log;
mod tally;

use std::{
    collections::BTreeSet,
    fmt::{Display, Write},
    fs,
    path::PathBuf,
};

/// A function that names the kind of a value, and the names of all kinds: another kind of value does
/// not compile without a name, and a name without a vector fails.
macro_rules! kinds {
    ($all:ident, $name:ident: $type:ty { $($pattern:pat => $kind:literal),+ $(,)? }) => {
        const $all: &[&str] = &[$($kind),+];
        fn $name(value: &$type) -> &'static str {
            match value { $($pattern => $kind),+ }
        }
    };
}
use kinds;

/// Fails unless `found` has every kind of `all`.
#[track_caller]
fn covers(all: &[&str], found: impl IntoIterator<Item = &'static str>) {
    let found: BTreeSet<&str> = found.into_iter().collect();
    assert_eq!(found, all.iter().copied().collect(), "every kind has a vector");
}

/// One folder of vectors.
struct Folder {
    path: PathBuf,
    named: BTreeSet<String>,
}

impl Folder {
    fn open(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name);
        Self { path, named: BTreeSet::new() }
    }

    /// A file that a person wrote.
    #[track_caller]
    fn by_hand(&mut self, file: &str) -> String {
        self.named.insert(file.to_owned());
        fs::read_to_string(self.path.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    /// The bytes of a file, which must be `made`.
    #[track_caller]
    fn file(&mut self, file: &str, made: &[u8]) -> Vec<u8> {
        assert!(self.named.insert(file.to_owned()), "{file} is made twice");
        let path = self.path.join(file);
        if blessing() {
            fs::create_dir_all(&self.path).unwrap();
            fs::write(&path, made).unwrap();
        }
        let found = fs::read(&path).unwrap_or_else(|e| panic!("{file}: {e}; {HOW}"));
        let differs = found.iter().zip(made).position(|(a, b)| a != b);
        let at = differs.unwrap_or(found.len().min(made.len()));
        assert!(found == made, "{file} differs from byte {at} on; {HOW}");
        found
    }

    /// Short vectors in one file: a name and hex digits on each line.
    #[track_caller]
    fn list(&mut self, file: &str, made: &[(String, Vec<u8>)]) -> Vec<Vec<u8>> {
        let mut text = String::new();
        for (name, bytes) in made {
            writeln!(text, "{name} {}", hex::encode(bytes)).unwrap();
        }
        let found = String::from_utf8(self.file(file, text.as_bytes())).unwrap();
        found.lines().map(|line| hex::decode(line.split_once(' ').unwrap().1).unwrap()).collect()
    }

    /// Digests, each by what it is of.
    #[track_caller]
    fn digests<N: Display, D: Display>(&mut self, made: &[(N, D)]) {
        let mut text = String::new();
        for (name, digest) in made {
            writeln!(text, "{name} {digest}").unwrap();
        }
        self.file("digests.txt", text.as_bytes());
    }

    /// Fails if there is a file that nobody named, which blessing deletes.
    #[track_caller]
    fn finish(self) {
        for entry in fs::read_dir(&self.path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if self.named.contains(&name) {
                continue;
            }
            assert!(blessing(), "no test makes {name}; {HOW}");
            fs::remove_file(self.path.join(name)).unwrap();
        }
    }
}

fn blessing() -> bool {
    std::env::var_os("GLOVEBOX_BLESS").is_some_and(|value| value == "1")
}

const HOW: &str = "if bytes change on purpose: GLOVEBOX_BLESS=1 cargo test -p protocol golden, and \
                   name the change in CHANGELOG.md and in the page of protocol/spec";
