//! What a release says of itself: one version everywhere, formats that stay as they are, and the build that it names.

use eif_build::manifest::Manifest;
use ring::digest::{SHA256, digest};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

/// What a page says of the newest version.
struct Release {
    version: String,
    is_out: bool,
    /// The section of the changelog.
    text: String,
}

impl Release {
    /// The first version of a changelog: `## 0.2.0 (unreleased)` or `## 0.2.0 (2027-01-31)`.
    fn newest(changelog: &str) -> Result<Self, String> {
        let (_, rest) = changelog.split_once("\n## ").ok_or("the changelog names no version")?;
        let text = rest.split("\n## ").next().unwrap_or(rest);
        let (heading, text) = text.split_once('\n').ok_or("the newest version says nothing")?;
        let (version, state) = heading
            .split_once(" (")
            .and_then(|(version, state)| Some((version, state.strip_suffix(')')?)))
            .ok_or_else(|| {
                format!("{heading:?} is not \"VERSION (unreleased)\" or \"VERSION (DATE)\"")
            })?;
        let is_day = state.len() == 10
            && state.split('-').map(str::len).eq([4, 2, 2])
            && state.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
        if state != "unreleased" && !is_day {
            return Err(format!("{state:?} is neither \"unreleased\" nor a day"));
        }
        Ok(Self { version: version.to_owned(), is_out: is_day, text: text.to_owned() })
    }

    /// What is wrong with it, given the manifest of its build in the repository, if there is one.
    fn flaws(&self, manifest: Option<&[u8]>) -> Vec<String> {
        let mut flaws = Vec::new();
        for section in ["### The build", "### Upgrading", "### Formats"] {
            if !self.text.contains(&format!("\n{section}\n")) {
                flaws.push(format!("there is no section {section:?}"));
            }
        }
        let rows = ["PCR0", "PCR1", "PCR2"].map(|name| {
            let row = self.text.lines().find_map(|line| line.strip_prefix(&format!("| {name} | ")));
            row.map(|row| row.trim_end_matches(" |").trim_matches('`').to_owned())
        });
        for (index, row) in rows.iter().enumerate() {
            match (row.as_deref(), self.is_out) {
                (None, _) => flaws.push(format!("no row says PCR{index}")),
                (Some("not built yet"), true) => {
                    flaws.push(format!("it is out, and PCR{index} is not built yet"));
                }
                (Some(found), false) if found != "not built yet" => {
                    flaws.push(format!("it is not out, and PCR{index} is {found}"));
                }
                _ => {}
            }
        }
        match (manifest.map(Manifest::parse), self.is_out) {
            (None, true) => flaws.push("it is out, and its build manifest is not there".to_owned()),
            (None, false) => {}
            (Some(_), false) => {
                flaws.push("it is not out, and its build manifest is there".to_owned())
            }
            (Some(Err(why)), true) => flaws.push(format!("its build manifest: {why}")),
            (Some(Ok(manifest)), true) => {
                if manifest.version != self.version {
                    flaws.push(format!("the manifest is of version {}", manifest.version));
                }
                if manifest.source_commit.len() != 40 {
                    flaws.push(format!("the manifest is of {:?}", manifest.source_commit));
                }
                for (index, row) in (0..).zip(&rows) {
                    let built = manifest.pcrs.get(&index).map(ToString::to_string);
                    if built != *row {
                        flaws.push(format!("PCR{index} is {row:?}, and {built:?} in the manifest"));
                    }
                }
            }
        }
        flaws
    }
}

#[test]
fn the_changelog_names_the_version_its_build_and_what_to_do() {
    let release = Release::newest(&read("CHANGELOG.md")).unwrap();
    assert_eq!(release.version, env!("CARGO_PKG_VERSION"));
    let path = tests::repository(&format!("eif-build/releases/{}.json", release.version));
    let manifest = fs::read(path).ok();
    assert_eq!(release.flaws(manifest.as_deref()), Vec::<String>::new());
}

#[test]
fn every_page_and_package_names_the_same_version() {
    let version = env!("CARGO_PKG_VERSION");
    let release = Release::newest(&read("CHANGELOG.md")).unwrap();
    let state = if release.is_out { "" } else { ", not released" };
    let readme = format!("**State:** version {version}{state}.");
    assert!(read("README.md").contains(&readme), "README.md does not say {readme:?}");
    let python = format!("__version__ = \"{version}\"");
    assert!(read("python/src/glovebox/_program.py").contains(&python), "{python}");
    for lock in
        ["Cargo.lock", "tests/fuzz/Cargo.lock", "attestation-verifier/peer-bench/Cargo.lock"]
    {
        let named = format!("name = \"attestation-verifier\"\nversion = \"{version}\"");
        assert!(read(lock).contains(&named), "{lock} is of another version");
    }
}

#[test]
fn refuses_a_release_whose_parts_do_not_agree() {
    let pcr = |byte: &str| byte.repeat(48);
    let text = |state: &str, pcr0: &str| {
        format!(
            "# Changelog\n\n## 0.2.0 ({state})\n\n### The build\n\n| PCR0 | {pcr0} |\n| PCR1 | `{}` |\n| PCR2 | `{}` |\n\n\
             ### Upgrading\n\n### Formats\n\n## 0.1.0 (unreleased)\n",
            pcr("02"),
            pcr("03")
        )
    };
    let out = text("2027-01-31", &format!("`{}`", pcr("01")));
    let manifest = |version: &str, commit: &str, pcr0: &str| {
        let mut manifest = made();
        manifest.version = version.to_owned();
        manifest.source_commit = commit.to_owned();
        let pcrs = [pcr0.to_owned(), pcr("02"), pcr("03")];
        manifest.pcrs = (0..).zip(pcrs.map(|pcr| pcr.parse().unwrap())).collect();
        manifest.to_bytes()
    };
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let right = manifest("0.2.0", commit, &pcr("01"));
    let flaws =
        |text: &str, manifest: Option<&[u8]>| Release::newest(text).unwrap().flaws(manifest);
    assert_eq!(flaws(&out, Some(&right)), Vec::<String>::new());
    for (manifest, said) in [
        (None, "its build manifest is not there"),
        (Some(manifest("0.2.1", commit, &pcr("01"))), "of version 0.2.1"),
        (Some(manifest("0.2.0", &format!("{commit} with changes"), &pcr("01"))), "with changes"),
        (Some(manifest("0.2.0", commit, &pcr("04"))), "PCR0 is"),
        (Some(b"{}".to_vec()), "its build manifest: "),
    ] {
        let found = flaws(&out, manifest.as_deref());
        assert!(found.len() == 1 && found[0].contains(said), "{said}: {found:?}");
    }
    let unfinished = flaws(&text("2027-01-31", "not built yet"), Some(&right));
    assert!(unfinished.iter().any(|flaw| flaw.contains("PCR0 is not built yet")), "{unfinished:?}");
    let early = flaws(&out.replace("2027-01-31", "unreleased"), Some(&right));
    assert!(early.iter().any(|flaw| flaw.contains("its build manifest is there")), "{early:?}");
    let without = flaws(&out.replace("### Upgrading", "### Odds"), Some(&right));
    assert_eq!(without, ["there is no section \"### Upgrading\""]);
    for heading in ["0.2.0", "0.2.0 (soon)", "0.2.0 (2027-1-31)"] {
        let text = out.replace("0.2.0 (2027-01-31)", heading);
        assert!(Release::newest(&text).is_err(), "{heading}");
    }
}

/// Every page of a format is on the list, and the list names no other.
#[test]
fn the_list_of_frozen_formats_is_that_of_the_pages() {
    let listed: BTreeSet<String> = formats().into_keys().collect();
    let mut pages = BTreeSet::new();
    for entry in fs::read_dir(tests::repository("protocol/spec")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let format = name.strip_suffix(".md").unwrap().to_owned();
        if format.rsplit_once("-v").is_some_and(|(_, number)| number.parse::<u32>().is_ok()) {
            let title = read(&format!("protocol/spec/{name}"));
            assert!(title.starts_with(&format!("# {format}: ")), "{name} has another title");
            pages.insert(format);
        }
    }
    assert_eq!(listed, pages);
}

#[test]
fn the_bytes_of_a_frozen_format_are_what_they_were() {
    let path = tests::repository("tests/vectors/frozen.txt");
    let mut found = String::new();
    for folder in formats().into_values().flatten().collect::<BTreeSet<_>>() {
        for (name, bytes) in files(&tests::repository(&format!("tests/vectors/{folder}"))) {
            let hash = hex::encode(digest(&SHA256, &bytes));
            found += &format!("{hash}  {folder}/{name}\n");
        }
    }
    let is_out = Release::newest(&read("CHANGELOG.md")).unwrap().is_out;
    if !is_out && env::var("GLOVEBOX_BLESS").is_ok_and(|bless| bless == "1") {
        fs::write(&path, &found).unwrap();
    }
    let frozen = fs::read_to_string(&path).unwrap();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let differing: Vec<_> = lines(&frozen).symmetric_difference(&lines(&found)).cloned().collect();
    assert!(
        differing.is_empty(),
        "a format that protocol/spec/FORMATS.md calls frozen has other bytes: {differing:?}. Before a release, \
         GLOVEBOX_BLESS=1 writes the list; after one, other bytes are another format"
    );
}

/// A manifest with something in every field.
fn made() -> Manifest {
    let file = eif_build::manifest::File::of(b"bytes");
    Manifest {
        command_line: "console=ttyS0".to_owned(),
        eif: file.clone(),
        eif_unsigned: file.clone(),
        format: eif_build::manifest::FORMAT.to_owned(),
        inputs: BTreeMap::from([("init".to_owned(), file)]),
        kernel: BTreeMap::new(),
        pcrs: BTreeMap::new(),
        source_commit: String::new(),
        toolchain: "rustc".to_owned(),
        version: String::new(),
    }
}

/// The folders of vectors by format, from the table of the page.
fn formats() -> BTreeMap<String, Vec<String>> {
    let page = read("protocol/spec/FORMATS.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ["));
    let formats = rows.map(|row| {
        let (name, rest) = row.split_once("](").unwrap();
        let cells: Vec<_> = rest.split(" | ").collect();
        let [link, _, vectors, since] = cells.as_slice() else { panic!("{row}") };
        assert_eq!(*link, format!("{name}.md)"));
        assert!(since.starts_with("0.2.0"), "{row}");
        let quoted = vectors.split('`').skip(1).step_by(2).map(str::to_owned);
        (name.to_owned(), quoted.collect())
    });
    formats.collect()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    named.collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(tests::repository(path)).unwrap()
}
