//! Amounts that are below 0, and amounts of large numbers.

use protocol::{
    contract::Contract,
    job::question_from_toml,
    policy,
    result::{JobResult, TableResult},
};
use rehearsal::Rehearsal;
use std::{collections::BTreeMap, fmt::Write, fs};
use tests::Parties;

/// Twelve people bought for 50 in the north; ten in the south bought for 120 and sent back for 135.
async fn rehearsed(floor: &str) -> TableResult {
    let (mut people, mut sales) = ("email,arm,history\n".to_owned(), SALES.to_owned());
    for person in 0..22 {
        writeln!(people, "p{person}@example.com,test,1").unwrap();
        let (shop, spent) = if person < 12 { ("north", "50.00") } else { ("south", "-135.00") };
        writeln!(sales, "p{person}@example.com,1,{spent},0,{shop}").unwrap();
        if person >= 12 {
            writeln!(sales, "p{person}@example.com,1,120.00,0,south").unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let files = [("exposures", &people), ("sales", &sales)].map(|(name, csv)| {
        let path = folder.path().join(format!("{name}.csv"));
        fs::write(&path, csv).unwrap();
        (name.to_owned(), path)
    });
    let job = JOB.replace("FLOOR", floor);
    let (text, files) = (contract(), BTreeMap::from(files));
    let mut rehearsal = Rehearsal::new(&text, &job, &files);
    rehearsal.noise = false;
    let done = rehearsal.run(&mut |_| {}).await.unwrap();
    assert_eq!(JobResult::from_json(&done.result_bytes).unwrap(), done.result);
    let result: TableResult = done.result.of().unwrap();
    result
}

fn totals(result: &TableResult) -> Vec<(String, f64)> {
    let cells = result.answer.cells.iter();
    cells.map(|it| (it.names[0].clone(), it.measures[0].total.value)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_floor_a_total_below_zero_is_nothing_and_the_result_says_so() {
    let result = rehearsed("").await;
    assert_eq!(totals(&result), [("north".to_owned(), 600.0), ("south".to_owned(), 0.0)]);
    assert_eq!(result.answer.cells[1].measures[0].floor.to_bits(), 0.0_f64.to_bits());
    assert!(
        result.answer.counted.contains("totals below 0 count as 0"),
        "{}",
        result.answer.counted
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_floor_a_group_may_have_sent_back_more_than_it_bought() {
    let result = rehearsed("floor_per_user = -400.00").await;
    assert_eq!(totals(&result), [("north".to_owned(), 600.0), ("south".to_owned(), -150.0)]);
    assert!((result.answer.cells[1].measures[0].floor + 400.0).abs() < 1e-9);
    assert!(
        result.answer.counted.contains("totals below -400.00 count as -400.00"),
        "{}",
        result.answer.counted
    );
    // Of the 15 that each of them sent back for more than was bought, 10 count.
    let cut = rehearsed("floor_per_user = -10.00").await;
    assert_eq!(totals(&cut), [("north".to_owned(), 600.0), ("south".to_owned(), -100.0)]);
}

#[test]
fn a_floor_that_makes_no_sense_is_refused_in_words() {
    for (floor, said) in [
        ("floor_per_user = 5.0", "an amount from -21474836.48 to 0.00"),
        ("floor_per_user = -0.001", "at most 2 decimals"),
        ("floor_per_user = -30000000.0", "an amount from -21474836.48 to 0.00"),
    ] {
        let refused = question_from_toml(&JOB.replace("FLOOR", floor), &parsed()).unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
        assert!(refused.to_string().contains("floor_per_user"), "{refused}");
    }
    let too_much = JOB.replace("FLOOR", "").replace("cap_per_user = 400.0", "cap_per_user = 3e7");
    let refused = question_from_toml(&too_much, &parsed()).unwrap_err().to_string();
    assert!(
        refused.contains("cap_per_user") && refused.contains("an amount from 0.01 to 21474836.48"),
        "{refused}"
    );
}

/// Noise beside the cap is what it is for small amounts, up to the largest cap and down to small epsilons.
#[test]
fn a_currency_of_large_numbers_has_a_price() {
    let relative = |cap: &str, epsilon: &str| {
        let job = JOB
            .replace("FLOOR", "spread = true")
            .replace("cap_per_user = 400.0", &format!("cap_per_user = {cap}"))
            .replace("epsilon = 4.0", &format!("epsilon = {epsilon}"));
        let (analysis, question) = question_from_toml(&job, &parsed()).unwrap();
        let proven = policy::price(&parsed(), &analysis, &question).unwrap();
        proven.proof().vectors().unwrap().sums[0].sigma.value()
            / (100.0 * cap.parse::<f64>().unwrap())
    };
    for epsilon in ["20.0", "1.0", "0.1", "0.01"] {
        let small = relative("15.00", epsilon);
        for cap in ["5000.0", "1500000.0", "21474836.0"] {
            assert!((relative(cap, epsilon) / small - 1.0).abs() < 1e-3, "{cap} {epsilon}");
        }
    }
}

fn parsed() -> Contract {
    Contract::parse(contract().as_bytes()).unwrap()
}

/// The contract of the tests, with shops and an analysis of groups.
fn contract() -> String {
    let mut parties = Parties::new();
    parties.rewrite(|text| {
        let shop = "[[dataset.column]]\nname = \"shop\"\nrole = \"group\"\n\
                    domain = [\"north\", \"south\"]\n";
        let at = text.find("[[analysis]]").unwrap();
        let before = text[..at].rfind("[[dataset.budget]]").unwrap();
        let (head, rest) = text.split_at(before);
        format!("{head}{shop}{rest}").replacen("[[build]]", GROUPS, 1)
    });
    parties.text()
}

const SALES: &str = "email,bought,spend,note,shop\n";

const GROUPS: &str = "[[analysis]]\nname = \"groups\"\nkind = \"table\"\npurpose = \"measurement\"\n\
                      population = \"exposures\"\njoined = \"sales\"\ngroup_by = [\"sales.shop\"]\n\
                      measures = [\"sales.spend\"]\nanalysts = [\"publisher\"]\n\
                      receivers = [\"publisher\"]\n[[build]]";

const JOB: &str = r#"
[table]
group_by = ["sales.shop"]
[[table.measure]]
name = "spend"
column = "sales.spend"
statistic = "sum"
cap_per_user = 400.0
FLOOR
[table.privacy]
epsilon = 4.0
delta = 1e-6
"#;
