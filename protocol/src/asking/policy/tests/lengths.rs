use super::*;
use crate::{canonical, contract::ColumnRef, job::GroupBy, limits};
use std::time::{Duration, Instant};

fn question(change: Change<'_>) -> Question {
    let mut question = read(TABLE).unwrap();
    let Question::Table(table) = &mut question else { panic!("a table") };
    change(table);
    question
}

fn refused(question: &Question) -> Refusal {
    price(&contract(), "reach", question).unwrap_err()
}

/// Different, so that comparing each with all before it finds nothing.
fn many(found: usize) -> Vec<GroupBy> {
    let bins = |edge| GroupBy::Bins { measure: "spent".to_owned(), edges: vec![edge] };
    (1..).take(found).map(bins).collect()
}

#[test]
fn what_there_is_too_much_of_is_refused_before_anything_is_compared() {
    let values = |found: usize| Filter::OneOf {
        column: ColumnRef::new("exposures", "arm"),
        values: vec!["mens".to_owned(); found],
    };
    let edges = |found| vec![GroupBy::Bins { measure: "spent".to_owned(), edges: vec![1; found] }];
    let cases: [(Change<'_>, Limit, usize, usize); 5] = [
        (&|it| it.group_by = many(150_000), Limit::GroupBy, 150_000, limits::GROUP_BY),
        (&|it| it.rows = vec![values(1); 513], Limit::Conditions, 513, limits::CONDITIONS),
        (&|it| it.rows = vec![values(100_000)], Limit::Values, 100_000, limits::VALUES),
        (&|it| it.group_by = edges(1001), Limit::Edges, 1001, limits::VALUES),
        (
            &|it| it.measures = vec![it.measures[0].clone(); 17],
            Limit::Outcomes,
            17,
            limits::MEASURES,
        ),
    ];
    for (change, limit, found, most) in cases {
        let question = question(change);
        let began = Instant::now();
        let (found, most) = (u64::try_from(found).unwrap(), u64::try_from(most).unwrap());
        assert_eq!(refused(&question), Refusal::OverLimit { limit, found, most });
        assert!(began.elapsed() < Duration::from_secs(1), "{limit}: {:?}", began.elapsed());
    }
}

#[test]
fn a_value_that_is_named_twice_is_refused() {
    let twice = Filter::OneOf {
        column: ColumnRef::new("exposures", "arm"),
        values: vec!["mens".to_owned(), "none".to_owned(), "mens".to_owned()],
    };
    assert_eq!(refused(&question(&|it| it.rows = vec![twice.clone()])), Refusal::Malformed);
}

/// What a list may have is known to whoever decodes it, so that the list is not built first.
#[test]
fn longer_lists_than_any_question_has_do_not_decode() {
    let decodes = |question: &Question| {
        canonical::from_slice::<Question>(&canonical::to_vec(question)).is_ok()
    };
    assert!(decodes(&question(&|it| it.group_by = many(limits::GROUP_BY))));
    assert!(!decodes(&question(&|it| it.group_by = many(limits::DECODED_GROUP_BY + 1))));
    let rows = |found| {
        vec![Filter::Between { column: ColumnRef::new("sales", "spend"), least: 0, most: 0 }; found]
    };
    assert!(decodes(&question(&|it| it.rows = rows(limits::CONDITIONS))));
    assert!(!decodes(&question(&|it| it.rows = rows(limits::CONDITIONS + 1))));
}
