use crate::{common_args::CommonArgs, failure::Failure, files, people::PeopleArgs, say};
use client::{
    address::Address,
    clock,
    grant::{grant, own_dataset, own_manifest, revoke},
    keys::Identity,
    withdrawals,
};
use custody::{Ledger, Owner};
use protocol::{
    loss::{Delta, Epsilon},
    page::number,
    time::Time,
};
use sealing::{read_keys_of, sealed_file_of};
use std::{path::PathBuf, process::ExitCode};

/// Hand the keys of the columns that the contract uses to the enclave, if it is believed
///
/// Granting again extends the grant. The enclave drops the keys at --not-after.
#[derive(Debug, clap::Args)]
pub(crate) struct Grant {
    /// Address of the room
    #[arg(value_name = "URL")]
    room: Address,

    #[command(flatten)]
    common: CommonArgs,

    /// Name of the dataset in the contract
    #[arg(long, value_name = "NAME")]
    dataset: String,

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

    /// Take the grant back: the enclave drops the keys and rows of this dataset, and others go on
    #[arg(long, conflicts_with_all = ["manifest", "keys", "prepay", "not_after"])]
    revoke: bool,

    #[command(flatten)]
    people: PeopleArgs,
}

impl Grant {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let contract = self.common.contract()?;
        if self.revoke {
            return self.take_back().await;
        }
        let identity = Identity::load(&self.common.dir)?;
        let party = identity.party_in(&contract)?;
        // Whose dataset it is matters before any file of it does.
        own_dataset(&contract, &self.dataset, party)?;
        let beside = |given: &Option<PathBuf>, end: &str| {
            given.clone().unwrap_or_else(|| PathBuf::from(format!("{}.{end}", self.dataset)))
        };
        let manifest = files::read(&beside(&self.manifest, "manifest"))?;
        crate::keys::warn_of_ends(&identity);
        let keys = beside(&self.keys, "keys");
        let sealed = sealed_file_of(&keys).map_err(Failure::unclear)?;
        let manifest =
            own_manifest(manifest, &contract, &self.dataset, &identity, sealed.as_deref())?;
        let keys = read_keys_of(&manifest.manifest().root, &keys).map_err(Failure::unclear)?;
        // The ledger is needed even if only keys are granted: jobs on what they open will be paid
        // from it.
        let mut ledger = Ledger::open(&identity)?;
        self.people.acknowledge(&mut ledger, &contract, party)?;
        let mut room = self.common.connect(&self.room).await?;
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
            let what = (self.dataset.as_str(), purpose.as_str());
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
        let prepaid = !slices.is_empty();
        let granted =
            grant(&mut room, &identity, &self.dataset, &manifest, &keys, self.not_after, slices)
                .await?;
        say::result(format_args!(
            "{}: granted {} to the instance {} until {}",
            granted.dataset,
            granted.columns.join(", "),
            room.instance().digest().short(),
            number::moment(granted.not_after),
        ))?;
        if let (true, Some(epsilon), Some(purpose)) = (prepaid, self.prepay, &self.purpose) {
            let delta = self.prepay_selection_delta;
            let delta = delta.map(|delta| format!(" and a selection delta of {delta:e}"));
            say::result(format_args!(
                "{}: prepaid up to epsilon {epsilon}{} in all for {purpose}",
                granted.dataset,
                delta.unwrap_or_default()
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Takes the grant back. Needs no ledger, so that an owner can end a grant wherever the ledger
    /// is.
    async fn take_back(&self) -> Result<ExitCode, Failure> {
        let identity = Identity::load(&self.common.dir)?;
        let mut room = self.common.connect_to_take_back(&self.room, &self.common.trust()?).await?;
        revoke(&mut room, &identity, &self.dataset).await?;
        say::result(format_args!(
            "{}: taken back from the instance {}; what it has answered stays answered",
            self.dataset,
            room.instance().digest().short()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}
