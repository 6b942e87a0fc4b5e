//! What a document proves once every check has passed.

use std::collections::BTreeMap;

use crate::{
    Document, Expected, Pcr, Region, Root, Timestamp,
    check::{self, Check, Outcome},
    pcr::sha384,
};

/// A document that met every expectation, and is therefore believed.
///
/// There is no way to make one but [`Document::verify`] and [`Document::verify_archived`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a proof is worth something only where it is demanded"]
pub struct Believed {
    root: Root,
    region: Option<Region>,
    module_id: String,
    timestamp: Timestamp,
    pcrs: BTreeMap<u8, Pcr>,
    public_key: Option<Vec<u8>>,
    user_data: Option<Vec<u8>>,
    nonce: Option<Vec<u8>>,
    build: usize,
    warnings: Vec<Warning>,
    checks: Vec<Check>,
}

impl Believed {
    pub(crate) fn of(
        document: &Document<'_>,
        expected: &Expected,
        now: Option<Timestamp>,
        build: usize,
    ) -> Self {
        let fields = &document.fields;
        let mut checks =
            check::list(1, &check::TITLES, |number| outcome(number, document, expected, now));
        let region = document.chain.region();
        if !expected.regions.is_empty() {
            let how = |_| region_outcome(region, &expected.regions);
            checks.reserve_exact(1);
            checks.extend(check::list(check::REGION, &[check::REGION_TITLE], how));
        }
        if !expected.revocation_lists.is_empty() {
            let passed = |_| (Outcome::Passed, String::new());
            checks.reserve_exact(check::REVOCATION_TITLES.len());
            checks.extend(check::list(check::REVOCATION, &check::REVOCATION_TITLES, passed));
        }
        Self {
            root: expected.root.clone(),
            region,
            module_id: fields.module_id.to_owned(),
            timestamp: fields.timestamp,
            pcrs: fields.pcrs(),
            public_key: fields.public_key.map(<[u8]>::to_vec),
            user_data: fields.user_data.map(<[u8]>::to_vec),
            nonce: fields.nonce.map(<[u8]>::to_vec),
            build,
            warnings: warnings(document, expected, build),
            checks,
        }
    }

    /// The root of the certificate chain.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The region of AWS that all authorities below the root name, if they do. It is what AWS says of the instance's place, and
    /// under another root it is what whoever has that root's key says.
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// Identifier of the enclave: that of the EC2 instance, then `-enc`, and a number.
    pub fn module_id(&self) -> &str {
        &self.module_id
    }

    /// The time when the hypervisor signed.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The registers.
    pub fn pcrs(&self) -> &BTreeMap<u8, Pcr> {
        &self.pcrs
    }

    /// A key of the enclave, if it gave one. An empty key is different from none.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.public_key.as_deref()
    }

    /// Bytes that the enclave chose, if it gave any.
    pub fn user_data(&self) -> Option<&[u8]> {
        self.user_data.as_deref()
    }

    /// The nonce the enclave was asked to include, if any.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// Which of the expected builds the enclave is, counted from 0.
    pub fn build(&self) -> usize {
        self.build
    }

    /// What a careful reader should know even though the document is believed.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Every check and its outcome, for people.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}

worded! {
    /// A fact that does not disprove a document and should still be known.
    Warning {
        UntrustedRoot,
            "UNTRUSTED root: whoever has its key can make such documents without an enclave";
        Debug, "DEBUG mode: the operator sees everything in this enclave";
        ImageNotPinned, "pcr 0 was not named, or as zero, so the image as a whole is not pinned";
        InstanceIdMismatch,
            "pcr 4 is not the digest of the instance id in module_id, as it always has been";
    }
}

fn warnings(document: &Document<'_>, expected: &Expected, build: usize) -> Vec<Warning> {
    let image = expected.builds.get(build).and_then(|build| build.get(&0));
    let pins_image = image.is_some_and(|pcr| *pcr != Pcr::DEBUG);
    [
        (!expected.root.is_aws(), Warning::UntrustedRoot),
        (document.is_debug(), Warning::Debug),
        (!pins_image, Warning::ImageNotPinned),
        (!pcr4_agrees(document), Warning::InstanceIdMismatch),
    ]
    .into_iter()
    .filter_map(|(holds, warning)| holds.then_some(warning))
    .collect()
}

/// PCR4 extends zero by the instance id, so it is SHA-384 of 48 zero bytes and the id.
///
/// AWS documents that PCR4 depends on the id; how was found in 47 of 47 real documents.
fn pcr4_agrees(document: &Document<'_>) -> bool {
    let fields = &document.fields;
    let instance = fields.module_id.split_once("-enc").map_or("", |(instance, _)| instance);
    let agreed = sha384(&[Pcr::DEBUG.as_bytes(), instance.as_bytes()]);
    fields.pcr(4) == Some(Pcr::from(agreed))
}

/// What was found and what was permitted. A chain that names no region gets here only under another root than AWS's.
fn region_outcome(found: Option<Region>, permitted: &[Region]) -> (Outcome, String) {
    let permitted = permitted.iter().map(Region::as_str).collect::<Vec<_>>().join(", ");
    match found {
        Some(found) => (Outcome::Passed, format!("found {found}, permitted {permitted}")),
        None => (
            Outcome::NotAsked,
            format!(
                "no region is named under this root, which is not AWS's; permitted {permitted}"
            ),
        ),
    }
}

fn outcome(
    number: u8,
    document: &Document<'_>,
    expected: &Expected,
    now: Option<Timestamp>,
) -> (Outcome, String) {
    let not_asked = |words: &str| (Outcome::NotAsked, words.to_owned());
    let words = match (number, now) {
        (11, _) => expected.root.to_string(),
        (14, _) => format!("signed at {}", document.fields.timestamp),
        (17 | 18, None) => return not_asked("read as of its own time"),
        (17, Some(now)) => format!("now is {now}"),
        (18, Some(_)) => format!("at most {:?} is accepted", expected.max_age),
        (19, _) if expected.allow_debug => return not_asked("debug mode was allowed"),
        (20, _) if expected.builds.len() > 1 => {
            format!("one of {} acceptable builds", expected.builds.len())
        }
        (21, _) if expected.nonce.is_none() => return not_asked("no nonce was expected"),
        (22, _) if expected.user_data.is_none() => return not_asked("no user data were expected"),
        _ => String::new(),
    };
    (Outcome::Passed, words)
}
