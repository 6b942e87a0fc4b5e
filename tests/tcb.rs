//! Every crate that is linked into the enclave, by name and version, in a file people review.

#![cfg(test)]

use std::{collections::BTreeSet, process::Command};

#[test]
fn the_enclave_links_what_tcb_txt_lists_and_nothing_else() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package=enclave", "--edges=normal", "--prefix=none"])
        .args(["--target=x86_64-unknown-linux-gnu", "--format={p}"])
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let linked: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(" (").next()).filter(|l| !l.is_empty()).collect();
    let listed: BTreeSet<&str> = include_str!("tcb.txt").lines().collect();
    let added: Vec<_> = linked.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&linked).collect();
    assert!(added.is_empty() && gone.is_empty(), "not in tcb.txt: {added:?}; stale: {gone:?}");
}
