//! Tables of groups, for tests of what is shown.

use crate::{
    analysis::lift,
    result::{
        CountRange, Estimate, MeasureEstimate, OtherCells, OtherTotal, SpreadEstimate, TableAnswer,
        TableCell, TableResult,
    },
};

/// Shops by segment and whether people were found, with what they spent: a long name, a group without
/// people, one too small for a mean to say anything, and others that are withheld.
#[must_use]
pub fn by_shop() -> TableResult {
    let spend = |name: &'static str, found, people, spent: f64| {
        cell(&[name, found], people, vec![measure("spend", people, spent, 260.0)])
    };
    // Noise reaches whatever is possible.
    let mut small = spend("outlet (airport, arrivals level)", "yes", 61.0, 1_911.4);
    for measure in &mut small.measures {
        measure.mean.ci = [0.0, 100.0];
        measure.spread = Some(SpreadEstimate { value: 0.0, ci: [0.0, 50.0] });
    }
    result(TableAnswer {
        other: Some(OtherCells {
            people_at_least: 58,
            measures: vec![OtherTotal {
                name: "spend".to_owned(),
                total: estimate(2_310.7, 520.0),
            }],
        }),
        withheld_cells: CountRange { n: 4, noise_sd: 0.0, ci: [4, 4] },
        withheld_without_value: Some(3),
        no_consent: Some(CountRange { n: 412, noise_sd: 8.0, ci: [396, 428] }),
        ..table(
            &["sales.shop", "matched"],
            vec![
                spend("High Street", "no", 10_234.0, 0.0),
                spend("High Street", "yes", 18_402.0, 402_118.25),
                spend("Shopping centre at the northern ring road", "no", 51.0, -212.4),
                spend("Shopping centre at the northern ring road", "yes", 2_911.0, 70_455.1),
                small,
                spend("(none)", "yes", 902.0, 11_000.9),
            ],
        )
    })
}

/// People by what they spent; two bins have too few people.
#[must_use]
pub fn by_spend() -> TableResult {
    let bin = |name, people| cell(&[name], people, vec![measure("spend", people, people, 260.0)]);
    result(TableAnswer {
        withheld_cells: CountRange { n: 1, noise_sd: 0.0, ci: [1, 1] },
        ..table(
            &["spend"],
            vec![
                bin("below 10.00", 4_812.0),
                bin("10.00 to below 50.00", 2_207.0),
                bin("50.00 to below 100.00", 1_911.0),
                bin("200.00 and more", 312.0),
            ],
        )
    })
}

/// A cell with a noise of 8 people.
fn cell(names: &[&str], people: f64, measures: Vec<MeasureEstimate>) -> TableCell {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    TableCell { names, people: estimate(people, 8.0), measures }
}

fn measure(name: &str, people: f64, total: f64, noise_sd: f64) -> MeasureEstimate {
    let mean = estimate(total / people, noise_sd / people);
    let possible = |amount: f64| amount.clamp(0.0, 100.0);
    MeasureEstimate {
        name: name.to_owned(),
        cap: 100.0,
        floor: 0.0,
        total: estimate(total, noise_sd),
        mean: Estimate { value: possible(mean.value), ci: mean.ci.map(possible), ..mean },
        spread: Some(SpreadEstimate { value: 29.3, ci: [27.1, 31.2] }),
    }
}

fn estimate(value: f64, noise_sd: f64) -> Estimate {
    Estimate { value, noise_sd, ci: [value - 1.96 * noise_sd, value + 1.96 * noise_sd] }
}

fn table(group_by: &[&str], cells: Vec<TableCell>) -> TableAnswer {
    TableAnswer {
        counted:
            "people of exposures, joined with sales, where sales.bought is from 2026-09-01 to \
                  2026-09-30, with spend: sales.spend of each person"
                .to_owned(),
        group_by: group_by.iter().map(|&column| column.to_owned()).collect(),
        cells_per_person: 1,
        confidence: 0.95,
        cells,
        shown_from: 50,
        other: None,
        withheld_cells: CountRange { n: 0, noise_sd: 0.0, ci: [0, 0] },
        withheld_without_value: Some(0),
        no_consent: None,
        consent_from: vec!["sales".to_owned()],
        matched: None,
    }
}

fn result(answer: TableAnswer) -> TableResult {
    let mut result = lift::sample::result().map(|_| answer);
    "reach".clone_into(&mut result.analysis);
    result
}
