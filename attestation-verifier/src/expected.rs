//! What a caller expects of an enclave.

use std::{collections::BTreeMap, time::Duration};

use crate::{Pcr, Region, RevocationList, Root};

/// What must hold for a document to be believed, beyond being genuine.
///
/// A build is a set of registers. Several may be acceptable, and a document must show every
/// register of one of them. A build without a register, or with none but zero ones past the first
/// three (which every enclave has), would be met by anybody's enclave: verifying against it is an
/// error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expected {
    pub(crate) root: Root,
    pub(crate) builds: Vec<BTreeMap<u8, Pcr>>,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) max_age: Duration,
    pub(crate) allow_debug: bool,
    pub(crate) revocation_lists: Vec<RevocationList>,
    pub(crate) regions: Vec<Region>,
}

impl Expected {
    /// Age that is accepted unless the caller names another.
    pub const DEFAULT_MAX_AGE: Duration = Duration::from_mins(5);

    /// One acceptable build, under AWS's root.
    pub fn build(pcrs: impl IntoIterator<Item = (u8, Pcr)>) -> Self {
        Self::any_of([pcrs.into_iter().collect()])
    }

    /// Several acceptable builds, under AWS's root.
    pub fn any_of(builds: impl IntoIterator<Item = BTreeMap<u8, Pcr>>) -> Self {
        Self {
            root: Root::AWS,
            builds: builds.into_iter().collect(),
            nonce: None,
            user_data: None,
            max_age: Self::DEFAULT_MAX_AGE,
            allow_debug: false,
            revocation_lists: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// Another root than AWS's, from [`danger`](crate::danger).
    #[must_use]
    pub fn root(self, root: Root) -> Self {
        Self { root, ..self }
    }

    /// The nonce must be this one. Without this call any nonce, or none, is accepted.
    #[must_use]
    pub fn nonce(self, nonce: impl Into<Vec<u8>>) -> Self {
        Self { nonce: Some(nonce.into()), ..self }
    }

    /// The user data must be these. Without this call any user data, or none, are accepted.
    #[must_use]
    pub fn user_data(self, user_data: impl Into<Vec<u8>>) -> Self {
        Self { user_data: Some(user_data.into()), ..self }
    }

    /// Age up to which a live document is accepted. Archived documents have no age.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Accepts an enclave in debug mode, whose operator sees everything in it.
    #[must_use]
    pub fn allow_debug(self) -> Self {
        Self { allow_debug: true, ..self }
    }

    /// Looks up certificates in these lists, of authorities of the document's chain. Each must be
    /// current at the time of verifying, or at the document's own if it is archived. Without this
    /// call nothing is looked up, as AWS prescribes.
    #[must_use]
    pub fn revocation_lists(self, lists: impl IntoIterator<Item = RevocationList>) -> Self {
        Self { revocation_lists: lists.into_iter().collect(), ..self }
    }

    /// The enclave must run in one of these regions of AWS, by the names of the authorities of its chain. Under another root
    /// than AWS's a chain without such names is accepted, and the check says so: it is nowhere. Without this call, or with
    /// none, every region is accepted.
    #[must_use]
    pub fn regions(self, regions: impl IntoIterator<Item = Region>) -> Self {
        Self { regions: regions.into_iter().collect(), ..self }
    }

    /// Whether some build is pinned by nothing, so that verifying is an error. Zero pins the first
    /// three registers, as those of an enclave in debug mode.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let pins = |(index, pcr): (&u8, &Pcr)| *index <= 2 || *pcr != Pcr::DEBUG;
        self.builds.is_empty() || self.builds.iter().any(|build| !build.iter().any(pins))
    }
}
