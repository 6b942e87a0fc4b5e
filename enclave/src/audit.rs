//! The audit log: what the instance decided, entry by entry, for the parties that may read it.

use protocol::{
    audit::{AuditPage, Entry, Event, Listed},
    contract::Contract,
    limits,
    merkle::{Head, MerkleLog, Root, leaf_hash},
    refusal::{Refusal, Share},
    stored_log::Recorded,
    time::Time,
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use std::collections::{BTreeMap, BTreeSet};

/// The audit log of an instance.
pub(crate) struct Audit {
    log: MerkleLog,
    leaves: Vec<Leaf>,
    /// The texts of entries, by number.
    texts: BTreeMap<usize, Text>,
    /// The requests that each party sent in vain.
    declined: BTreeMap<String, Declined>,
    /// How many grants of each party were taken.
    granted: BTreeMap<String, usize>,
    /// Parties among whom the room of the log is divided.
    parties: usize,
    salts: ChaCha20Rng,
}

/// What is kept of every entry.
struct Leaf {
    leaf: Root,
    /// The root of the log that ends with it.
    root: Root,
    time: Time,
}

/// The requests that one party sent in vain.
#[derive(Default)]
struct Declined {
    /// How many have an entry.
    entries: usize,
    /// Bytes of the texts of these that are kept.
    bytes: usize,
    /// How many have none.
    unlisted: u64,
    /// How many of those the log tells of.
    told: u64,
}

struct Text {
    bytes: Vec<u8>,
    readers: Readers,
}

/// Who may read the text of an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Readers {
    /// Every party of the contract.
    All,
    /// These parties.
    Only(BTreeSet<String>),
}

impl Audit {
    /// An empty log for this many parties. Whoever has `seed` can try what hashes to a leaf.
    pub(crate) fn new(parties: usize, seed: [u8; 32]) -> Self {
        Self {
            log: MerkleLog::new(),
            leaves: Vec::new(),
            texts: BTreeMap::new(),
            declined: BTreeMap::new(),
            granted: BTreeMap::new(),
            parties: parties.max(1),
            salts: ChaCha20Rng::from_seed(seed),
        }
    }

    /// Appends an entry. On requests that one party sent in vain there are as many entries as its share has, and their texts
    /// are kept as far as that goes. Further ones are counted: an entry tells how many there are whenever their number has
    /// doubled, so that a party that floods the log fills no disk and pushes out nobody's entries.
    pub(crate) fn append(&mut self, time: Time, readers: Readers, event: Event) {
        let Event::Refused { party, .. } = &event else { return self.push(time, readers, event) };
        let most = limits::REFUSED_ENTRIES / self.parties;
        let had = self.declined.entry(party.clone()).or_default();
        if had.entries < most {
            had.entries += 1;
            return self.push(time, readers, event);
        }
        had.unlisted = had.unlisted.saturating_add(1);
        if had.unlisted >= had.told.saturating_mul(2) {
            had.told = had.unlisted;
            let told = Event::Unlisted { party: party.clone(), requests: had.unlisted };
            self.push(time, Readers::All, told);
        }
    }

    /// Appends what the log does not tell yet of requests without an entry.
    pub(crate) fn tell_unlisted(&mut self, time: Time) {
        let untold = self.declined.iter_mut().filter(|(_, had)| had.unlisted > had.told);
        let events = untold.map(|(party, had)| {
            had.told = had.unlisted;
            Event::Unlisted { party: party.clone(), requests: had.unlisted }
        });
        for event in events.collect::<Vec<_>>() {
            self.push(time, Readers::All, event);
        }
    }

    /// Refuses a grant of `party` past its share: each is an entry, and so is its end. Counts nothing.
    pub(crate) fn check_grant(&self, party: &str) -> Result<(), Refusal> {
        let granted = self.granted.get(party).copied().unwrap_or_default();
        if granted >= limits::GRANTS / self.parties {
            let party = party.to_owned();
            return Err(Refusal::ShareUsed { party, share: Share::Grants });
        }
        Ok(())
    }

    /// Counts a grant of `party`, and refuses it past its share.
    pub(crate) fn admit_grant(&mut self, party: &str) -> Result<(), Refusal> {
        self.check_grant(party)?;
        *self.granted.entry(party.to_owned()).or_default() += 1;
        Ok(())
    }

    fn push(&mut self, time: Time, readers: Readers, event: Event) {
        let mut salt = [0; 16];
        self.salts.fill_bytes(&mut salt);
        let declined = match &event {
            Event::Refused { party, .. } => Some(party.clone()),
            _ => None,
        };
        let bytes = Entry { number: self.head().size, salt, time, event }.to_bytes();
        let leaf = leaf_hash(&bytes);
        let share = limits::REFUSED_BYTES / self.parties;
        let had = declined.map(|party| self.declined.entry(party).or_default());
        let fits_share = had.is_none_or(|had| {
            let after = had.bytes.saturating_add(bytes.len());
            let fits = after <= share;
            if fits {
                had.bytes = after;
            }
            fits
        });
        if fits_share && bytes.len() <= limits::AUDIT_ENTRY.bytes {
            self.texts.insert(self.leaves.len(), Text { bytes, readers });
        }
        self.log.append(leaf);
        self.leaves.push(Leaf { leaf, root: self.log.head().root, time });
    }

    /// Takes the log out of a state that ends, which is not to be used after that.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(1, [0; 32]))
    }

    /// The number of entries, and their root.
    pub(crate) fn head(&self) -> Head {
        self.log.head()
    }

    /// The entry `number`, to be recorded, and who may read its text if that is kept.
    pub(crate) fn recorded(&self, number: u64) -> Option<(Recorded<'_>, Option<&Readers>)> {
        let at = usize::try_from(number).ok()?;
        let Leaf { leaf, root, time } = self.leaves.get(at)?;
        let text = self.texts.get(&at);
        let head = Head { size: number.checked_add(1)?, root: *root };
        let bytes = text.map(|text| text.bytes.as_slice());
        let recorded = Recorded { leaf: *leaf, head, time: *time, text: bytes };
        Some((recorded, text.map(|text| &text.readers)))
    }

    /// The entries from `from` on, as `party` may see them.
    pub(crate) fn page(&self, party: &str, from: u64, time: Time) -> AuditPage {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let mut bytes = 0_usize;
        let wanted = self.leaves.iter().enumerate().skip(from).take(limits::AUDIT_PAGE);
        let listed = wanted.map(|(number, Leaf { leaf, .. })| match self.texts.get(&number) {
            None => Listed::NotKept(*leaf),
            Some(text) if text.readers.contain(party) => Listed::Text(text.bytes.clone()),
            Some(_) => Listed::Others(*leaf),
        });
        let entries = listed.take_while(|entry| {
            if let Listed::Text(text) = entry {
                bytes = bytes.saturating_add(text.len());
            }
            bytes <= limits::AUDIT_TEXTS
        });
        AuditPage { entries: entries.collect(), head: self.head(), time }
    }
}

impl Readers {
    /// The owners of `datasets`.
    pub(crate) fn owners<'a>(
        contract: &Contract,
        datasets: impl Iterator<Item = &'a String>,
    ) -> Self {
        let known = datasets.filter_map(|name| contract.datasets.get(name));
        Self::Only(known.map(|dataset| dataset.owner.clone()).collect())
    }

    /// These parties as well.
    pub(crate) fn and(mut self, parties: impl IntoIterator<Item = String>) -> Self {
        if let Self::Only(readers) = &mut self {
            readers.extend(parties);
        }
        self
    }

    pub(crate) fn contain(&self, party: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(parties) => parties.contains(party),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{audit::Log, digest::Digest};

    fn refused(party: &str, analysis: &str) -> Event {
        Event::Refused {
            party: party.to_owned(),
            request: Digest::of("request", b""),
            analysis: Some(analysis.to_owned()),
            refusal: Refusal::Closed,
        }
    }

    fn dropped() -> Event {
        Event::Dropped { dataset: "exposures".to_owned() }
    }

    /// All pages for `party`, which the log's own head vouches for.
    fn listed(audit: &Audit, party: &str) -> Vec<Listed> {
        let mut log = Log::default();
        while log.size() < audit.head().size {
            let page = audit.page(party, log.size(), Time(1));
            assert!(!page.entries.is_empty());
            page.entries.into_iter().for_each(|entry| log.push(entry).unwrap());
        }
        log.check(&[audit.head()]).unwrap();
        log.entries().to_vec()
    }

    #[test]
    fn a_party_that_is_refused_without_end_loses_its_own_texts_and_nobody_elses() {
        let mut audit = Audit::new(2, [1; 32]);
        let only = |party: &str| Readers::Only(BTreeSet::from([party.to_owned()]));
        let long = "x".repeat(60_000);
        let share = limits::REFUSED_BYTES / 2;
        for _ in 0..=share / long.len() {
            audit.append(Time(1), only("retailer"), refused("retailer", &long));
        }
        audit.append(Time(1), Readers::All, dropped());
        audit.append(Time(1), only("publisher"), refused("publisher", &long));
        let of_retailer = listed(&audit, "retailer");
        let kept = |entries: &[Listed]| {
            let texts = entries.iter().filter_map(|entry| match entry {
                Listed::Text(text) => Some(text.len()),
                Listed::Others(_) | Listed::NotKept(_) => None,
            });
            texts.sum::<usize>()
        };
        let is =
            |at: usize, entry: &Listed| of_retailer.get(at).map(Listed::leaf) == Some(entry.leaf());
        let of_publisher = listed(&audit, "publisher");
        assert!(of_publisher.iter().enumerate().all(|(at, entry)| is(at, entry)), "one log");
        let [.., beyond, after, last] = of_retailer.as_slice() else { panic!("{of_retailer:?}") };
        assert!(matches!(beyond, Listed::NotKept(_)), "{beyond:?}");
        assert!(matches!(after, Listed::Text(_)) && matches!(last, Listed::Others(_)));
        assert!(kept(&of_retailer) <= share + 1_000 && kept(&of_retailer) > share - 2 * long.len());
        assert!(matches!(of_publisher.last(), Some(Listed::Text(_))));
    }

    /// What the entries that `party` may read say of requests without an entry.
    fn unlisted(entries: &[Listed]) -> Vec<(String, u64)> {
        let told = entries.iter().filter_map(|entry| match entry {
            Listed::Text(text) => match Entry::from_bytes(text).unwrap().event {
                Event::Unlisted { party, requests } => Some((party, requests)),
                _ => None,
            },
            Listed::Others(_) | Listed::NotKept(_) => None,
        });
        told.collect()
    }

    #[test]
    fn a_party_that_floods_the_log_adds_no_entry_past_its_share_and_none_goes_uncounted() {
        let mut audit = Audit::new(2, [1; 32]);
        let only = |party: &str| Readers::Only(BTreeSet::from([party.to_owned()]));
        let share = u64::try_from(limits::REFUSED_ENTRIES / 2).unwrap();
        let flood = 1_u64 << 18;
        for _ in 0..flood {
            audit.append(Time(1), only("retailer"), refused("retailer", "lift"));
        }
        // One when the share was used up, and one for each doubling.
        let told = 1 + u64::from((flood - share).ilog2());
        assert_eq!(audit.head().size, share + told);
        // The other party has all of its share, and the entries of what happened meanwhile are there.
        audit.append(Time(1), Readers::All, dropped());
        audit.append(Time(1), only("publisher"), refused("publisher", "lift"));
        assert_eq!(audit.head().size, share + told + 2);
        audit.append(Time(1), only("retailer"), refused("retailer", "lift"));
        audit.tell_unlisted(Time(1));
        audit.tell_unlisted(Time(1));
        assert_eq!(audit.head().size, share + told + 3);
        // Every party learns how many requests were declined, and the last number is exact.
        let said = unlisted(&listed(&audit, "publisher"));
        assert_eq!(said.first(), Some(&("retailer".to_owned(), 1)));
        assert_eq!(said.last(), Some(&("retailer".to_owned(), flood - share + 1)));
        let more_than_twice = |pair: &[(String, u64)]| pair[1].1 > 2 * pair[0].1;
        assert!(!said.windows(2).any(more_than_twice), "{said:?}");
    }

    #[test]
    fn refuses_grants_past_the_share_of_a_party_and_none_of_another() {
        let mut audit = Audit::new(2, [1; 32]);
        for _ in 0..limits::GRANTS / 2 {
            // Asking alone counts nothing.
            audit.check_grant("retailer").unwrap();
            audit.admit_grant("retailer").unwrap();
        }
        let (party, share) = ("retailer".to_owned(), Share::Grants);
        let refused = Err(Refusal::ShareUsed { party, share });
        assert_eq!(audit.check_grant("retailer"), refused);
        assert_eq!(audit.admit_grant("retailer"), refused);
        assert_eq!(audit.admit_grant("publisher"), Ok(()));
    }

    #[test]
    fn an_entry_that_is_too_long_for_a_reply_has_its_leaf_alone() {
        let mut audit = Audit::new(1, [1; 32]);
        let long = "x".repeat(limits::AUDIT_ENTRY.bytes);
        audit.append(Time(1), Readers::All, refused("retailer", &long));
        audit.append(Time(1), Readers::All, dropped());
        let entries = listed(&audit, "retailer");
        assert!(matches!(entries.as_slice(), [Listed::NotKept(_), Listed::Text(_)]), "{entries:?}");
    }
}
