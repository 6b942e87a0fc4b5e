//! Tallies, as they stand in receipts: one with every kind of everything, of people of one dataset and of several.

use super::{Folder, covers, kinds};
use crate::{
    canonical,
    identity::Identifier,
    loss::Delta,
    tally::{
        Binned, Clamp, Condition, Contrast, Credit, Dense, Dimension, Ends, Feature, HeldOut,
        Label, Learnt, Loss, Measure, Population, Product, Program, Quantity, Rule, Side, Table,
        Tally,
    },
};

kinds!(POPULATIONS, population: Population {
    Population::First => "first",
    Population::Union { .. } => "union",
});

kinds!(CONDITIONS, condition: Condition {
    Condition::OneOf { .. } => "one_of",
    Condition::Between { .. } => "between",
    Condition::SinceStart { .. } => "since_start",
});

kinds!(DIMENSIONS, dimension: Dimension {
    Dimension::Matched => "matched",
    Dimension::MatchedWithConsent => "matched_with_consent",
    Dimension::Membership { .. } => "membership",
    Dimension::Known => "known",
    Dimension::Arm { .. } => "arm",
    Dimension::Group { .. } => "group",
    Dimension::Label { .. } => "label",
    Dimension::Only { .. } => "only",
    Dimension::Creative { .. } => "creative",
    Dimension::Earliest { .. } => "earliest",
    Dimension::Days { .. } => "days",
    Dimension::Bins { .. } => "bins",
    Dimension::BinsPerGroup { .. } => "bins_per_group",
    Dimension::Credited(_) => "credited",
});

kinds!(BINNED, binned: Binned {
    Binned::Value { .. } => "value",
    Binned::Total { .. } => "total",
    Binned::Rows { .. } => "rows",
    Binned::TotalBetween { .. } => "total_between",
    Binned::RowsBetween { .. } => "rows_between",
});

kinds!(LEARNT, learnt: Learnt {
    Learnt::Found => "found",
    Learnt::OneOf { .. } => "one_of",
    Learnt::Rows => "rows",
    Learnt::Sum { .. } => "sum",
});

kinds!(QUANTITIES, quantity: Quantity {
    Quantity::Rows => "rows",
    Quantity::RowsOfAll => "rows_of_all",
    Quantity::Sum { .. } => "sum",
    Quantity::Distinct { .. } => "distinct",
    Quantity::Credit { .. } => "credit",
});

#[test]
fn a_tally_has_the_bytes_it_had() {
    let mut folder = Folder::open("tally-v1");
    let tallies = [
        ("first", first()),
        ("contrast", contrast()),
        ("union", union()),
        ("training", training()),
        ("dense", dense()),
    ];
    covers(POPULATIONS, tallies.iter().map(|(_, it)| population(&it.population)));
    let dimensions = tallies.iter().flat_map(|(_, it)| &it.dimensions);
    covers(DIMENSIONS, dimensions.map(dimension));
    covers(QUANTITIES, tallies.iter().flat_map(|(_, it)| &it.measures).map(|it| quantity(&it.of)));
    let conditions = tallies.iter().flat_map(|(_, it)| it.conditions());
    covers(CONDITIONS, conditions.map(|(_, it)| condition(it)));
    let features = tallies.iter().filter_map(|(_, tally)| tally.program.as_ref());
    covers(
        BINNED,
        features.flat_map(|program| &program.features).map(|feature| binned(&feature.of)),
    );
    let labels = labels();
    covers(LEARNT, labels.iter().map(|(_, label)| learnt(label)));
    for (name, made) in labels {
        let bytes = folder.file(&format!("label_{name}.cbor"), &canonical::to_vec(&made));
        let read: Learnt = canonical::from_slice(&bytes).unwrap();
        assert_eq!(read, made, "{name}");
    }
    for (name, made) in &tallies {
        let bytes = folder.file(&format!("{name}.cbor"), &canonical::to_vec(made));
        let read: Tally = canonical::from_slice(&bytes).unwrap();
        assert_eq!((&read, canonical::to_vec(&read)), (made, bytes), "{name}");
    }
    folder.finish();
}

fn first() -> Tally {
    let column = |name: &str| name.to_owned();
    let measure = |of, rows| Measure {
        side: Side::JOINED,
        of,
        rows,
        clamp: Clamp::new(-500, 9_950).unwrap(),
    };
    let since = Condition::SinceStart {
        column: column("bought"),
        side: Side::POPULATION,
        start: column("seen"),
        first: 0,
        last: 30,
    };
    Tally {
        population: Population::First,
        tables: vec![
            Table {
                dataset: column("exposures"),
                rows: vec![Condition::OneOf { column: column("arm"), codes: vec![0, 2] }],
            },
            Table { dataset: column("sales"), rows: vec![since] },
        ],
        dimensions: vec![
            Dimension::Matched,
            Dimension::MatchedWithConsent,
            Dimension::Arm { column: column("arm"), test: vec![0], control: vec![2] },
            Dimension::Group { side: Side::POPULATION, column: column("arm"), values: 3 },
            Dimension::Label { side: Side::JOINED, column: column("store") },
            Dimension::Only { side: Side::POPULATION, column: column("arm"), values: Some(3) },
            Dimension::Only { side: Side::JOINED, column: column("store"), values: None },
            Dimension::Creative { column: column("arm"), values: 3 },
            Dimension::Earliest {
                side: Side::POPULATION,
                column: column("seen"),
                edges: vec![20_700],
            },
            Dimension::Days {
                side: Side::JOINED,
                column: column("bought"),
                edges: vec![20_727, 20_734],
            },
            Dimension::Bins { measure: 0, edges: vec![1, 2] },
            Dimension::BinsPerGroup { measure: 1, edges: vec![100] },
            Dimension::Credited(Credit {
                column: column("arm"),
                values: 3,
                day: column("seen"),
                outcome: column("bought"),
                window: 7,
                rule: Rule::Last,
            }),
        ],
        measures: vec![
            measure(Quantity::Rows, Vec::new()),
            measure(
                Quantity::Sum { column: column("spend") },
                vec![Condition::Between { column: column("bought"), least: 20_727, most: 20_757 }],
            ),
            measure(Quantity::Distinct { column: column("store") }, Vec::new()),
            measure(Quantity::Credit { column: Some(column("spend")), parts: 1 }, Vec::new()),
            measure(Quantity::Credit { column: None, parts: 1_000 }, Vec::new()),
        ],
        products: vec![Product::square(1), Product { one: 1, other: 2, coarse: 3 }],
        cells_per_person: 3,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    }
}

/// Two arms, with sums that leave as a contrast.
fn contrast() -> Tally {
    let of = |column: &str, most| Measure {
        side: Side::JOINED,
        of: Quantity::Sum { column: column.to_owned() },
        rows: Vec::new(),
        clamp: Clamp::up_to(most).unwrap(),
    };
    let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0], control: vec![2] };
    Tally {
        dimensions: vec![arm, Dimension::Matched],
        measures: vec![of("visit", 1), of("spend", 49_900)],
        products: vec![Product::square(1)],
        cells_per_person: 1,
        contrast: Some(Contrast { test: 3, control: 2, measures: vec![1] }),
        weights: vec![1, 6],
        tables: ["exposures", "sales"]
            .map(|name| Table { dataset: name.to_owned(), rows: Vec::new() })
            .into(),
        ..first()
    }
}

fn union() -> Tally {
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    Tally {
        population: Population::Union { by: Identifier::Email },
        tables: ["exposures", "sales", "visits"].map(table).into(),
        dimensions: vec![Dimension::Membership { datasets: 3 }, Dimension::Known],
        measures: vec![Measure {
            side: Side::POPULATION,
            of: Quantity::RowsOfAll,
            rows: Vec::new(),
            clamp: Clamp::up_to(10).unwrap(),
        }],
        products: Vec::new(),
        cells_per_person: 1,
        ids_per_person: 2,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    }
}

fn labels() -> Vec<(&'static str, Learnt)> {
    let column = |name: &str| name.to_owned();
    let all = [
        Learnt::Found,
        Learnt::OneOf { column: column("arm"), codes: vec![0, 2] },
        Learnt::Rows,
        Learnt::Sum { column: column("spend") },
    ];
    all.into_iter().map(|label| (learnt(&label), label)).collect()
}

fn training() -> Tally {
    let column = |name: &str| name.to_owned();
    let feature = |side, of| Feature { side, of };
    Tally {
        dimensions: Vec::new(),
        measures: Vec::new(),
        products: Vec::new(),
        cells_per_person: 1,
        population: Population::First,
        tables: ["exposures", "sales"]
            .map(|name| Table { dataset: column(name), rows: Vec::new() })
            .into(),
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: Some(Program {
            features: vec![
                feature(Side::POPULATION, Binned::Value { column: column("arm"), values: 3 }),
                feature(
                    Side::JOINED,
                    Binned::Total { column: column("spend"), edges: vec![-100, 0, 5_000] },
                ),
                feature(Side::JOINED, Binned::Rows { edges: vec![2] }),
            ],
            label: Label {
                side: Side::POPULATION,
                of: Learnt::OneOf { column: column("arm"), codes: vec![0] },
                cap: 1,
            },
            loss: Loss::Logistic,
            people: 30_000,
            steps: 150,
            clip: 2_651,
            rate: 4_290_000_000,
            momentum: 900,
            ridge: 1,
            averaged: 75,
            held_out: Some(HeldOut { share: 200, edges: vec![-65_536, 0, 65_536] }),
            dense: None,
        }),
    }
}

/// The same people, by a network of numbers.
fn dense() -> Tally {
    let mut tally = training();
    let Some(program) = &mut tally.program else { return tally };
    let ends = Ends { lower: -100, upper: 5_000 };
    program.features[1].of = Binned::TotalBetween { column: "spend".to_owned(), ends };
    program.features[2].of = Binned::RowsBetween { ends: Ends { lower: 0, upper: 9 } };
    program.dense = Some(Dense {
        hidden: vec![16, 8],
        sampled: 171_798_691,
        seed: 7,
        delta: Delta::try_from(1_000_000).unwrap(),
    });
    tally
}
