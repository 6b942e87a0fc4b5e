//! Whole pages, of results made by hand.

mod html;
mod json;
mod terminal;

use protocol::{
    analysis::Answer,
    digest::Digest,
    page::{Checked, DataVersion, Page, Provenance, Source},
    result::JobResult,
    sealed::Declared,
};

/// What people read about `result`.
fn page<A: Into<Answer>>(result: JobResult<A>) -> Page {
    result.map(Into::into).page(&provenance())
}

fn provenance() -> Provenance {
    Provenance {
        simulated: true,
        asked_by: "publisher".to_owned(),
        asker: None,
        output: Digest::of("sample", b"output"),
        source: Source::Receipt(checked()),
    }
}

fn checked() -> Checked {
    Checked {
        receipt: "cd".repeat(32),
        data: vec![DataVersion {
            dataset: "sales".to_owned(),
            owner: "retailer".to_owned(),
            version: 3,
            manifest: Digest::of("sample", b"manifest"),
            declared: Declared::of(1000),
            opt_outs: None,
        }],
        receivers: vec!["publisher".to_owned(), "retailer".to_owned()],
        root: "UNTRUSTED root 0011".to_owned(),
        registers: (0..3).map(|index| (index, "ab".repeat(48))).collect(),
        attested: "2026-11-23 12:00:00 UTC".to_owned(),
        contract_file: "contract.toml.signed".to_owned(),
        danger_root: Some("root.pem".to_owned()),
    }
}
