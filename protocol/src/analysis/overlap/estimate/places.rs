//! The places in which a person of several datasets can be counted.

/// Where a person is counted, whatever the segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Where {
    /// In these datasets and in no other: the dataset at place *i* is the bit *i*.
    Among(u32),
    /// The person does not have the key, and is counted at this dataset: the first of those that
    /// the person is in.
    WithoutKey(u32),
}

impl Where {
    /// Whether the person has the key and is in the dataset at this place.
    pub(super) fn is_in(self, dataset: u32) -> bool {
        match self {
            Self::Among(set) => set & bit(dataset) != 0,
            Self::WithoutKey(_) => false,
        }
    }

    /// Whether the person has the key and is in exactly these datasets.
    pub(super) fn is_just(self, wanted: u32) -> bool {
        self == Self::Among(wanted)
    }

    /// Whether the person has the key.
    pub(super) fn is_known(self) -> bool {
        matches!(self, Self::Among(_))
    }
}

/// The places of a tally: their number and their kinds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// Number of datasets.
    pub(super) datasets: u32,
    /// The place of the dataset with the segment, and the number of values in the public list.
    pub(super) segment: Option<(u32, u32)>,
    /// The set of datasets that also have another kind of key. In the others nobody is without the
    /// key.
    pub(super) lacking: u32,
}

impl Places {
    /// The set of all datasets; as a number it also says how many sets there are.
    pub(super) fn everywhere(&self) -> u32 {
        bit(self.datasets).saturating_sub(1)
    }

    /// Where a person can be, in the order of the tally's places.
    pub(super) fn wheres(&self) -> impl Iterator<Item = Where> + use<> {
        let sets = (1..=self.everywhere()).map(Where::Among);
        sets.chain((0..self.datasets).map(Where::WithoutKey))
    }

    /// The number of places of the segment: its values, none of them, several of them. Without a
    /// segment there is one.
    pub(super) fn segments(&self) -> u32 {
        self.segment.map_or(1, |(_, values)| values.saturating_add(2))
    }

    /// The tally's number for such a place.
    pub(super) fn number(&self, at: Where) -> u32 {
        match at {
            Where::Among(set) => set.saturating_sub(1),
            Where::WithoutKey(dataset) => self.everywhere().saturating_add(dataset),
        }
    }

    /// Whether anybody can be in the place. A person with a segment is in the dataset that has it.
    /// A person without the key has another one, which their datasets have too; they are counted at
    /// the first of these datasets, so at none behind the one with their segment.
    pub(super) fn is_possible(&self, at: Where, segment: u32) -> bool {
        let may_lack = |dataset: u32| self.lacking & bit(dataset) != 0;
        let teller = self.segment.filter(|(_, none)| segment != *none).map(|(teller, _)| teller);
        match at {
            Where::Among(_) => teller.is_none_or(|teller| at.is_in(teller)),
            Where::WithoutKey(dataset) => {
                let is_told = teller.is_none_or(|teller| dataset <= teller && may_lack(teller));
                is_told && may_lack(dataset)
            }
        }
    }
}

/// The set with this dataset alone.
pub(super) fn bit(dataset: u32) -> u32 {
    1_u32.checked_shl(dataset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Dimension;

    #[test]
    fn places_have_the_numbers_that_a_tally_gives_them() {
        for datasets in 2..=8 {
            let places = Places { datasets, segment: None, lacking: u32::MAX };
            let numbers: Vec<_> = places.wheres().map(|at| places.number(at)).collect();
            let all = Dimension::Membership { datasets }.places().unwrap();
            assert_eq!(numbers, (0..u32::try_from(all).unwrap()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nobody_has_a_segment_of_a_dataset_that_she_is_not_in() {
        let places = Places { datasets: 3, segment: Some((1, 2)), lacking: u32::MAX };
        assert_eq!(places.segments(), 4);
        for segment in [0, 1, 3] {
            let possible = places.wheres().filter(|at| places.is_possible(*at, segment));
            let expected = [0b010, 0b011, 0b110, 0b111].map(Where::Among);
            let without = [0, 1].map(Where::WithoutKey);
            assert_eq!(possible.collect::<Vec<_>>(), [&expected[..], &without].concat());
        }
        assert!(places.wheres().all(|at| places.is_possible(at, 2)));
    }

    #[test]
    fn nobody_is_without_the_only_key_of_a_dataset() {
        let without = |places: Places, segment| {
            let possible = (0..places.datasets).filter(|at| {
                assert!(places.is_possible(Where::Among(0b111), segment));
                places.is_possible(Where::WithoutKey(*at), segment)
            });
            possible.collect::<Vec<_>>()
        };
        let places = Places { datasets: 3, segment: None, lacking: 0b101 };
        assert_eq!(without(places, 0), [0, 2]);
        let told = |teller| Places { segment: Some((teller, 2)), ..places };
        assert_eq!((without(told(2), 0), without(told(0), 0)), (vec![0, 2], vec![0]));
        assert_eq!(without(told(1), 0), Vec::<u32>::new(), "who has the segment has the key");
        assert_eq!(without(told(1), 2), [0, 2]);
    }
}
