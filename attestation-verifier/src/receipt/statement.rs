//! Instance statements.

use super::{Digest, Known, ParseAttestedError, Part, read_map, required, sized};
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
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseAttestedError> {
        let (mut tls, mut hpke) = (None, None);
        let (mut receipt, mut contract, mut protocol) = (None, None, None);
        let part = Part::Statement;
        read_map(&mut Reader::new(bytes), part, |key, mut value| {
            match key {
                "tls" => tls = Some(value.bytes()?),
                "hpke" => hpke = Some(value.bytes()?),
                "receipt" => receipt = Some(value.bytes()?),
                "contract" => contract = Some(value.bytes()?),
                "protocol" => protocol = Some(value.unsigned()?),
                _ => return Ok(Known::No),
            }
            Ok(Known::Yes)
        })?;
        match required(part, "protocol", protocol)? {
            1 => (),
            found => return Err(ParseAttestedError::Protocol { found }),
        }
        let hpke: [u8; Self::HPKE_LEN] = sized(part, "hpke", required(part, "hpke", hpke)?)?;
        let tls = required(part, "tls", tls)?;
        if tls.is_empty() || tls.len() > LONGEST_TLS_KEY {
            return Err(ParseAttestedError::Length { part, key: "tls", found: tls.len() });
        }
        Ok(Self {
            contract: sized(part, "contract", required(part, "contract", contract)?)?,
            hpke: hpke.to_vec(),
            receipt: sized(part, "receipt", required(part, "receipt", receipt)?)?,
            tls: tls.to_vec(),
        })
    }

    /// The statement in deterministic CBOR, for [`user_data_for`](super::user_data_for).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        cbor::write_head(&mut out, 5, 5);
        cbor::write_text(&mut out, "tls");
        cbor::write_bytes(&mut out, &self.tls);
        cbor::write_text(&mut out, "hpke");
        cbor::write_bytes(&mut out, &self.hpke);
        cbor::write_text(&mut out, "receipt");
        cbor::write_bytes(&mut out, &self.receipt);
        cbor::write_text(&mut out, "contract");
        cbor::write_bytes(&mut out, &self.contract);
        cbor::write_text(&mut out, "protocol");
        cbor::write_head(&mut out, 0, 1);
        out
    }
}

const LONGEST_TLS_KEY: usize = 1024;
