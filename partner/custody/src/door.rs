//! How a custody is reached: over TLS under the key that the contract pins, or in the clear on one machine.

use client::keys::{CUSTODY, CustodyKey, IdentityError};
use protocol::{
    contract::{Contract, CustodyAddress},
    sign::PublicKey,
};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::NoServerSessionStorage,
};
use std::{net::SocketAddr, path::Path, path::PathBuf, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// How a custody is reached.
#[derive(Clone)]
#[non_exhaustive]
pub enum Door {
    /// In the clear: only a loopback address gets it from [`Door::of`].
    Plain,
    /// TLS 1.3 under this key.
    Tls(PublicKey, Arc<ServerConfig>),
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain => f.write_str("Plain"),
            Self::Tls(key, _) => f.debug_tuple("Tls").field(key).finish_non_exhaustive(),
        }
    }
}

impl Door {
    /// The door that `contract` says for the custody of `party`, whose keys are in `directory`, listening at `address`.
    ///
    /// # Errors
    ///
    /// [`DoorError`] if the key that the contract pins is not here, or if text would go in the clear over a network.
    pub fn of(
        contract: &Contract,
        party: &str,
        directory: &Path,
        address: SocketAddr,
    ) -> Result<Self, DoorError> {
        let kept = CustodyKey::read(directory).map_err(|why| DoorError::Key(Box::new(why)))?;
        let listed = contract.parties.get(party).and_then(|party| party.custody.as_ref());
        match (listed.map(CustodyAddress::key), kept) {
            (Some(Some(pinned)), Some(kept)) if kept.public() == *pinned => Self::tls(&kept),
            (Some(Some(pinned)), kept) => Err(DoorError::OtherKey {
                pinned: *pinned,
                path: directory.join(CUSTODY),
                found: kept.map(|kept| kept.public()),
            }),
            (None, Some(kept)) => Self::tls(&kept),
            (Some(None), _) | (None, None) if address.ip().is_loopback() => Ok(Self::Plain),
            (Some(None), _) | (None, None) => Err(DoorError::InTheClear { address }),
        }
    }

    /// TLS under `key`. The certificate says nothing: a client compares the key.
    ///
    /// # Errors
    ///
    /// [`DoorError::Tls`].
    pub fn tls(key: &CustodyKey) -> Result<Self, DoorError> {
        let failed = |why: &dyn std::fmt::Display| DoorError::Tls(why.to_string());
        let secret = key.pkcs8();
        let secret = PrivatePkcs8KeyDer::from(secret.as_slice());
        let pair = KeyPair::try_from(&secret).map_err(|why| failed(&why))?;
        let certificate = CertificateParams::new(vec!["custody".to_owned()])
            .and_then(|wanted| wanted.self_signed(&pair))
            .map_err(|why| failed(&why))?;
        let secret = PrivateKeyDer::Pkcs8(secret.clone_key());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|config| {
                let chain = vec![certificate.der().clone()];
                config.with_no_client_auth().with_single_cert(chain, secret)
            });
        let mut config = config.map_err(|why| failed(&why))?;
        // There is no resumption and no early data: each connection proves the key anew.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self::Tls(key.public(), Arc::new(config)))
    }

    /// The address under which others reach a custody that listens at `address`.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> String {
        match self {
            Self::Plain => format!("http://{address}"),
            Self::Tls(key, _) => format!("https://{address}#{key}"),
        }
    }

    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        match self {
            Self::Plain => None,
            Self::Tls(_, config) => Some(TlsAcceptor::from(Arc::clone(config))),
        }
    }
}

/// Why a custody does not listen.
///
/// Remedy: serve at the address that the contract names for this party, or agree on a contract that names another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// The key that the contract pins is not the one in the folder.
    #[error(
        "the contract pins the key {pinned} for this custody, and {} {}: bring the key that belongs to it, or agree on a \
         contract with another (`glovebox custody key`)",
        path.display(),
        found.as_ref().map_or_else(|| "is missing".to_owned(), |found| format!("has the key {found}"))
    )]
    OtherKey {
        /// The key in the contract.
        pinned: PublicKey,
        /// The file.
        path: PathBuf,
        /// The key in the file, if there is one.
        found: Option<PublicKey>,
    },
    /// Others would ask in the clear over a network.
    #[error(
        "listening at {address} without TLS, anybody on the way could read what is asked: listen at a loopback address, or \
         make a key (`glovebox custody key`) and have the contract say custody = \"https://HOST:PORT#KEY\""
    )]
    InTheClear {
        /// Where it would listen.
        address: SocketAddr,
    },
    /// The key cannot be read.
    #[error(transparent)]
    Key(Box<IdentityError>),
    /// TLS cannot be set up.
    #[error("setting up TLS: {0}")]
    Tls(String),
}
