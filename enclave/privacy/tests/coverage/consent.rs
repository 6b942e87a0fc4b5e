//! Consent that is known only of people with an outcome: everybody who was assigned is counted, and what makes the effect wrong is said.

use super::{Door, Draw, agrees};
use crate::support::room;
use privacy::{Names, Totals};
use protocol::contract::Contract;
use protocol::job::{Lift, Multiplicity, OutcomeKind};
use protocol::page::danger;
use protocol::result::LiftResult;

/// The room, in which the retailer alone asks for consent.
fn contract() -> Contract {
    let agreed = room::column("agreed", "\"consent\"");
    Contract::parse(room::text().replacen(&agreed, "", 1).as_bytes()).unwrap()
}

fn door() -> Door {
    let outcomes = vec![room::outcome("visit", OutcomeKind::Binary, 1, 0)];
    let lift = Lift { multiplicity: Multiplicity::None, ..super::asked(outcomes, 1.0) };
    Door::of(contract(), lift)
}

/// 30,000 people in each arm. Buyers alone are in the retailer's file, and so many of a thousand of them agree.
fn run(door: &Door, trial: u32, rates: [f64; 2], agree: [f64; 2]) -> LiftResult {
    let mut draw = Draw::new(trial);
    let (mut people, mut events) = (Vec::new(), Vec::new());
    for (rate, agree) in rates.into_iter().zip(agree) {
        let bought = draw.binomial(PEOPLE, rate);
        let agreed = draw.binomial(bought, agree);
        // Not found, found, found and refused.
        people.extend([PEOPLE - bought, agreed, bought - agreed]);
        events.extend([0, agreed, 0]);
    }
    // In several arms, in another one, and without consent: nobody.
    people.extend([0; 7]);
    events.extend([0; 7]);
    let totals = Totals {
        cells: Names::Public,
        people,
        sums: vec![events],
        products: Vec::new(),
        spread: Vec::new(),
    };
    door.answer(totals, trial)
}

fn has(result: &LiftResult, flag: &str) -> bool {
    result.flags.iter().any(|raised| raised == flag)
}

/// 9.84 % of the control arm buy and 14.96 % of the test arm, and half of them agree. To leave refusers out gave +2.87 for +5.12 without a
/// word. The effect on what people do who agree is half of the whole one, over everybody who was assigned, and it is found as
/// that; the sample ratio is sound, and the page and the price say what it is.
#[test]
fn refusers_among_the_outcomes_stay_in_their_arm() {
    let door = door();
    let said = danger::dangers(&door.contract, "lift").join(" ");
    assert!(said.contains("asks for consent in the outcome data only"), "{said}");
    let (mut held, mut broken) = (0_u32, 0_u32);
    for trial in 0..RUNS {
        let result = run(&door, trial, [0.1496, 0.0984], [0.5, 0.5]);
        let outcome = &result.answer.outcomes[0];
        agrees(&result, outcome);
        let found = outcome.diff_in_means.as_ref().unwrap();
        let [low, high] = found.ci.unwrap().map(Option::unwrap);
        held += u32::from((low..=high).contains(&((0.1496 - 0.0984) / 2.0)));
        assert!(has(&result, "consent_with_outcome"));
        assert!((found.n_t - PEOPLE).abs() < 1_000 && (found.n_c - PEOPLE).abs() < 1_000);
        broken += u32::from(has(&result, "srm_failed") || has(&result, "consent_differs"));
        assert!(result.answer.estimand.contains("or withholds consent there,"), "{result:?}");
        // Nobody is in the cell of people without consent, so that it is not there.
        assert_eq!(result.answer.cells.len(), 8);
    }
    assert!(f64::from(held) / f64::from(RUNS) >= 0.90, "{held} of {RUNS}");
    // Each in one of a thousand.
    assert!(broken <= 2, "{broken}");
}

/// The campaign does nothing, and what it sends makes fewer people agree: an effect comes of nothing, and is not passed over.
#[test]
fn consent_that_differs_between_the_arms_is_a_flag() {
    let door = door();
    for trial in 0..20 {
        let result = run(&door, trial, [0.1, 0.1], [0.4, 0.6]);
        assert!(has(&result, "consent_differs"), "{:?}", result.flags);
        let rates = result.answer.consent_rates.as_ref().unwrap();
        assert!((rates.test.rate - 0.6).abs() < 0.05 && (rates.control.rate - 0.4).abs() < 0.05);
    }
}

/// Alike in both arms, it raises the flag in one job of a thousand. Of 1,000 more than 6 by chance with probability 10⁻⁴.
#[test]
fn consent_that_is_alike_raises_a_flag_as_rarely_as_is_said() {
    let door = door();
    let raised = (0..1_000).filter(|trial| {
        let result = run(&door, *trial, [0.02, 0.02], [0.7, 0.7]);
        has(&result, "consent_differs")
    });
    let raised = raised.count();
    assert!(raised <= 6, "{raised}");
}

const PEOPLE: i64 = 30_000;
const RUNS: u32 = 100;
