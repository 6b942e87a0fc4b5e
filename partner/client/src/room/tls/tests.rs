use super::*;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::PrivateKeyDer,
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Serves one connection with the certificate of one key and signatures of another.
async fn server(certified: &KeyPair, signs_with: &KeyPair) -> Address {
    let certificate = CertificateParams::new(vec!["enclave".to_owned()]).unwrap();
    let certificate = certificate.self_signed(certified).unwrap();
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::try_from(signs_with.serialize_der()).unwrap();
    let signer = provider.key_provider.load_private_key(key).unwrap();
    let chain = vec![certificate.der().clone()];
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, signer));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let accepted = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
        std::future::pending::<()>().await;
        drop(accepted);
    });
    address.parse().unwrap()
}

#[tokio::test]
async fn shows_the_whole_public_key_of_whoever_holds_its_secret() {
    let key = KeyPair::generate().unwrap();
    let channel = Channel::open(&server(&key, &key).await).await.unwrap();
    assert_eq!(channel.peer_key(), key.subject_public_key_info());
}

#[tokio::test]
async fn refuses_a_certificate_whose_key_the_peer_does_not_hold() {
    let (stolen, own) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let refused = Channel::open(&server(&stolen, &own).await).await.unwrap_err();
    assert!(matches!(refused, RoomError::Tls { .. }), "{refused}");
}

#[tokio::test]
async fn says_that_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Address = listener.local_addr().unwrap().to_string().parse().unwrap();
    drop(listener);
    let refused = Channel::open(&address).await.unwrap_err();
    assert!(matches!(refused, RoomError::NotListening { .. }), "{refused}");
}
