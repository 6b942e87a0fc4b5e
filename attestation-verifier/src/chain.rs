//! Certificate chains, from the pinned root down to the key that signed the document.

use ring::signature::{ECDSA_P384_SHA384_ASN1, UnparsedPublicKey};

use crate::{Root, Timestamp, certificate::Authority, certificate::Certificate};

/// The certificates of a document.
#[derive(Clone, Debug)]
pub(crate) struct Chain<'a> {
    /// From the root down; never empty.
    pub(crate) authorities: Vec<Certificate<'a>>,
    pub(crate) leaf: Certificate<'a>,
}

impl Chain<'_> {
    /// Check 11: the first certificate is the root, byte for byte.
    pub(crate) fn starts_at(&self, root: &Root) -> Result<(), ChainError> {
        match self.authorities.first() {
            Some(first) if first.der == root.der() => Ok(()),
            _ => Err(ChainError::AnotherRoot),
        }
    }

    /// Check 12: each certificate names the one before it as its issuer.
    pub(crate) fn names_link(&self) -> Result<(), ChainError> {
        for (position, issuer, subject) in self.links() {
            if issuer.subject != subject.issuer {
                return Err(ChainError::IssuerName { position });
            }
        }
        Ok(())
    }

    /// Check 13: every authority may issue what it issued, and the leaf is a signer only.
    pub(crate) fn roles_hold(&self) -> Result<(), ChainError> {
        let below = (0..self.authorities.len()).rev();
        for ((position, certificate), below) in self.authorities.iter().enumerate().zip(below) {
            let Authority::Issuer { path_length, critical: true } = certificate.authority else {
                return Err(ChainError::NotAnAuthority { position });
            };
            if path_length.is_some_and(|most| usize::from(most) < below) {
                return Err(ChainError::PathLength { position });
            }
            if !certificate.usage.is_some_and(|usage| usage.certificate_signing) {
                return Err(ChainError::KeyUsage { position });
            }
        }
        let position = self.authorities.len();
        if self.leaf.authority != Authority::None {
            return Err(ChainError::LeafIsAuthority);
        }
        match self.leaf.usage {
            Some(usage) if usage.digital_signature && !usage.certificate_signing => Ok(()),
            _ => Err(ChainError::KeyUsage { position }),
        }
    }

    /// Check 14: every certificate is valid at this time. Both bounds are inside.
    pub(crate) fn valid_at(&self, time: Timestamp) -> Result<(), ChainError> {
        for (position, certificate) in self.authorities.iter().chain([&self.leaf]).enumerate() {
            if time.seconds() < certificate.not_before {
                return Err(ChainError::NotYetValid { position, time });
            }
            if time.seconds() > certificate.not_after {
                return Err(ChainError::Expired { position, time });
            }
        }
        Ok(())
    }

    /// Check 15: each certificate is signed by the one before it. The root's own signature proves
    /// nothing and is not looked at.
    pub(crate) fn signatures_hold(&self) -> Result<(), ChainError> {
        for (position, issuer, subject) in self.links() {
            UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, issuer.public_key)
                .verify(subject.signed, subject.signature)
                .map_err(|_| ChainError::Signature { position })?;
        }
        Ok(())
    }

    /// Pairs of issuer and subject with the subject's position.
    fn links(&self) -> impl Iterator<Item = (usize, &Certificate<'_>, &Certificate<'_>)> {
        let subjects = self.authorities.iter().skip(1).chain([&self.leaf]);
        let pairs = self.authorities.iter().zip(subjects).enumerate();
        pairs.map(|(position, (issuer, subject))| (position + 1, issuer, subject))
    }
}

/// Why the certificates do not lead from the pinned root to the document's key.
///
/// Positions count from the root, which is 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// `cabundle[0]` is not the pinned root, byte for byte.
    #[error("the chain starts at another root than the pinned one")]
    AnotherRoot,
    /// A certificate names another issuer than the one before it.
    #[error("certificate {position} names another issuer than certificate {}", position - 1)]
    IssuerName {
        /// The certificate that names the issuer.
        position: usize,
    },
    /// A certificate in `cabundle` is not an authority (critical basic constraints).
    #[error("certificate {position} is not an authority")]
    NotAnAuthority {
        /// The certificate.
        position: usize,
    },
    /// More authorities follow than a certificate allows.
    #[error("more authorities follow certificate {position} than its path length allows")]
    PathLength {
        /// The certificate with the path length.
        position: usize,
    },
    /// The key usage of a certificate does not fit its role.
    #[error("the key usage of certificate {position} does not fit its role")]
    KeyUsage {
        /// The certificate.
        position: usize,
    },
    /// The document is signed by the key of a certificate authority.
    #[error("the document's own certificate is an authority")]
    LeafIsAuthority,
    /// A certificate is not valid yet.
    #[error("certificate {position} is not valid yet at {time}")]
    NotYetValid {
        /// The certificate.
        position: usize,
        /// The time asked about.
        time: Timestamp,
    },
    /// A certificate is not valid any more.
    #[error("certificate {position} is no longer valid at {time}")]
    Expired {
        /// The certificate.
        position: usize,
        /// The time asked about.
        time: Timestamp,
    },
    /// A certificate is not signed by the one before it.
    #[error("certificate {position} is not signed by certificate {}", position - 1)]
    Signature {
        /// The certificate whose signature fails.
        position: usize,
    },
}

impl ChainError {
    pub(crate) fn check(self) -> u8 {
        match self {
            Self::AnotherRoot => 11,
            Self::IssuerName { .. } => 12,
            Self::NotAnAuthority { .. }
            | Self::PathLength { .. }
            | Self::KeyUsage { .. }
            | Self::LeafIsAuthority => 13,
            Self::NotYetValid { .. } | Self::Expired { .. } => 14,
            Self::Signature { .. } => 15,
        }
    }
}
