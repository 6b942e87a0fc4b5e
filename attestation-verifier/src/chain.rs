//! Certificate chains, from the pinned root down to the key that signed the document.

use ring::signature::{ECDSA_P384_SHA384_ASN1, UnparsedPublicKey};

use crate::{
    Region, Root, Timestamp,
    certificate::{Authority, CERTIFICATE_SIGNING, Certificate, DIGITAL_SIGNATURE},
    region,
};

/// The certificates of a document.
#[derive(Clone, Debug)]
pub(crate) struct Chain<'a> {
    /// From the root down; never empty.
    pub(crate) authorities: Box<[Certificate<'a>]>,
    pub(crate) leaf: Certificate<'a>,
}

impl Chain<'_> {
    /// Check 11: the first certificate is the root, byte for byte.
    pub(crate) fn starts_at(&self, root: &Root) -> Result<(), ChainError> {
        let is_root = self.authorities.first().is_some_and(|first| first.der == &*root.der);
        if is_root { Ok(()) } else { Err(ChainError::AnotherRoot) }
    }

    /// Check 12: each certificate names the one before it as its issuer, and none is there twice.
    pub(crate) fn names_link(&self) -> Result<(), ChainError> {
        for (position, issuer, subject) in self.links() {
            if self.authorities.iter().take(position).any(|earlier| earlier.der == subject.der) {
                return Err(ChainError::Repeated { position });
            }
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
            if certificate.usage & CERTIFICATE_SIGNING == 0 {
                return Err(ChainError::KeyUsage { position });
            }
        }
        let position = self.authorities.len();
        if self.leaf.authority != Authority::None {
            return Err(ChainError::LeafIsAuthority);
        }
        match self.leaf.usage & (DIGITAL_SIGNATURE | CERTIFICATE_SIGNING) {
            DIGITAL_SIGNATURE => Ok(()),
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
            if !issuer.has_signed(subject.signed, subject.signature) {
                return Err(ChainError::Signature { position });
            }
        }
        Ok(())
    }

    /// The region that every authority below the root has in its name; none if one has none, or another one. Of the leaf's
    /// name nothing is taken: the instance's authority alone gives it.
    pub(crate) fn region(&self) -> Option<Region> {
        let mut named = self
            .authorities
            .iter()
            .skip(1)
            .map(|authority| region::of_authority(authority.subject));
        let first = named.next()??;
        named.all(|other| other == Some(first)).then_some(first)
    }

    /// Pairs of issuer and subject with the subject's position.
    pub(crate) fn links(
        &self,
    ) -> impl Iterator<Item = (usize, &Certificate<'_>, &Certificate<'_>)> {
        let subjects = self.authorities.iter().skip(1).chain([&self.leaf]);
        let pairs = self.authorities.iter().zip(subjects).enumerate();
        pairs.map(|(position, (issuer, subject))| (position + 1, issuer, subject))
    }
}

impl Certificate<'_> {
    pub(crate) fn has_signed(&self, signed: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, self.public_key);
        key.verify(signed, signature).is_ok()
    }
}

numbered! {
    /// Why the certificates do not lead from the pinned root to the document's key.
    ///
    /// Positions count from the root, which is 0.
    ChainError {
        11 => AnotherRoot, "the chain starts at another root than the pinned one";
        12 => IssuerName { position: usize },
            "certificate {position} names another issuer than the certificate above it";
        12 => Repeated { position: usize }, "certificate {position} is in the chain already";
        13 => NotAnAuthority { position: usize }, "certificate {position} is not an authority";
        13 => PathLength { position: usize },
            "more authorities follow certificate {position} than its path length allows";
        13 => KeyUsage { position: usize },
            "the key usage of certificate {position} does not fit its role";
        13 => LeafIsAuthority, "the document's own certificate is an authority";
        14 => NotYetValid { position: usize, time: Timestamp },
            "certificate {position} is not valid yet at {time}";
        14 => Expired { position: usize, time: Timestamp },
            "certificate {position} is no longer valid at {time}";
        15 => Signature { position: usize },
            "certificate {position} is not signed by the certificate above it";
    }
}
