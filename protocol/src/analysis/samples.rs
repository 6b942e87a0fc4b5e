//! Contracts of worked samples. A sample leaves out what belongs to each party: keys, salt and
//! build.

use crate::{contract::Contract, hpke::RecipientSecret, salt::BucketSalt, sign::SigningKey};
use toml::{Table, Value};
use zeroize::Zeroizing;

/// The contract of a sample, with keys made from the place of each party in the list, a salt and a build.
///
/// # Panics
///
/// If `text` is no contract even then.
pub(crate) fn contract(text: &str) -> Contract {
    let mut table: Table = text.parse().expect("TOML");
    let parties = table.get_mut("party").and_then(Value::as_array_mut).into_iter().flatten();
    for (party, seed) in parties.filter_map(Value::as_table_mut).zip(1_u8..) {
        let root = SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).expect("a seed");
        let recipient = RecipientSecret::from_bytes(&[seed; 32]).expect("a secret").public();
        party.insert("root_key".to_owned(), root.public().to_string().into());
        party.insert("recipient_key".to_owned(), recipient.to_string().into());
    }
    let salt = BucketSalt::take(&mut [0x5a; BucketSalt::LEN]).digest().to_string();
    table.insert("bucket_salt".to_owned(), salt.into());
    let mut build = Table::new();
    build.insert("name".to_owned(), "sample".into());
    for register in ["pcr0", "pcr1", "pcr2"] {
        build.insert(register.to_owned(), "ab".repeat(48).into());
    }
    table.insert("build".to_owned(), Value::Array(vec![build.into()]));
    let text = toml::to_string(&table).expect("TOML");
    Contract::parse(text.as_bytes()).expect("a contract")
}
