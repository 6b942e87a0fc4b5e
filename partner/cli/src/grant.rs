mod kms;

use crate::{
    common_args::{Common, CommonArgs},
    document,
    failure::Failure,
    people::PeopleArgs,
    profile::{self, RoomWord},
    say,
    service::{rules::SERVICE, stops},
    version::{self, Later, VersionFiles},
};
use client::{
    clock,
    grant::{Granted, grant, own_dataset, revoke},
    keys::Identity,
    withdrawals,
};
use custody::{Ledger, Owner};
use protocol::{
    contract::Contract,
    digest::Digest,
    loss::{Delta, Epsilon},
    manifest::Manifest,
    page::number,
    time::Time,
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Hand the keys of the columns that the contract uses to the enclave, if it is believed
///
/// Granting again extends the grant. The enclave drops the keys at --not-after.
#[derive(Debug, clap::Args)]
pub(crate) struct Grant {
    /// The room (its address, or its name in the party's folder) and the dataset; each may be left out where there is
    /// only one
    #[arg(value_name = "[ROOM] [DATASET]", num_args = 0..=2)]
    words: Vec<String>,

    #[command(flatten)]
    common: CommonArgs,

    /// Name of the dataset in the contract
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,

    /// The dataset's signed manifest [default: NAME.manifest]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// The dataset's column keys [default: NAME.keys]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// Hand over budget up to this epsilon in advance, for jobs while custody is not online
    #[arg(long, value_name = "EPSILON", requires = "purpose")]
    prepay: Option<f64>,

    /// Also hand over this delta in advance, for tables of groups whose values are private
    #[arg(long, value_name = "DELTA", requires = "prepay")]
    prepay_selection_delta: Option<f64>,

    /// What the prepaid budget may be spent on
    #[arg(long, value_name = "PURPOSE", requires = "prepay")]
    purpose: Option<String>,

    /// When the enclave must drop the keys, such as 2026-11-24T06:00:00Z [default: in a day]
    #[arg(long, value_name = "TIME")]
    not_after: Option<Time>,

    /// Hand the keys over by AWS KMS instead: write a grant for every instance of the contract's builds, which the operator keeps, under a data
    /// key that this KMS key (an ARN or alias) wraps
    #[arg(long, value_name = "KEY", requires = "kms_proxy", conflicts_with_all = ["prepay", "revoke"])]
    kms: Option<String>,

    /// Loopback address of a program that signs requests to AWS KMS with this party's credentials, such as aws-sigv4-proxy
    #[arg(long, value_name = "ADDRESS:PORT", requires = "kms")]
    kms_proxy: Option<SocketAddr>,

    /// Where the grant for the operator is written [default: NAME.kms-grant, beside the dataset's other files]
    #[arg(short, long, value_name = "FILE", requires = "kms")]
    out: Option<PathBuf>,

    /// Take the grant back: the enclave drops the keys and rows of this dataset, and others go on
    #[arg(long, conflicts_with_all = ["manifest", "keys", "prepay", "not_after"])]
    revoke: bool,

    #[command(flatten)]
    people: PeopleArgs,
}

impl Grant {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let meant = Meant::of(&self.words, self.dataset.as_deref(), &self.common.dir)?;
        let common = self.common.of(meant.room.as_ref())?;
        let contract = common.contract()?;
        let identity = Identity::load(&common.dir)?;
        let party = identity.party_in(&contract)?;
        let dataset = &meant.dataset(&contract, party)?;
        if self.revoke {
            return take_back(&common, &identity, dataset).await;
        }
        // Whose dataset it is matters before any file of it does.
        own_dataset(&contract, dataset, party)?;
        let version = self.version(VersionFiles::of(&common.stem(dataset)), dataset)?;
        crate::keys::warn_of_ends(&identity);
        let manifest = version.signed(&contract, dataset, &identity)?;
        self.refuse_an_earlier(manifest.manifest(), &contract, dataset, &common)?;
        let keys = version.keys_of(&manifest)?;
        // The ledger is needed even if only keys are granted: jobs on what they open will be paid
        // from it.
        let mut ledger = Ledger::open(&identity)?;
        self.people.acknowledge(&mut ledger, &contract, party)?;
        let named = manifest.manifest().opt_outs;
        ledger.note_opt_outs(&contract, dataset, named.as_ref(), clock::now())?;
        if let (Some(key), Some(proxy)) = (&self.kms, self.kms_proxy) {
            let of = kms::Of { common: &common, contract: &contract, dataset, manifest: &manifest };
            return self.by_kms(&identity, of, &keys, (proxy, key)).await;
        }
        let mut room = common.connect().await?;
        let mut slices = Vec::new();
        if let (Some(epsilon), Some(purpose)) = (self.prepay, &self.purpose) {
            let epsilon = Epsilon::new(epsilon).map_err(Failure::unclear)?;
            let selection_delta = self.prepay_selection_delta.map(Delta::new).transpose();
            let selection_delta = selection_delta.map_err(Failure::unclear)?;
            let key = identity.service()?;
            let withdrawn = withdrawals::under(identity.directory(), &contract);
            let withdrawn = &withdrawn.map_err(Failure::unclear)?;
            let owner = Owner { party, key, contract: &contract, withdrawn };
            // A ledger that has forgotten something must not hand out anything more.
            let accounts = room.status(&identity).await?.accounts;
            ledger.witness(room.instance(), &contract, party, &accounts)?;
            let what = (dataset.as_str(), purpose.as_str());
            slices.push(custody::prepay(
                &mut ledger,
                &owner,
                room.instance(),
                what,
                epsilon,
                selection_delta,
                clock::now(),
            )?);
        }
        let granted =
            grant(&mut room, &identity, dataset, &manifest, &keys, self.not_after, slices).await?;
        document::fields(&self.as_json(&granted, manifest.manifest(), room.instance().digest()))?;
        say::result(format_args!(
            "{}: granted {} of {} to the instance {} until {}",
            granted.dataset,
            granted.columns.join(", "),
            version::in_words(manifest.manifest()),
            room.instance().digest().short(),
            number::moment(granted.not_after),
        ))?;
        self.say_prepaid(dataset)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Grant {
    /// Says what was handed over in advance, if anything was.
    fn say_prepaid(&self, dataset: &str) -> Result<(), Failure> {
        let (Some(epsilon), Some(purpose)) = (self.prepay, &self.purpose) else { return Ok(()) };
        let delta = self.prepay_selection_delta;
        let delta = delta.map(|delta| format!(" and a selection delta of {delta:e}"));
        say::result(format_args!(
            "{dataset}: prepaid up to epsilon {epsilon}{} in all for {purpose}",
            delta.unwrap_or_default()
        ))
    }

    /// A grant that was made.
    fn as_json(&self, granted: &Granted, of: &Manifest, instance: Digest) -> serde_json::Value {
        serde_json::json!({
            "dataset": granted.dataset, "granted": true, "columns": granted.columns, "instance": instance,
            "version": of.version, "declared": of.declared, "manifest": of.digest(), "opt_outs": of.opt_outs,
            "not_after": granted.not_after.to_string(), "prepaid_epsilon": self.prepay, "purpose": self.purpose,
        })
    }
}

impl Grant {
    /// The files of the version: those that were named, or those `beside` where sealing writes them. Refuses what is not there.
    fn version(&self, beside: VersionFiles, dataset: &str) -> Result<VersionFiles, Failure> {
        let version = VersionFiles {
            manifest: self.manifest.clone().unwrap_or(beside.manifest),
            keys: self.keys.clone().unwrap_or(beside.keys),
        };
        let missing = if version.manifest.exists() { &version.keys } else { &version.manifest };
        if missing.exists() {
            return Ok(version);
        }
        Err(Failure::unclear(format!(
            "{} is not there: `glovebox seal TABLE --dataset {dataset}` writes it, with the .keys beside it, into the party's folder (--dir) \
             or under the stem that it was given with -o. Seal the table first, or name both files: --manifest FILE --keys FILE",
            missing.display()
        )))
    }
}

impl Grant {
    /// Refuses the usual version of a dataset where a later one lies in the folder and none was named: one of them is meant, and
    /// whoever sealed the later one believes that it is granted.
    fn refuse_an_earlier(
        &self,
        meant: &Manifest,
        contract: &Contract,
        dataset: &str,
        common: &Common,
    ) -> Result<(), Failure> {
        let stem = common.stem(dataset);
        let found = contract.datasets.get(dataset).filter(|_| self.manifest.is_none());
        let later = found.and_then(|found| Later::than(meant.version, found, &stem, common));
        let Some(Later { stem: later, manifest }) = later else { return Ok(()) };
        let command = |stem: &Path| version::grant_command(dataset, Some(stem), &common.dir);
        let room = match common.room_name() {
            "" => "the room's file".to_owned(),
            name => profile::room_file(&common.dir, name).display().to_string(),
        };
        Err(Failure::unclear(format!(
            "which version of {dataset} is meant? {} has {}, and {} has a later one: {}. Nothing was granted. The later one: `{}`, and \
             from then on `{dataset} = \"{}\"` under [datasets] in {room}; the earlier one: `{}`",
            stem.display(),
            version::in_words(meant),
            later.display(),
            version::in_words(&manifest),
            command(&later),
            later.strip_prefix(&common.dir).unwrap_or(&later).display(),
            command(&stem),
        )))
    }
}

/// Takes a grant back. Needs no ledger, so that an owner can end a grant wherever the ledger is.
async fn take_back(
    common: &Common,
    identity: &Identity,
    dataset: &str,
) -> Result<ExitCode, Failure> {
    // The party's service, if one runs in this folder, must not grant it again.
    if common.dir.join(SERVICE).exists() {
        stops::set(&common.dir, common.contract()?.digest, dataset, true)?;
        say::note(format_args!(
            "{dataset} is stopped: the service of this folder grants it no more, until `glovebox party resume {dataset}`."
        ));
    }
    let mut room = common.connect_to_take_back(&common.trust()?).await?;
    revoke(&mut room, identity, dataset).await?;
    document::fields(&serde_json::json!({
        "dataset": dataset, "granted": false, "instance": room.instance().digest(),
    }))?;
    say::result(format_args!(
        "{dataset}: taken back from the instance {}; what it has answered stays answered",
        room.instance().digest().short()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The room and the dataset that the words of a command name.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Meant {
    room: Option<RoomWord>,
    dataset: Option<String>,
}

impl Meant {
    fn of(words: &[String], dataset: Option<&str>, dir: &Path) -> Result<Self, Failure> {
        let room = |word: &String| word.parse::<RoomWord>().map(Some).map_err(Failure::unclear);
        let dataset = dataset.map(str::to_owned);
        Ok(match (words, dataset) {
            ([], dataset) => Self { room: None, dataset },
            ([one], dataset @ Some(_)) => Self { room: room(one)?, dataset },
            ([one], None) if one.contains(':') => Self { room: room(one)?, dataset: None },
            ([one], None) if profile::names(dir)?.contains(one) => {
                return Err(Failure::unclear(format!(
                    "\"{one}\" is the name of a room in {}: say the dataset, too (glovebox grant {one} DATASET)",
                    dir.display()
                )));
            }
            ([one], None) => Self { room: None, dataset: Some(one.clone()) },
            ([first, second], None) => Self { room: room(first)?, dataset: Some(second.clone()) },
            (_, _) => {
                return Err(Failure::unclear(
                    "the dataset was named twice: say it once, beside the room or with --dataset",
                ));
            }
        })
    }

    /// The dataset: the one that was named, or the only one that the party has.
    fn dataset(&self, contract: &Contract, party: &str) -> Result<String, Failure> {
        if let Some(named) = &self.dataset {
            return Ok(named.clone());
        }
        let owned = contract.datasets.iter().filter(|(_, dataset)| dataset.owner == party);
        let owned: Vec<&str> = owned.map(|(name, _)| name.as_str()).collect();
        match owned.as_slice() {
            [only] => Ok((*only).to_owned()),
            [] => Err(Failure::no(format!(
                "{party} owns no dataset under this contract: there is nothing to grant"
            ))),
            several => Err(Failure::unclear(format!(
                "which dataset is meant? {party} owns {}: name one",
                several.join(" and ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_words_leave_open_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(profile::ROOMS)).unwrap();
        fs::write(profile::room_file(dir.path(), "spring"), "").unwrap();
        let url = "https://room.example:7443";
        let meant = |words: &[&str], dataset| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let meant = Meant::of(&words, dataset, dir.path());
            meant.map(|meant| (meant.room.map(|room| room.to_string()), meant.dataset))
        };
        let some = |word: &str| Some(word.to_owned());
        assert_eq!(meant(&[], None).unwrap(), (None, None));
        assert_eq!(meant(&["sales"], None).unwrap(), (None, some("sales")));
        assert_eq!(meant(&[url], None).unwrap(), (some(url), None));
        assert_eq!(meant(&[url], Some("sales")).unwrap(), (some(url), some("sales")));
        assert_eq!(meant(&["spring"], Some("sales")).unwrap(), (some("spring"), some("sales")));
        assert_eq!(meant(&["spring", "spring"], None).unwrap(), (some("spring"), some("spring")));
        // A room and a dataset may have one name.
        let asked = meant(&["spring"], None).unwrap_err().to_string();
        assert!(
            asked.contains("is the name of a room") && asked.contains("grant spring DATASET"),
            "{asked}"
        );
        let twice = meant(&["spring", "sales"], Some("crm")).unwrap_err().to_string();
        assert!(twice.contains("named twice"), "{twice}");
    }
}
