//! A party's secret keys: made once, kept in files that only the party may read.

mod error;

use crate::{clock, files, withdrawn};
use protocol::{
    contract::{Contract, draft},
    delegation::{ByDelegate, Delegate, Delegation, KeyKind},
    hpke::{RecipientKey, RecipientSecret},
    sign::{PublicKey, SigningKey},
    text,
    time::Time,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    io,
    path::{Path, PathBuf},
};
use zeroize::{Zeroize, Zeroizing};

pub use error::IdentityError;

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
        Self::create_between(directory, name, custody, from_now(DAYS))
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
        [from, until]: [Time; 2],
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
        create(directory, ROOT, &seed)?;
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
        let service = delegate(directory, KeyKind::Service)?;
        let analyst = delegate(directory, KeyKind::Analyst)?;
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
            [] => root(directory)?.public(),
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

    /// The root key, read for this: signs contracts, delegations and withdrawals.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] where it is kept elsewhere.
    pub fn root(&self) -> Result<SigningKey, IdentityError> {
        let root = root(&self.directory)?;
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

/// A generator seeded by the operating system.
///
/// # Errors
///
/// [`IdentityError::Randomness`] if the operating system has none to give.
pub fn generator() -> Result<ChaCha20Rng, IdentityError> {
    let mut seed = random::<32>()?;
    let generator = ChaCha20Rng::from_seed(seed);
    seed.zeroize();
    Ok(generator)
}

/// Bytes that nobody can guess.
///
/// # Errors
///
/// [`IdentityError::Randomness`] if the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| IdentityError::Randomness)?;
    Ok(bytes)
}

/// The seed in a private file of 32 bytes, if there is one.
fn secret(directory: &Path, file: &str) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
    let path = directory.join(file);
    match files::read_private(&path) {
        Ok(Ok(bytes)) if bytes.len() == 32 => Ok(Some(bytes)),
        Ok(Ok(_)) => Err(IdentityError::NoKey { path }),
        Ok(Err(mode)) => Err(IdentityError::Exposed { path, mode }),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(IdentityError::Io { path, cause }),
    }
}

/// Whether `directory` has a key of a party.
pub(crate) fn is_party(directory: &Path) -> io::Result<bool> {
    let files = [ROOT.to_owned(), key_file(KeyKind::Service), key_file(KeyKind::Analyst)];
    for file in files {
        if directory.join(file).try_exists()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The root key in `directory`, read for this.
///
/// # Errors
///
/// [`IdentityError::Missing`] where it is kept elsewhere.
pub fn root(directory: &Path) -> Result<SigningKey, IdentityError> {
    let path = directory.join(ROOT);
    let seed =
        secret(directory, ROOT)?.ok_or_else(|| IdentityError::Missing { path: path.clone() })?;
    SigningKey::from_seed(&seed).map_err(|_| IdentityError::NoKey { path })
}

/// The key of this kind with its delegation, if there is one.
fn delegate(directory: &Path, kind: KeyKind) -> Result<Option<Delegate>, IdentityError> {
    let Some(seed) = secret(directory, &key_file(kind))? else { return Ok(None) };
    let no_key = |_| IdentityError::NoKey { path: directory.join(key_file(kind)) };
    let key = SigningKey::from_seed(&seed).map_err(no_key)?;
    let path = directory.join(delegation_file(kind));
    let bytes = match files::read_at_most(&path, MOST_DELEGATION) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(IdentityError::Missing { path });
        }
        Err(cause) => return Err(IdentityError::Io { path, cause }),
    };
    match Delegate::new(key, bytes) {
        Ok(delegate) if delegate.delegation().kind == kind => Ok(Some(delegate)),
        _ => Err(IdentityError::NoDelegation { path, kind }),
    }
}

fn new_key() -> Result<(SigningKey, Zeroizing<Vec<u8>>), IdentityError> {
    let seed = Zeroizing::new(random::<32>()?.to_vec());
    let key = SigningKey::from_seed(&seed).map_err(|_| IdentityError::Randomness)?;
    Ok((key, seed))
}

/// Makes a key of this kind in `directory`, which nobody has delegated yet.
///
/// # Errors
///
/// [`IdentityError::Exists`] rather than overwrite one.
pub fn make_key(directory: &Path, kind: KeyKind) -> Result<PublicKey, IdentityError> {
    let io = |cause| IdentityError::Io { path: directory.to_owned(), cause };
    files::create_folder(directory).map_err(io)?;
    let (key, seed) = new_key()?;
    create(directory, &key_file(kind), &seed)?;
    Ok(key.public())
}

fn create(directory: &Path, file: &str, bytes: &[u8]) -> Result<(), IdentityError> {
    let path = directory.join(file);
    files::create_private(&path, bytes).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => IdentityError::Exists { path },
        _ => IdentityError::Io { path, cause },
    })
}

/// The public half of the key of this kind in `directory`, delegated or not.
///
/// # Errors
///
/// [`IdentityError::Missing`] if there is none.
pub fn public_key(directory: &Path, kind: KeyKind) -> Result<PublicKey, IdentityError> {
    let path = directory.join(key_file(kind));
    let missing = || IdentityError::Missing { path: path.clone() };
    let seed = secret(directory, &key_file(kind))?.ok_or_else(missing)?;
    let key =
        SigningKey::from_seed(&seed).map_err(|_| IdentityError::NoKey { path: path.clone() })?;
    Ok(key.public())
}

/// A delegation that holds from now on for some days.
///
/// # Errors
///
/// [`IdentityError::BadWords`] for a name that nobody would read.
pub fn delegation_from_now(
    kind: KeyKind,
    name: &str,
    key: PublicKey,
    days: u64,
) -> Result<Delegation, IdentityError> {
    check_words(name, None)?;
    let [from, until] = from_now(days);
    Ok(Delegation { kind, name: name.to_owned(), key, from, until })
}

/// From a little before now, since other clocks may be late.
fn from_now(days: u64) -> [Time; 2] {
    let now = clock::now();
    [Time(now.0.saturating_sub(EARLY_MS)), now.plus_seconds(days.saturating_mul(86_400))]
}

/// Puts a withdrawn key and its delegation aside, so that another one can be made.
///
/// # Errors
///
/// [`IdentityError::Io`].
pub fn set_aside(directory: &Path, kind: KeyKind) -> Result<(), IdentityError> {
    for file in [key_file(kind), delegation_file(kind)] {
        let (path, aside) = (directory.join(&file), directory.join(format!("{file}.withdrawn")));
        match std::fs::rename(&path, aside) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(IdentityError::Io { path, cause });
            }
            _ => {}
        }
    }
    Ok(())
}

/// File with the 32-byte seed of a delegated key.
#[must_use]
pub fn key_file(kind: KeyKind) -> String {
    format!("{kind}.key")
}

/// File with the delegation of a key, beside it.
#[must_use]
pub fn delegation_file(kind: KeyKind) -> String {
    format!("{kind}.delegation")
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
        Some(found) if !text::is_http_address(found) => Err(IdentityError::BadWords {
            what: "custody",
            found: text::beginning(found),
            expected: text::HTTP_ADDRESS,
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
const EARLY_MS: u64 = 5 * 60 * 1000;
const MOST_DELEGATION: u64 = 4096;
/// File with the 32-byte seed of the root key.
pub const ROOT: &str = "root.key";
/// File with the 32-byte seed of the recipient key.
pub const RECIPIENT: &str = "recipient.key";
/// File with the public halves.
pub const PARTY: &str = "party.toml";

#[cfg(test)]
mod tests;
