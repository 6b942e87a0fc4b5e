//! Releases the figures of a comparison of arms.

use std::collections::{BTreeMap, BTreeSet};

use protocol::released::{
    Cell, Contrasts, Figures, Place, Thresholds, Totals, arm_cells, arm_of, creative_of,
    is_creative, is_named, segment_of,
};
use protocol::tally::{Arm, Tally};

use super::{Noisy, contrasts::together};

/// Applies the thresholds to the arms, and to their segments.
///
/// If an arm is withheld, its cells are too: they would give it away. Head counts of people in several arms or in another one are
/// shown whatever they are, as are those of who was found and who was not in an arm that is shown: they tell whether the design is
/// sound, and an arm that is matched well has few people who are not. The noise protects them as it does all figures.
/// Amounts are shown of the arms alone; those of two arms together, if both are shown.
///
/// A segment is shown if both of its arms are large enough, and a creative if it is in its segment. All other people of an arm
/// are added up, and shown so if they are enough of them in both arms. If they are not, nothing leaves of them: as the total is what is
/// shown and nothing else, a difference of figures tells no more.
pub(super) fn arms(tally: &Tally, noisy: &Noisy, least: Thresholds) -> Figures {
    let arms = Arms { tally, noisy, names: arm_cells(tally) };
    let (segments, rests) = arms.shown(least);
    let mut cells: BTreeMap<Vec<Place>, Totals> = BTreeMap::new();
    for (at, name) in arms.names.iter().enumerate() {
        let totals = noisy.totals(at);
        let (told, is_alone) = match arm_of(name) {
            Some(arm @ (Arm::Test | Arm::Control)) => match arms.told(name, arm, &segments, &rests)
            {
                Some(told) => told,
                None => continue,
            },
            _ => (name.len(), true),
        };
        let totals =
            if is_alone { Totals { people: totals.people, ..Totals::default() } } else { totals };
        let cell = name.iter().take(told).copied().collect();
        add(cells.entry(cell).or_default(), totals);
    }
    let shown: Vec<_> = cells.into_iter().map(|(name, totals)| Cell { name, totals }).collect();
    Figures {
        noise: noisy.people.is_noisy(),
        withheld: i64::try_from(arms.names.len().saturating_sub(shown.len())).unwrap_or(i64::MAX),
        cells: shown,
        cut: 0,
        other: None,
        withheld_without_value: Some(0),
        no_consent: noisy.people.values.last().copied(),
        contrasts: arms.contrasts(&segments, &rests),
        // A person is in one cell of a comparison.
        spread: Vec::new(),
    }
}

/// The noisy figures of a comparison, each cell with its name.
struct Arms<'n> {
    tally: &'n Tally,
    noisy: &'n Noisy,
    names: Vec<Vec<Place>>,
}

/// What is shown of the test arm of a segment: which creatives apart, and whether the others of it together.
#[derive(Default)]
struct Creatives {
    apart: BTreeSet<Place>,
    others: bool,
}

/// What is shown of the people of both arms who are in no segment that is shown.
struct Rests {
    test: Rest,
    control: Rest,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Rest {
    Withheld,
    /// The head counts of one arm alone: nothing is compared with them, and it is said how many they are.
    PeopleAlone,
    Shown,
}

impl Rests {
    fn of(&self, arm: Arm) -> Rest {
        if arm == Arm::Test { self.test } else { self.control }
    }
}

impl Arms<'_> {
    /// The segments that are shown, and what is of the people in no such one.
    ///
    /// People as a whole are all of them the rest of no segment, and then one arm may be shown without the other.
    fn shown(&self, least: Thresholds) -> (BTreeMap<Vec<Place>, Creatives>, Rests) {
        let is_divided = !self.tally.segments().is_empty();
        let of =
            |arm: Arm| self.people(|name| (arm_of(name) == Some(arm)).then(|| self.segment(name)));
        let (test, control) = (of(Arm::Test), of(Arm::Control));
        let count = |arm: &BTreeMap<Vec<Place>, i64>, segment: &Vec<Place>| {
            arm.get(segment).copied().unwrap_or(0)
        };
        let passes = |segment: &&Vec<Place>| {
            is_divided
                && is_named(self.tally, segment)
                && count(&test, segment) >= least.segments
                && count(&control, segment) >= least.segments
        };
        let mut shown: BTreeSet<_> = test.keys().filter(passes).cloned().collect();
        let rest = |arm: &BTreeMap<Vec<Place>, i64>| {
            let left = arm.iter().filter(|(segment, _)| !shown.contains(*segment));
            left.fold(0_i64, |sum, (_, people)| sum.saturating_add(*people)) >= least.other
        };
        let rests = match (rest(&test), rest(&control)) {
            (true, true) => Rests { test: Rest::Shown, control: Rest::Shown },
            (test, control) => {
                let alone = if is_divided { Rest::PeopleAlone } else { Rest::Shown };
                let of = |passes: bool| if passes { alone } else { Rest::Withheld };
                Rests { test: of(test), control: of(control) }
            }
        };
        // A whole that is not divided by segments is divided by creatives all the same.
        if !is_divided && rests.test == Rest::Shown {
            shown.insert(Vec::new());
        }
        let with_creatives = |segment: Vec<Place>| {
            let creatives = self.creatives(&segment, least);
            (segment, creatives)
        };
        (shown.into_iter().map(with_creatives).collect(), rests)
    }

    /// How much is told of the name of a cell of two compared arms, and whether only its people; `None` if nothing is.
    fn told(
        &self,
        name: &[Place],
        arm: Arm,
        segments: &BTreeMap<Vec<Place>, Creatives>,
        rests: &Rests,
    ) -> Option<(usize, bool)> {
        let is_divided = !self.tally.segments().is_empty();
        let rest = rests.of(arm);
        let shown = segments.get(&self.segment(name));
        match shown.filter(|_| is_divided || rest != Rest::Withheld) {
            Some(creatives) if arm == Arm::Test => {
                let creative = creative_of(self.tally, name);
                let apart = creative.is_none_or(|creative| creatives.apart.contains(&creative));
                match (apart, creatives.others) {
                    (true, _) => Some((name.len(), false)),
                    (false, true) => Some((name.len().saturating_sub(1), false)),
                    (false, false) => None,
                }
            }
            Some(_) => Some((name.len(), false)),
            None => match rest {
                Rest::Shown => Some((ARM, false)),
                Rest::PeopleAlone => Some((ARM, true)),
                Rest::Withheld => None,
            },
        }
    }

    /// What is shown of the creatives of a segment.
    fn creatives(&self, segment: &[Place], least: Thresholds) -> Creatives {
        let of_segment = |name: &[Place]| {
            let is_its = arm_of(name) == Some(Arm::Test) && self.segment(name) == segment;
            creative_of(self.tally, name).filter(|_| is_its)
        };
        let people = self.people(of_segment);
        let (apart, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            people.into_iter().partition(|(creative, people)| {
                is_creative(self.tally, *creative) && *people >= least.segments
            });
        let others = others.values().fold(0_i64, |sum, people| sum.saturating_add(*people));
        Creatives { apart: apart.into_keys().collect(), others: others >= least.other }
    }

    fn segment(&self, name: &[Place]) -> Vec<Place> {
        segment_of(self.tally, name).unwrap_or_default().to_vec()
    }

    /// Head counts, found and not, by what `part` says of a cell's name.
    fn people<K: Ord>(&self, part: impl Fn(&[Place]) -> Option<K>) -> BTreeMap<K, i64> {
        let mut all = BTreeMap::new();
        for (name, people) in self.names.iter().zip(&self.noisy.people.values) {
            if let Some(part) = part(name) {
                let sum: &mut i64 = all.entry(part).or_default();
                *sum = sum.saturating_add(*people);
            }
        }
        all
    }

    /// The contrasts of the segments that are shown, and of the rest.
    fn contrasts(
        &self,
        segments: &BTreeMap<Vec<Place>, Creatives>,
        rests: &Rests,
    ) -> Vec<Contrasts> {
        let is_shown = |contrasts: &&Contrasts| segments.contains_key(&contrasts.segment);
        let both = (rests.test, rests.control) == (Rest::Shown, Rest::Shown);
        if self.tally.segments().is_empty() {
            return self.noisy.contrasts.iter().filter(|_| both).cloned().collect();
        }
        let rest = together(self.noisy.contrasts.iter().filter(|contrasts| !is_shown(contrasts)));
        let rest = rest.filter(|_| both).into_iter();
        rest.chain(self.noisy.contrasts.iter().filter(is_shown).cloned()).collect()
    }
}

fn add(sum: &mut Totals, more: Totals) {
    sum.people = sum.people.saturating_add(more.people);
    let add = |sums: &mut Vec<i64>, more: Vec<i64>| {
        if sums.is_empty() {
            *sums = more;
        } else {
            for (sum, one) in sums.iter_mut().zip(more) {
                *sum = sum.saturating_add(one);
            }
        }
    };
    add(&mut sum.sums, more.sums);
    add(&mut sum.products, more.products);
}

/// Of a name, the arm and whether people were found.
const ARM: usize = 2;
