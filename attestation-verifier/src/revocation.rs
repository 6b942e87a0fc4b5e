//! Revocation lists (CRLs) that the caller has at hand. Nothing is fetched, and without a list
//! nothing is looked up.

use crate::{
    CertificateFlaw, Timestamp,
    certificate::{LIST_SIGNING, algorithm, extensions, name, serial, signed, time, unprocessed},
    chain::Chain,
    der::{self, Der},
};

/// A well-formed revocation list, of which nothing is believed yet.
///
/// Given to [`Expected::revocation_lists`](crate::Expected::revocation_lists), it must have been
/// issued by an authority of the document's chain, and be current.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevocationList {
    signed: Vec<u8>,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    /// Seconds since 1970; both bounds are inside.
    this_update: i64,
    next_update: i64,
    /// The entries, which were read once and are read again to look a certificate up.
    entries: Vec<u8>,
}

impl RevocationList {
    /// Longest list in bytes.
    pub const MAX_LEN: usize = 1 << 20;

    /// Parses a list from DER: version 2, complete, direct, ECDSA with SHA-384.
    ///
    /// # Errors
    ///
    /// What is wrong with its form (check 31 of SPEC.md). Every critical extension is refused, and
    /// those that make the list a delta, indirect, or one of some certificates only, even if not.
    ///
    /// # Source
    ///
    /// RFC 5280, section 5.1.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateFlaw> {
        if der.len() > Self::MAX_LEN {
            return Err(CertificateFlaw::LongList);
        }
        let (tbs, signature) = signed(der)?;
        let mut fields = Der::new(tbs.content);
        if fields.optional(der::INTEGER)?.map(|version| version.content) != Some(&[VERSION_2]) {
            return Err(CertificateFlaw::Version);
        }
        algorithm(&mut fields)?;
        let issuer = name(&mut fields)?.to_vec();
        let this_update = time(&mut fields)?;
        let next_update = time(&mut fields).map_err(|_| CertificateFlaw::NextUpdate)?;
        let entries = fields.optional(der::SEQUENCE)?.map(|entries| entries.content);
        if let Some(entries) = entries {
            revokes(entries, &[])?;
        }
        let entries = entries.unwrap_or_default().to_vec();
        if let Some(wrapped) = fields.optional(der::EXPLICIT_0)? {
            let mut wrapped = Der::new(wrapped.content);
            extensions(&mut wrapped, unprocessed)?;
            wrapped.end()?;
        }
        fields.end()?;
        let (signed, signature) = (tbs.whole.to_vec(), signature.to_vec());
        Ok(Self { signed, signature, issuer, this_update, next_update, entries })
    }

    /// Checks 32 to 35, on the certificate below the list's issuer.
    pub(crate) fn clears(&self, chain: &Chain<'_>, at: Timestamp) -> Result<(), RevocationError> {
        let mut links = chain.links();
        let link = links.find(|(_, issuer, _)| issuer.subject == self.issuer);
        let (position, issuer, subject) = link.ok_or(RevocationError::Foreign)?;
        let may_sign = issuer.usage & LIST_SIGNING != 0;
        if !may_sign || !issuer.has_signed(&self.signed, &self.signature) {
            return Err(RevocationError::Signature { issuer: position - 1 });
        }
        if !(self.this_update..=self.next_update).contains(&at.seconds()) {
            return Err(RevocationError::NotCurrent { issuer: position - 1, time: at });
        }
        let revoked =
            !self.entries.is_empty() && revokes(&self.entries, subject.serial) != Ok(false);
        if revoked { Err(RevocationError::Revoked { position }) } else { Ok(()) }
    }
}

/// Whether the serial number is among the entries. A list without any leaves them out (5.1.2.6).
fn revokes(entries: &[u8], wanted: &[u8]) -> Result<bool, CertificateFlaw> {
    let mut revoked = false;
    Der::new(entries).each(|entries| {
        let mut entry = entries.inside(der::SEQUENCE)?;
        revoked |= serial(&mut entry)? == wanted;
        time(&mut entry)?;
        if !entry.is_empty() {
            extensions(&mut entry, unprocessed)?;
        }
        entry.end()
    })?;
    Ok(revoked)
}

numbered! {
    /// Why a revocation list that the caller gave leads to a refusal.
    ///
    /// Positions count from the root, which is 0.
    RevocationError {
        32 => Foreign, "a revocation list is by no authority of this chain";
        33 => Signature { issuer: usize },
            "a revocation list in the name of certificate {issuer} is not signed by it";
        34 => NotCurrent { issuer: usize, time: Timestamp },
            "the revocation list of certificate {issuer} is not current at {time}";
        35 => Revoked { position: usize }, "certificate {position} is revoked";
    }
}

const VERSION_2: u8 = 1;
