//! Instance statements.

use super::{Digest, ParseAttestedError, Part, read_map};
use crate::cbor::{self, Reader};

/// The public keys of one instance, and the one contract it serves.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "version 1 has these fields; builders write them")]
pub struct Statement {
    /// Digest of the contract.
    pub contract: Digest,
    /// Recipient key of the instance: X-Wing, 1,216 bytes.
    pub hpke: Vec<u8>,
    /// Ed25519 key that signs receipts.
    pub receipt: [u8; 32],
    /// TLS key, as DER of a `SubjectPublicKeyInfo`.
    pub tls: Vec<u8>,
}

impl Statement {
    /// Length of the recipient key in bytes.
    pub const HPKE_LEN: usize = 1216;

    /// Parses a statement.
    ///
    /// # Errors
    ///
    /// [`ParseAttestedError`] (check 24 of SPEC.md), unless it is exactly what [`Self::encode`]
    /// writes.
    pub fn parse(encoded: &[u8]) -> Result<Self, ParseAttestedError> {
        let keys = ["tls", "hpke", "receipt", "contract", "protocol"];
        let [tls, hpke, receipt, contract, protocol] =
            read_map(Part::Statement, &mut Reader::new(encoded), keys)?;
        match protocol.read(Reader::unsigned)? {
            1 => (),
            found => return Err(ParseAttestedError::Protocol { found }),
        }
        let hpke = hpke.sized::<{ Self::HPKE_LEN }>()?.to_vec();
        let (part, key) = (tls.part, tls.key);
        let tls = tls.read(Reader::bytes)?.to_vec();
        if !(1..=LONGEST_TLS_KEY).contains(&tls.len()) {
            return Err(ParseAttestedError::Length { part, key, found: tls.len() });
        }
        Ok(Self { contract: contract.sized()?, hpke, receipt: receipt.sized()?, tls })
    }

    /// The statement in deterministic CBOR, for [`user_data_for`](super::user_data_for).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        cbor::write_head(&mut out, 5, 5);
        for (key, bytes) in [
            ("tls", &self.tls[..]),
            ("hpke", &self.hpke),
            ("receipt", &self.receipt),
            ("contract", &self.contract),
        ] {
            cbor::write_text(&mut out, key);
            cbor::write_bytes(&mut out, bytes);
        }
        cbor::write_text(&mut out, "protocol");
        cbor::write_head(&mut out, 0, 1);
        out
    }
}

const LONGEST_TLS_KEY: usize = 1024;
