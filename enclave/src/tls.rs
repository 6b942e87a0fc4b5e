//! TLS 1.3 that ends inside the enclave, under a key that never leaves it.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::NoServerSessionStorage,
};
use std::sync::Arc;

/// A fresh key and a server that uses it.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// SubjectPublicKeyInfo of the key in DER, as the statement names it.
    pub(crate) spki: Vec<u8>,
}

impl Tls {
    /// Makes a key and a server with it. The certificate says nothing: a client believes the
    /// attestation or nobody.
    pub(crate) fn new() -> Result<Self, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = CertificateParams::new(vec!["enclave".to_owned()])?.self_signed(&key)?;
        let spki = key.subject_public_key_info();
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)?;
        // There is no resumption and no early data: each connection proves the key anew.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), spki })
    }
}

/// Why TLS cannot be set up.
///
/// Remedy: start the host again; if it stays, the build is broken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate cannot be made.
    #[error("making the TLS certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The configuration is not valid.
    #[error("setting up TLS: {0}")]
    Config(#[from] rustls::Error),
}
