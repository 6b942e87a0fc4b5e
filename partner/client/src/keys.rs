//! A party's secret keys: made once, kept in files that only the party may read.

mod custody_key;
mod error;
mod folder;
mod names;
mod passphrase;
mod randomness;
mod root_file;

use crate::{files, withdrawn};
use folder::{create, delegate, from_now, new_key, secret};
use protocol::{
    contract::{CUSTODY_ADDRESS, Contract, CustodyAddress, draft},
    delegation::{ByDelegate, Delegate, Delegation, KeyKind},
    hpke::{RecipientKey, RecipientSecret},
    sign::{PublicKey, SigningKey},
    text,
    time::Time,
};
use std::path::{Path, PathBuf};

pub use custody_key::{CUSTODY, CustodyKey};
pub use error::IdentityError;
pub(crate) use folder::is_party;
pub use folder::{
    PARTY, RECIPIENT, ROOT, delegation_from_now, make_key, public_key, set_aside, undelegated,
};
pub use names::{delegation_file, key_file};
pub use passphrase::{Passphrase, PassphraseLength};
pub use randomness::{bucket_salt, generator, random};
pub use root_file::{RootFile, protect};

/// A party's keys, as far as its folder has them. Prints nothing, is never copied.
///
/// A service needs its service key alone, and an analyst the analyst key and, to read answers, the recipient key. The
/// root key is read where something is signed with it and nowhere else.
#[derive(Debug)]
pub struct Identity {
    directory: PathBuf,
    root_key: PublicKey,
    recipient: Option<RecipientSecret>,
    service: Option<Delegate>,
    analyst: Option<Delegate>,
}

impl Identity {
    /// Makes new keys in `directory`, which is made if it is missing: the root key, a service and an analyst key that
    /// it delegates for [`DAYS`], the recipient key (secret, mode 0600), and `party.toml`, what the party shows
    /// to the others; and beside them an empty list of withdrawn builds.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Exists`] rather than overwrite anything.
    pub fn create(
        directory: &Path,
        name: &str,
        custody: Option<&str>,
    ) -> Result<Self, IdentityError> {
        Self::make(directory, name, custody, from_now(DAYS), None)
    }

    /// The same with the root key under a passphrase: it is never written without.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub fn create_protected(
        directory: &Path,
        name: &str,
        custody: Option<&str>,
        passphrase: &Passphrase,
    ) -> Result<Self, IdentityError> {
        Self::make(directory, name, custody, from_now(DAYS), Some(passphrase))
    }

    /// The same with delegations that hold between two times.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub fn create_between(
        directory: &Path,
        name: &str,
        custody: Option<&str>,
        between: [Time; 2],
    ) -> Result<Self, IdentityError> {
        Self::make(directory, name, custody, between, None)
    }

    fn make(
        directory: &Path,
        name: &str,
        custody: Option<&str>,
        [from, until]: [Time; 2],
        passphrase: Option<&Passphrase>,
    ) -> Result<Self, IdentityError> {
        check_words(name, custody)?;
        let io = |path: &Path| {
            let path = path.to_owned();
            move |cause| IdentityError::Io { path, cause }
        };
        files::create_folder(directory).map_err(io(directory))?;
        for file in [ROOT, RECIPIENT, PARTY] {
            let path = directory.join(file);
            if path.try_exists().map_err(io(&path))? {
                return Err(IdentityError::Exists { path });
            }
        }
        let (root, seed) = new_key()?;
        let recipient = RecipientSecret::generate(&mut generator()?);
        create(directory, ROOT, &root_file::content_of(&seed, passphrase, &directory.join(ROOT))?)?;
        create(directory, RECIPIENT, &recipient.expose())?;
        for kind in [KeyKind::Service, KeyKind::Analyst] {
            let key = make_key(directory, kind)?;
            let name = kind.to_string();
            let delegation = Delegation { kind, name, key, from, until };
            create(directory, &delegation_file(kind), &root.sign(&delegation))?;
        }
        let page = party_toml(name, &root.public(), &recipient.public(), custody);
        create(directory, PARTY, page.as_bytes())?;
        withdrawn::begin(directory).map_err(IdentityError::Withdrawn)?;
        Self::load(directory)
    }

    /// Reads the keys of `directory`, all but the root key.
    ///
    /// # Errors
    ///
    /// [`IdentityError`]; also where others than the owner may read a key, or keys of two parties lie together.
    pub fn load(directory: &Path) -> Result<Self, IdentityError> {
        let read = |kind| delegate(directory, kind);
        Self::of(directory, read(KeyKind::Service)?, read(KeyKind::Analyst)?)
    }

    /// The same but for keys that nobody has delegated yet ([`undelegated`]).
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_delegated(directory: &Path) -> Result<Self, IdentityError> {
        let undelegated = undelegated(directory)?;
        let read = |kind| match undelegated.iter().any(|(of, _)| *of == kind) {
            true => Ok(None),
            false => delegate(directory, kind),
        };
        Self::of(directory, read(KeyKind::Service)?, read(KeyKind::Analyst)?)
    }

    /// Reads the keys that a service needs, which answers the network: the service key, and the recipient key if there is
    /// one. Neither the root key nor the analyst key is read.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] without a service key; otherwise as [`load`](Self::load).
    pub fn load_for_service(directory: &Path) -> Result<Self, IdentityError> {
        match delegate(directory, KeyKind::Service)? {
            Some(service) => Self::of(directory, Some(service), None),
            None => {
                Err(IdentityError::Missing { path: directory.join(key_file(KeyKind::Service)) })
            }
        }
    }

    fn of(
        directory: &Path,
        service: Option<Delegate>,
        analyst: Option<Delegate>,
    ) -> Result<Self, IdentityError> {
        let recipient = match secret(directory, RECIPIENT)? {
            Some(seed) => Some(
                RecipientSecret::from_bytes(&seed)
                    .map_err(|_| IdentityError::NoKey { path: directory.join(RECIPIENT) })?,
            ),
            None => None,
        };
        let roots: Vec<_> =
            [&service, &analyst].into_iter().flatten().map(Delegate::root).collect();
        let root_key = match roots.as_slice() {
            [] => match RootFile::read(directory) {
                Err(IdentityError::Missing { .. }) => {
                    let shown = directory.canonicalize();
                    let directory = shown.unwrap_or_else(|_| directory.to_owned());
                    return Err(IdentityError::NoKeys { directory });
                }
                found => found?.public(),
            },
            [one, others @ ..] if others.iter().all(|other| other == one) => *one,
            _ => return Err(IdentityError::TwoParties { directory: directory.to_owned() }),
        };
        Ok(Self { directory: directory.to_owned(), root_key, recipient, service, analyst })
    }

    /// The public half of the party's root key, which a contract has.
    #[must_use]
    pub fn root_key(&self) -> PublicKey {
        self.root_key
    }

    /// The root key, read for this from a file without a passphrase: signs contracts, delegations and withdrawals.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] where it is kept elsewhere, and [`IdentityError::Protected`] under a passphrase.
    pub fn root(&self) -> Result<SigningKey, IdentityError> {
        self.checked(RootFile::read(&self.directory)?.open(None)?)
    }

    /// A root key that was read from this folder, if it is the one that delegated the other keys there.
    ///
    /// # Errors
    ///
    /// [`IdentityError::TwoParties`].
    pub fn checked(&self, root: SigningKey) -> Result<SigningKey, IdentityError> {
        if root.public() == self.root_key {
            Ok(root)
        } else {
            Err(IdentityError::TwoParties { directory: self.directory.clone() })
        }
    }

    /// Signs grants, manifests, slices and requests.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] without such a key.
    pub fn service(&self) -> Result<&Delegate, IdentityError> {
        self.service.as_ref().ok_or_else(|| self.missing(KeyKind::Service))
    }

    /// Signs jobs.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] without such a key.
    pub fn analyst(&self) -> Result<&Delegate, IdentityError> {
        self.analyst.as_ref().ok_or_else(|| self.missing(KeyKind::Analyst))
    }

    /// Signs a `T`: the key is of the first kind of those that may, of which there is one.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] without any.
    pub fn sign<T: ByDelegate>(&self, value: &T) -> Result<Vec<u8>, IdentityError> {
        let mut keys = T::KINDS.iter().filter_map(|kind| match kind {
            KeyKind::Service => self.service.as_ref(),
            KeyKind::Analyst => self.analyst.as_ref(),
        });
        let needed = || self.missing(T::KINDS.first().copied().unwrap_or(KeyKind::Service));
        Ok(keys.next().ok_or_else(needed)?.sign(value))
    }

    /// Opens what is sealed to the party.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] without the recipient key.
    pub fn recipient(&self) -> Result<&RecipientSecret, IdentityError> {
        let missing = || IdentityError::Missing { path: self.directory.join(RECIPIENT) };
        self.recipient.as_ref().ok_or_else(missing)
    }

    /// Where the keys are, and the party's ledger beside them.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn missing(&self, kind: KeyKind) -> IdentityError {
        IdentityError::Missing { path: self.directory.join(key_file(kind)) }
    }

    /// The name that `contract` gives to these keys.
    ///
    /// # Errors
    ///
    /// [`IdentityError::NoParty`], or [`IdentityError::OtherRecipient`] if the contract has the
    /// root key with somebody else's recipient key: results would be sealed to that one.
    pub fn party_in<'c>(&self, contract: &'c Contract) -> Result<&'c str, IdentityError> {
        let key = self.root_key;
        let name = contract.party_of(&key).ok_or(IdentityError::NoParty { key })?;
        let listed = contract.parties.get(name).map(|party| &party.recipient_key);
        match &self.recipient {
            Some(recipient) if listed != Some(&recipient.public()) => {
                Err(IdentityError::OtherRecipient { party: name.to_owned() })
            }
            _ => Ok(name),
        }
    }

    /// What the party shows to the others: its part of a contract.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] without the recipient key.
    pub fn party_toml(&self, name: &str, custody: Option<&str>) -> Result<String, IdentityError> {
        Ok(party_toml(name, &self.root_key, &self.recipient()?.public(), custody))
    }
}

/// Whether `name` and `custody` can stand in a contract: the same rules as its parser's, so that the
/// snippet can be pasted as it is.
///
/// # Errors
///
/// [`IdentityError::BadWords`].
pub fn check_words(name: &str, custody: Option<&str>) -> Result<(), IdentityError> {
    let bytes = name.as_bytes();
    let starts = bytes.first().is_some_and(u8::is_ascii_lowercase);
    let allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if !starts || bytes.len() > 32 || !bytes.iter().all(allowed) {
        let expected = "a-z first, then a-z, 0-9, '-' or '_', at most 32 characters";
        return Err(IdentityError::BadWords {
            what: "name",
            found: text::beginning(name),
            expected,
        });
    }
    match custody {
        Some(found) if found.parse::<CustodyAddress>().is_err() => Err(IdentityError::BadWords {
            what: "custody",
            found: text::beginning(found),
            expected: CUSTODY_ADDRESS,
        }),
        _ => Ok(()),
    }
}

/// A party's part of a contract, of words that [`check_words`] has passed.
#[must_use]
pub fn party_toml(
    name: &str,
    root: &PublicKey,
    recipient: &RecipientKey,
    custody: Option<&str>,
) -> String {
    draft::Party { name, root_key: root, recipient_key: recipient, custody }.to_string()
}

/// How long `glovebox init` delegates keys for.
pub const DAYS: u64 = 90;

#[cfg(test)]
mod tests;
