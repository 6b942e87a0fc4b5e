//! From released figures to reach and frequency.

mod counter;

use super::{
    answer::{Average, Frequency, Group, Groups, People, ReachAnswer, Times},
    question::{Per, Reach},
};
use crate::{
    analysis::{
        Scope,
        table::{CountRange, row_words},
    },
    contract::{ColumnRef, Role},
    released::{Figure, View},
    tally::{Dimension, Tally},
};
use counter::{Counter, Part, whole};
use statistics::{parts::Noisy, shown::Passing};

/// The answer to a question about reach, and its flags.
///
/// # Shapes and units
///
/// Every number of people is a sum over places that no two people share. Reaches of values of a column
/// are never added up, since one person may be in several of them.
///
/// # Privacy
///
/// Costs nothing: a function of released figures, contract and job.
pub(super) fn answer(
    view: &View<'_>,
    asked: &Reach,
    scope: &Scope<'_>,
) -> (ReachAnswer, Vec<String>) {
    let confidence = asked.confidence.value();
    let is_possible = |place: &[u32]| lacks_no_key(place, asked, scope);
    let counter = Counter::new(view, 1.0 - confidence, is_possible);
    let reader = Reader { asked, scope, counter: &counter, tally: view.proven().tally() };
    let asks = |name: &&String| scope.contract.asks_consent(name);
    let consent_from: Vec<_> = asked.datasets.iter().filter(asks).cloned().collect();
    let no_consent = view.no_consent().filter(|_| !consent_from.is_empty());
    let (reach, without_key) = reader.everybody();
    let flags = [
        ("all_withheld", view.is_empty()),
        ("without_key", without_key.is_some_and(|without_key| without_key.value.is_some())),
        ("values_left_out", reader.leaves_values_out()),
    ];
    let flags = flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned());
    let answer = ReachAnswer {
        counted: reader.counted(),
        by: asked.by,
        datasets: asked.datasets.clone(),
        confidence,
        most_frequency: asked.most_frequency,
        reach,
        frequency: (asked.per == Per::Frequency)
            .then(|| reader.frequency(&|place| reader.is_known(place))),
        groups: reader.groups(),
        without_key,
        shown_from: view.thresholds().groups,
        withheld: counter.withheld(),
        no_consent: no_consent.map(|people| refusers(people, view, 1.0 - confidence)),
        consent_from,
    };
    (answer, flags.collect())
}

fn refusers(people: Figure, view: &View<'_>, alpha: f64) -> CountRange {
    let passing = Passing::one_draw(people.noise_variance, view.thresholds().no_consent);
    let ci = passing.interval(people.value, alpha);
    CountRange { n: people.value, noise_sd: people.noise_variance.sqrt(), ci }
}

/// Whether somebody can be in a place. In a dataset with one kind of key nobody is without that
/// key.
fn lacks_no_key(place: &[u32], asked: &Reach, scope: &Scope<'_>) -> bool {
    if asked.per != Per::Dataset {
        return true;
    }
    let Ok(datasets) = u32::try_from(asked.datasets.len()) else { return false };
    let sets = 1_u32.checked_shl(datasets).unwrap_or(0).saturating_sub(1);
    let at = place.first().and_then(|at| at.checked_sub(sets));
    let dataset = at.map(|at| usize::try_from(at).ok().and_then(|at| asked.datasets.get(at)));
    dataset.is_none_or(|dataset| {
        dataset.is_some_and(|dataset| scope.contract.match_keys(dataset).len() > 1)
    })
}

/// Reads figures from places.
struct Reader<'a> {
    asked: &'a Reach,
    scope: &'a Scope<'a>,
    counter: &'a Counter<'a>,
    tally: &'a Tally,
}

impl Reader<'_> {
    /// Whether people with a key of the kind and people without it are in different places.
    fn tells_known(&self) -> bool {
        self.tally.dimensions.first() == Some(&Dimension::Known)
    }

    /// The number of sets of datasets: the places of membership before those of people without the
    /// key.
    fn sets(&self) -> u32 {
        let datasets = u32::try_from(self.asked.datasets.len()).unwrap_or(0);
        1_u32.checked_shl(datasets).unwrap_or(0).saturating_sub(1)
    }

    /// Whether the people of a place have a key of the kind.
    fn is_known(&self, place: &[u32]) -> bool {
        match self.asked.per {
            Per::Dataset => place.first().is_some_and(|at| *at < self.sets()),
            _ => !self.tells_known() || place.first() == Some(&1),
        }
    }

    /// The number in a place that says which group it is of: the last one, or the one before how often.
    fn told(&self, place: &[u32]) -> u32 {
        let tells_how_often = matches!(self.asked.per, Per::Column { frequencies: true, .. });
        let after = usize::from(tells_how_often) + 1;
        let at = place.len().checked_sub(after);
        at.and_then(|at| place.get(at)).copied().unwrap_or(0)
    }

    /// How often the people of a place were reached. The last number has people who were reached oftener, too.
    fn often(place: &[u32]) -> u32 {
        place.last().copied().unwrap_or(0).saturating_add(1)
    }

    /// All people who have a key of the kind, and all who have none. Neither is given for the
    /// values of a column, since one person may be in several.
    fn everybody(&self) -> (Option<People>, Option<People>) {
        if matches!(self.asked.per, Per::Column { .. }) {
            return (None, None);
        }
        let reach = self.counter.people(&self.counter.part(|place| self.is_known(place)));
        let may_lack_key = self.tells_known()
            || (self.asked.per == Per::Dataset
                && self.asked.datasets.iter().any(|dataset| self.has_other_keys(dataset)));
        let without = may_lack_key
            .then(|| self.counter.people(&self.counter.part(|place| !self.is_known(place))));
        (Some(reach), without)
    }

    fn has_other_keys(&self, dataset: &str) -> bool {
        self.scope.contract.match_keys(dataset).len() > 1
    }

    /// How often the people of some places were reached.
    fn frequency(&self, is_in: &dyn Fn(&[u32]) -> bool) -> Frequency {
        let most = self.asked.most_frequency;
        let people = |is_asked: &dyn Fn(u32) -> bool| {
            let part = self.counter.part(|place| is_in(place) && is_asked(Self::often(place)));
            self.counter.people(&part)
        };
        let times = (1..=most).map(|times| Times {
            times,
            people: people(&|seen| seen == times),
            at_least: people(&|seen| seen >= times),
        });
        // The bins say how often exactly; the last one has people at the cap or above.
        let part = self.counter.part(is_in);
        let rows = part.shown().fold(Noisy { value: 0.0, variance: 0.0 }, |all, (place, found)| {
            let often = f64::from(Self::often(place));
            Noisy {
                value: all.value + often * whole(found.people.value),
                variance: all.variance + often * often * found.people.noise_variance,
            }
        });
        let possible = |place: &[u32]| [f64::from(Self::often(place)); 2];
        let average = self.counter.average(&part, rows, &possible, [1.0, f64::from(most)]);
        Frequency { times: times.collect(), average }
    }

    fn groups(&self) -> Option<Groups> {
        match &self.asked.per {
            Per::Frequency => None,
            Per::Dataset => Some(Groups {
                column: None,
                values_per_person: None,
                groups: (0..)
                    .zip(&self.asked.datasets)
                    .map(|numbered| self.dataset(numbered))
                    .collect(),
            }),
            Per::Column { column, values_per_person, frequencies } => Some(Groups {
                column: Some(column.to_string()),
                values_per_person: Some(*values_per_person),
                groups: self.values(column, *frequencies),
            }),
        }
    }

    /// The people of one dataset, and those who are in no other.
    fn dataset(&self, (at, name): (u32, &String)) -> Group {
        let bit = 1_u32.checked_shl(at).unwrap_or(0);
        let set = |place: &[u32]| self.told(place).saturating_add(1);
        let is_in = |place: &[u32]| self.is_known(place) && set(place) & bit != 0;
        let part = self.counter.part(is_in);
        let only = self.counter.part(|place| self.is_known(place) && set(place) == bit);
        let lacks = |place: &[u32]| self.told(place) == self.sets().saturating_add(at);
        let without_key = self.has_other_keys(name).then(|| self.counter.part(lacks));
        Group {
            name: name.clone(),
            people: self.counter.people(&part),
            only: Some(self.counter.people(&only)),
            average: self.average(&part, usize::try_from(at).unwrap_or(usize::MAX)),
            frequency: None,
            without_key: without_key.map(|part| self.counter.people(&part)),
        }
    }

    /// The people of each value of a column, and of no value.
    fn values(&self, column: &ColumnRef, frequencies: bool) -> Vec<Group> {
        let domain = match self.scope.contract.column(column).map(|column| &column.role) {
            Some(Role::Group(domain)) => domain.as_slice(),
            _ => &[],
        };
        let names = domain.iter().map(String::as_str).chain([NO_VALUE]);
        let group = |(at, name): (u32, &str)| {
            let value = |known: bool| {
                move |place: &[u32]| self.told(place) == at && self.is_known(place) == known
            };
            let part = self.counter.part(value(true));
            let people = self.counter.people(&part);
            let without_key =
                self.tells_known().then(|| self.counter.people(&self.counter.part(value(false))));
            let frequency = frequencies.then(|| self.frequency(&value(true)));
            let average = match &frequency {
                Some(frequency) => frequency.average,
                None => self.average(&part, 0),
            };
            people.value?;
            let name = name.to_owned();
            Some(Group { name, people, only: None, average, frequency, without_key })
        };
        (0..).zip(names).filter_map(group).collect()
    }

    fn average(&self, part: &Part<'_>, measure: usize) -> Option<Average> {
        let most = f64::from(self.asked.most_frequency);
        self.counter.average(part, part.rows(measure), &|_| [1.0, most], [1.0, most])
    }

    /// Whether there are more values than a person may count in. Nobody knows whether anybody has
    /// more. Rows without a value are one of the values that a person counts in, and raise no alarm
    /// by themselves.
    fn leaves_values_out(&self) -> bool {
        let Per::Column { values_per_person, .. } = &self.asked.per else { return false };
        let mut dimensions = self.tally.dimensions.iter();
        let values = dimensions.find(|dimension| matches!(dimension, Dimension::Group { .. }));
        let places = values.and_then(Dimension::places).unwrap_or(0);
        // The last place is for rows without a value.
        u64::from(*values_per_person) < places.saturating_sub(1)
    }

    /// Whose rows are counted, in words.
    fn counted(&self) -> String {
        let rows: Vec<_> =
            self.asked.rows.iter().map(|row| row_words(row, self.scope.contract)).collect();
        let rows =
            if rows.is_empty() { String::new() } else { format!(", where {}", rows.join(" and ")) };
        format!("people of {} and their rows{rows}", self.asked.datasets.join(", "))
    }
}

const NO_VALUE: &str = "(none)";
