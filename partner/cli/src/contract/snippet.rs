//! What a party sends to whoever writes a contract: `party.toml`, as `glovebox init` wrote it.

use crate::{failure::Failure, files};
use client::keys;
use protocol::{hpke::RecipientKey, sign::PublicKey, text};
use serde::Deserialize;
use std::{fmt::Display, path::Path};

/// One party's part of a contract.
///
/// What the other side sent is parsed and written anew: a contract has only what its writer agreed
/// to, so a second table in that file, such as a build, does not get into it.
pub(super) struct Snippet {
    pub(super) name: String,
    root_key: PublicKey,
    recipient_key: RecipientKey,
    custody: Option<String>,
}

impl Snippet {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            party: Vec<Party>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Party {
            name: String,
            root_key: String,
            recipient_key: String,
            custody: Option<String>,
        }
        let unreadable = |why: &str| {
            Failure::unclear(format!(
                "{}: {why}; expected party.toml as `glovebox init` writes it: one [[party]] with name, \
                 root_key, recipient_key and perhaps custody, and nothing else",
                path.display()
            ))
        };
        let page = files::read_text_at_most(path, MOST_PARTY)?;
        let file: File =
            toml::from_str(&page).map_err(|e| unreadable(&text::plain_toml(e.message(), "")))?;
        let Ok([party]) = <[Party; 1]>::try_from(file.party) else {
            return Err(unreadable("it does not have exactly one [[party]]"));
        };
        keys::check_words(&party.name, party.custody.as_deref())
            .map_err(|e| unreadable(&e.to_string()))?;
        let unreadable = |what, why: &dyn Display| unreadable(&format!("{what}: {why}"));
        Ok(Self {
            root_key: party.root_key.parse().map_err(|e| unreadable("root_key", &e))?,
            recipient_key: party
                .recipient_key
                .parse()
                .map_err(|e| unreadable("recipient_key", &e))?,
            name: party.name,
            custody: party.custody,
        })
    }

    /// Its table in a contract.
    pub(super) fn table(&self) -> String {
        keys::party_toml(&self.name, &self.root_key, &self.recipient_key, self.custody.as_deref())
    }
}

/// Largest party.toml that is read, in bytes: twenty times what its keys take.
const MOST_PARTY: u64 = 64 << 10;
