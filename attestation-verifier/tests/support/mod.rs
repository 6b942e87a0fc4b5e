//! The vectors, with what is expected of each.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use attestation_verifier::{Document, Expected, Pcr, Root, danger, explain::Claims};
use serde_json::Value;

pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) accepted: bool,
    pub(crate) root: Root,
    pub(crate) entry: Value,
}

impl Vector {
    /// The expectation that names what the manifest says, or, if it says nothing, what the
    /// document itself claims.
    pub(crate) fn expected(&self) -> Expected {
        let named = self.entry["pcrs"].as_object().map(|pcrs| {
            let pcrs = pcrs.iter();
            pcrs.map(|(index, value)| {
                (index.parse().unwrap(), value.as_str().unwrap().parse().unwrap())
            })
            .collect::<BTreeMap<u8, Pcr>>()
        });
        let claimed = || Document::parse(&self.bytes).map(|it| Claims::of(&it).pcrs.clone());
        let pcrs = named.or_else(|| claimed().ok()).unwrap_or_default();
        let expected = Expected::build(pcrs).root(self.root.clone());
        if self.is_debug() { expected.allow_debug() } else { expected }
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.accepted && self.entry["debug"] == true
    }

    pub(crate) fn is_real(&self) -> bool {
        self.accepted && self.entry["module_id"].is_string()
    }
}

pub(crate) fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/attestation-v1")
}

pub(crate) fn test_root() -> Root {
    danger::root_from_der(&std::fs::read(home().join("test-root.der")).unwrap()).unwrap()
}

pub(crate) fn vectors() -> Vec<Vector> {
    let manifest = std::fs::read(home().join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let vectors = manifest["vectors"].as_array().unwrap().iter().map(|entry| {
        let file = entry["file"].as_str().unwrap();
        Vector {
            name: file.rsplit('/').next().unwrap().to_owned(),
            bytes: std::fs::read(home().join(file)).unwrap(),
            accepted: file.starts_with("accept/"),
            root: if entry["root"] == "aws" { Root::AWS } else { test_root() },
            entry: entry.clone(),
        }
    });
    vectors.collect()
}

pub(crate) fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).unwrap()
}
