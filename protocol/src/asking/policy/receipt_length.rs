//! How long a receipt can become, which a verifier must still read.

use crate::{canonical, job::Job, limits, manifest::SignedManifest, proof::Proven};
use attestation_verifier::Document;

/// The largest length of the receipt of `job`, in bytes, from what is known before it is paid.
pub(super) fn longest<'m>(
    job: &Job,
    manifests: impl IntoIterator<Item = &'m SignedManifest>,
    proven: &Proven,
) -> usize {
    let manifests: usize =
        manifests.into_iter().map(|manifest| manifest.as_bytes().len() + HEAD).sum();
    let charge = canonical::to_vec(&proven.proof().cost).len() + CHARGE_WORDS;
    // A run's order stands in its receipt, with what is the run's own; a job has no order.
    let body = canonical::to_vec(job).len()
        + limits::ORDER.bytes
        + 2 * limits::ENVELOPE
        + manifests
        + canonical::to_vec(proven.tally()).len()
        + canonical::to_vec(proven.proof()).len()
        + charge.saturating_mul(proven.tally().datasets().count());
    body.saturating_add(DIGESTS + Document::MAX_LEN + STATEMENT)
}

/// Bytes of the head before each byte string.
const HEAD: usize = 16;
/// Bytes of the names in a charge: the dataset, its owner and the purpose.
const CHARGE_WORDS: usize = 512;
/// Bytes of digests, times, names of fields and the container's own signature.
const DIGESTS: usize = 2048;
/// Bytes of the instance's statement.
const STATEMENT: usize = 4096;
