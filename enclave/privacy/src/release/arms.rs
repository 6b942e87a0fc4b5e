//! Releases the figures of a comparison of arms.

use protocol::released::{Cell, Figures, Place, Totals, public_name};
use protocol::tally::{Arm, Tally};

use super::Noisy;

/// Applies the threshold to the arms.
///
/// If an arm is withheld, its cells are too: they would give it away. All other head counts are
/// shown whatever they are: they tell whether the design is sound, and an arm that is matched well
/// has few people who are not. The noise protects them as it does all figures. Sums are drawn for
/// all places and shown for the arms.
pub(super) fn arms(tally: &Tally, noisy: &Noisy, least: i64) -> Figures {
    let cells = noisy.people.values.len().saturating_sub(1);
    let names: Vec<_> =
        (0..).take(cells).map(|cell| public_name(&tally.dimensions, cell)).collect();
    let people_in = |arm: u32| {
        let people = names.iter().zip(&noisy.people.values);
        let people = people.filter(|(name, _)| name.first() == Some(&Place::Index(arm)));
        people.fold(0_i64, |sum, (_, people)| sum.saturating_add(*people))
    };
    let cell = |(at, name): (usize, &Vec<Place>)| {
        let Some(Place::Index(arm)) = name.first() else { return None };
        let totals = noisy.totals(at);
        if !is_compared(*arm) {
            let people_alone = Totals { people: totals.people, ..Totals::default() };
            return Some(Cell { name: name.clone(), totals: people_alone });
        }
        (people_in(*arm) >= least).then(|| Cell { name: name.clone(), totals })
    };
    let shown: Vec<_> = names.iter().enumerate().filter_map(cell).collect();
    Figures {
        noise: noisy.people.is_noisy(),
        withheld: i64::try_from(names.len() - shown.len()).unwrap_or(i64::MAX),
        cells: shown,
        cut: 0,
        other: None,
        withheld_without_value: Some(0),
        no_consent: noisy.people.values.last().copied(),
    }
}

/// Whether the place of an arm is the test or the control arm.
fn is_compared(place: u32) -> bool {
    let arm = usize::try_from(place).ok().and_then(|place| Arm::ALL.get(place));
    matches!(arm, Some(Arm::Test | Arm::Control))
}
