use super::*;
use crate::keys::Identity;
use std::os::unix::fs::{PermissionsExt, symlink};

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.to_owned())).unwrap()
}

/// A folder whose root key has the seed 1, 1, ..
fn folder(content: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    files::create_private(&dir.path().join(ROOT), content).unwrap();
    dir
}

fn seed() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![1; 32])
}

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };
const WORDS: &str = "three blind mice";

fn made() -> Protected {
    let path = Path::new(ROOT);
    Protected::seal(&seed(), &passphrase(WORDS), [7; 16], CHEAP, path).unwrap()
}

fn opened(made: &Protected) -> Result<SigningKey, IdentityError> {
    let dir = folder(&canonical::to_vec(made));
    RootFile::read(dir.path())?.open(Some(&passphrase(WORDS)))
}

/// Made once from the seed 1, 1, .., and opened ever since.
#[test]
fn a_file_of_old_opens() {
    let made = canonical::to_vec(&made());
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../../tests/vectors/root-key-v1/protected.key");
    if std::env::var_os("GLOVEBOX_BLESS").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &made).unwrap();
    }
    let found = fs::read(path).unwrap();
    assert_eq!(found, made);
    let key = opened(&Protected::parse(&found, Path::new(ROOT)).unwrap()).unwrap();
    assert_eq!(key.public(), SigningKey::from_seed(&seed()).unwrap().public());
}

#[test]
fn a_passphrase_is_set_changed_and_removed_and_the_key_stays() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let identity = Identity::create(at, "retailer", None).unwrap();
    let (one, two) = (passphrase(WORDS), passphrase("four and twenty blackbirds"));
    let is = |protected, passphrase: Option<&Passphrase>| {
        let mode = fs::metadata(at.join(ROOT)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let file = RootFile::read(at).unwrap();
        assert_eq!((file.is_protected(), file.public()), (protected, identity.root_key()));
        assert_eq!(file.open(passphrase).unwrap().public(), identity.root_key());
    };
    is(false, None);
    protect(at, None, Some(&one)).unwrap();
    is(true, Some(&one));
    let bytes = fs::read(at.join(ROOT)).unwrap();
    for wrong in [None, Some(&two)] {
        protect_at(CHEAP, at, wrong, None).unwrap_err();
        assert_eq!(fs::read(at.join(ROOT)).unwrap(), bytes);
    }
    let none = RootFile::read(at).unwrap().open(None).unwrap_err();
    assert!(none.to_string().contains("is under a passphrase"), "{none}");
    let wrong = RootFile::read(at).unwrap().open(Some(&two)).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        format!("the passphrase does not open {}", at.join(ROOT).display())
    );
    // Who needs no root key is asked for nothing.
    assert_eq!(Identity::load(at).unwrap().root_key(), identity.root_key());
    assert!(matches!(identity.root(), Err(IdentityError::Protected { .. })));
    protect_at(CHEAP, at, Some(&one), Some(&two)).unwrap();
    is(true, Some(&two));
    protect_at(CHEAP, at, Some(&two), None).unwrap();
    is(false, None);
}

/// A command that was stopped leaves the key as it was, and beside it at most what the next one writes over.
#[test]
fn what_a_stopped_command_left_is_in_nobodys_way_and_never_read_by_others() {
    let dir = folder(&seed());
    let left = dir.path().join("root.key.new");
    fs::write(&left, "half a").unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).unwrap();
    let words = passphrase(WORDS);
    protect_at(CHEAP, dir.path(), None, Some(&words)).unwrap();
    assert!(!left.exists());
    protect_at(CHEAP, dir.path(), Some(&words), None).unwrap();
    assert_eq!(fs::read(dir.path().join(ROOT)).unwrap(), *seed());
    let mode = fs::metadata(dir.path().join(ROOT)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // A folder that cannot be written keeps what it has; and the file behind a link is the one that is replaced.
    let stick = folder(&seed());
    fs::remove_file(dir.path().join(ROOT)).unwrap();
    symlink(stick.path().join(ROOT), dir.path().join(ROOT)).unwrap();
    protect_at(CHEAP, dir.path(), None, Some(&words)).unwrap();
    assert_ne!(fs::read(stick.path().join(ROOT)).unwrap(), *seed());
    assert!(fs::symlink_metadata(dir.path().join(ROOT)).unwrap().is_symlink());
}

#[test]
fn every_changed_byte_is_refused_and_nothing_is_computed_beyond_the_limits() {
    opened(&made()).unwrap();
    let bytes = canonical::to_vec(&made());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let dir = folder(&changed);
        let read = RootFile::read(dir.path());
        read.and_then(|file| file.open(Some(&passphrase(WORDS)))).unwrap_err();
    }
    for length in (0..bytes.len()).filter(|length| *length != SEED) {
        let dir = folder(&bytes[..length]);
        assert!(matches!(RootFile::read(dir.path()), Err(IdentityError::NoKey { .. })));
    }
    let most = Cost::MOST;
    for (memory_kib, passes) in [(most.memory_kib + 1, 1), (64, most.passes + 1), (u32::MAX, 1)] {
        let costly = Protected { memory_kib, passes, ..made() };
        let refused = opened(&costly).unwrap_err();
        assert!(matches!(refused, IdentityError::Costly { .. }), "{refused}");
    }
    for (memory_kib, passes) in [(0, 1), (64, 0)] {
        let free = Protected { memory_kib, passes, ..made() };
        opened(&free).unwrap_err();
    }
}

#[test]
fn nothing_secret_is_printed_and_two_files_of_one_key_share_nothing() {
    let words = passphrase(WORDS);
    assert_eq!(format!("{words:?}"), "Passphrase(..)");
    let dir = folder(&seed());
    let file = RootFile::read(dir.path()).unwrap();
    assert!(format!("{file:?}").contains("SigningKey(..)"), "{file:?}");
    let one = content_of(&seed(), Some(&words), Path::new(ROOT)).unwrap();
    let two = content_at(CHEAP, &seed(), Some(&words), Path::new(ROOT)).unwrap();
    let [one, two] = [one, two].map(|bytes| Protected::parse(&bytes, Path::new(ROOT)).unwrap());
    assert!(one.salt != two.salt && one.sealed != two.sealed);
    assert_eq!((one.memory_kib, one.passes), (131_072, 3));
    for short in ["", "elevenbytes"] {
        let refused = Passphrase::to_set(Zeroizing::new(short.to_owned())).unwrap_err();
        assert!(refused.to_string().contains("at least 12 characters"), "{refused}");
    }
    Passphrase::new(Zeroizing::new("x".repeat(Passphrase::MOST + 1))).unwrap_err();
}
