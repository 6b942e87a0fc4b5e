//! A contract that one party made with itself, for the tests of the library and of the program.

use protocol::{
    contract::draft,
    delegation::{Delegate, Delegation, KeyKind},
    hpke::RecipientSecret,
    salt::BucketSalt,
    sign::SigningKey,
    time::Time,
};
use zeroize::Zeroizing;

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
}

/// A key of this kind, which the root key of this seed delegates for ever.
pub(crate) fn delegate(root: u8, kind: KeyKind) -> Delegate {
    let own = key(root + 100);
    let delegation = Delegation {
        kind,
        name: "own".to_owned(),
        key: own.public(),
        from: Time(0),
        until: Time(u64::MAX),
    };
    Delegate::by(&key(root), own, &delegation).unwrap()
}

/// Its text, until `expires`. The party's root key is `key(1)`.
pub(crate) fn contract(expires: &str) -> String {
    let (root, recipient) =
        (key(1).public(), RecipientSecret::from_bytes(&[2; 32]).unwrap().public());
    let head = draft::Head {
        name: "alone",
        expires,
        purposes: &["measurement"],
        bucket_salt: BucketSalt::take(&mut [0x5a; BucketSalt::LEN]).digest(),
    };
    let party =
        draft::Party { name: "one", root_key: &root, recipient_key: &recipient, custody: None };
    let budget = draft::Budget {
        purpose: "measurement",
        legal_basis: "consent",
        period: "month",
        epsilon: 1.0,
        lifetime_epsilon: 1.0,
    };
    let email = "[[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n";
    let pcr = "ab".repeat(48);
    let build = draft::Build("none", [&pcr; 3]);
    format!(
        "{head}{party}[[dataset]]\nname = \"seen\"\nowner = \"one\"\n{email}\
         [[dataset.column]]\nname = \"arm\"\nrole = \"group\"\ndomain = [\"a\", \"b\"]\n{budget}\
         [[dataset]]\nname = \"done\"\nowner = \"one\"\n{email}[[dataset.column]]\n\
         name = \"spend\"\nrole = \"measure\"\n{budget}[[analysis]]\nname = \"lift\"\n\
         kind = \"lift\"\npurpose = \"measurement\"\nassignment = \"seen\"\narm = \"arm\"\n\
         outcome = \"done\"\nmeasures = [\"spend\"]\nanalysts = [\"one\"]\n\
         receivers = [\"one\"]\n{build}"
    )
}
