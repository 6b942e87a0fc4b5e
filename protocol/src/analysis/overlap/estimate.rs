//! From released figures to the overlap that a receiver reads.

mod counts;
mod places;

use super::{
    answer::{
        Count, DatasetPeople, Found, OverlapAnswer, PairOverlap, PlacePeople, SegmentOverlap,
        SegmentValue, Segments,
    },
    question::Overlap,
};
use crate::{
    analysis::Scope,
    contract::{ColumnRef, Contract, Role},
    released::View,
};
use counts::Counts;
use places::{Places, Where, bit};
use std::ops::Range;

/// The answer to a question about an overlap, and its flags.
///
/// # Shapes and units
///
/// Every figure is a sum over places that no two people share, or the share of one such sum in two: people in both of two
/// datasets are those of all sets of datasets that have both. Intervals cover the noise and what withheld places leave
/// open ([`statistics::parts`]); that of one place which is shown holds given that it is ([`statistics::shown`]).
/// Places in which nobody can be are in no sum, so that their noise is not either.
///
/// No interval reaches what is impossible. Counts are cut at 0. A share is of a part in that part and the rest, whose
/// interval lies between 0 and 1 by itself; and since an intersection is a sum of some of the places of each of its sets,
/// it comes out no larger than the smallest of them.
///
/// # Privacy
///
/// Costs nothing: a function of released figures, contract and job.
pub(super) fn answer(
    view: &View<'_>,
    asked: &Overlap,
    scope: &Scope<'_>,
) -> (OverlapAnswer, Vec<String>) {
    let contract = scope.contract;
    let confidence = asked.confidence.value();
    let told = asked.segment.as_ref().and_then(|segment| Told::new(segment, asked, scope));
    let places = Places {
        datasets: u32::try_from(asked.datasets.len()).unwrap_or(0),
        segment: told.as_ref().map(|told| (told.dataset, told.values())),
        lacking: lacking(asked, contract),
    };
    let counts = Counts::new(view, places, 1.0 - confidence);
    let reader = Reader { asked, places, counts: &counts };
    let asks = |name: &&String| contract.asks_consent(name);
    let consent_from: Vec<_> = asked.datasets.iter().filter(asks).cloned().collect();
    let no_consent = view.no_consent().filter(|_| !consent_from.is_empty());
    let datasets: Vec<_> = reader.sides().map(|(at, name)| reader.dataset(at, name)).collect();
    let flags = [
        ("all_withheld", counts.is_empty()),
        ("places_withheld", !counts.is_empty() && counts.withheld() > 0),
        (
            "without_key",
            datasets
                .iter()
                .any(|dataset| dataset.without_key.value.is_some_and(|people| people > 0)),
        ),
    ];
    let flags = flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned());
    let in_all = |at: Where| at.is_just(places.everywhere());
    let in_some = |at: Where| at.is_known() && !in_all(at);
    let answer = OverlapAnswer {
        by: asked.by,
        confidence,
        pairs: reader.pairs(),
        any: reader.count(Where::is_known),
        all: reader.count(in_all),
        jaccard: counts.share(reader.all(), in_all, in_some),
        places: reader.shown(),
        segments: told.map(|told| told.segments(&reader)),
        shown_from: view.thresholds().groups,
        withheld: counts.withheld(),
        no_consent: no_consent.map(|people| counts.refusers(people, view.thresholds().no_consent)),
        consent_from,
        datasets,
    };
    (answer, flags.collect())
}

/// The set of datasets that also have another kind of key than the one by which people are known.
fn lacking(asked: &Overlap, contract: &Contract) -> u32 {
    let has_others = |name: &String| contract.match_keys(name).iter().any(|kind| *kind != asked.by);
    let found = (0..).zip(&asked.datasets).filter(|(_, name)| has_others(name));
    found.fold(0, |set, (at, _)| set | bit(at))
}

/// Reads figures from counts.
struct Reader<'a> {
    asked: &'a Overlap,
    places: Places,
    counts: &'a Counts,
}

impl<'a> Reader<'a> {
    /// The datasets, each with its place.
    fn sides(&self) -> impl Iterator<Item = (u32, &'a String)> + use<'a> {
        (0..).zip(&self.asked.datasets)
    }

    /// All places of the segment, if there is one.
    fn all(&self) -> Range<u32> {
        0..self.places.segments()
    }

    fn count(&self, is_in: impl Fn(Where) -> bool) -> Count {
        self.counts.count(self.all(), is_in)
    }

    fn dataset(&self, at: u32, name: &str) -> DatasetPeople {
        DatasetPeople {
            dataset: name.to_owned(),
            people: self.count(|place| place.is_in(at)),
            only: self.count(|place| place.is_just(bit(at))),
            without_key: self.count(|place| place == Where::WithoutKey(at)),
        }
    }

    fn pairs(&self) -> Vec<PairOverlap> {
        let pairs = self.sides().flat_map(|one| {
            self.sides().filter(move |other| one.0 < other.0).map(move |other| (one, other))
        });
        pairs
            .map(|((one, name), (other, other_name))| self.pair([one, other], [name, other_name]))
            .collect()
    }

    fn pair(&self, [one, other]: [u32; 2], names: [&String; 2]) -> PairOverlap {
        let both = |at: Where| at.is_in(one) && at.is_in(other);
        let either = |at: Where| at.is_in(one) || at.is_in(other);
        let just_one = |at: Where| at.is_in(one) && !at.is_in(other);
        let just_other = |at: Where| at.is_in(other) && !at.is_in(one);
        let just_either = |at: Where| either(at) && !both(at);
        let counts = self.counts;
        PairOverlap {
            datasets: names.map(Clone::clone),
            both: self.count(both),
            either: self.count(either),
            only: [self.count(just_one), self.count(just_other)],
            match_rates: [
                counts.share(self.all(), both, just_one),
                counts.share(self.all(), both, just_other),
            ],
            jaccard: counts.share(self.all(), both, just_either),
        }
    }

    /// The sets of datasets whose people are shown.
    fn shown(&self) -> Vec<PlacePeople> {
        let sets = (1..=self.places.everywhere()).map(|set| PlacePeople {
            datasets: self
                .sides()
                .filter(|(at, _)| set & bit(*at) != 0)
                .map(|(_, name)| name.clone())
                .collect(),
            people: self.count(|place| place.is_just(set)),
        });
        sets.filter(|set| set.people.value.is_some()).collect()
    }
}

/// The dataset with the segment, by place, and the public list of the segment's values.
struct Told<'a> {
    dataset: u32,
    column: &'a ColumnRef,
    domain: &'a [String],
}

impl<'a> Told<'a> {
    fn new(column: &'a ColumnRef, asked: &Overlap, scope: &Scope<'a>) -> Option<Self> {
        let at = asked.datasets.iter().position(|name| *name == column.dataset)?;
        let Role::Group(domain) = &scope.contract.column(column)?.role else { return None };
        Some(Self { dataset: u32::try_from(at).ok()?, column, domain })
    }

    fn values(&self) -> u32 {
        u32::try_from(self.domain.len()).unwrap_or(0)
    }

    fn segments(&self, reader: &Reader<'_>) -> Segments {
        let values = self.domain.iter().cloned().map(SegmentValue::Value);
        let values = values.chain([SegmentValue::None, SegmentValue::Several]);
        Segments {
            dataset: self.column.dataset.clone(),
            column: self.column.column.clone(),
            values: (0..).zip(values).map(|(at, value)| self.segment(reader, at, value)).collect(),
        }
    }

    /// The people of the dataset in one place of the segment, and how many of them are found in
    /// other datasets.
    fn segment(&self, reader: &Reader<'_>, at: u32, value: SegmentValue) -> SegmentOverlap {
        let counts = reader.counts;
        let segment = || at..at.saturating_add(1);
        let is_ours = |place: Where| place.is_in(self.dataset);
        let others = reader.sides().filter(|(other, _)| *other != self.dataset);
        let found = others.map(|(other, name)| {
            let both = |place: Where| is_ours(place) && place.is_in(other);
            let not_found = |place: Where| is_ours(place) && !place.is_in(other);
            Found {
                dataset: name.clone(),
                people: counts.count(segment(), both),
                match_rate: counts.share(segment(), both, not_found),
            }
        });
        let found = found.collect();
        SegmentOverlap { value, people: counts.count(segment(), is_ours), found }
    }
}

#[cfg(test)]
mod tests;
