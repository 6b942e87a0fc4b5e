//! Why an envelope is refused.

/// Why an envelope is not read, or does not open.
///
/// Remedy: hand over the bytes of `CiphertextForRecipient` as KMS gave them for this very request, decoded from
/// base64; ask KMS again with a new document if they are lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// There are more bytes than any answer of KMS has, or something follows the envelope.
    #[error(
        "found {found} bytes, expected one envelope of at most {MOST_BYTES} and nothing behind it"
    )]
    TooLong {
        /// How many bytes there are.
        found: usize,
    },
    /// Something stands in the envelope that KMS does not write, or it was cut off.
    #[error("these bytes are not an envelope of AWS KMS: expected {expected} at byte {at}")]
    NotThis {
        /// What should stand there.
        expected: &'static str,
        /// Where, from the beginning.
        at: usize,
    },
    /// The encrypted content is not a whole number of blocks.
    #[error("found {found} bytes of encrypted content, expected whole blocks of 16")]
    NotBlocks {
        /// How many bytes there are.
        found: usize,
    },
    /// The envelope is for another key: it answers another request.
    #[error(
        "the envelope is sealed to the key of another request: ask KMS again with this request's document"
    )]
    OtherKey,
    /// It names this key and does not open. Nothing more is said, so that whoever made it learns nothing.
    #[error(
        "the envelope names this request's key and does not open: it was altered, ask KMS again"
    )]
    DoesNotOpen,
}

/// The most bytes that an envelope may have. KMS decrypts at most 4,096 bytes, and its envelope adds less than 600.
pub const MOST_BYTES: usize = 8192;
