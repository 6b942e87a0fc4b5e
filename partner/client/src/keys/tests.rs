use super::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn reads_back_the_keys_it_made_and_shows_only_the_public_halves() {
    let dir = tempfile::tempdir().unwrap();
    let made = Identity::create(dir.path(), "retailer", Some("http://localhost:7501")).unwrap();
    let read = Identity::load(dir.path()).unwrap();
    assert_eq!(read.root_key(), made.root().unwrap().public());
    assert_eq!(read.recipient().unwrap().public(), made.recipient().unwrap().public());
    let party = std::fs::read_to_string(dir.path().join(PARTY)).unwrap();
    assert!(party.contains(&made.root_key().to_string()));
    assert!(party.contains("custody = \"http://localhost:7501\""));
    for file in [ROOT, RECIPIENT, "service.key", "analyst.key"] {
        let path = dir.path().join(file);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!party.contains(&hex::encode(std::fs::read(path).unwrap())));
    }
    assert!(!format!("{made:?}").contains(&hex::encode(&*made.recipient().unwrap().expose())));
}

#[test]
fn refuses_to_overwrite_a_key() {
    let dir = tempfile::tempdir().unwrap();
    Identity::create(dir.path(), "retailer", None).unwrap();
    let before = std::fs::read(dir.path().join(ROOT)).unwrap();
    let again = Identity::create(dir.path(), "retailer", None).unwrap_err();
    assert!(matches!(again, IdentityError::Exists { .. }), "{again}");
    assert_eq!(std::fs::read(dir.path().join(ROOT)).unwrap(), before);
    std::fs::remove_file(dir.path().join(ROOT)).unwrap();
    Identity::create(dir.path(), "retailer", None).unwrap_err();
}

#[test]
fn keys_that_are_set_aside_take_no_others_place() {
    let dir = tempfile::tempdir().unwrap();
    Identity::create(dir.path(), "retailer", None).unwrap();
    let read = |file: &str| std::fs::read(dir.path().join(file)).unwrap();
    let first = (read("service.key"), read("service.delegation"));
    set_aside(dir.path(), KeyKind::Service).unwrap();
    make_key(dir.path(), KeyKind::Service).unwrap();
    let second = read("service.key");
    set_aside(dir.path(), KeyKind::Service).unwrap();
    assert_eq!((read("service.key.withdrawn"), read("service.delegation.withdrawn")), first);
    assert_eq!(read("service.key.withdrawn-2"), second);
    set_aside(dir.path(), KeyKind::Service).unwrap();
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
