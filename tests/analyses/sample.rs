//! The worked sample that the folder of a kind provides.

use protocol::{
    analysis::{KINDS, Kind},
    contract::{Contract, ContractError},
    delegation::{Delegate, Delegation, KeyKind},
    hpke::RecipientSecret,
    salt::BucketSalt,
    sign::SigningKey,
    time::Time,
};
use std::{env, fs, path::PathBuf};
use tests::repository;
use toml::{Table, Value};
use zeroize::Zeroizing;

/// The worked sample of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) kind: &'static Kind,
    pub(crate) folder: PathBuf,
    pub(crate) readme: String,
    /// As it is written: parties without keys, and no build.
    pub(crate) contract: String,
    pub(crate) job: String,
    /// Where the rows lie.
    pub(crate) rows: PathBuf,
}

impl Sample {
    /// Those of all kinds, or of the one that `GLOVEBOX_KIND` names.
    pub(crate) fn all() -> Vec<Self> {
        let only = env::var("GLOVEBOX_KIND").ok().filter(|kind| !kind.is_empty());
        let asked = KINDS.iter().filter(|kind| only.as_ref().is_none_or(|only| only == kind.kind));
        let all: Vec<_> = asked.map(Self::read).collect();
        assert!(!all.is_empty(), "GLOVEBOX_KIND is {only:?}, and no kind is called so");
        all
    }

    fn read(kind: &'static Kind) -> Self {
        let folder = repository("protocol/src/analysis").join(kind.kind);
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).unwrap_or_else(|error| {
                panic!("{}: {}: {error}; see CONTRIBUTING.md", kind.kind, path.display())
            })
        };
        let [readme, contract, job] =
            ["README.md", "sample/contract.toml", "sample/job.toml"].map(read);
        Self { kind, readme, contract, job, rows: folder.join("sample"), folder }
    }

    /// What the kind is called.
    pub(crate) fn name(&self) -> &'static str {
        self.kind.kind
    }

    /// The contract as a table, to be changed.
    pub(crate) fn table(&self) -> Table {
        parsed(self.name(), "contract.toml", &self.contract)
    }

    /// The job as a table, to be changed.
    pub(crate) fn job_table(&self) -> Table {
        parsed(self.name(), "job.toml", &self.job)
    }

    /// The contract, with keys and a build.
    pub(crate) fn paper(&self) -> Contract {
        contract(self.table()).unwrap_or_else(|error| {
            let what = "sample/contract.toml, written anew with keys, salt and build, so that lines are others";
            panic!("{}: {what}: {error}", self.name())
        })
    }

    /// The text of that contract.
    pub(crate) fn paper_text(&self) -> String {
        text_of(self.table())
    }

    /// The rows of a dataset.
    pub(crate) fn rows(&self, dataset: &str) -> PathBuf {
        self.rows.join(format!("{dataset}.csv"))
    }

    /// The section that the job is asked under, in a contract that is being changed.
    pub(crate) fn section<'t>(&self, contract: &'t mut Table) -> &'t mut Table {
        let asked = self.job_table();
        let named = asked.get("job").and_then(|job| job.get("analysis")).and_then(Value::as_str);
        let all = contract.get_mut("analysis").and_then(Value::as_array_mut).unwrap().iter_mut();
        let mut all = all.filter_map(Value::as_table_mut);
        let is_asked = |it: &&mut Table| match named {
            Some(name) => it["name"].as_str() == Some(name),
            None => it["kind"].as_str() == Some(self.kind.section.kind),
        };
        all.find(is_asked).unwrap()
    }

    /// What stands between fences of one language in the README.
    pub(crate) fn blocks(&self, language: &str) -> Vec<&str> {
        let begins = format!("```{language}\n");
        let blocks = self.readme.split(begins.as_str()).skip(1);
        blocks.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
    }
}

fn parsed(kind: &str, file: &str, text: &str) -> Table {
    text.parse().unwrap_or_else(|error| panic!("{kind}: sample/{file}: {error}"))
}

/// A contract as `glovebox try` reads it: whatever keys and builds it names, each party has a key made from its
/// place in the list, and there is one build.
pub(crate) fn contract(table: Table) -> Result<Contract, ContractError> {
    Contract::parse(text_of(table).as_bytes())
}

fn text_of(mut table: Table) -> String {
    let parties = table.get_mut("party").and_then(Value::as_array_mut).into_iter().flatten();
    for (party, seed) in parties.filter_map(Value::as_table_mut).zip(1_u8..) {
        let recipient = RecipientSecret::from_bytes(&[seed; 32]).unwrap().public().to_string();
        party.insert("root_key".to_owned(), key(seed).public().to_string().into());
        party.insert("recipient_key".to_owned(), recipient.into());
    }
    let salt = BucketSalt::take(&mut [0x5a; BucketSalt::LEN]).digest().to_string();
    table.insert("bucket_salt".to_owned(), salt.into());
    let mut build = Table::new();
    build.insert("name".to_owned(), "sample".into());
    for register in ["pcr0", "pcr1", "pcr2"] {
        build.insert(register.to_owned(), "ab".repeat(48).into());
    }
    table.insert("build".to_owned(), Value::Array(vec![build.into()]));
    toml::to_string(&table).unwrap()
}

/// The tables of a list of tables.
pub(crate) fn listed<'t>(table: &'t mut Table, key: &str) -> impl Iterator<Item = &'t mut Table> {
    let all = table.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten();
    all.filter_map(Value::as_table_mut)
}

/// The table of this name in a list of tables.
pub(crate) fn named<'t>(table: &'t mut Table, key: &str, name: &str) -> &'t mut Table {
    listed(table, key).find(|it| it["name"].as_str() == Some(name)).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
}

/// A service key of the party that owns `dataset`.
pub(crate) fn owner(contract: &Contract, dataset: &str) -> Delegate {
    delegate(contract, &contract.datasets[dataset].owner, KeyKind::Service)
}

/// A delegated key of a party, called as its kind is.
pub(crate) fn delegate(contract: &Contract, party: &str, kind: KeyKind) -> Delegate {
    let all = (1..=u8::MAX).map(key);
    let mut all = all.take(contract.parties.len());
    let root =
        all.find(|key| contract.party_of(&key.public()).is_some_and(|it| it == party)).unwrap();
    let (delegated, name) = (key(u8::MAX), kind.to_string());
    let (from, until) = (Time(0), Time(u64::MAX));
    let delegation = Delegation { kind, name, key: delegated.public(), from, until };
    Delegate::by(&root, delegated, &delegation).unwrap()
}
