//! What the service does about one dataset in one instance.

use super::{
    decide::{Decision, Known, Why, decide, is_the_services},
    memory::Versions,
    room::RoomService,
    rules::GrantRule,
    stops,
};
use crate::{
    failure::Failure,
    people::PeopleArgs,
    version::{VersionFiles, named_by},
};
use client::{
    clock,
    grant::{GrantError, grant, revoke},
    room::Room,
};
use custody::Ledger;
use protocol::{
    digest::Digest, key::DataKey, manifest::SignedManifest, message::Status, page::number,
    time::Time,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// A dataset as it would be granted.
struct Version {
    manifest: SignedManifest,
    keys: BTreeMap<String, DataKey>,
}

impl RoomService {
    /// Grants, renews, holds or takes back the dataset of `rule`, as the rule says.
    pub(super) async fn follow(
        &mut self,
        room: &mut Room,
        rule: &GrantRule,
        status: &Status,
    ) -> Result<(), Failure> {
        let dataset = rule.dataset.as_str();
        let instance = room.instance().digest();
        let open = status.datasets.iter().find(|open| open.dataset == dataset);
        // Without its files the dataset cannot be granted, and can still be taken back.
        let version = self.version(dataset);
        let newest = match (&version, open) {
            (Ok(version), Some(open)) => named_by(&open.manifest, Path::new("its status"))
                .is_ok_and(|open| {
                    let newest = version.manifest.manifest();
                    (open.root, open.opt_outs) == (newest.root, newest.opt_outs)
                }),
            _ => true,
        };
        if let Some(open) = open
            && self.memory.opened(instance, dataset, open.not_after)
        {
            self.memory.keep(&self.dir, &self.rules.name)?;
        }
        let kept = self.memory.kept();
        let known = Known {
            now: clock::now(),
            instance,
            build: room.build(),
            withdrawn: self.has_withdrawn(room)?,
            stopped: stops::has(&self.dir, self.contract.digest, dataset)?,
            open_until: open.map(|open| open.not_after),
            newest,
            kept: &kept,
            most: self.rules.instances,
        };
        match decide(rule, &known) {
            Decision::Open => Ok(()),
            Decision::Held(why) => self.hold(instance, dataset, &why, open.is_some()),
            Decision::TakeBack(why) => {
                self.take_back(room, dataset).await?;
                let instance = instance.short();
                self.teller.once(
                    dataset,
                    "took back",
                    &format!("{dataset} from the instance {instance}: {why}"),
                )
            }
            Decision::Grant { until, renewed } => {
                let version = version?;
                let new = !renewed || !newest;
                self.send(room, dataset, &version, until, renewed).await?;
                self.teller.forget(dataset);
                if !new {
                    return Ok(());
                }
                let why = format!(
                    "{dataset} to the instance {} of the build \"{}\" until {}, by rule; it is renewed",
                    instance.short(),
                    room.build(),
                    number::moment(until)
                );
                self.teller.tell("granted", &why)
            }
        }
    }

    /// Grants nothing, and says why.
    fn hold(
        &mut self,
        instance: Digest,
        dataset: &str,
        why: &Why,
        is_open: bool,
    ) -> Result<(), Failure> {
        if *why == Why::TakenBack {
            // It stays so when the time of the grant is over.
            stops::set(&self.dir, self.contract.digest, dataset, true)?;
        }
        if matches!(why, Why::TakenBack | Why::Stopped) && !is_open {
            self.memory.dropped(instance, dataset);
            self.memory.keep(&self.dir, &self.rules.name)?;
        }
        if let Why::Instances { next, .. } | Why::Unanswered { until: next } = why {
            self.next = self.next.min(*next);
        }
        self.teller.once(dataset, "held", &format!("{dataset}: {why}"))
    }

    /// Sends the keys of a version.
    async fn send(
        &mut self,
        room: &mut Room,
        dataset: &str,
        version: &Version,
        until: Time,
        renewed: bool,
    ) -> Result<(), Failure> {
        let instance = room.instance().digest();
        self.ask_ledger(dataset, &version.manifest)?;
        // Written before the keys leave: after a crash they count as handed out.
        self.memory.hands(instance, dataset, until);
        self.memory.keep(&self.dir, &self.rules.name)?;
        let (manifest, keys) = (&version.manifest, &version.keys);
        let sent = grant(room, &self.identity, dataset, manifest, keys, Some(until), Vec::new());
        match sent.await {
            Ok(granted) => self.memory.has(instance, dataset, granted.not_after),
            // Whether it has the keys is seen in its next status, if it is asked before they end.
            Err(GrantError::Room(why)) => {
                self.memory.unanswered(instance, dataset);
                self.memory.keep(&self.dir, &self.rules.name)?;
                return Err(GrantError::Room(why).into());
            }
            // What was refused was not handed out; what was handed out before still is.
            Err(why) => {
                if !renewed {
                    self.memory.dropped(instance, dataset);
                    self.memory.keep(&self.dir, &self.rules.name)?;
                }
                return Err(why.into());
            }
        }
        self.memory.keep(&self.dir, &self.rules.name)
    }

    /// Takes one dataset back.
    async fn take_back(&mut self, room: &mut Room, dataset: &str) -> Result<(), Failure> {
        let instance = room.instance().digest();
        self.memory.takes_back(instance, dataset);
        self.memory.keep(&self.dir, &self.rules.name)?;
        revoke(room, &self.identity, dataset).await?;
        self.memory.dropped(instance, dataset);
        self.memory.keep(&self.dir, &self.rules.name)
    }

    /// Takes back what the service has granted in `room`, since it stops. What a person granted by hand for longer stays.
    pub(super) async fn take_all_back(
        &mut self,
        room: &mut Room,
        status: &Status,
    ) -> Result<(), Failure> {
        let instance = room.instance().digest();
        let kept = self.memory.kept();
        let kept = kept.iter().find(|kept| kept.instance == instance);
        let sent = kept.map(|kept| kept.datasets.clone()).unwrap_or_default();
        let withdrawn = self.has_withdrawn(room)?;
        let named = self.rules.grants.iter().map(|rule| rule.dataset.clone());
        let datasets: BTreeSet<String> = sent.keys().cloned().chain(named).collect();
        for dataset in &datasets {
            let open = status.datasets.iter().find(|open| open.dataset == *dataset);
            let (from, why) = (instance.short(), "the service stops");
            let is_ours = match (sent.get(dataset), open) {
                (Some(sent), Some(open)) => is_the_services(open.not_after, sent),
                (sent, _) => sent.is_some(),
            };
            // What a person stopped is taken back whoever granted it, and so is all from a withdrawn build.
            let is_unwanted = withdrawn || stops::has(&self.dir, self.contract.digest, dataset)?;
            match open {
                _ if is_ours => {}
                None => continue,
                Some(_) if is_unwanted => {}
                Some(open) => {
                    let until = number::moment(open.not_after);
                    let why = format!(
                        "{dataset} to the instance {from} until {until}, which a person granted, although {why}"
                    );
                    self.teller.tell("left", &why)?;
                    continue;
                }
            }
            self.take_back(room, dataset).await?;
            self.teller.tell("took back", &format!("{dataset} from the instance {from}: {why}"))?;
        }
        Ok(())
    }

    /// The version that would be granted: the newer one of what the service sealed and what a person did.
    fn version(&self, dataset: &str) -> Result<Version, Failure> {
        let signed = |stem: &Path| {
            let files = VersionFiles::of(stem);
            let manifest = files.signed(&self.contract, dataset, &self.identity)?;
            Ok::<_, Failure>((manifest, files))
        };
        let by_hand = signed(&self.common.stem(dataset));
        let versions = Versions::read(&self.dir, &self.rules.name)?;
        let (manifest, files) = match versions.0.get(dataset) {
            Some(sealed) if sealed.uploaded => {
                let watched = signed(&self.dir.join(&sealed.stem))?;
                let number = |of: &(SignedManifest, VersionFiles)| of.0.manifest().version;
                // What lies there may be of an earlier contract: then it is no version of this dataset.
                by_hand.ok().filter(|hand| number(hand) > number(&watched)).unwrap_or(watched)
            }
            _ => by_hand?,
        };
        let keys = files.keys_of(&manifest)?;
        Ok(Version { manifest, keys })
    }

    /// The version of `dataset` that would be granted now.
    pub(super) fn newest_version(&self, dataset: &str) -> Result<Digest, Failure> {
        Ok(self.version(dataset)?.manifest.digest())
    }

    /// Refuses where the owner has not said whose people a dataset has, and where the ledger knows a newer list of opt-outs. Jobs on
    /// what is opened are paid from the ledger.
    fn ask_ledger(&self, dataset: &str, manifest: &SignedManifest) -> Result<(), Failure> {
        let mut ledger = Ledger::open(&self.identity)?;
        PeopleArgs::default().acknowledge(&mut ledger, &self.contract, &self.party)?;
        let named = manifest.manifest().opt_outs;
        Ok(ledger.note_opt_outs(&self.contract, dataset, named.as_ref(), clock::now())?)
    }
}
