//! The fields of a Nitro enclave's attestation document.

named! {
    /// A field of the payload, by its key.
    ///
    /// # Source
    ///
    /// "Attestation document specification" in
    /// <https://github.com/aws/aws-nitro-enclaves-nsm-api/blob/main/docs/attestation_process.md>.
    Field, key, with_key {
        /// Identifier of the enclave.
        ModuleId, "module_id";
        /// Name of the digest of the registers.
        Digest, "digest";
        /// Time of signing.
        Timestamp, "timestamp";
        /// Registers.
        Pcrs, "pcrs";
        /// Certificate of the key that signed the document.
        Certificate, "certificate";
        /// Certificates from the root down.
        Cabundle, "cabundle";
        /// A key of the enclave.
        PublicKey, "public_key";
        /// Bytes of the enclave's choice.
        UserData, "user_data";
        /// The verifier's nonce.
        Nonce, "nonce";
    }
}
