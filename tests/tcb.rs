//! Every crate that is linked into the enclave, by name and version, in a file people review.

use memchr::memmem;
use std::{collections::BTreeSet, fs, process::Command};

#[test]
fn the_enclave_links_what_tcb_txt_lists_and_nothing_else() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package=enclave", "--edges=normal", "--prefix=none"])
        .args(["--target=x86_64-unknown-linux-gnu", "--format={p}"])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let linked: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(" (").next()).filter(|l| !l.is_empty()).collect();
    let listed: BTreeSet<&str> = include_str!("tcb.txt").lines().collect();
    let added: Vec<_> = linked.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&linked).collect();
    assert!(added.is_empty() && gone.is_empty(), "not in tcb.txt: {added:?}; stale: {gone:?}");
}

/// Who weighs the enclave reads the number first.
#[test]
fn the_page_says_how_many_crates_the_enclave_links() {
    let listed = include_str!("tcb.txt").lines().count();
    let page = fs::read_to_string(tests::repository("ARCHITECTURE.md")).unwrap();
    for words in [
        format!("the enclave linked 283 crates and now links {listed}."),
        format!("| crates linked into the enclave (`tests/tcb.txt`) | 283 | {listed} |"),
    ] {
        assert!(page.contains(&words), "ARCHITECTURE.md does not say \"{words}\"");
    }
}

/// Words about answers are for who reads them: nobody inside calls them, so the linker leaves them out.
#[test]
fn no_words_about_answers_are_linked_into_the_enclave() {
    let has = |program: &str, words: &str| {
        let program = fs::read(tests::running::program(program)).unwrap();
        memmem::find(&program, words.as_bytes()).is_some()
    };
    for words in ["What this does not say", "statistically clear", "Nothing about any one person"] {
        assert!(has("glovebox", words), "the search would find \"{words}\"");
        assert!(!has("glovebox-enclave", words), "{words}");
    }
}

/// `eif-build` knows these programs by strings that must be in them: as the linker left them.
#[test]
fn programs_that_must_not_be_packed_have_their_marks_in_them() {
    for (name, what) in [
        ("glovebox-enclave-simulated", "the simulated module"),
        ("glovebox", "the simulated module"),
        ("glovebox", "the zero-noise sampler"),
    ] {
        let program = fs::read(tests::running::program(name)).unwrap();
        let marks = eif_build::forbidden::MARKERS.iter().filter(|(_, of)| *of == what);
        let found =
            marks.filter(|(mark, _)| memmem::find(&program, mark.as_bytes()).is_some()).count();
        assert!(found > 0, "{what} has no mark in {name}");
        eif_build::forbidden::check(&program).unwrap_err();
    }
    let enclave = fs::read(tests::running::program("glovebox-enclave")).unwrap();
    assert_eq!(eif_build::forbidden::check(&enclave), Ok(()));
}
