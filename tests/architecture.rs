//! The rules of ARCHITECTURE.md, as tests.

mod imports;
mod sizes;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Which workspace crates each crate may name. A crate that is missing here fails the test.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("attestation-verifier", &[]),
    ("kms", &[]),
    ("learning", &[]),
    ("statistics", &[]),
    ("accounting", &[]),
    ("protocol", &["accounting", "attestation-verifier", "learning", "statistics"]),
    ("front", &["protocol"]),
    ("nsm", &["attestation-verifier"]),
    ("dataset", &["protocol"]),
    ("privacy", &["protocol"]),
    ("engine", &["privacy", "protocol"]),
    (
        "enclave",
        &[
            "attestation-verifier",
            "dataset",
            "engine",
            "front",
            "kms",
            "nsm",
            "privacy",
            "protocol",
        ],
    ),
    ("simulated", &["enclave", "nsm"]),
    ("init", &[]),
    ("eif-build", &["attestation-verifier"]),
    ("host", &["attestation-verifier", "front", "protocol"]),
    ("client", &["attestation-verifier", "protocol"]),
    ("custody", &["attestation-verifier", "client", "front", "protocol"]),
    ("sealing", &["client", "protocol"]),
    ("page", &["protocol"]),
    // What talks to a browser names nothing that holds a key or a ledger.
    ("ui", &["front", "page", "protocol"]),
    // The one crate that may name both sides: it is behind `glovebox try` and nothing else.
    (
        "rehearsal",
        &["attestation-verifier", "client", "enclave", "nsm", "privacy", "protocol", "sealing"],
    ),
    (
        "glovebox",
        &[
            "attestation-verifier",
            "client",
            "custody",
            "page",
            "protocol",
            "rehearsal",
            "sealing",
            "ui",
        ],
    ),
];

#[test]
fn every_dependency_points_inwards() {
    let workspace = metadata();
    let members: BTreeSet<&str> = workspace.packages.iter().map(|p| p.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in workspace.packages.iter().filter(|p| p.name != "tests") {
        let name = package.name.as_str();
        let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(n, _)| *n == name) else {
            wrong.push(format!("{name} is not in the table"));
            continue;
        };
        for dependency in &package.dependencies {
            let to = dependency.name.as_str();
            let ships = dependency.kind != DependencyKind::Development;
            if ships && members.contains(to) && !allowed.contains(&to) {
                wrong.push(format!("{name} -> {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "forbidden dependencies: {wrong:#?}");
}

/// The page says of each crate of others what it is for, and why that one.
#[test]
fn every_dependency_has_a_row_in_the_table() {
    let manifest = fs::read_to_string(tests::repository("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let all = manifest["workspace"]["dependencies"].as_table().unwrap();
    let others: Vec<&String> =
        all.iter().filter(|(_, from)| from.get("path").is_none()).map(|(name, _)| name).collect();
    assert!(others.len() > 50, "{others:?}");
    let page = fs::read_to_string(tests::repository("ARCHITECTURE.md")).unwrap();
    let section = page.split("\n## Dependencies\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let named: BTreeSet<&str> = rows
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let missing: Vec<_> = others.iter().filter(|name| !named.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md, \"Dependencies\", lacks {missing:?}");
}

#[test]
fn nothing_that_plans_queries_is_linked() {
    let planners: Vec<_> = metadata()
        .packages
        .into_iter()
        .map(|package| package.name)
        .filter(|name| {
            ["datafusion", "duckdb", "polars", "sqlparser"].iter().any(|it| name.starts_with(it))
        })
        .collect();
    assert!(planners.is_empty(), "{planners:?}");
}

#[test]
fn every_crate_keeps_the_workspace_lints_and_so_has_no_unsafe_code() {
    for package in metadata().packages {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has its own", package.name);
        let folder = package.manifest_path.parent().unwrap();
        for file in sources(folder.as_std_path()) {
            let text = fs::read_to_string(&file).unwrap();
            for word in ["allow", "expect"] {
                let opting_out = format!("{word}(unsafe_code");
                assert!(!text.contains(&opting_out), "{}", file.display());
            }
        }
    }
}

#[test]
fn the_zero_noise_sampler_and_the_simulated_module_stay_outside_the_enclave() {
    let workspace = metadata();
    let inside = ["dataset", "enclave", "engine", "nsm", "privacy", "simulated"];
    let enclave = workspace.packages.iter().find(|p| p.name == "enclave").unwrap();
    let nsm = enclave.dependencies.iter().find(|d| d.name == "nsm").unwrap();
    assert!(nsm.features.is_empty(), "the enclave turns on {:?} of nsm", nsm.features);
    let mut samplers = BTreeSet::new();
    for package in workspace.packages.iter().filter(|p| inside.contains(&p.name.as_str())) {
        let folder = package.manifest_path.parent().unwrap().join("src");
        for file in sources(folder.as_std_path()) {
            let text = fs::read_to_string(&file).unwrap();
            let lines = text.lines().filter(|line| line.contains(" Noise for "));
            samplers.extend(lines.map(|line| line.trim().to_owned()));
        }
    }
    let known = ["impl<N: Noise + ?Sized> Noise for &mut N {", "impl<R: Rng> Noise for Exact<R> {"];
    assert_eq!(samplers, known.map(str::to_owned).into());
}

#[test]
fn nothing_that_ships_puts_another_price_into_an_admitted_job() {
    let danger = tests::repository("protocol/src/asking/policy/danger.rs");
    let danger = fs::read_to_string(danger).unwrap();
    let doors = danger.lines().filter_map(|line| line.strip_prefix("pub fn "));
    let doors: Vec<_> = doors.filter_map(|rest| rest.split('(').next()).collect();
    assert_eq!(doors, ["with_proof", "with_name", "unchecked_tally", "admit_tally"]);
    for package in metadata().packages.iter().filter(|package| package.name != "tests") {
        let folder = package.manifest_path.parent().unwrap().join("src");
        for file in sources(folder.as_std_path()) {
            let is_test = file
                .strip_prefix(&folder)
                .unwrap()
                .components()
                .any(|part| part.as_os_str() == "tests");
            let text = fs::read_to_string(&file).unwrap();
            let named = doors.iter().any(|door| text.contains(&format!("{door}(")));
            let names = named
                && !file.ends_with("policy/danger.rs")
                // Behind a feature; see `no_door_for_tests_is_in_an_image`.
                && !file.ends_with("enclave/src/other_tally.rs");
            assert!(is_test || !names, "{}", file.display());
        }
    }
}

/// A feature of the enclave that only tests turn on stays out of its image: it is built alone, without features, and
/// `eif-build` searches it for the mark.
#[test]
fn no_door_for_tests_is_in_an_image() {
    let all = metadata();
    let enclave = all.packages.iter().find(|package| package.name == "enclave").unwrap();
    assert_eq!(enclave.features.keys().collect::<Vec<_>>(), ["other-tally"]);
    for package in all.packages.iter().filter(|package| package.name != "tests") {
        for dependency in package.dependencies.iter().filter(|it| it.name == "enclave") {
            assert!(dependency.features.is_empty(), "{} opens the door", package.name);
        }
    }
    let source = tests::repository("enclave/src");
    let library = fs::read_to_string(source.join("lib.rs")).unwrap();
    assert!(library.contains("#[cfg(feature = \"other-tally\")]\nmod other_tally;"));
    let door = fs::read_to_string(source.join("other_tally.rs")).unwrap();
    let marked =
        eif_build::forbidden::MARKERS.iter().filter(|(mark, _)| door.contains(mark)).count();
    assert_eq!(marked, 1, "eif-build would not find it");
}

/// What a closing says is believed wherever a [`client::close::Closing`] is taken.
#[test]
fn nothing_that_ships_makes_a_closing_that_nobody_attested() {
    let close = fs::read_to_string(tests::repository("partner/client/src/close.rs")).unwrap();
    assert!(close.contains("fn simulated("), "the search would find what is there");
    for package in metadata().packages.iter().filter(|package| package.name != "tests") {
        let folder = package.manifest_path.parent().unwrap().join("src");
        for file in sources(folder.as_std_path()) {
            let text = fs::read_to_string(&file).unwrap();
            let is_fixture = file.ends_with("client/src/fixture.rs");
            assert!(is_fixture || !text.contains("Closing::simulated"), "{}", file.display());
        }
    }
}

/// A kind of question is one folder and one line: whoever draws, pays, opens or explains treats all kinds alike.
#[test]
fn nobody_outside_the_kinds_knows_which_there_are() {
    let kinds: Vec<&str> = protocol::analysis::KINDS.iter().map(|kind| kind.kind).collect();
    let pattern = |list: &str, kind: &str| format!("{list}::{}", camel(kind));
    assert_eq!(pattern("Answer", "order_value"), "Answer::OrderValue");
    let patterns: Vec<String> = ["Answer", "Question"]
        .iter()
        .flat_map(|list| kinds.iter().map(move |kind| pattern(list, kind)))
        .collect();
    let named = |text: &str| patterns.iter().any(|pattern| text.contains(pattern.as_str()));
    assert!(named("match it { Answer::Lift(_) => 1 }"), "{patterns:?}");
    let mut searched = 0;
    let mut wrong = Vec::new();
    for package in metadata().packages.iter().filter(|package| package.name != "tests") {
        let folder = package.manifest_path.parent().unwrap().join("src");
        for file in sources(folder.as_std_path()) {
            let inside = file.strip_prefix(&folder).unwrap();
            let of_kinds = package.name == "protocol" && inside.starts_with("analysis");
            let test = inside.components().any(|part| {
                let part = part.as_os_str();
                part == "tests" || part == "tests.rs" || part == "golden"
            });
            searched += 1;
            let text = fs::read_to_string(&file).unwrap();
            // Unit tests stand last in a file.
            let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            if !of_kinds && !test && named(shipped) {
                wrong.push(file.display().to_string());
            }
        }
    }
    assert!(searched > 300, "only {searched} files");
    assert!(wrong.is_empty(), "these know the kinds: {wrong:#?}");
}

/// `order_value` as a type has it: `OrderValue`.
fn camel(snake: &str) -> String {
    let words = snake.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_uppercase())
    });
    words.collect()
}

/// Who asks what can be asked begins at README.md.
#[test]
fn the_readme_lists_the_page_of_every_kind() {
    let readme = fs::read_to_string(tests::repository("README.md")).unwrap();
    for kind in protocol::analysis::KINDS {
        let page = format!("protocol/src/analysis/{}/README.md", kind.kind);
        assert!(readme.contains(&format!("]({page})")), "README.md does not link {page}");
        assert!(tests::repository(&page).exists(), "{page}");
    }
}

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().unwrap()
}

/// Two files that import each other are one file in two halves: what both need wants a file of its own.
#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let circles = crates().into_iter().flat_map(|src| {
        let circles = imports::Crate::read(&src).circles();
        circles.into_iter().map(move |circle| format!("{}: {}", src.display(), circle.join(", ")))
    });
    let circles: Vec<_> = circles.collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// A stranger finds the home of a rule if folders stand in an order. Of the protocol's, two pairs do not: a contract lists
/// analyses and what each may use, and an analysis reads the contract; a kind says its answer and its page, and a result
/// holds the answer of any kind.
#[test]
fn no_more_folders_of_the_protocol_import_each_other_both_ways() {
    let src = tests::repository("protocol/src");
    let pairs = imports::Crate::read(&src).pairs_of_folders();
    let named: Vec<_> =
        pairs.iter().map(|(one, other, _)| (one.as_str(), other.as_str())).collect();
    assert_eq!(named, [("analysis", "answers"), ("analysis", "contract")], "{pairs:#?}");
}

/// The source folder of every crate that ships.
fn crates() -> Vec<PathBuf> {
    let packages = metadata().packages.into_iter().filter(|package| package.name != "tests");
    packages
        .map(|package| package.manifest_path.parent().unwrap().join("src").into_std_path_buf())
        .collect()
}

/// Every Rust file below `folder`, but for what other crates have below it.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.join("Cargo.toml").exists() && !path.ends_with("target") {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// `make test` builds the programs first. A feature that only tests ask for would have it compile every crate that the
/// feature reaches a second time; this package asks for it as well (`tests/Cargo.toml`).
#[test]
fn programs_and_tests_agree_on_the_features_of_every_crate() {
    let crates = |edges: &str| -> BTreeSet<String> {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--workspace", "--locked", "--features=attestation-verifier/cli"])
            .args(["--prefix=none", "--no-dedupe", "--format={p} {f}", "--edges", edges])
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        String::from_utf8(tree.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    let (programs, tests) = (crates("normal,build"), crates("normal,build,dev"));
    assert!(programs.len() > 200, "{programs:?}");
    let other: Vec<_> = programs.difference(&tests).collect();
    assert!(other.is_empty(), "with other features in tests: {other:#?}");
}

/// `make test` runs the test programs called `all`, and beside them those whose names its patterns fit.
#[test]
fn every_test_program_is_run_by_make_test() {
    let packages = metadata().packages;
    let targets = packages.iter().flat_map(|package| &package.targets);
    let is_run = |name: &str| match name.strip_prefix("al") {
        None => name != "a",
        Some(rest) => rest.starts_with('l'),
    };
    let missed: Vec<_> = targets
        .filter(|target| target.is_test() && !is_run(&target.name))
        .map(|target| &target.name)
        .collect();
    assert!(missed.is_empty(), "add a pattern to test-crates in the Makefile: {missed:?}");
}

/// Looking for examples takes as long as compiling; a crate that has none says so, and has none.
#[test]
fn a_crate_whose_examples_are_not_run_has_none() {
    let mut silent = 0;
    for package in metadata().packages {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        if !manifest.contains("doctest = false") {
            continue;
        }
        silent += 1;
        for file in sources(package.manifest_path.parent().unwrap().as_std_path()) {
            let text = fs::read_to_string(&file).unwrap();
            let mut lines = text.lines().map(str::trim_start);
            let example =
                lines.any(|line| line.starts_with("/// ```") || line.starts_with("//! ```"));
            assert!(!example, "{}", file.display());
        }
    }
    assert!(silent > 10, "{silent}");
}

/// What a notebook or a scheduler links is what a party needs to ask and to read.
#[test]
fn a_client_links_neither_a_database_nor_a_reader_of_tables() {
    let all = MetadataCommand::new().exec().unwrap();
    let graph = all.resolve.as_ref().unwrap();
    let client = all.packages.iter().find(|package| package.name == "client").unwrap();
    let mut open = vec![&client.id];
    let mut linked = BTreeSet::new();
    while let Some(id) = open.pop() {
        if linked.insert(id) {
            let node = graph.nodes.iter().find(|node| node.id == *id).unwrap();
            let ships = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            open.extend(ships.map(|dependency| &dependency.pkg));
        }
    }
    let names = all.packages.iter().filter(|package| linked.contains(&package.id));
    let names: BTreeSet<&str> = names.map(|package| package.name.as_str()).collect();
    assert!(names.contains("rustls"), "{names:?}");
    for heavy in ["rusqlite", "parquet", "arrow", "csv", "axum"] {
        assert!(!names.contains(heavy), "client links {heavy}");
    }
}
