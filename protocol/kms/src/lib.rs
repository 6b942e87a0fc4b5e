//! What an enclave needs to take a secret from AWS KMS, and no more: an RSA key for one request, and a reader of the
//! envelope in which KMS answers it (`CiphertextForRecipient`).
//!
//! KMS does not sign its answers, and whoever relays a request sees the public key in it. So an envelope that opens
//! says nothing of who made it: its content is a guess until something that was signed or sealed under it agrees.

mod ber;
mod envelope;
mod error;
mod request_key;

pub use envelope::Envelope;
pub use error::{EnvelopeError, MOST_BYTES};
pub use request_key::{KeyError, RequestKey};

#[cfg(test)]
mod tests;
