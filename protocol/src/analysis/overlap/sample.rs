//! Overlaps, for tests of what is shown.

use super::answer::{
    Count, DatasetPeople, Found, OverlapAnswer, PairOverlap, PlacePeople, SegmentOverlap,
    SegmentValue, Segments, Share,
};
use crate::{analysis::lift, identity::Identifier, result::JobResult};

/// Customers and viewers, by the customers' tier: one segment is too small to be shown where people were found.
#[must_use]
pub fn of_two() -> JobResult<OverlapAnswer> {
    let segment = |value, people, found: Option<i64>| SegmentOverlap {
        value,
        people: count(people),
        found: vec![Found {
            dataset: "viewers".to_owned(),
            people: found
                .map_or(Count { value: None, noise_sd: 0.0, ci: [0, 74], withheld: 1 }, count),
            match_rate: found.map_or_else(
                || Share { value: None, ci: [0.0, 0.31], withheld: 1 },
                |found| share(real(found) / real(people)),
            ),
        }],
    };
    let value = |name: &str| SegmentValue::Value(name.to_owned());
    result(OverlapAnswer {
        segments: Some(Segments {
            dataset: "customers".to_owned(),
            column: "tier".to_owned(),
            values: vec![
                segment(value("gold"), 2_104, Some(911)),
                segment(value("silver, or as good as that for other reasons"), 7_930, Some(2_201)),
                segment(value("(none)"), 240, None),
                segment(SegmentValue::None, 3_320, Some(612)),
                segment(SegmentValue::Several, 151, Some(101)),
            ],
        }),
        withheld: 1,
        ..answer(&["customers", "viewers"])
    })
}

/// Eight datasets, most sets of which are withheld.
#[must_use]
pub fn of_many() -> JobResult<OverlapAnswer> {
    let names =
        ["crm", "loyalty", "newsletter", "shop", "tv", "web_analytics_of_all_brands", "wifi", "x"];
    result(OverlapAnswer { withheld: 201, ..answer(&names) })
}

fn answer(names: &[&str]) -> OverlapAnswer {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let pairs = names.iter().enumerate().flat_map(|(at, one)| {
        names.iter().skip(at + 1).map(move |other| (one.clone(), other.clone()))
    });
    let (both, just) = (3_825, [9_769, 14_102]);
    let pairs = pairs.map(|(one, other)| PairOverlap {
        datasets: [one, other],
        both: count(both),
        either: count(27_696),
        only: just.map(count),
        match_rates: [share(0.281_4), share(0.213_4)],
        jaccard: share(0.138_1),
    });
    let datasets = names.iter().map(|name| DatasetPeople {
        dataset: name.clone(),
        people: count(13_594),
        only: count(9_769),
        without_key: count(402),
    });
    let places = names.iter().enumerate().map(|(at, _)| PlacePeople {
        datasets: names.iter().take(at + 1).cloned().collect(),
        people: count(9_769 - i64::try_from(at).unwrap_or(0) * 1_000),
    });
    OverlapAnswer {
        by: Identifier::Email,
        confidence: 0.95,
        pairs: pairs.collect(),
        datasets: datasets.collect(),
        any: Count { withheld: 1, ci: [27_660, 27_803], ..count(27_696) },
        all: count(both),
        jaccard: Share { withheld: 1, ..share(0.138_1) },
        places: places.collect(),
        segments: None,
        shown_from: 50,
        withheld: 0,
        no_consent: Some(count(412)),
        consent_from: vec!["customers".to_owned()],
    }
}

/// A count with a noise of 8 people.
fn count(people: i64) -> Count {
    Count { value: Some(people), noise_sd: 8.0, ci: [people - 16, people + 16], withheld: 0 }
}

fn share(value: f64) -> Share {
    Share { value: Some(value), ci: [value - 0.004, value + 0.004], withheld: 0 }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a sample")]
fn real(number: i64) -> f64 {
    number as f64
}

fn result(answer: OverlapAnswer) -> JobResult<OverlapAnswer> {
    let mut result = lift::sample::result().map(|_| answer);
    "overlap".clone_into(&mut result.analysis);
    result.flags = vec!["places_withheld".to_owned(), "without_key".to_owned()];
    result
}
