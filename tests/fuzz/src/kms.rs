//! What AWS KMS answers an enclave.

use ::kms::Envelope;

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
