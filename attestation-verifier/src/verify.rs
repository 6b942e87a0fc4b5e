//! Verifies documents.

use std::{collections::BTreeMap, time::Duration};

use ring::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use subtle::ConstantTimeEq as _;

use crate::{
    Believed, ChainError, Document, Expected, Pcr, Region, RevocationError, Timestamp, cbor,
    document::{Fields, PROTECTED},
};

impl Document<'_> {
    /// Verifies a document that was fetched just now.
    ///
    /// The certificates must be valid both now and when the document was signed, and the document
    /// must be no older than the expectation says. `now` is the caller's clock; a document from up
    /// to [`Document::MAX_SKEW`] after it is accepted, since clocks differ.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], for the first of checks 11 to 22 of SPEC.md that fails, 36 with regions, and 32 to 35
    /// with revocation lists.
    pub fn verify(&self, expected: &Expected, now: Timestamp) -> Result<Believed, VerifyError> {
        self.check(expected, Some(now))
    }

    /// Verifies a document that was kept, such as a receipt's, as of its own time of signing.
    ///
    /// That time is the hypervisor's word. It says nothing about now: the enclave may be gone, and
    /// its build withdrawn.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], for the same checks without 17 and 18.
    pub fn verify_archived(&self, expected: &Expected) -> Result<Believed, VerifyError> {
        self.check(expected, None)
    }

    /// How far after the verifier's clock a live document may be.
    pub const MAX_SKEW: Duration = Duration::from_mins(1);

    fn check(&self, expected: &Expected, now: Option<Timestamp>) -> Result<Believed, VerifyError> {
        if expected.is_empty() {
            return Err(VerifyError::EmptyExpectation);
        }
        self.chain.starts_at(&expected.root).map_err(VerifyError::Chain)?;
        self.chain.names_link().map_err(VerifyError::Chain)?;
        self.chain.roles_hold().map_err(VerifyError::Chain)?;
        self.chain.valid_at(self.fields.timestamp).map_err(VerifyError::Chain)?;
        self.chain.signatures_hold().map_err(VerifyError::Chain)?;
        self.signature_holds()?;
        if let Some(now) = now {
            self.is_fresh(now, expected.max_age)?;
        }
        self.is_production(expected.allow_debug)?;
        let build = self.matches_a_build(&expected.builds)?;
        let Fields { nonce, user_data, timestamp, .. } = self.fields;
        if !equal(nonce, expected.nonce.as_deref()) {
            return Err(VerifyError::Nonce { found: nonce.map(<[u8]>::len) });
        }
        if !equal(user_data, expected.user_data.as_deref()) {
            return Err(VerifyError::UserData { found: user_data.map(<[u8]>::len) });
        }
        self.is_in_a_region(expected)?;
        for list in &expected.revocation_lists {
            let at = now.map_or(timestamp, |now| now.max(timestamp));
            list.clears(&self.chain, at).map_err(VerifyError::Revocation)?;
        }
        Ok(Believed::of(self, expected, now, build))
    }

    /// Check 16. The payload is hashed as it came; nothing is encoded again.
    fn signature_holds(&self) -> Result<(), VerifyError> {
        let signed = signature_input(PROTECTED, b"", self.payload);
        UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, self.chain.leaf.public_key)
            .verify(&signed, self.signature)
            .map_err(|_| VerifyError::Signature)
    }

    /// Checks 17 and 18.
    fn is_fresh(&self, now: Timestamp, max_age: Duration) -> Result<(), VerifyError> {
        let signed = self.fields.timestamp;
        // A document from within the skew is looked at as of its own time.
        self.chain.valid_at(now.max(signed)).map_err(VerifyError::NotValidNow)?;
        let [now, signed] = [now, signed].map(|at| Duration::from_millis(at.as_millis()));
        let (ahead, age) = (signed.saturating_sub(now), now.saturating_sub(signed));
        if ahead > Self::MAX_SKEW {
            return Err(VerifyError::FromTheFuture { ahead });
        }
        if age > max_age { Err(VerifyError::TooOld { age, max_age }) } else { Ok(()) }
    }

    /// Check 19. In debug mode the first three registers are zero; one zero among them is enough
    /// to refuse, since no build has it.
    fn is_production(&self, allow_debug: bool) -> Result<(), VerifyError> {
        self.fields.pcr(0).ok_or(VerifyError::MissingPcr { index: 0 })?;
        if self.is_debug() && !allow_debug { Err(VerifyError::Debug) } else { Ok(()) }
    }

    /// Check 36. Nobody but AWS says where an enclave is: a chain under another root that names no region is of none.
    fn is_in_a_region(&self, expected: &Expected) -> Result<(), VerifyError> {
        match self.chain.region() {
            _ if expected.regions.is_empty() => Ok(()),
            Some(found) if expected.regions.contains(&found) => Ok(()),
            Some(found) => Err(VerifyError::Region { found }),
            None if expected.root.is_aws() => Err(VerifyError::NoRegion),
            None => Ok(()),
        }
    }

    pub(crate) fn is_debug(&self) -> bool {
        (0..=2).any(|index| self.fields.pcr(index) == Some(Pcr::DEBUG))
    }

    /// Check 20. Returns which build the document shows.
    fn matches_a_build(&self, builds: &[BTreeMap<u8, Pcr>]) -> Result<usize, VerifyError> {
        match builds {
            [only] => self.matches(only).map(|()| 0),
            _ => builds
                .iter()
                .position(|build| self.matches(build).is_ok())
                .ok_or(VerifyError::NoBuildMatches { builds: builds.len() }),
        }
    }

    fn matches(&self, build: &BTreeMap<u8, Pcr>) -> Result<(), VerifyError> {
        for (&index, &expected) in build {
            let found = self.fields.pcr(index).ok_or(VerifyError::MissingPcr { index })?;
            if found != expected {
                return Err(VerifyError::WrongPcr { index, expected, found });
            }
        }
        Ok(())
    }
}

/// Equal in constant time, or nothing was expected.
fn equal(found: Option<&[u8]>, expected: Option<&[u8]>) -> bool {
    expected.is_none_or(|expected| found.is_some_and(|found| found.ct_eq(expected).into()))
}

/// The bytes a `COSE_Sign1` signature covers: RFC 9052, section 4.4.
pub(crate) fn signature_input(protected: &[u8], external: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut input = Vec::with_capacity(payload.len() + external.len() + 32);
    cbor::write_head(&mut input, 4, 4);
    cbor::write_text(&mut input, "Signature1");
    cbor::write_bytes(&mut input, protected);
    cbor::write_bytes(&mut input, external);
    cbor::write_bytes(&mut input, payload);
    input
}

numbered! {
    /// Why a document is not believed.
    ///
    /// `NotValidNow`: the certificates were valid when the document was signed. `Nonce` and
    /// `UserData` hold the length of what was found, if anything was.
    VerifyError {
        20 => EmptyExpectation,
            "the expectation names no build, or one without a register that is not zero";
        error.check() => Chain(error: ChainError), "{0}";
        17 => NotValidNow(error: ChainError), "{0}";
        16 => Signature, "the document's signature does not hold";
        18 => FromTheFuture { ahead: Duration },
            "the document is {ahead:?} ahead of this clock, more than {SKEW:?}";
        18 => TooOld { age: Duration, max_age: Duration },
            "the document is {age:?} old, at most {max_age:?} is accepted";
        19 => Debug, "the enclave runs in debug mode, or one of pcr 0 to 2 is zero";
        if index == 0 { 19 } else { 20 } => MissingPcr { index: u8 }, "pcr {index} is missing";
        20 => WrongPcr { index: u8, expected: Pcr, found: Pcr },
            "pcr {index} is {found}, expected {expected}";
        20 => NoBuildMatches { builds: usize },
            "the registers match none of the {builds} acceptable builds";
        21 => Nonce { found: Option<usize> }, "the nonce is missing or differs";
        22 => UserData { found: Option<usize> }, "the user data are missing or differ";
        36 => Region { found: Region },
            "the certificates name the region {found}, which is not among those that are permitted";
        36 => NoRegion,
            "the certificates name no region, or not all the same one, and only some regions are permitted";
        error.check() => Revocation(error: RevocationError), "{0}";
    }
}

const SKEW: Duration = Document::MAX_SKEW;
