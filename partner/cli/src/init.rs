use crate::{document, failure::Failure, passphrase, say};
use client::keys::{CustodyKey, PARTY, ROOT};
use custody::LedgerError;
use protocol::{contract::CustodyAddress, sign::PublicKey};
use std::{path::PathBuf, process::ExitCode};

/// Make a party's keys and ledger: root.key, service.key, analyst.key, recipient.key (secret), custody.sqlite; and
/// party.toml (to show)
///
/// The root key delegates the service key and the analyst key for 90 days (`glovebox keys`).
/// Never overwrites a key.
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// Where to make keys and ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// What contracts call the party: a-z, 0-9, '-' and '_'
    #[arg(long)]
    name: String,

    /// Where the party's custody will answer: https://host:7501, under a key that is made beside the others, or
    /// http://127.0.0.1:7501 on the same machine
    #[arg(long, value_name = "URL")]
    custody: Option<String>,

    /// Put root.key under a passphrase, which is asked twice on the terminal
    #[arg(long)]
    passphrase: bool,

    /// For scripts, the same with the passphrase on the first line of a file, which its owner alone may read
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Init {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let from = self.passphrase_file.as_deref();
        let wanted = self.passphrase || from.is_some();
        let set = || passphrase::to_set(from, &self.dir.join(ROOT), "--passphrase-file");
        let passphrase = wanted.then(set).transpose()?;
        let custody = self.custody.as_deref().map(|text| self.with_key(text)).transpose()?;
        let custody = custody.as_deref();
        let made = custody::create(&self.dir, &self.name, custody, passphrase.as_ref());
        let identity = made.map_err(|why| match why {
            LedgerError::Keys(why) => Failure::unclear(*why),
            why => Failure::unclear(why),
        })?;
        let party = self.dir.join(PARTY);
        document::fields(&serde_json::json!({
            "party": self.name, "root_key": identity.root_key().to_string(), "file": party,
        }))?;
        say::result(format_args!("{}  {}", identity.root_key(), party.display()))?;
        say::note(format_args!(
            "Keep the .key files in {} secret, and custody.sqlite with them: without this ledger they hand out \
             nothing. root.key signs contracts and delegates the other keys: no service reads it, so it can lie \
             elsewhere. Give {} to the others for the contract.",
            self.dir.display(),
            party.display()
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// The custody's address with the key of its TLS, which is made for it.
    fn with_key(&self, text: &str) -> Result<String, Failure> {
        let bare = text.strip_prefix("https://").filter(|rest| !rest.contains('#'));
        // Nothing is made for an address that cannot stand in a contract, nor beside keys that are there already.
        let Some(authority) = bare.filter(|_| !self.dir.join(ROOT).exists()) else {
            return Ok(text.to_owned());
        };
        let stand_in = |key| CustodyAddress::pinned(authority, key);
        let any = PublicKey::from([0; PublicKey::LEN]);
        if stand_in(any).is_err() {
            return Ok(text.to_owned());
        }
        let key = CustodyKey::read_or_make(&self.dir)?.public();
        Ok(stand_in(key).map_err(Failure::unclear)?.to_string())
    }
}
