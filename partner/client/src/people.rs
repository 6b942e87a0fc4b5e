//! How many people two of a party's files share, from small samples that the party keeps.
//!
//! A lineage is what its owner calls it. To notice that a new name stands for known people, sealing keeps
//! of each lineage the smallest of its match keys' HMACs, under a key that never leaves the party's
//! folder, and of their tags: a sample of people that is the same whatever the file's order, size or version.

use crate::{files, keys};
use protocol::{
    identity::{Identifier, MatchKey},
    sealed::Tag,
};
use ring::hmac;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// The samples of people in a party's folder.
#[derive(Debug)]
pub struct Sketches {
    folder: PathBuf,
    key: hmac::Key,
}

/// The people of one file, all of them or a sample; or the sample of a lineage. Holds the smallest
/// HMACs for each kind of key, ascending.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sketch(BTreeMap<u8, Vec<u64>>);

/// How many people a file and a lineage share.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Overlap {
    /// The lineage.
    pub lineage: String,
    /// Percentage of the people in the file who are in the lineage.
    pub of_file: u64,
    /// Percentage of the people known of the lineage who are in the file.
    pub of_lineage: u64,
    /// The same two percentages, or 0 where too few people are compared to say anything.
    counted: (u64, u64),
}

/// Why the owner is asked about an overlap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum OverlapReason {
    /// The overlap is large by itself.
    Large,
    /// This percentage of the people in the file are known, counted once for each lineage that
    /// knows them.
    FileInAll(u64),
    /// This percentage of the people known of the lineage are under other names, counted once for
    /// each name.
    LineageInAll(u64),
}

impl Sketches {
    /// Opens the samples in the folder of a party's keys, and makes the key of the samples if there
    /// is none yet.
    ///
    /// # Errors
    ///
    /// [`SketchError`]; also where others can read the key.
    pub fn open(directory: &Path) -> Result<Self, SketchError> {
        let folder = directory.join(FOLDER);
        let path = folder.join(KEY);
        let at = |cause| SketchError::Io { path: path.clone(), cause };
        std::fs::create_dir_all(&folder).map_err(at)?;
        if !path.try_exists().map_err(at)? {
            let secret = keys::random::<32>().map_err(|_| SketchError::Randomness)?;
            match files::create_private(&path, &secret) {
                // Another command made the key at the same time.
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(at)?,
            }
        }
        let secret = files::read_private(&path).map_err(at)?;
        let secret = secret.map_err(|mode| SketchError::Exposed { path: path.clone(), mode })?;
        if secret.len() != 32 {
            return Err(SketchError::Malformed { path });
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Ok(Self { folder, key })
    }

    /// Hashes a match key, whether it came in clear and was hashed here or came as its hash.
    #[must_use]
    pub fn hash(&self, key: &MatchKey) -> u64 {
        let tag = hmac::sign(&self.key, key.as_bytes());
        tag.as_ref().first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head))
    }

    /// The other lineages in which people of `sketch` are, largest share first.
    ///
    /// # Errors
    ///
    /// [`SketchError`] if a sample cannot be read.
    pub fn overlaps(&self, lineage: &str, sketch: &Sketch) -> Result<Vec<Overlap>, SketchError> {
        overlaps(&self.folder, lineage, sketch)
    }

    /// The sample of `lineage`; an empty one if no file of it was sealed here.
    ///
    /// # Errors
    ///
    /// [`SketchError`] if it cannot be read.
    pub fn read(&self, lineage: &str) -> Result<Sketch, SketchError> {
        read(&self.folder, lineage)
    }

    /// Adds the people of a new file to the sample of its lineage.
    ///
    /// # Errors
    ///
    /// [`SketchError`].
    pub fn add(&self, lineage: &str, sketch: &Sketch) -> Result<(), SketchError> {
        let mut all = self.read(lineage)?;
        for (kind, hashes) in &sketch.0 {
            all.add(*kind, hashes.iter().copied());
        }
        let all = all.smallest();
        let path = path(&self.folder, lineage);
        files::replace(&path, &all.encode()).map_err(|cause| SketchError::Io { path, cause })
    }
}

/// The overlaps of a file that the owner must be asked about, of those that are not answered yet.
///
/// Small overlaps are summed: the same known people, or groups of them one after the other, may
/// come in under many new names, each time among others. `elsewhere` says what share of a lineage
/// is in further lineages.
///
/// # Errors
///
/// Those of `elsewhere`.
pub fn to_ask<E>(
    open: &[Overlap],
    mut elsewhere: impl FnMut(&str) -> Result<Vec<Overlap>, E>,
) -> Result<Option<(Overlap, OverlapReason)>, E> {
    if let Some(large) = open.iter().find(|found| found.counted.0.max(found.counted.1) >= SAID) {
        return Ok(Some((large.clone(), OverlapReason::Large)));
    }
    let in_all = open.iter().map(|found| found.counted.0).sum::<u64>();
    if let (SAID.., Some(first)) = (in_all, open.first()) {
        return Ok(Some((first.clone(), OverlapReason::FileInAll(in_all))));
    }
    for found in open.iter().filter(|found| found.counted.1 > 0) {
        let others = elsewhere(&found.lineage)?;
        let others = others.iter().map(|other| other.counted.0).sum::<u64>();
        let in_all = found.counted.1.saturating_add(others);
        if in_all >= SAID {
            return Ok(Some((found.clone(), OverlapReason::LineageInAll(in_all))));
        }
    }
    Ok(None)
}

/// The other lineages in which people of `lineage` are, according to the samples in a party's
/// folder. Needs no key.
///
/// # Errors
///
/// [`SketchError`] if a sample cannot be read.
pub fn known_overlaps(directory: &Path, lineage: &str) -> Result<Vec<Overlap>, SketchError> {
    let folder = directory.join(FOLDER);
    overlaps(&folder, lineage, &read(&folder, lineage)?)
}

/// Whether a file of `lineage` was sealed in a party's folder.
///
/// # Errors
///
/// [`SketchError`] if its sample cannot be read.
pub fn was_sealed(directory: &Path, lineage: &str) -> Result<bool, SketchError> {
    Ok(read(&directory.join(FOLDER), lineage)? != Sketch::default())
}

fn overlaps(folder: &Path, lineage: &str, sketch: &Sketch) -> Result<Vec<Overlap>, SketchError> {
    let at = |cause| SketchError::Io { path: folder.to_owned(), cause };
    let mut found = Vec::new();
    // A party that has sealed nothing may have no folder of samples.
    if sketch.0.is_empty() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder).map_err(at)? {
        let name = entry.map_err(at)?.file_name();
        let Some(other) = name.to_str().and_then(|name| name.strip_suffix(END)) else {
            continue;
        };
        if other == lineage {
            continue;
        }
        if let Some(((of_file, of_lineage), counted)) = sketch.shares_with(&read(folder, other)?) {
            found.push(Overlap { lineage: other.to_owned(), of_file, of_lineage, counted });
        }
    }
    let most = |overlap: &Overlap| overlap.of_file.max(overlap.of_lineage);
    found.sort_by(|one, other| (most(other), &one.lineage).cmp(&(most(one), &other.lineage)));
    Ok(found)
}

fn read(folder: &Path, lineage: &str) -> Result<Sketch, SketchError> {
    let path = path(folder, lineage);
    match files::read_at_most(&path, MOST_BYTES) {
        Ok(bytes) => Sketch::decode(&bytes).ok_or(SketchError::Malformed { path }),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Sketch::default()),
        Err(cause) => Err(SketchError::Io { path, cause }),
    }
}

/// The name of a lineage has no dot and no slash: the contract's parser sees to that.
fn path(folder: &Path, lineage: &str) -> PathBuf {
    folder.join(format!("{lineage}{END}"))
}

impl Sketch {
    /// The part of a sketch that is kept: a sample that any other one can be compared with.
    #[must_use]
    pub fn smallest(mut self) -> Self {
        for hashes in self.0.values_mut() {
            hashes.truncate(KEPT);
            hashes.shrink_to_fit();
        }
        self
    }

    /// Adds the [hashes](Sketches::hash) of all keys of one kind in a file: all of them, so that whoever is known is
    /// found among however many others. [`Self::smallest`] is what is kept.
    pub fn add_keys(&mut self, kind: Identifier, hashes: impl IntoIterator<Item = u64>) {
        self.add(number(kind), hashes.into_iter());
    }

    /// Adds the tags of one kind in a file, of which there are no keys here. They compare with tags of the same
    /// room alone.
    pub fn add_tags<'t>(&mut self, kind: Identifier, tags: impl IntoIterator<Item = &'t Tag>) {
        let hash = |tag: &Tag| tag.last_chunk::<8>().map_or(0, |tail| u64::from_be_bytes(*tail));
        self.add(TAGS | number(kind), tags.into_iter().map(hash));
    }

    fn add(&mut self, kind: u8, hashes: impl Iterator<Item = u64>) {
        let kept = self.0.entry(kind).or_default();
        kept.extend(hashes);
        kept.sort_unstable();
        kept.dedup();
    }

    /// Percentages of the people of each sketch who are in the other, by the kinds of key with the
    /// largest shares; then both again, as 0 where they are of too few people. `None` if less than
    /// one percent is shared, or too few people are compared.
    fn shares_with(&self, other: &Self) -> Option<((u64, u64), (u64, u64))> {
        // An address may stand as an address in one file, and as its hash in the other.
        let pairs =
            self.0.values().flat_map(|own| other.0.values().map(move |theirs| (own, theirs)));
        let shares = pairs.map(|(own, theirs)| {
            let bound = known_below(own).min(known_below(theirs));
            let compared = |hashes: &[u64]| hashes.partition_point(|hash| *hash <= bound);
            let (here, there) = (compared(own), compared(theirs));
            let shared = own.iter().take(here);
            let shared = shared.filter(|hash| theirs.binary_search(hash).is_ok()).count();
            let counted = |all: usize| if all >= FEWEST { percent(shared, all) } else { 0 };
            let shares = (percent(shared, here), percent(shared, there));
            (shared, shares, (counted(here), counted(there)))
        });
        let largest = shares.max_by_key(|(shared, _, counted)| (counted.0.max(counted.1), *shared));
        let (_, shares, counted) = largest?;
        (counted != (0, 0)).then_some((shares, counted))
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (kind, hashes) in &self.0 {
            bytes.push(*kind);
            bytes.extend(u32::try_from(hashes.len()).unwrap_or(u32::MAX).to_be_bytes());
            hashes.iter().for_each(|hash| bytes.extend(hash.to_be_bytes()));
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let mut sketch = Self::default();
        while let Some((kind, tail)) = rest.split_first() {
            let (count, tail) = tail.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*count)).ok()?.checked_mul(8)?;
            let (hashes, tail) = tail.split_at_checked(length)?;
            let hashes = hashes.as_chunks::<8>().0.iter().map(|hash| u64::from_be_bytes(*hash));
            sketch.add(*kind, hashes);
            rest = tail;
        }
        Some(sketch)
    }
}

/// The HMAC below which `hashes` names everybody: a full sample has nobody above its largest one.
fn known_below(hashes: &[u64]) -> u64 {
    // A list longer than a sample is all of a file.
    hashes.last().filter(|_| hashes.len() == KEPT).map_or(u64::MAX, |last| *last)
}

/// The percentage of `all` that `part` is.
fn percent(part: usize, all: usize) -> u64 {
    let share = part.saturating_mul(100).checked_div(all).unwrap_or_default();
    u64::try_from(share).unwrap_or(u64::MAX)
}

fn number(kind: Identifier) -> u8 {
    match kind {
        Identifier::Email => 1,
        Identifier::Phone => 2,
        Identifier::Hashed => 3,
        _ => 0,
    }
}

/// Why samples of people cannot be used.
///
/// Remedy: give the folder back to this user (mode 600 of the file), or remove the file and seal again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SketchError {
    /// A file cannot be read or written.
    #[error("the samples by which lineages are compared: {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        cause: io::Error,
    },
    /// Others can read the key of the samples.
    #[error("{} can be read by others (mode {mode:o}), expected 600", path.display())]
    Exposed {
        /// The file of the key.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file was not written by this program.
    #[error("{} is not a file of this program: remove it, and seal the lineages that are in use again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gave no random numbers")]
    Randomness,
}

/// Marks the number of a kind of whose keys there are tags alone.
const TAGS: u8 = 0x80;
const FOLDER: &str = "people";
const KEY: &str = "key";
const END: &str = ".sketch";
const MAGIC: &[u8] = b"glovebox people v1\n";
/// HMACs that a sample keeps for each kind of key: half a megabyte.
const KEPT: usize = 1 << 16;
/// Largest sample that is read, in bytes: one part for each kind of key.
const MOST_BYTES: u64 = 4 << 20;
/// Fewer people than this are not compared: a share of them says little.
const FEWEST: usize = 20;
/// Percentage of a file, or of a lineage, from which the owner is asked about an overlap. A file
/// with that share is in good part the lineage. The share of the lineage counts too, because
/// made-up people beside the known ones make the first share as small as anybody likes, and the
/// second no smaller. Smaller shares are printed, kept in the ledger, and summed over all lineages
/// that nobody has answered for: see [`to_ask`].
///
/// The shares prove nothing. Of two lists of one population, each is in the other by the share of
/// the population that the other has. And a few people of a large lineage among a hundred times as
/// many made-up ones are less than one percent of both, which is not seen. So the owner is told and
/// asked, and `--same-people` is the answer that costs nothing but the budget that the same people
/// have lost already.
const SAID: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::identity::match_key_of_bytes;

    const EMAIL: Identifier = Identifier::Email;

    /// The people of a file with these keys.
    fn sample(sketches: &Sketches, columns: &[(Identifier, std::ops::Range<u32>)]) -> Sketch {
        let key = |n: u32| {
            let digest = ring::digest::digest(&ring::digest::SHA256, &n.to_be_bytes());
            match_key_of_bytes(digest.as_ref()).unwrap()
        };
        let mut sketch = Sketch::default();
        for (kind, people) in columns {
            sketch.add_keys(*kind, people.clone().map(|n| sketches.hash(&key(n))));
        }
        sketch
    }

    #[test]
    fn says_how_many_people_of_a_file_are_in_another_lineage_whatever_their_sizes() {
        let dir = tempfile::tempdir().unwrap();
        let sketches = Sketches::open(dir.path()).unwrap();
        let sample = |range| sample(&sketches, &[(EMAIL, range)]);
        sketches.add("exposures", &sample(0..100_000)).unwrap();
        sketches.add("exposures", &sample(100_000..200_000)).unwrap();
        sketches.add("crm", &sample(500_000..501_000)).unwrap();
        let percent = |range| {
            let found = sketches.overlaps("new", &sample(range)).unwrap();
            let said = found.into_iter().map(|overlap| (overlap.lineage, overlap.of_file));
            said.collect::<Vec<_>>()
        };
        let [(lineage, all)] = &percent(0..150_000)[..] else { panic!("one lineage") };
        assert_eq!((lineage.as_str(), *all), ("exposures", 100));
        let [(_, most)] = &percent(190_700..200_700)[..] else { panic!("one lineage") };
        assert!((88..=97).contains(most), "{most} % for 93 %");
        assert_eq!(percent(200_000..300_000), []);
        assert_eq!(percent(500_000..501_000), [("crm".to_owned(), 100)]);
        assert_eq!(percent(0..10), [], "too few to say");
        assert_eq!(sketches.overlaps("exposures", &sample(0..1_000)).unwrap(), []);
    }

    /// Made-up people beside all known ones make the share of the file small, not that of the lineage.
    #[test]
    fn known_people_are_noticed_among_any_number_of_made_up_ones() {
        let dir = tempfile::tempdir().unwrap();
        let sketches = Sketches::open(dir.path()).unwrap();
        let sample = |range| sample(&sketches, &[(EMAIL, range)]);
        sketches.add("crm", &sample(0..1_000)).unwrap();
        let shares = |sketch: &Sketch| {
            let found = sketches.overlaps("new", sketch).unwrap();
            found.into_iter().map(|found| (found.of_file, found.of_lineage)).collect::<Vec<_>>()
        };
        assert_eq!(shares(&sample(0..6_000)), [(16, 100)]);
        assert_eq!(shares(&sample(0..200_000)), [(0, 100)], "many more than are kept");
        assert_eq!(shares(&sample(800..200_000)), [(0, 20)]);
        assert_eq!(shares(&sample(810..200_000)), [(0, 19)], "too few to ask about by itself");
        assert_eq!(shares(&sample(995..200_000)), []);
        // A part of them, and nobody else.
        assert_eq!(shares(&sample(0..100)), [(100, 10)]);
        // What is kept of the file is compared with again when its contract is signed.
        sketches.add("new", &sample(0..6_000)).unwrap();
        assert_eq!(shares(&sketches.read("new").unwrap()), [(16, 100)]);
    }

    #[test]
    fn small_shares_are_asked_about_once_they_are_many() {
        let asked = |open: &[(u64, u64)], elsewhere: &[u64]| {
            let found = |of_file, of_lineage| Overlap {
                lineage: "crm".to_owned(),
                of_file,
                of_lineage,
                counted: (of_file, of_lineage),
            };
            let open = open.iter().map(|(file, lineage)| found(*file, *lineage));
            let others = || elsewhere.iter().map(|share| found(*share, 0)).collect();
            let asked = to_ask(&open.collect::<Vec<_>>(), |_| Ok::<Vec<_>, ()>(others()));
            asked.unwrap().map(|(_, why)| why)
        };
        assert_eq!(asked(&[(20, 0)], &[]), Some(OverlapReason::Large));
        assert_eq!(asked(&[(0, 20)], &[]), Some(OverlapReason::Large));
        assert_eq!(asked(&[(19, 19)], &[]), None);
        assert_eq!(asked(&[(10, 1), (9, 1)], &[]), None);
        assert_eq!(asked(&[(10, 1), (10, 1)], &[]), Some(OverlapReason::FileInAll(20)));
        assert_eq!(asked(&[(1, 16)], &[3]), None);
        assert_eq!(asked(&[(1, 16)], &[3, 1]), Some(OverlapReason::LineageInAll(20)));
        assert_eq!(asked(&[(1, 0)], &[19]), None, "nothing more of the lineage");
    }

    #[test]
    fn a_key_is_known_again_under_another_kind_and_by_no_other_party() {
        let [dir, elsewhere] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let sketches = Sketches::open(dir.path()).unwrap();
        let same = |sketches| sample(sketches, &[(EMAIL, 0..100)]);
        sketches.add("a", &same(&sketches)).unwrap();
        // Hashed elsewhere, an address is the same key.
        let hashed = sample(&sketches, &[(Identifier::Hashed, 0..100)]);
        assert_eq!(sketches.overlaps("b", &hashed).unwrap()[0].of_file, 100);
        let both = sample(&sketches, &[(Identifier::Hashed, 500..600), (EMAIL, 0..100)]);
        assert_eq!(sketches.overlaps("b", &both).unwrap()[0].of_file, 100);
        let other = Sketches::open(elsewhere.path()).unwrap();
        assert_ne!(same(&other), same(&sketches));
        // The next command finds the same key.
        let again = Sketches::open(dir.path()).unwrap();
        assert_eq!(same(&again), same(&sketches));
    }

    /// A file that was made elsewhere has tags alone.
    #[test]
    fn tags_are_known_again_among_tags_of_the_same_room() {
        let dir = tempfile::tempdir().unwrap();
        let sketches = Sketches::open(dir.path()).unwrap();
        let tags = |salt: u8| (0..100_u8).map(move |n| [[salt; 8], [n ^ salt; 8]].concat());
        let sketch = |salt| {
            let tags: Vec<Tag> = tags(salt).map(|tag| tag.try_into().unwrap()).collect();
            let mut sketch = Sketch::default();
            sketch.add_tags(EMAIL, &tags);
            sketch
        };
        let mut sealed = sketch(0);
        sealed.add_keys(EMAIL, 0..100);
        sketches.add("a", &sealed).unwrap();
        assert_eq!(sketches.overlaps("b", &sketch(0)).unwrap()[0].of_file, 100);
        assert_eq!(sketches.overlaps("b", &sketch(0x80)).unwrap(), [], "another room's");
    }

    #[test]
    fn the_key_is_for_its_owner_alone_and_a_strange_file_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let sketches = Sketches::open(dir.path()).unwrap();
        let path = dir.path().join("people/key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(dir.path().join("people/a.sketch"), b"glovebox people v1\n\x01\0\0\0\x02")
            .unwrap();
        assert!(matches!(sketches.read("a").unwrap_err(), SketchError::Malformed { .. }));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = Sketches::open(dir.path()).unwrap_err();
        assert!(matches!(exposed, SketchError::Exposed { mode: 0o644, .. }), "{exposed}");
    }
}
