//! Verifies documents.

use std::time::Duration;

use ring::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use subtle::ConstantTimeEq as _;

use crate::{Believed, ChainError, Document, Expected, Pcr, Timestamp, cbor, document::PROTECTED};

impl Document<'_> {
    /// Verifies a document that was fetched just now.
    ///
    /// The certificates must be valid both now and when the document was signed, and the document
    /// must be no older than the expectation says. `now` is the caller's clock; a document from up
    /// to [`Document::MAX_SKEW`] after it is accepted, since clocks differ.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], for the first of checks 11 to 22 of SPEC.md that fails.
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
    /// [`VerifyError`], for the first of checks 11 to 22 of SPEC.md that fails, without 17 and 18.
    pub fn verify_archived(&self, expected: &Expected) -> Result<Believed, VerifyError> {
        self.check(expected, None)
    }

    /// How far after the verifier's clock a live document may be.
    pub const MAX_SKEW: Duration = Duration::from_mins(1);

    fn check(&self, expected: &Expected, now: Option<Timestamp>) -> Result<Believed, VerifyError> {
        if expected.is_empty() {
            return Err(VerifyError::EmptyExpectation);
        }
        self.chain.starts_at(&expected.root)?;
        self.chain.names_link()?;
        self.chain.roles_hold()?;
        self.chain.valid_at(self.timestamp)?;
        self.chain.signatures_hold()?;
        self.signature_holds()?;
        if let Some(now) = now {
            self.is_fresh(now, expected.max_age)?;
        }
        self.is_production(expected.allow_debug)?;
        let build = self.matches_a_build(expected)?;
        if !equal(self.nonce, expected.nonce.as_deref()) {
            return Err(VerifyError::Nonce { found: self.nonce.map(<[u8]>::len) });
        }
        if !equal(self.user_data, expected.user_data.as_deref()) {
            return Err(VerifyError::UserData { found: self.user_data.map(<[u8]>::len) });
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
        let apart = |later: Timestamp, earlier: Timestamp| {
            Duration::from_millis(later.as_millis().saturating_sub(earlier.as_millis()))
        };
        // A document from within the skew is looked at as of its own time.
        self.chain.valid_at(now.max(self.timestamp)).map_err(VerifyError::NotValidNow)?;
        let ahead = apart(self.timestamp, now);
        if ahead > Self::MAX_SKEW {
            return Err(VerifyError::FromTheFuture { ahead });
        }
        let age = apart(now, self.timestamp);
        if age > max_age {
            return Err(VerifyError::TooOld { age, max_age });
        }
        Ok(())
    }

    /// Check 19. In debug mode the first three registers are zero; one zero among them is enough
    /// to refuse, since no build has it.
    fn is_production(&self, allow_debug: bool) -> Result<(), VerifyError> {
        if !self.pcrs.contains_key(&0) {
            return Err(VerifyError::MissingPcr { index: 0 });
        }
        if self.is_debug() && !allow_debug { Err(VerifyError::Debug) } else { Ok(()) }
    }

    pub(crate) fn is_debug(&self) -> bool {
        (0..=2).any(|index| self.pcrs.get(&index) == Some(&Pcr::DEBUG))
    }

    /// Check 20. Returns which build the document shows.
    fn matches_a_build(&self, expected: &Expected) -> Result<usize, VerifyError> {
        let mismatch = |build: &std::collections::BTreeMap<u8, Pcr>| {
            build.iter().find_map(|(&index, &expected)| match self.pcrs.get(&index) {
                None => Some(VerifyError::MissingPcr { index }),
                Some(&found) if found != expected => {
                    Some(VerifyError::WrongPcr { index, expected, found })
                }
                Some(_) => None,
            })
        };
        let mut first = None;
        for (position, build) in expected.builds.iter().enumerate() {
            match mismatch(build) {
                None => return Ok(position),
                Some(error) => first = first.or(Some(error)),
            }
        }
        match (expected.builds.len(), first) {
            (1, Some(error)) => Err(error),
            (builds, _) => Err(VerifyError::NoBuildMatches { builds }),
        }
    }
}

/// Equal in constant time, or nothing was expected.
fn equal(found: Option<&[u8]>, expected: Option<&[u8]>) -> bool {
    match (found, expected) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(found), Some(expected)) => found.ct_eq(expected).into(),
    }
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

/// Why a document is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The expectation would be met by anybody's enclave.
    #[error("the expectation names no build, or one without a register that is not zero")]
    EmptyExpectation,
    /// The certificates do not lead from the pinned root to the document's key.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The certificates, though valid when the document was signed, are not valid now.
    #[error(transparent)]
    NotValidNow(ChainError),
    /// The document was not signed by the key of its certificate.
    #[error("the document's signature does not hold")]
    Signature,
    /// The document's time is after the verifier's.
    #[error(
        "the document is {ahead:?} ahead of this clock, at most {:?} is accepted",
        Document::MAX_SKEW
    )]
    FromTheFuture {
        /// How far.
        ahead: Duration,
    },
    /// The document is older than the caller accepts.
    #[error("the document is {age:?} old, at most {max_age:?} is accepted")]
    TooOld {
        /// How old.
        age: Duration,
        /// What is accepted.
        max_age: Duration,
    },
    /// The enclave runs in debug mode: its operator sees everything in it.
    #[error("the enclave runs in debug mode, or one of pcr 0 to 2 is zero")]
    Debug,
    /// The document does not show a register that is needed.
    #[error("pcr {index} is missing")]
    MissingPcr {
        /// The register.
        index: u8,
    },
    /// A register holds another value than the only acceptable build has.
    #[error("pcr {index} is {found}, expected {expected}")]
    WrongPcr {
        /// The register.
        index: u8,
        /// The build's value.
        expected: Pcr,
        /// The document's value.
        found: Pcr,
    },
    /// The registers are those of no acceptable build.
    #[error("the registers match none of the {builds} acceptable builds")]
    NoBuildMatches {
        /// How many builds are acceptable.
        builds: usize,
    },
    /// The nonce is another one.
    #[error("the nonce is not the expected one")]
    Nonce {
        /// Its length in bytes, if there is one.
        found: Option<usize>,
    },
    /// The user data are others.
    #[error("the user data are not the expected ones")]
    UserData {
        /// Their length in bytes, if there are any.
        found: Option<usize>,
    },
}

impl VerifyError {
    /// The number of the check in SPEC.md that failed.
    #[must_use]
    pub fn check(&self) -> u8 {
        match self {
            Self::Chain(error) => error.check(),
            Self::Signature => 16,
            Self::NotValidNow(_) => 17,
            Self::FromTheFuture { .. } | Self::TooOld { .. } => 18,
            Self::Debug | Self::MissingPcr { index: 0 } => 19,
            Self::EmptyExpectation
            | Self::MissingPcr { .. }
            | Self::WrongPcr { .. }
            | Self::NoBuildMatches { .. } => 20,
            Self::Nonce { .. } => 21,
            Self::UserData { .. } => 22,
        }
    }
}
