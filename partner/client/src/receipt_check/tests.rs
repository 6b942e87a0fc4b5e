use super::*;
use crate::fixture::Fixture;
use protocol::{
    analysis::Answer,
    loss::{Loss, Rho},
    released::{Cell, Contrasts, Figures, Forms, Totals, public_name},
};

/// What an honest enclave could have released for the fixture's job.
fn released(admitted: &Admitted) -> Released {
    let tally = admitted.proven().tally();
    let cells = tally.cell_count().unwrap() - 1;
    // What leaves as a contrast of both arms, and the rest cell by cell.
    let sums = tally.contrast.as_ref().map_or(0, |contrast| contrast.measures.len());
    let products = admitted.proven().proof().vectors().unwrap().pooled.len() - sums;
    let forms = |count: usize| vec![Forms { contrast: 9, pooled: 210 }; count];
    let contrasts = tally.contrast.iter().map(|_| Contrasts {
        segment: Vec::new(),
        sums: forms(sums),
        products: forms(products),
    });
    let cell = |at: u64| {
        let people = 1_000 + i64::try_from(at).unwrap();
        let totals = Totals {
            people,
            sums: vec![people / 10; tally.measures.len() - sums],
            products: vec![people; tally.products.len() - products],
        };
        Cell { name: public_name(&tally.dimensions, at), totals }
    };
    Released::Figures(Figures {
        contrasts: contrasts.collect(),
        spread: vec![40; tally.spread_bins()],
        noise: true,
        cells: (0..cells).map(cell).collect(),
        cut: 0,
        other: None,
        withheld: 0,
        withheld_without_value: Some(0),
        no_consent: Some(3),
    })
}

#[test]
fn an_answer_that_does_not_follow_from_what_was_released_is_found() {
    let fixture = Fixture::new();
    let (contract, admitted) = (&fixture.contract, fixture.admitted());
    let (released, time) = (released(&admitted), Time(1_795_435_200_000));
    let left = admitted.datasets().iter().map(|name| (name.clone(), Loss::zcdp(Rho(7 << 30))));
    let honest =
        JobResult::new(contract, &admitted, "ana", &released, &left.collect(), time).unwrap();
    let mut honest = JobResult::from_json(&honest.to_json().unwrap()).unwrap();
    honest.flags.push(format!("{SAME_FIGURES}{}", admitted.name()));
    let derive =
        |result: &JobResult| derive_result(contract, time, (&admitted, "ana"), &released, result);
    assert_eq!(derive(&honest), Ok(()));
    let refused = |change: fn(&mut JobResult)| {
        let mut changed = honest.clone();
        change(&mut changed);
        match derive(&changed) {
            Err(ReceiptFlaw::OtherAnswer { field }) => field,
            other => panic!("{other:?}"),
        }
    };
    let better = |result: &mut JobResult| {
        let Answer::Lift(lift) = &mut result.answer else { panic!("a lift") };
        lift.outcomes[0].test.as_mut().unwrap().sum += 1.0;
    };
    assert_eq!(refused(better), "answer");
    assert_eq!(refused(|result| result.flags.insert(0, "all_is_well".to_owned())), "flags");
    assert_eq!(refused(|result| result.privacy.epsilon /= 2.0), "privacy");
    assert_eq!(refused(|result| "other".clone_into(&mut result.contract_name)), "header");
    assert_eq!(refused(|result| "eve".clone_into(&mut result.analyst_key)), "header");
}

#[test]
fn what_a_kept_document_is_not_asked_is_not_called_passed() {
    use Outcome::{Failed, NotAsked, NotReached, Passed};
    for (number, expected) in [
        (16, [Failed, NotReached, NotReached, NotReached, NotReached, Failed, NotReached]),
        (20, [Passed, NotAsked, NotAsked, Passed, Failed, Failed, NotReached]),
        (26, [NotReached, NotReached, NotReached, NotReached, NotReached, NotReached, NotReached]),
        (29, [Passed, NotAsked, NotAsked, Passed, Passed, Passed, Failed]),
    ] {
        let checks = up_to(number, "why");
        let outcomes = [16, 17, 18, 19, 20, 28, 29]
            .map(|number| checks.iter().find(|check| check.number == number).unwrap().outcome);
        assert_eq!(outcomes, expected, "{number}");
    }
}

#[test]
fn a_receipt_that_cannot_be_read_has_its_document_not_reached() {
    let checks = up_to(24, "why");
    let outcome = |number| checks.iter().find(|it| it.number == number).unwrap().outcome;
    assert_eq!(
        [1, 22, 23, 24].map(outcome),
        [Outcome::NotReached, Outcome::NotReached, Outcome::Passed, Outcome::Failed]
    );
}
