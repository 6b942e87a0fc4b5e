//! `glovebox keys`: the keys that a party's root key delegates and withdraws.

mod protect;

use crate::{
    common_args::CommonArgs, document, failure::Failure, files, passphrase::PassphraseArgs,
    profile::RoomWord, say,
};
use client::{
    clock,
    grant::withdraw,
    job::tell_custody,
    keys::{self, Identity, IdentityError, RootFile},
    withdrawals,
};
use protocol::{
    delegation::{Delegate, Delegation, KeyKind, Withdrawal},
    page::number,
    sign::PublicKey,
    text::in_shell,
    time::Time,
};
use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

/// Show, make, delegate and withdraw the keys of a party
///
/// A party's root key signs contracts, delegations and withdrawals. A service key signs grants,
/// slices and requests; an analyst key signs jobs. Service and analyst keys end: the root key
/// delegates them for a time.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeysCommand {
    Show(Show),
    New(New),
    Delegate(DelegateKey),
    Withdraw(Withdraw),
    Tell(Tell),
    #[command(name = "passphrase")]
    Protect(protect::Protect),
}

impl KeysCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Show(show) => show.run(),
            Self::New(new) => new.run(),
            Self::Delegate(delegate) => delegate.run(),
            Self::Withdraw(withdraw) => withdraw.run(),
            Self::Tell(tell) => tell.run().await,
            Self::Protect(protect) => protect.run(),
        }
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    Analyst,
    Service,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Analyst => Self::Analyst,
            Kind::Service => Self::Service,
        }
    }
}

/// Show the keys in a folder, and how long they are good
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Directory with the party's keys
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Show {
    fn run(&self) -> Result<ExitCode, Failure> {
        let undelegated = keys::undelegated(&self.dir)?;
        document::fields(&serde_json::json!({
            "root": null, "keys": [], "undelegated": [], "withdrawn": 0,
        }))?;
        for (kind, key) in &undelegated {
            let (kind_name, key_text) = (kind.to_string(), key.to_string());
            document::item("undelegated", serde_json::json!({"kind": kind_name, "key": key_text}));
            say::result(format_args!(
                "{kind:<10} {key}  not delegated yet: `glovebox keys delegate --kind {kind} --key {key}` where the \
                 root key is; keep what it writes as {}",
                self.dir.join(keys::delegation_file(*kind)).display()
            ))?;
        }
        let identity = match Identity::load_delegated(&self.dir) {
            // The folder of a machine whose only key waits for its delegation.
            Err(IdentityError::NoKeys { .. }) if !undelegated.is_empty() => {
                return Ok(ExitCode::SUCCESS);
            }
            found => found?,
        };
        let protection = match RootFile::read(&self.dir) {
            Ok(file) if file.is_protected() => "under a passphrase".to_owned(),
            Ok(_) => "under no passphrase (`glovebox keys passphrase` sets one)".to_owned(),
            Err(IdentityError::Missing { .. }) => "kept elsewhere".to_owned(),
            Err(why) => why.to_string(),
        };
        document::fields(&serde_json::json!({
            "root": {"key": identity.root_key().to_string(), "kept": protection},
        }))?;
        say::result(format_args!("root       {}  {protection}", identity.root_key()))?;
        let left = client::files::written_first(&self.dir.join(keys::ROOT));
        if left.exists() {
            say::note(format_args!(
                "{} is what a stopped `glovebox keys passphrase` left, perhaps the key without a passphrase: run that \
                 command again, which removes it.",
                left.display()
            ));
        }
        for kept in [identity.service(), identity.analyst()].into_iter().flatten() {
            let Delegation { kind, name, key, from, until } = kept.delegation();
            let withdrawn = withdrawals::has(&self.dir, &identity.root_key(), key);
            let withdrawn = withdrawn.map_err(Failure::unclear)?;
            let state =
                if withdrawn { "  WITHDRAWN".to_owned() } else { state(kept, clock::now()) };
            let now = clock::now();
            let key_json = serde_json::json!({
                "kind": kind.to_string(), "key": key.to_string(), "name": name,
                "from": from.to_string(), "until": until.to_string(), "withdrawn": withdrawn,
                "good": !withdrawn && *from <= now && now < *until,
            });
            document::item("keys", key_json);
            say::result(format_args!(
                "{kind:<10} {key}  \"{name}\", from {} to {}{state}",
                number::moment(*from),
                number::moment(*until),
            ))?;
        }
        let withdrawn = withdrawals::all(&self.dir).map_err(Failure::unclear)?.len();
        document::fields(&serde_json::json!({"withdrawn": withdrawn}))?;
        if withdrawn > 0 {
            say::result(format_args!(
                "{withdrawn} withdrawn in all, of any party: {}",
                self.dir.join(withdrawals::FOLDER).display()
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Says what is to be known of a key now.
fn state(key: &Delegate, now: Time) -> String {
    let Delegation { from, until, .. } = key.delegation();
    match until.0.saturating_sub(now.0) / DAY_MS {
        _ if now < *from => "  NOT YET GOOD".to_owned(),
        _ if now >= *until => "  EXPIRED".to_owned(),
        days if days < SOON => format!("  ends in {days} days"),
        _ => String::new(),
    }
}

/// Warns of keys that end soon or have ended: a service stops when its key ends.
pub(crate) fn warn_of_ends(identity: &Identity) {
    for key in [identity.service(), identity.analyst()].into_iter().flatten() {
        let state = state(key, clock::now());
        if !state.is_empty() {
            let kind = key.delegation().kind;
            say::note(format_args!(
                "The {kind} key in {}:{state}. Where the root key is: `glovebox keys delegate --kind {kind}`.",
                identity.directory().display()
            ));
        }
    }
}

/// Make a key, which the party's root key must then delegate
///
/// For another machine or another analyst: the root key need not be there. Never overwrites a key.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// What the key is for
    #[arg(long)]
    kind: Kind,

    /// Where to make the key
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl New {
    fn run(&self) -> Result<ExitCode, Failure> {
        let kind = self.kind.into();
        let key = keys::make_key(&self.dir, kind)?;
        document::fields(&serde_json::json!({
            "kind": kind.to_string(), "key": key.to_string(),
            "delegation_file": self.dir.join(keys::delegation_file(kind)),
        }))?;
        say::result(key)?;
        say::note(format_args!(
            "Have the party's root key delegate it (`glovebox keys delegate --kind {kind} --key {key}`), and keep \
             what that writes as {}.",
            self.dir.join(keys::delegation_file(kind)).display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Let a key sign for the party until a time; the root key is needed
#[derive(Debug, clap::Args)]
pub(crate) struct DelegateKey {
    /// What the key is for
    #[arg(long)]
    kind: Kind,

    /// What receipts and refusals call the key: a-z, 0-9, '-' and '_' [default: its kind]
    #[arg(long)]
    name: Option<String>,

    /// The key, as `glovebox keys new` printed it [default: the one of this kind in the folder]
    #[arg(long, value_name = "BASE64", requires = "output")]
    key: Option<PublicKey>,

    /// For how many days to delegate it
    #[arg(long, default_value_t = keys::DAYS, value_parser = clap::value_parser!(u64).range(1..=3660))]
    days: u64,

    /// Directory with the root key
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Where to write the delegation [default: beside the key in the folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl DelegateKey {
    fn run(&self) -> Result<ExitCode, Failure> {
        let kind = KeyKind::from(self.kind);
        let key = match self.key {
            Some(key) => key,
            None => keys::public_key(&self.dir, kind)?,
        };
        let name = self.name.clone().unwrap_or_else(|| kind.to_string());
        let delegation = keys::delegation_from_now(kind, &name, key, self.days)?;
        let until = delegation.until;
        let root = RootFile::read(&self.dir)?.public();
        if key == root {
            return Err(Failure::no(
                "a root key is not delegated: make another key with `glovebox keys new`",
            ));
        }
        if withdrawals::has(&self.dir, &root, &key).map_err(Failure::unclear)? {
            return Err(Failure::no(format!(
                "the key {key} was withdrawn, for ever: make another with `glovebox keys new`"
            )));
        }
        let signed = self.passphrase.root(&self.dir)?.sign(&delegation);
        let beside = self.dir.join(keys::delegation_file(kind));
        let output = self.output.as_ref().unwrap_or(&beside);
        files::write(output, &signed)?;
        document::fields(&serde_json::json!({
            "kind": kind.to_string(), "key": key.to_string(), "name": name, "until": until.to_string(),
            "file": output,
        }))?;
        say::result(format_args!(
            "{kind} \"{name}\" until {}  {}",
            number::moment(until),
            output.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Withdraw a key for ever; the root key is needed
///
/// Writes a withdrawal, and sets a key in this folder aside. Run `glovebox keys tell` then: an
/// instance or a custody that was not told goes on believing the key until its delegation ends.
#[derive(Debug, clap::Args)]
pub(crate) struct Withdraw {
    /// The kind of the key in the folder
    #[arg(long, required_unless_present = "key", conflicts_with = "key")]
    kind: Option<Kind>,

    /// The key, if it is not in the folder
    #[arg(long, value_name = "BASE64")]
    key: Option<PublicKey>,

    /// Name of the key in its delegation
    #[arg(long, default_value = "withdrawn")]
    name: String,

    /// Directory with the root key
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Withdraw {
    fn run(&self) -> Result<ExitCode, Failure> {
        let key = match (self.key, self.kind) {
            (Some(key), _) => key,
            (None, Some(kind)) => keys::public_key(&self.dir, kind.into())?,
            (None, None) => {
                return Err(Failure::unclear("which key is meant? Name it with --kind or --key"));
            }
        };
        withdrawals::has_room(&self.dir, &RootFile::read(&self.dir)?.public(), &key)
            .map_err(|full| Failure::no(format!("{full}; nothing was signed")))?;
        let withdrawal = Withdrawal { key, name: self.name.clone() };
        let root = self.passphrase.root(&self.dir)?;
        let path =
            withdrawals::keep(&self.dir, &root.sign(&withdrawal)).map_err(Failure::unclear)?;
        if let Some(kind) = self.kind {
            keys::set_aside(&self.dir, kind.into())?;
        }
        document::fields(&serde_json::json!({"key": key.to_string(), "file": path}))?;
        say::result(format_args!("withdrawn {key}  {}", path.display()))?;
        say::note(
            "Tell the instances that run and the owners' custodies: `glovebox keys tell`. Keys that were granted \
             and slices that were cut with it stay: revoke or close what it could have opened.",
        );
        if let Some(kind) = self.kind.map(KeyKind::from) {
            say::note(format_args!(
                "The key is set aside. To have another one: `glovebox keys new --kind {kind} --dir {dir}`, then `glovebox \
                 keys delegate --kind {kind} --dir {dir}`.",
                dir = in_shell(&self.dir.display().to_string())
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Tell a running instance, and custodies, of every withdrawal in the folder
///
/// `glovebox grant` does so too, whenever it grants to an instance.
#[derive(Debug, clap::Args)]
pub(crate) struct Tell {
    /// The room: its address, or its name in the party's folder [default: the usual room there]
    room: Option<RoomWord>,

    /// Address of a custody to tell as well
    #[arg(long, value_name = "URL")]
    custody: Vec<String>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Tell {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let identity = Identity::load(&common.dir)?;
        let folder = common.dir.join(withdrawals::FOLDER);
        let nothing = |of: &str| {
            Failure::no(format!("no withdrawal{of} in {}: nothing was told", folder.display()))
        };
        if withdrawals::all(&common.dir).map_err(Failure::unclear)?.is_empty() {
            return Err(nothing(""));
        }
        let contract = common.contract()?;
        let known = withdrawals::under(&common.dir, &contract).map_err(Failure::unclear)?;
        let told = withdrawals::of_parties(&common.dir, &contract).map_err(Failure::unclear)?;
        if told.is_empty() {
            return Err(nothing(" by a party of this contract"));
        }
        document::fields(&serde_json::json!({"withdrawals": told.len(), "custodies": []}))?;
        // Custodies are told first: they hand out budget.
        for url in &self.custody {
            let mut heard = BTreeSet::new();
            for withdrawal in &told {
                heard.insert(tell_custody(&contract, &known, url, withdrawal).await?);
            }
            for party in heard {
                document::item("custodies", serde_json::json!(party));
                say::result(format_args!("told {} of the custody of {party}", told.len()))?;
            }
        }
        let mut room = common.connect_to_take_back(&common.trust()?).await?;
        for withdrawal in &told {
            withdraw(&mut room, &identity, withdrawal.clone()).await?;
        }
        document::fields(&serde_json::json!({"instance": room.instance().digest()}))?;
        say::result(format_args!(
            "told {} of the instance {}",
            told.len(),
            room.instance().digest().short()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

const DAY_MS: u64 = 86_400_000;
/// How many days before its end a key is warned of.
const SOON: u64 = 14;
