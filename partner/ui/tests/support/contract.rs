//! Contracts of the samples of kinds, with what those leave out.

use protocol::{contract::Contract, digest::Digest, hpke::RecipientSecret, sign::SigningKey};

/// The contract of a sample, with keys, a salt and a build.
pub(crate) fn whole(sample: &str) -> Contract {
    let mut table: toml::Table = sample.parse().unwrap();
    let keys = |seed: u8| {
        let root = SigningKey::from_seed(&zeroize::Zeroizing::new(vec![seed; 32])).unwrap();
        let recipient = RecipientSecret::from_bytes(&[seed; 32]).unwrap().public();
        [("root_key", root.public().to_string()), ("recipient_key", recipient.to_string())]
    };
    for (party, seed) in table["party"].as_array_mut().unwrap().iter_mut().zip(1..) {
        for (name, key) in keys(seed) {
            party.as_table_mut().unwrap().insert(name.to_owned(), key.into());
        }
    }
    table.insert("bucket_salt".to_owned(), Digest::of("test", b"").to_string().into());
    let build = format!(
        "[[build]]\nname = \"b\"\npcr0 = \"{0}\"\npcr1 = \"{0}\"\npcr2 = \"{0}\"\n",
        "ab".repeat(48)
    );
    let build: toml::Table = build.parse().unwrap();
    table.extend(build);
    Contract::parse(toml::to_string(&table).unwrap().as_bytes()).unwrap()
}
