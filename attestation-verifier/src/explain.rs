//! What a document claims, for showing to people. Nothing here is believed.

use std::collections::BTreeMap;

use crate::{Document, Pcr, Timestamp};

/// A document's own words. Never decide by them: anyone can write such a document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claims<'a> {
    /// Identifier of the enclave.
    pub module_id: &'a str,
    /// Time of signing.
    pub timestamp: Timestamp,
    /// Registers.
    pub pcrs: BTreeMap<u8, Pcr>,
    /// A key of the enclave.
    pub public_key: Option<&'a [u8]>,
    /// Bytes of the enclave's choice.
    pub user_data: Option<&'a [u8]>,
    /// The verifier's nonce.
    pub nonce: Option<&'a [u8]>,
}

impl<'a> Claims<'a> {
    /// What this document claims.
    #[must_use]
    pub fn of(document: &Document<'a>) -> Self {
        let fields = &document.fields;
        Self {
            module_id: fields.module_id,
            timestamp: fields.timestamp,
            pcrs: fields.pcrs(),
            public_key: fields.public_key,
            user_data: fields.user_data,
            nonce: fields.nonce,
        }
    }
}
