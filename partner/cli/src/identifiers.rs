//! Identifiers of people, as words of a command or lines of a file.

use crate::{failure::Failure, files};
use protocol::identity::{self, Country, Identifier, MatchKey};
use std::path::PathBuf;

/// The identifiers that a command is about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct IdentifierArgs {
    /// The person's identifiers, all that are known: e-mail addresses, phone numbers with + and country code, SHA-256 of one
    identifiers: Vec<String>,

    /// Read identifiers from a file, one on each line, or from standard input (-): words of a command stay in the shell's history
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,

    /// Country whose national phone numbers are read, such as DE for 0171 1234567, as for `glovebox seal`
    #[arg(long, value_name = "CODE")]
    country: Option<Country>,
}

impl IdentifierArgs {
    /// The match keys of all identifiers, whatever kind each is: as sealing normalises and hashes them.
    pub(crate) fn keys(&self) -> Result<Vec<MatchKey>, Failure> {
        let from = match self.from.as_deref() {
            None => String::new(),
            Some(path) if path.as_os_str() == "-" => std::io::read_to_string(std::io::stdin())?,
            Some(path) => files::read_text(path)?,
        };
        let lines = from.lines().map(str::trim).filter(|line| !line.is_empty());
        let words = self.identifiers.iter().map(String::as_str).chain(lines);
        let keys = words.enumerate().map(|(at, word)| match_key(at, word, self.country));
        keys.collect()
    }

    /// [`Self::keys`], of which there must be one.
    pub(crate) fn needed(&self) -> Result<Vec<MatchKey>, Failure> {
        let keys = self.keys()?;
        if keys.is_empty() {
            return Err(Failure::unclear(
                "there is no identifier: name one, or a file with --from",
            ));
        }
        Ok(keys)
    }
}

/// The match key of an identifier of any kind. What is said of a bad one does not repeat it.
fn match_key(at: usize, word: &str, country: Option<Country>) -> Result<MatchKey, Failure> {
    let kind = if word.contains('@') { Identifier::Email } else { Identifier::Phone };
    let key = identity::match_key(Identifier::Hashed, word)
        .or_else(|_| identity::match_key_in(kind, word, country))
        .map_err(|why| Failure::unclear(format!("identifier {}: {why}; correct it", at + 1)))?;
    if key == MatchKey::NONE {
        return Err(Failure::unclear(format!(
            "identifier {} is empty, or says that there is none: name one",
            at + 1
        )));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_whatever_kind_it_is_and_a_bad_one_is_not_repeated() {
        let key = |word: &str| match_key(0, word, None);
        assert_eq!(key(" Ann@Example.com ").unwrap(), key("ann@example.com").unwrap());
        let hashed = hex::encode(key("ann@example.com").unwrap().as_bytes());
        assert_eq!(key(&hashed).unwrap(), key("ann@example.com").unwrap());
        assert_eq!(key("+1 415 555 0123").unwrap(), key("+14155550123").unwrap());
        let german = match_key(0, "0171 1234567", Some("DE".parse().unwrap())).unwrap();
        assert_eq!(german, key("+491711234567").unwrap());
        for bad in ["ann@example", "0415", "n/a", "", "ann"] {
            let why = key(bad).unwrap_err().to_string();
            assert!(
                why.starts_with("identifier 1") && (bad.is_empty() || !why.contains(bad)),
                "{why}"
            );
        }
    }
}
