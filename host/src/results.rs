//! Shares of the room for results: how much each party may use, and which results make room.
//!
//! Each party of the contract has an even share, whoever receives the results; the enclave says who
//! asked. Nothing of the running instance is removed. Results of earlier instances go when their
//! room is needed: fetched ones first, then the oldest.

use protocol::storage::Origin;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// All results that are kept, and how many bytes they may take.
#[derive(Debug)]
pub(crate) struct Results {
    /// A record for each result, beside the objects, so that a restart forgets nobody's share.
    records: PathBuf,
    most: u64,
    parties: BTreeSet<String>,
    kept: BTreeMap<String, Kept>,
    counts: Counts,
}

/// What happened since the host started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Results that were not kept, because there was no room for them.
    pub(crate) declined: u64,
    /// Results of earlier instances that were deleted to make room before anybody had fetched them.
    pub(crate) unread: u64,
}

/// A result that is kept. Its origin is unknown if an earlier version of this program kept it.
#[derive(Clone, Debug)]
struct Kept {
    origin: Option<Origin>,
    bytes: u64,
    since: SystemTime,
    fetched: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Record {
    analyst: String,
    instance: String,
}

/// Why there is no room for a result.
///
/// Remedy: raise results_bytes in the host's configuration, or remove results that every receiver has opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NoRoom {
    /// The share of one party is used up.
    #[error(
        "this analyst's results of this instance take {used} bytes of its share of {share}, and {length} \
         more do not fit (results_bytes, evenly for each party of the contract)"
    )]
    Share { used: u64, share: u64, length: u64 },
    /// The room of all parties is used up.
    #[error(
        "results take {used} of the {most} bytes that results_bytes allows, and {length} more do not fit"
    )]
    All { used: u64, most: u64, length: u64 },
}

impl Results {
    /// The results kept below `root`, with their records in `records`, which is made if it is
    /// missing. Records without a result are removed.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn open(root: &Path, records: &Path, most: u64) -> io::Result<Self> {
        fs::create_dir_all(records)?;
        let mut kept = BTreeMap::new();
        for job in entries(&root.join(RESULTS))? {
            for object in entries(&job)? {
                let Some(name) = object.strip_prefix(root).ok().and_then(Path::to_str) else {
                    continue;
                };
                let found = fs::metadata(&object)?;
                let since = found.modified()?;
                let origin = read(&record(records, name))?;
                let fetched = mark(records, name).exists();
                let one = Kept { origin, bytes: found.len(), since, fetched };
                kept.insert(name.to_owned(), one);
            }
        }
        let expected: BTreeSet<PathBuf> =
            kept.keys().flat_map(|name| [record(records, name), mark(records, name)]).collect();
        for file in entries(records)? {
            if !expected.contains(&file) {
                fs::remove_file(file)?;
            }
        }
        let (records, parties, counts) = (records.to_owned(), BTreeSet::new(), Counts::default());
        Ok(Self { records, most, parties, kept, counts })
    }

    /// Sets whose shares there are from here on: those of the contract's parties.
    pub(crate) fn shared_by(&mut self, parties: BTreeSet<String>) {
        self.parties = parties;
    }

    /// Sets how many bytes all results may take. Those that are kept stay until their room is needed.
    pub(crate) fn allow(&mut self, most: u64) {
        self.most = most;
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// The results that have to go before `length` bytes of `origin` can be kept.
    ///
    /// # Errors
    ///
    /// [`NoRoom`], which is counted, if all that may go is not enough: then nothing need go.
    pub(crate) fn make_room(
        &mut self,
        origin: Option<&Origin>,
        length: u64,
    ) -> Result<Vec<String>, NoRoom> {
        let planned = self.plan(origin, length);
        if planned.is_err() {
            self.counts.declined = self.counts.declined.saturating_add(1);
        }
        planned
    }

    fn plan(&self, origin: Option<&Origin>, length: u64) -> Result<Vec<String>, NoRoom> {
        let analyst = self.holder(origin);
        let mut used: BTreeMap<Option<&str>, u64> = BTreeMap::new();
        for one in self.kept.values() {
            let bytes = used.entry(self.holder(one.origin.as_ref())).or_default();
            *bytes = bytes.saturating_add(one.bytes);
        }
        let share = self.share();
        let own = analyst.and_then(|party| used.get(&Some(party)).copied()).unwrap_or_default();
        let all = used.values().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        let fits = analyst.is_none() || own.saturating_add(length) <= share;
        if fits && all.saturating_add(length) <= self.most {
            return Ok(Vec::new());
        }
        let mut over = self.of_earlier(origin);
        let mut going = Vec::new();
        // The party's own share comes first, so that the party takes from nobody.
        while let Some(party) = analyst {
            let own = used.get(&Some(party)).copied().unwrap_or_default();
            if own.saturating_add(length) <= share {
                break;
            }
            let Some(bytes) = take(&mut over, &mut going, |holder| holder == Some(party)) else {
                return Err(NoRoom::Share { used: own, share, length });
            };
            used.insert(Some(party), own.saturating_sub(bytes));
        }
        // Then all results are looked at. There can only be too many if somebody has more than its
        // share: under an earlier contract with fewer parties, or without being a party of this
        // one.
        loop {
            let all = used.values().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
            if all.saturating_add(length) <= self.most {
                return Ok(going);
            }
            let excess = |holder: Option<&str>| {
                let bytes = used.get(&holder).copied().unwrap_or_default();
                bytes.saturating_sub(if holder.is_some() { share } else { 0 })
            };
            let most =
                over.iter().map(|(_, holder, _)| *holder).max_by_key(|holder| excess(*holder));
            let most = most.filter(|holder| excess(*holder) > 0);
            let taken = most.and_then(|most| {
                Some((most, take(&mut over, &mut going, |holder| holder == most)?))
            });
            let Some((holder, bytes)) = taken else {
                return Err(NoRoom::All { used: all, most: self.most, length });
            };
            let left = used.get(&holder).copied().unwrap_or_default().saturating_sub(bytes);
            used.insert(holder, left);
        }
    }

    /// Results of instances that are over, in the order in which they are removed.
    fn of_earlier(&self, origin: Option<&Origin>) -> Vec<(&String, Option<&str>, u64)> {
        let runs = origin.map(|origin| origin.instance);
        let is_over = |one: &Kept| one.origin.as_ref().map(|origin| origin.instance) != runs;
        let mut over: Vec<_> = self.kept.iter().filter(|(_, one)| is_over(one)).collect();
        over.sort_by_key(|(name, one)| (!one.fetched, one.since, *name));
        over.into_iter()
            .map(|(name, one)| (name, self.holder(one.origin.as_ref()), one.bytes))
            .collect()
    }

    /// The party whose share a result takes; `None` if the analyst is not a party of the contract.
    fn holder<'a>(&'a self, origin: Option<&Origin>) -> Option<&'a str> {
        self.parties.get(origin?.analyst.as_str()).map(String::as_str)
    }

    fn share(&self) -> u64 {
        let parties = u64::try_from(self.parties.len()).unwrap_or(u64::MAX);
        self.most / parties.max(1)
    }

    /// Records the origin of the result `name` before the result is kept.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn announce(&self, name: &str, origin: Option<&Origin>) -> io::Result<()> {
        let Some(origin) = origin else { return Ok(()) };
        let (analyst, instance) = (origin.analyst.clone(), origin.instance.to_string());
        let text = serde_json::to_vec(&Record { analyst, instance })?;
        let mut file = fs::File::create(record(&self.records, name))?;
        file.write_all(&text)?;
        file.sync_all()
    }

    /// Records that the result is kept.
    pub(crate) fn note(&mut self, name: &str, origin: Option<Origin>, bytes: u64) {
        let one = Kept { origin, bytes, since: SystemTime::now(), fetched: false };
        self.kept.insert(name.to_owned(), one);
    }

    /// Records that somebody fetched the result. A host cannot know more about its receiver.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn fetched(&mut self, name: &str) -> io::Result<()> {
        match self.kept.get_mut(name) {
            Some(one) if !one.fetched => one.fetched = true,
            _ => return Ok(()),
        }
        fs::File::create(mark(&self.records, name)).map(drop)
    }

    /// Removes the result `name` below `root`, and logs it.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn remove(&mut self, root: &Path, name: &str) -> io::Result<()> {
        let object = root.join(name);
        crate::durable::remove_if_there(&object)?;
        // The job's directory goes with its last result.
        let _ = object.parent().map(fs::remove_dir);
        crate::durable::remove_if_there(&record(&self.records, name))?;
        crate::durable::remove_if_there(&mark(&self.records, name))?;
        let Some(one) = self.kept.remove(name) else { return Ok(()) };
        let analyst = one.origin.map_or_else(|| "unknown".to_owned(), |origin| origin.analyst);
        let analyst = protocol::text::visible(&analyst);
        if one.fetched {
            tracing::info!(%name, %analyst, bytes = one.bytes, "deleted a fetched result of an earlier instance to make room");
        } else {
            self.counts.unread = self.counts.unread.saturating_add(1);
            tracing::warn!(
                %name, %analyst, bytes = one.bytes,
                "deleted a result of an earlier instance to make room before anybody had fetched it: its \
                 receiver has lost it (raise results_bytes if that goes on)"
            );
        }
        Ok(())
    }
}

/// Moves the first result of `over` for which `is` holds to `going`, and returns its bytes.
fn take(
    over: &mut Vec<(&String, Option<&str>, u64)>,
    going: &mut Vec<String>,
    is: impl Fn(Option<&str>) -> bool,
) -> Option<u64> {
    let index = over.iter().position(|(_, holder, _)| is(*holder))?;
    let (name, _, bytes) = over.remove(index);
    going.push(name.clone());
    Some(bytes)
}

/// The entries of a directory; none if it does not exist, or is a file.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(directory) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found?.map(|entry| entry.map(|entry| entry.path())).collect(),
    }
}

/// Reads a record. One that a power cut left half written counts as missing.
fn read(path: &Path) -> io::Result<Option<Origin>> {
    let text = match fs::read(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let found: Option<Record> = serde_json::from_slice(&text).ok();
    Ok(found.and_then(|Record { analyst, instance }| {
        Some(Origin { analyst, instance: instance.parse().ok()?, run: None })
    }))
}

/// `results/JOB/NAME` has its record at `JOB.NAME`: no part of a name has a dot.
fn record(records: &Path, name: &str) -> PathBuf {
    records.join(name.strip_prefix(RESULTS).unwrap_or(name).replace('/', "."))
}

fn mark(records: &Path, name: &str) -> PathBuf {
    record(records, name).with_added_extension("fetched")
}

/// Where results are, below all blobs and objects.
pub(crate) const RESULTS: &str = "results/";
