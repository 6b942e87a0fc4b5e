//! What the instance says for strangers: attested words, and the records of its audit log.

use crate::session::{Keys, Open, Serving};
use attestation_verifier::receipt::{
    BodyKind, encode, nonce_for, payload, signing_input, user_data_for,
};
use protocol::refusal::Refusal;

impl Serving {
    /// Signs `body` as this instance, with an attestation document fetched for it.
    pub(crate) fn attest_body(
        &self,
        keys: &Keys,
        kind: BodyKind,
        body: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let user_data = user_data_for(&self.statement);
        let nonce = nonce_for(kind, body);
        let document = self.nsm.attest(Some(&user_data), Some(&nonce)).map_err(|error| {
            tracing::error!(%error, "the module gave no attestation document");
            Refusal::Internal
        })?;
        let payload = payload(kind, body, &document, &self.statement);
        let signature = keys.receipt.sign_raw(&signing_input(&payload));
        let signature: [u8; 64] = signature.as_slice().try_into().map_err(|_| Refusal::Internal)?;
        Ok(encode(&payload, &signature))
    }

    /// Stores the records of all entries that the host has none of. Nothing that an entry is about may leave before this succeeds.
    ///
    /// # Errors
    ///
    /// [`Refusal::LogNotStored`] if the host does not keep one; the next call begins with that one.
    pub(crate) async fn record(&self, open: &mut Open) -> Result<(), Refusal> {
        let Open { records, audit, keys, .. } = open;
        if records.are_complete(audit) {
            return Ok(());
        }
        if !records.have_opening() {
            let body = records.opening_body(&self.contract, self.instance)?;
            records.begin_with(self.attest_body(keys, BodyKind::Log, &body)?);
        }
        records.store(self.host.as_ref(), self.instance, audit, &keys.receipt).await
    }
}
