//! A party's secret keys: made once, kept in files that only the party may read.

use crate::{
    files,
    withdrawn::{self, WithdrawnError},
};
use protocol::{
    contract::{Contract, draft},
    hpke::{RecipientKey, RecipientSecret},
    salt::BucketSalt,
    sign::{PublicKey, SigningKey},
    text,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    io,
    path::{Path, PathBuf},
};
use zeroize::{Zeroize, Zeroizing};

/// A party's keys. Prints nothing, is never copied.
#[derive(Debug)]
pub struct Identity {
    directory: PathBuf,
    signing: SigningKey,
    recipient: RecipientSecret,
}

impl Identity {
    /// Makes new keys in `directory`, which is made if it is missing: `signing.key` and
    /// `recipient.key` (secret, mode 0600) and `party.toml`, what the party shows to the others; and
    /// beside them an empty list of withdrawn builds. A party that owns data begins its ledger with them: the
    /// crate `custody` makes both.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Exists`] rather than overwrite anything.
    pub fn create(
        directory: &Path,
        name: &str,
        custody: Option<&str>,
    ) -> Result<Self, IdentityError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |cause| IdentityError::Io { path, cause }
        };
        check_words(name, custody)?;
        files::create_folder(directory).map_err(io(directory))?;
        for file in [SIGNING, RECIPIENT, PARTY] {
            let path = directory.join(file);
            if path.try_exists().map_err(io(&path))? {
                return Err(IdentityError::Exists { path });
            }
        }
        let seed = Zeroizing::new(random::<32>()?.to_vec());
        let signing = SigningKey::from_seed(&seed).map_err(|_| IdentityError::Randomness)?;
        let recipient = RecipientSecret::generate(&mut generator()?);
        let made = Self { directory: directory.to_owned(), signing, recipient };
        let files: [(&str, Zeroizing<Vec<u8>>); 3] = [
            (SIGNING, seed),
            (RECIPIENT, made.recipient.expose()),
            (PARTY, Zeroizing::new(made.party_toml(name, custody).into_bytes())),
        ];
        for (file, bytes) in files {
            let path = directory.join(file);
            files::create_private(&path, &bytes).map_err(|cause| match cause.kind() {
                io::ErrorKind::AlreadyExists => IdentityError::Exists { path },
                _ => IdentityError::Io { path, cause },
            })?;
        }
        withdrawn::begin(directory).map_err(IdentityError::Withdrawn)?;
        Ok(made)
    }

    /// Reads the keys of `directory`.
    ///
    /// # Errors
    ///
    /// [`IdentityError`]; also where others than the owner may read a key.
    pub fn load(directory: &Path) -> Result<Self, IdentityError> {
        let signing = SigningKey::from_seed(&secret(directory, SIGNING)?)
            .map_err(|_| IdentityError::NoKey { path: directory.join(SIGNING) })?;
        let recipient = RecipientSecret::from_bytes(&secret(directory, RECIPIENT)?)
            .map_err(|_| IdentityError::NoKey { path: directory.join(RECIPIENT) })?;
        Ok(Self { directory: directory.to_owned(), signing, recipient })
    }

    /// Signs for the party.
    #[must_use]
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Opens what is sealed to the party.
    #[must_use]
    pub fn recipient(&self) -> &RecipientSecret {
        &self.recipient
    }

    /// Where the keys are, and the party's ledger beside them.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The name that `contract` gives to these keys.
    ///
    /// # Errors
    ///
    /// [`IdentityError::NoParty`], or [`IdentityError::OtherRecipient`] if the contract has the
    /// signing key with somebody else's recipient key: results would be sealed to that one.
    pub fn party_in<'c>(&self, contract: &'c Contract) -> Result<&'c str, IdentityError> {
        let key = self.signing.public();
        let name = contract.party_of(&key).ok_or(IdentityError::NoParty { key })?;
        let listed = contract.parties.get(name).map(|party| &party.recipient_key);
        if listed == Some(&self.recipient.public()) {
            Ok(name)
        } else {
            Err(IdentityError::OtherRecipient { party: name.to_owned() })
        }
    }

    /// What the party shows to the others: its part of a contract.
    #[must_use]
    pub fn party_toml(&self, name: &str, custody: Option<&str>) -> String {
        party_toml(name, &self.signing.public(), &self.recipient.public(), custody)
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

/// A new bucket salt.
///
/// # Errors
///
/// [`IdentityError::Randomness`] if the operating system has none to give.
pub fn bucket_salt() -> Result<BucketSalt, IdentityError> {
    Ok(BucketSalt::take(&mut random()?))
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

/// Why keys cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is a key already.
    #[error("{path} exists already: keys are never overwritten, name another directory")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No keys there.
    #[error(
        "there is no {path}: name the folder of the party's keys with --dir, or make keys with \
             `glovebox init` if the party has none"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error(
        "{path} can be read by others (mode {mode:o}), expected 600: run `chmod 600` on it, and \
             make new keys if others had access"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Not 32 bytes.
    #[error("{path} is not a key of this program: expected 32 bytes")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A name or address that no contract can hold.
    #[error("{what} \"{found}\" cannot stand in a contract: expected {expected}")]
    BadWords {
        /// Name or address.
        what: &'static str,
        /// What was given.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// Not in the contract.
    #[error(
        "these keys ({key}) belong to no party in this contract: name the folder of the party's keys with --dir, \
         or have the contract name this key"
    )]
    NoParty {
        /// Our signing key.
        key: PublicKey,
    },
    /// In the contract with another recipient key.
    #[error(
        "the contract lists another recipient key for \"{party}\" than recipient.key: results \
             would be sealed to a key that is not yours"
    )]
    OtherRecipient {
        /// Our name in it.
        party: String,
    },
    /// The list of withdrawn builds beside the keys.
    #[error(transparent)]
    Withdrawn(WithdrawnError),
    /// No randomness.
    #[error("the operating system gave no random numbers")]
    Randomness,
    /// Reading or writing.
    #[error("reading or writing {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

fn secret(directory: &Path, file: &str) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let path = directory.join(file);
    match files::read_private(&path) {
        Ok(Ok(bytes)) if bytes.len() == 32 => Ok(bytes),
        Ok(Ok(_)) => Err(IdentityError::NoKey { path }),
        Ok(Err(mode)) => Err(IdentityError::Exposed { path, mode }),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            Err(IdentityError::Missing { path })
        }
        Err(cause) => Err(IdentityError::Io { path, cause }),
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

/// File with the 32-byte seed of the signing key.
pub const SIGNING: &str = "signing.key";
/// File with the 32-byte seed of the recipient key.
pub const RECIPIENT: &str = "recipient.key";
/// File with the public halves.
pub const PARTY: &str = "party.toml";

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn reads_back_the_keys_it_made_and_shows_only_the_public_halves() {
        let dir = tempfile::tempdir().unwrap();
        let made = Identity::create(dir.path(), "retailer", Some("http://localhost:7501")).unwrap();
        let read = Identity::load(dir.path()).unwrap();
        assert_eq!(read.signing().public(), made.signing().public());
        assert_eq!(read.recipient().public(), made.recipient().public());
        let party = std::fs::read_to_string(dir.path().join(PARTY)).unwrap();
        assert!(party.contains(&made.signing().public().to_string()));
        assert!(party.contains("custody = \"http://localhost:7501\""));
        for file in [SIGNING, RECIPIENT] {
            let path = dir.path().join(file);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(!party.contains(&hex::encode(std::fs::read(path).unwrap())));
        }
        assert!(!format!("{made:?}").contains(&hex::encode(&*made.recipient().expose())));
    }

    #[test]
    fn refuses_to_overwrite_a_key() {
        let dir = tempfile::tempdir().unwrap();
        Identity::create(dir.path(), "retailer", None).unwrap();
        let before = std::fs::read(dir.path().join(SIGNING)).unwrap();
        let again = Identity::create(dir.path(), "retailer", None).unwrap_err();
        assert!(matches!(again, IdentityError::Exists { .. }), "{again}");
        assert_eq!(std::fs::read(dir.path().join(SIGNING)).unwrap(), before);
        std::fs::remove_file(dir.path().join(SIGNING)).unwrap();
        Identity::create(dir.path(), "retailer", None).unwrap_err();
    }

    #[test]
    fn refuses_a_key_that_others_can_read() {
        let dir = tempfile::tempdir().unwrap();
        Identity::create(dir.path(), "retailer", None).unwrap();
        let path = dir.path().join(RECIPIENT);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let exposed = Identity::load(dir.path()).unwrap_err();
        assert!(matches!(exposed, IdentityError::Exposed { mode: 0o640, .. }), "{exposed}");
    }

    #[test]
    fn refuses_words_that_would_break_out_of_the_snippet() {
        let dir = tempfile::tempdir().unwrap();
        for (name, custody) in [
            ("Retailer", None),
            ("a\"b", None),
            ("", None),
            ("a", Some("http://x\"\n[[party]]")),
            ("a", Some("http://room.example@evil.example:7501")),
        ] {
            let refused = Identity::create(dir.path(), name, custody).unwrap_err();
            assert!(matches!(refused, IdentityError::BadWords { .. }), "{refused}");
        }
    }
}
