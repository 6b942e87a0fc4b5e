//! The audit log: what the instance decided, entry by entry, for the parties that may read it.

use protocol::{
    audit::{AuditPage, Entry, Event, Listed},
    contract::Contract,
    limits,
    merkle::{Head, MerkleLog, Root, leaf_hash},
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
    /// Bytes of texts on requests that each party sent in vain.
    declined: BTreeMap<String, usize>,
    /// How many of these one party may have.
    share: usize,
    salts: ChaCha20Rng,
}

/// What is kept of every entry.
struct Leaf {
    leaf: Root,
    /// The root of the log that ends with it.
    root: Root,
    time: Time,
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
            share: limits::REFUSED_BYTES / parties.max(1),
            salts: ChaCha20Rng::from_seed(seed),
        }
    }

    /// Appends an entry. The texts on requests that one party sent in vain are kept as far as its share goes.
    pub(crate) fn append(&mut self, time: Time, readers: Readers, event: Event) {
        let mut salt = [0; 16];
        self.salts.fill_bytes(&mut salt);
        let declined = match &event {
            Event::Refused { party, .. } => Some(party.clone()),
            _ => None,
        };
        let bytes = Entry { number: self.head().size, salt, time, event }.to_bytes();
        let leaf = leaf_hash(&bytes);
        let had = declined.map(|party| self.declined.entry(party).or_default());
        let fits_share = had.is_none_or(|had| {
            let after = had.saturating_add(bytes.len());
            let fits = after <= self.share;
            if fits {
                *had = after;
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
    use protocol::{audit::Log, digest::Digest, refusal::Refusal};

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
