//! What one person has lost is one sum, whatever it was lost as.

use super::*;
use client::people::{Sketch, Sketches};
use protocol::{
    contract::{Budget, Contract},
    identity::Identifier,
};

fn answers(dataset: Option<&str>, whose: PeopleAnswer) -> Answers {
    let mut answers = Answers::default();
    assert!(answers.add(dataset.map(str::to_owned), whose));
    answers
}

/// Asks for loss of `sales` under another contract.
fn ask(
    retailer: &mut Retailer,
    contract: &Contract,
    purpose: &str,
    n: u8,
) -> Result<(), LedgerError> {
    let instance = retailer.room.instance_of(contract, n);
    let (datasets, cost, slice_use) = (&["sales"], &loss(0.5), job(n));
    let asked = Demand { contract, instance: &instance, datasets, purpose, cost, slice_use };
    retailer.ledger.grant(&asked, NOON).map(drop)
}

fn people(retailer: &Retailer, contract: &Contract) -> PeopleLine {
    let mut lines = retailer.ledger.people(contract, "retailer").unwrap();
    lines.retain(|line| line.datasets.contains(&"sales".to_owned()));
    lines.remove(0)
}

/// The evasions: a new name for the lineage, for the purpose, for the period.
fn renamed(retailer: &Retailer) -> [(Contract, &'static str, Novelty); 3] {
    let week = Novelty::Period {
        purpose: "measurement".to_owned(),
        period: protocol::contract::Period::Week,
    };
    [
        (retailer.room.other_contract(), "measurement", Novelty::Lineage),
        (
            retailer.room.edited("\"research\"", "\"measuring\""),
            "measuring",
            Novelty::Purpose("measuring".to_owned()),
        ),
        (retailer.room.edited("period = \"day\"", "period = \"week\""), "measurement", week),
    ]
}

#[test]
fn a_new_name_for_lineage_purpose_or_period_asks_whose_people_they_are() {
    for which in 0..3 {
        let mut retailer = Retailer::new();
        let (contract, purpose, expected) = renamed(&retailer)[which].clone();
        let first = retailer.room.instance(1);
        retailer.grant(&first, &["sales"], &loss(1.0), job(1), NOON).unwrap();
        let said_nothing = [
            retailer.ledger.acknowledge(&contract, "retailer", &Answers::default(), NOON),
            ask(&mut retailer, &contract, purpose, 2),
        ];
        for refused in said_nothing {
            let refused = refused.unwrap_err();
            let text = refused.to_string();
            let LedgerError::WhosePeople { what, .. } = refused else { panic!("{text}") };
            assert_eq!(what, expected);
            assert!(text.contains("--same-people"), "{text}");
        }
        let same = answers(Some("sales"), PeopleAnswer::Same("customers".to_owned()));
        retailer.ledger.acknowledge(&contract, "retailer", &same, NOON).unwrap();
        retailer.reopen();
        // Said once, it holds.
        retailer.ledger.acknowledge(&contract, "retailer", &Answers::default(), NOON).unwrap();
        ask(&mut retailer, &contract, purpose, 3).unwrap();
        assert_eq!(people(&retailer, &contract).lost, loss(1.0).plus(&loss(0.5)), "{expected:?}");
    }
}

/// By the day, the week, the month or the contract: each pace is another one.
#[test]
fn a_budget_that_is_filled_at_any_other_pace_asks_whose_people_they_are() {
    let paces = ["day", "week", "month", "contract"];
    for from in paces {
        let mut retailer = Retailer::new();
        let with = |retailer: &Retailer, pace: &str| match pace {
            "day" => retailer.room.contract.clone(),
            _ => retailer.room.edited("period = \"day\"", &format!("period = \"{pace}\"")),
        };
        let first = with(&retailer, from);
        ask(&mut retailer, &first, "measurement", 1).unwrap();
        ask(&mut retailer, &first, "measurement", 2).unwrap();
        for to in paces.into_iter().filter(|to| *to != from) {
            let contract = with(&retailer, to);
            let refused = ask(&mut retailer, &contract, "measurement", 3).unwrap_err();
            let text = refused.to_string();
            let LedgerError::WhosePeople { what, known, most, .. } = refused else {
                panic!("{from} {to}: {text}")
            };
            assert!(matches!(what, Novelty::Period { .. }), "{from} {to}: {text}");
            assert_eq!((known, most), (vec!["customers".to_owned()], "customers".to_owned()));
        }
    }
}

#[test]
fn what_was_said_of_two_lineages_is_known_whichever_is_named_first() {
    let mut retailer = Retailer::new();
    let both = |retailer: &Retailer, one: &str, other: &str| {
        let ledger = &retailer.ledger;
        [(one, other), (other, one)]
            .map(|(one, other)| [ledger.is_answered(one, other), ledger.are_one(one, other)])
            .map(|said| said.map(Result::unwrap))
    };
    let other = retailer.room.other_contract();
    let first = retailer.room.instance(1);
    retailer.grant(&first, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    assert_eq!(both(&retailer, "customers", "members"), [[false, false]; 2]);
    retailer.ledger.tell_apart("members", "customers", NOON).unwrap();
    assert_eq!(both(&retailer, "customers", "members"), [[true, false]; 2]);
    let same = answers(None, PeopleAnswer::Same("customers".to_owned()));
    retailer.ledger.acknowledge(&other, "retailer", &same, NOON).unwrap();
    assert_eq!(both(&retailer, "customers", "members"), [[true, true]; 2]);
    // Of lineages that nobody spoke of nothing is known.
    assert_eq!(both(&retailer, "guests", "visitors"), [[false, false]; 2]);
}

#[test]
fn nothing_is_asked_of_a_party_whose_people_have_lost_nothing() {
    let mut retailer = Retailer::new();
    for (contract, ..) in renamed(&retailer) {
        retailer.ledger.acknowledge(&contract, "retailer", &Answers::default(), NOON).unwrap();
    }
    // Nor where all of it came back.
    let instance = retailer.room.instance(1);
    let slices = retailer.grant(&instance, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    retailer.credit(&instance, vec![account(&slices[0], Loss::zero())]).unwrap();
    let other = retailer.room.edited("\"customers\"", "\"guests\"");
    retailer.ledger.acknowledge(&other, "retailer", &Answers::default(), NOON).unwrap();
}

#[test]
fn the_same_people_under_another_name_have_one_budget() {
    let mut retailer = Retailer::new();
    let other = retailer.room.other_contract();
    let first = retailer.room.instance(1);
    retailer.grant(&first, &["sales"], &loss(2.0), job(1), NOON).unwrap();
    let same = answers(None, PeopleAnswer::Same("customers".to_owned()));
    retailer.ledger.acknowledge(&other, "retailer", &same, NOON).unwrap();
    let refused = ask(&mut retailer, &other, "measurement", 2).unwrap_err();
    assert_eq!(exhausted(refused), (WhichBudget::Day, Loss::zero()));
    let line = people(&retailer, &other);
    assert_eq!(line.lineages, ["members", "customers"]);
    assert_eq!(line.lost, loss(2.0));
}

#[test]
fn new_people_have_a_sum_of_their_own_until_they_are_said_to_be_the_same() {
    let mut retailer = Retailer::new();
    let other = retailer.room.other_contract();
    let first = retailer.room.instance(1);
    retailer.grant(&first, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    retailer
        .ledger
        .acknowledge(&other, "retailer", &answers(None, PeopleAnswer::New), NOON)
        .unwrap();
    ask(&mut retailer, &other, "measurement", 2).unwrap();
    assert_eq!(people(&retailer, &other).lost, loss(0.5));
    // What is said of all datasets is about what is asked; by name it corrects.
    let late = PeopleAnswer::Same("customers".to_owned());
    retailer.ledger.acknowledge(&other, "retailer", &answers(None, late.clone()), NOON).unwrap();
    assert_eq!(people(&retailer, &other).lost, loss(0.5));
    retailer.ledger.acknowledge(&other, "retailer", &answers(Some("sales"), late), NOON).unwrap();
    let both = loss(1.0).plus(&loss(0.5));
    assert_eq!(people(&retailer, &other).lost, both);
    assert_eq!(people(&retailer, &retailer.room.contract).lost, both);
}

#[test]
fn refuses_to_call_known_people_new_and_to_name_a_lineage_that_never_was() {
    let mut retailer = Retailer::new();
    let first = retailer.room.instance(1);
    retailer.grant(&first, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    let contract = retailer.room.edited("\"research\"", "\"measuring\"");
    let new = answers(None, PeopleAnswer::New);
    let refused = retailer.ledger.acknowledge(&contract, "retailer", &new, NOON).unwrap_err();
    assert!(matches!(refused, LedgerError::KnownPeople { .. }), "{refused}");
    let other = retailer.room.other_contract();
    for nobody in ["nobody", "members"] {
        let same = answers(None, PeopleAnswer::Same(nobody.to_owned()));
        let refused = retailer.ledger.acknowledge(&other, "retailer", &same, NOON).unwrap_err();
        assert!(matches!(refused, LedgerError::NoLineage { .. }), "{refused}");
    }
}

/// Each contract may hand out 100 for life in all; a person must not lose that under each.
#[test]
fn the_ceiling_of_the_build_holds_over_purposes_names_and_contracts() {
    let mut retailer = Retailer::new();
    let mut contract = retailer.room.contract.clone();
    let mut handed = Loss::zero();
    let ceiling = contract.datasets["sales"].budgets["measurement"].ceiling();
    let refused = (1..20_u8).find_map(|n| {
        // Another purpose each time, with as much as one contract may give.
        let purpose = format!("purpose-{n}");
        let sales = contract.datasets.get_mut("sales").unwrap();
        let of_sales = &sales.budgets["measurement"];
        let epsilons = [Epsilon::new(60.0).unwrap(), Epsilon::MAX];
        let budget = Budget::new(of_sales.period, epsilons, of_sales.delta, 0);
        sales.budgets.insert(purpose.clone(), budget);
        let same = answers(Some("sales"), PeopleAnswer::Same("customers".to_owned()));
        let known = if n == 1 { Answers::default() } else { same };
        retailer.ledger.acknowledge(&contract, "retailer", &known, NOON).unwrap();
        let instance = retailer.room.instance(n);
        let cost = loss(60.0);
        let (datasets, purpose) = (&["sales"], purpose.as_str());
        let (contract, instance) = (&contract, &instance);
        let asked =
            Demand { contract, instance, datasets, purpose, cost: &cost, slice_use: job(n) };
        match retailer.ledger.grant(&asked, NOON) {
            Ok(_) => {
                handed = handed.plus(&cost);
                None
            }
            Err(refused) => Some(refused),
        }
    });
    assert!(handed.fits(&ceiling) && !handed.is_zero());
    assert_eq!(exhausted(refused.unwrap()), (WhichBudget::Ceiling, ceiling.minus(&handed)));
    let report = retailer.ledger.report(&contract, "retailer", NOON).unwrap();
    let fresh = report.budgets.iter().find(|line| line.purpose == "measurement").unwrap();
    assert!(fresh.lifetime_remaining.fits(&ceiling.minus(&handed)));
}

/// The samples of two lineages with the same hundred people.
fn sealed_as(retailer: &Retailer, lineages: &[&str]) {
    let sketches = Sketches::open(retailer.room.retailer.directory()).unwrap();
    let mut sketch = Sketch::default();
    sketch.add_keys(Identifier::Email, 1..=100);
    for lineage in lineages {
        sketches.add(lineage, &sketch).unwrap();
    }
}

#[test]
fn nothing_is_handed_out_of_two_lineages_with_the_same_people_until_it_was_said_whose_they_are() {
    for same in [true, false] {
        let mut retailer = Retailer::new();
        sealed_as(&retailer, &["customers", "members"]);
        let (contract, other) = (retailer.room.contract.clone(), retailer.room.other_contract());
        // Nothing was handed out before.
        for (contract, of, lineage) in
            [(&contract, "customers", "members"), (&other, "members", "customers")]
        {
            let refused = ask(&mut retailer, contract, "measurement", 1).unwrap_err();
            let text = refused.to_string();
            let LedgerError::SharedPeople { lineage: asked, overlap, .. } = refused else {
                panic!("{text}")
            };
            assert_eq!((asked.as_str(), overlap.lineage.as_str()), (of, lineage));
            assert_eq!((overlap.of_file, overlap.of_lineage), (100, 100));
            assert!(text.contains(&format!("--same-people sales={lineage}")), "{text}");
            let line = people(&retailer, contract);
            assert_eq!(line.unanswered, [(of.to_owned(), overlap)]);
        }
        match same {
            true => retailer.ledger.join("members", "customers", NOON).unwrap(),
            false => retailer.ledger.tell_apart("members", "customers", NOON).unwrap(),
        }
        ask(&mut retailer, &contract, "measurement", 1).unwrap();
        let whose =
            if same { PeopleAnswer::Same("customers".to_owned()) } else { PeopleAnswer::New };
        retailer.ledger.acknowledge(&other, "retailer", &answers(None, whose), NOON).unwrap();
        ask(&mut retailer, &other, "measurement", 2).unwrap();
        let line = people(&retailer, &other);
        let both = loss(0.5).plus(&loss(0.5));
        assert_eq!(line.lost, if same { both } else { loss(0.5) });
        assert_eq!(line.unanswered, []);
    }
}

#[test]
fn the_same_people_can_be_said_of_what_was_sealed_before_any_contract_was_signed() {
    let mut retailer = Retailer::new();
    let never = retailer.ledger.join("members", "customers", NOON).unwrap_err();
    assert!(matches!(never, LedgerError::NoLineage { .. }), "{never}");
    sealed_as(&retailer, &["customers"]);
    retailer.ledger.join("members", "customers", NOON).unwrap();
    assert!(retailer.ledger.are_one("members", "customers").unwrap());
    // And of two datasets of the contract that is signed first, whichever is called the other.
    for (one, other) in [("sales", "returns"), ("returns", "sales")] {
        let mut retailer = Retailer::new();
        let mut contract = retailer.room.contract.clone();
        let mut returns = contract.datasets["sales"].clone();
        returns.lineage = "returns".to_owned();
        contract.datasets.insert("returns".to_owned(), returns);
        let lineage = contract.datasets[other].lineage.clone();
        let said = answers(Some(one), PeopleAnswer::Same(lineage));
        retailer.ledger.acknowledge(&contract, "retailer", &said, NOON).unwrap();
        assert!(retailer.ledger.are_one("customers", "returns").unwrap(), "{one} {other}");
    }
}

#[test]
fn what_was_known_of_other_people_is_kept_and_shown_until_they_are_said_to_be_one() {
    let mut retailer = Retailer::new();
    sealed_as(&retailer, &["customers", "members"]);
    let found = client::people::known_overlaps(retailer.room.retailer.directory(), "members");
    let overlap = found.unwrap().remove(0);
    assert!(retailer.ledger.note_known("members", &overlap, NOON).unwrap());
    retailer.reopen();
    assert!(!retailer.ledger.note_known("members", &overlap, NOON).unwrap(), "said once");
    let other = retailer.room.other_contract();
    for contract in [&retailer.room.contract, &other] {
        let known = people(&retailer, contract).known;
        let [known] = &known[..] else { panic!("{known:?}") };
        assert_eq!((known.lineage.as_str(), known.other.as_str()), ("members", "customers"));
        assert_eq!((known.of_lineage, known.of_other), (100, 100));
    }
    retailer.ledger.join("members", "customers", NOON).unwrap();
    assert_eq!(people(&retailer, &other).known, []);
}

/// What it cannot be compared by stops it: a sample that is not readable hides nothing.
#[test]
fn a_sample_that_cannot_be_read_stops_the_ledger() {
    let mut retailer = Retailer::new();
    sealed_as(&retailer, &["customers", "members"]);
    std::fs::write(retailer.file("people/members.sketch"), b"glovebox").unwrap();
    let contract = retailer.room.contract.clone();
    let refused = ask(&mut retailer, &contract, "measurement", 1).unwrap_err();
    assert!(matches!(refused, LedgerError::Samples(_)), "{refused}");
}

#[test]
fn keys_without_their_ledger_hand_out_nothing() {
    let retailer = Retailer::new();
    let copy = tempfile::tempdir().unwrap();
    for file in ["root.key", "recipient.key"] {
        std::fs::copy(retailer.file(file), copy.path().join(file)).unwrap();
    }
    let keys = Identity::load(copy.path()).unwrap();
    let missing = Ledger::open(&keys).unwrap_err();
    assert!(matches!(missing, LedgerError::Missing { .. }), "{missing}");
    assert!(missing.to_string().contains("custody new --i-know-it-is-the-first"), "{missing}");
    assert!(!copy.path().join("custody.sqlite").exists());
    Ledger::begin(copy.path(), &keys.root_key()).unwrap();
    Ledger::open(&keys).unwrap();
    let twice = Ledger::begin(copy.path(), &keys.root_key()).unwrap_err();
    assert!(matches!(twice, LedgerError::Exists { .. }), "{twice}");
}

#[test]
fn refuses_the_ledger_of_other_keys() {
    let retailer = Retailer::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = create(elsewhere.path(), "other", None, None).unwrap();
    for file in ["custody.sqlite", "custody.generation"] {
        std::fs::copy(elsewhere.path().join(file), retailer.file(file)).unwrap();
    }
    let refused = Ledger::open(&retailer.room.retailer).unwrap_err();
    assert!(matches!(refused, LedgerError::OtherKeys { .. }), "{refused}");
    Ledger::open(&other).unwrap();
}
