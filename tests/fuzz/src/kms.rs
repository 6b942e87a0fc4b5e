//! What a host brings an enclave by AWS KMS: grants, and answers.

use ::kms::Envelope;
use protocol::{
    digest::Digest,
    key::DataKey,
    kms_grant::{SealedFor, SealedGrant},
};

/// An envelope ends where its bytes end: whoever cuts it, or puts something behind it, has none.
pub(super) fn envelope(bytes: &[u8]) {
    match Envelope::parse(bytes) {
        Ok(envelope) => {
            let shorter = bytes.split_last().map_or(bytes, |(_, shorter)| shorter);
            assert!(Envelope::parse(shorter).is_err());
            let longer = [bytes, &[0]].concat();
            assert!(Envelope::parse(&longer).is_err());
            assert_eq!(Envelope::parse(bytes).as_ref(), Ok(&envelope));
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
}

/// A grant that is read is written again to the same, and another data key opens nothing of it.
pub(super) fn grant(bytes: &[u8]) {
    let Ok(sealed) = SealedGrant::parse(bytes) else { return };
    assert_eq!(sealed.to_vec(), bytes);
    let of = SealedFor { contract: Digest::from([0; Digest::LEN]), dataset: "exposures" };
    assert!(sealed.open_grant(&DataKey::take(&mut [0; DataKey::LEN]), of).is_err());
}
