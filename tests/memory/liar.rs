//! A host that answers everything with the same bytes, over TLS and without.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// Listens until the test ends.
#[derive(Debug)]
pub(crate) struct Liar {
    address: SocketAddr,
}

impl Liar {
    pub(crate) fn answering(body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (config, body) = (config(), Arc::new(body));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, body) = (Arc::clone(&config), Arc::clone(&body));
                thread::spawn(move || serve(stream, config, &body));
            }
        });
        Self { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, body: &[u8]) {
    let mut first = [0];
    if stream.peek(&mut first).is_ok_and(|read| read == 1) && first == [0x16] {
        let connection = ServerConnection::new(config).unwrap();
        answer(StreamOwned::new(connection, stream), body);
    } else {
        answer(stream, body);
    }
}

/// To each request, whatever it is; a client that has read enough hangs up.
fn answer(mut stream: impl Read + Write, body: &[u8]) {
    let mut asked = vec![0; 64 << 10];
    while stream.read(&mut asked).is_ok_and(|read| read > 0) {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_err() {
            return;
        }
    }
}

fn config() -> Arc<ServerConfig> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let params = CertificateParams::new(vec!["enclave".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .unwrap();
    Arc::new(config)
}
