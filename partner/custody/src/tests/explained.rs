//! Why a budget is where it is: by whom it was used, for what, and what would still pass.

use super::*;
use protocol::{
    refusal::{FOUND, OTHERS, PREPAID, WRITTEN_OFF},
    tally::Condition,
};

/// A job of `number` by `analyst`, whose question is changed.
fn changed(room: &Fixture, number: u8, days: Option<(i64, i64)>) -> Admitted {
    let mut job = room.job(&room.instance(1), number, 0.5, Time(1000));
    let protocol::job::Question::Lift(lift) = &mut job.question else { panic!("a lift") };
    lift.window =
        days.map(|(first, last)| (i32::try_from(first).unwrap(), i32::try_from(last).unwrap()));
    let named = ["exposures", "sales"].map(str::to_owned).into_iter().zip(room.manifests());
    protocol::policy::admit(&room.contract, &job, "publisher", &named.collect(), Time(0)).unwrap()
}

fn asked<'a>(number: u8, analyst: &'a str, admitted: &'a Admitted) -> SliceUse<'a> {
    SliceUse::Job(DerivedJob { name: named(number), analyst, admitted, opt_outs: &NO_LISTS })
}

#[test]
fn a_refusal_lists_what_used_the_budget_up_and_what_would_pass() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let admitted = retailer.room.admitted();
    let mut ask = |number, analyst, cost| {
        let slice_use = asked(number, analyst, &admitted);
        retailer.grant(&instance, &["sales"], &loss(cost), slice_use, NOON)
    };
    ask(1, "publisher", 0.5).unwrap();
    ask(2, "publisher", 0.5).unwrap();
    ask(3, "retailer", 0.4).unwrap();
    let refused = ask(4, "publisher", 5.0).unwrap_err();
    let LedgerError::Refused(refused) = refused else { panic!("{refused}") };
    let words = refused.to_string();
    let Refusal::BudgetExhausted { debits, left, delta, .. } = *refused else { panic!("{words}") };
    let by =
        |at: usize| (debits[at].analyst.as_deref(), debits[at].analysis.as_str(), debits[at].jobs);
    assert_eq!(by(0), (Some("publisher"), "lift", 2));
    // Of others how much, and not on what: neither analysis nor job.
    assert_eq!(by(1), (None, OTHERS, 1));
    assert_eq!(debits[1].latest, []);
    assert_eq!(debits[1].loss, loss(0.4));
    assert_eq!(debits[0].loss, loss(0.5).plus(&loss(0.5)));
    assert_eq!(debits[0].latest.len(), 2);
    for said in ["2 \"lift\" jobs of publisher: ", "spent by other analysts (rho ", "would pass"] {
        assert!(words.contains(said), "{words}");
    }
    // What it says would pass does.
    let at = words.find("is left; epsilon ").unwrap() + "is left; epsilon ".len();
    let epsilon: f64 = words[at..].split(' ').next().unwrap().parse().unwrap();
    let passing = Loss::zcdp(Rho::from_epsilon(Epsilon::new(epsilon).unwrap(), delta));
    assert!(passing.fits(&left), "{words}");
    retailer
        .grant(&instance, &["sales"], &passing, asked(5, "publisher", &admitted), NOON)
        .unwrap();
}

#[test]
fn a_report_says_by_whom_and_on_what_it_was_spent() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let admitted = retailer.room.admitted();
    let slice_use = asked(1, "publisher", &admitted);
    retailer.grant(&instance, &["sales"], admitted.cost(), slice_use, NOON).unwrap();
    retailer.grant(&instance, &["sales"], &loss(0.1), SliceUse::Prepaid, NOON).unwrap();
    let report = retailer.ledger.report(&retailer.room.contract, "retailer", NOON).unwrap();
    let line = report.budgets.iter().find(|line| line.dataset == "sales").unwrap();
    let by: Vec<_> = line.debits.iter().map(|it| (it.analyst.as_deref(), it.jobs)).collect();
    assert_eq!(by, [(Some("publisher"), 1), (None, 1)]);
    assert_eq!(line.debits[0].latest, [named(1)]);
    let latest = &line.jobs[0];
    assert_eq!((latest.name, latest.time), (named(1), NOON));
    assert_eq!(latest.tally, *admitted.proven().tally());
    assert_eq!(latest.proof, *admitted.proven().proof());
    assert_eq!(latest.resembles, None);
}

/// Whatever happened to a budget: what it went to, less what came back, is what is used.
#[test]
fn debits_add_up_and_say_what_went_out_for_no_job() {
    let mut retailer = Retailer::new();
    let (first, second) = (retailer.room.instance(1), retailer.room.instance(2));
    let adds_up = |retailer: &Retailer| {
        let report = retailer.ledger.report(&retailer.room.contract, "retailer", NOON).unwrap();
        let line = report.budgets.into_iter().find(|line| line.dataset == "sales").unwrap();
        let all = line.debits.iter().fold(Loss::zero(), |sum, debit| sum.plus(&debit.loss));
        assert_eq!(all.minus(&line.returned), line.used);
        let mut words: Vec<_> = line.debits.iter().map(|debit| debit.analysis.clone()).collect();
        words.sort();
        (words, line.returned)
    };
    retailer.grant(&first, &["sales"], &loss(0.3), job(1), NOON).unwrap();
    let slices = retailer.grant(&first, &["sales"], &loss(0.2), SliceUse::Prepaid, NOON).unwrap();
    let all = loss(0.3).plus(&loss(0.2));
    let spent = Account { granted: all.clone(), ..account(&slices[0], loss(0.3)) };
    retailer.credit(&first, vec![spent]).unwrap();
    let (words, returned) = adds_up(&retailer);
    assert_eq!(
        (words, returned),
        (vec!["lift".to_owned(), PREPAID.to_owned()], all.minus(&loss(0.3)))
    );

    let backup = retailer.backup();
    let forgotten = retailer.grant(&second, &["sales"], &loss(0.4), job(2), NOON).unwrap();
    retailer.restore(&backup);
    let closing = retailer.room.closing(&second, vec![account(&forgotten[0], loss(0.4))]);
    let Retailer { room, ledger } = &mut retailer;
    ledger.accounted(&[closing], &room.contract, "retailer", Rest::WriteOff, NOON).unwrap();
    let (words, _) = adds_up(&retailer);
    assert_eq!(words, [FOUND, "lift", PREPAID, WRITTEN_OFF].map(str::to_owned));
}

#[test]
fn a_question_about_nearly_the_same_people_is_flagged_with_the_earlier_job() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let mut admitted = Vec::new();
    // The fixture's analysis has no date column, so the days are put in here.
    let days = |least, most| Condition::Between { column: "bought".to_owned(), least, most };
    for (at, rows) in
        [vec![days(0, 29)], vec![days(0, 30)], vec![days(300, 329)]].into_iter().enumerate()
    {
        let job = changed(&retailer.room, u8::try_from(at).unwrap(), None);
        let mut tally = job.proven().tally().clone();
        tally.tables[1].rows = rows;
        let request = protocol::proof::Request {
            rho: Rho(1_000_000_000),
            split: protocol::proof::Split { n: 200, sum: 500, products: 300 },
            threshold: 50,
            selection_delta: 0,
        };
        let proof = tally.prove(&request).unwrap();
        let proven = protocol::proof::check(tally, proof, 50).unwrap();
        admitted.push(protocol::policy::danger::with_proof(job, proven));
    }
    let resembles = |ledger: &Ledger, room: &Fixture| {
        let report = ledger.report(&room.contract, "retailer", NOON).unwrap();
        let line = report.budgets.into_iter().find(|line| line.dataset == "sales").unwrap();
        line.jobs[0].resembles
    };
    for (number, expected) in [(0, None), (1, Some(named(0))), (2, None)] {
        let later = Time(NOON.0 + u64::from(number));
        let slice_use = asked(number, "publisher", &admitted[usize::from(number)]);
        retailer.grant(&instance, &["sales"], &loss(0.1), slice_use, later).unwrap();
        assert_eq!(resembles(&retailer.ledger, &retailer.room), expected, "job {number}");
    }
}

#[test]
fn an_analyst_who_asks_too_often_waits_until_the_first_job_is_a_day_old() {
    let mut retailer = Retailer::new();
    retailer.room.contract.jobs_per_day = 2;
    let instance = retailer.room.instance(1);
    let admitted = retailer.room.admitted();
    let mut ask = |number, analyst, after| {
        let slice_use = asked(number, analyst, &admitted);
        retailer.grant(&instance, &["sales"], &loss(0.001), slice_use, Time(NOON.0 + after))
    };
    ask(1, "publisher", 0).unwrap();
    ask(2, "publisher", 1000).unwrap();
    let refused = ask(3, "publisher", 2000).unwrap_err();
    let LedgerError::Refused(refused) = refused else { panic!("{refused}") };
    let Refusal::TooManyJobs { analyst, most, next, .. } = *refused else { panic!("{refused}") };
    assert_eq!((analyst.as_str(), most, next), ("publisher", 2, Time(NOON.0 + DAY)));
    ask(1, "publisher", 2000).unwrap();
    ask(4, "retailer", 2000).unwrap();
    ask(3, "publisher", DAY + 1).unwrap();
}
