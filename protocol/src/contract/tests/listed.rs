//! Analyses that list several datasets under one key.

use super::*;
use crate::{
    analysis::overlap::uses::{Listed, SECTION},
    analysis::uses::Reading,
};

/// The sample with four more datasets of the retailer: `a` has both kinds of match keys, `b` and `c` one each, and
/// `d` one that nothing has in common with the others; and an overlap of some of them.
fn with(datasets: &str) -> String {
    let dataset = |name: &str, kinds: &[&str], purpose: &str| {
        let keys = kinds.iter().map(|kind| {
            format!(
                "[[dataset.column]]\nname = \"{kind}\"\nrole = \"match_key\"\nkind = \"{kind}\"\n"
            )
        });
        format!(
            "[[dataset]]\nname = \"{name}\"\nowner = \"retailer\"\n{}\
             [[dataset.column]]\nname = \"tier\"\nrole = \"group\"\ndomain = [\"x\", \"y\"]\n\
             [[dataset.column]]\nname = \"agreed\"\nrole = \"consent\"\n\
             [[dataset.budget]]\npurpose = \"{purpose}\"\nlegal_basis = \"consent\"\nperiod = \"month\"\nepsilon = 4\ndelta = 1e-6\n\
             lifetime_epsilon = 20\n",
            keys.collect::<String>()
        )
    };
    let more = [
        dataset("a", &["email", "phone"], "measurement"),
        dataset("b", &["phone"], "measurement"),
        dataset("c", &["email"], "measurement"),
        dataset("d", &["hashed"], "measurement"),
        dataset("e", &["email"], "research"),
    ];
    let overlap = format!(
        "[[analysis]]\nname = \"overlap\"\nkind = \"overlap\"\npurpose = \"measurement\"\n\
         datasets = {datasets}\nsegments = [\"a.tier\"]\n\
         analysts = [\"publisher\"]\nreceivers = [\"retailer\"]\n"
    );
    let text = sample().replacen("[\"measurement\"]", "[\"measurement\", \"research\"]", 1);
    text.replacen("[[build]]", &format!("{}{overlap}\n[[build]]", more.concat()), 1)
}

#[test]
fn reads_a_list_of_datasets_in_the_contracts_order() {
    let contract = parse(&with("[\"c\", \"a\", \"b\"]")).unwrap();
    let terms = &contract.analyses["overlap"];
    let listed = Listed::of(terms).unwrap();
    assert_eq!(listed.datasets, ["c", "a", "b"]);
    assert_eq!(terms.datasets().collect::<Vec<_>>(), listed.datasets);
    assert_eq!(listed.segments, [ColumnRef::new("a", "tier")]);
    assert_eq!(terms.words(SECTION.under("datasets").unwrap()), "c, a, b");
    for dataset in ["a", "b", "c"] {
        assert!(terms.permits_dataset(dataset, Reading::Union), "{dataset}");
        assert!(!terms.permits_dataset(dataset, Reading::Rows), "{dataset}");
    }
    assert!(!terms.permits_dataset("sales", Reading::Union));
    assert!(contract.can_refuse("overlap") && !contract.consent_is_known_by_outcome("overlap"));
    let names = |dataset| {
        let columns = contract.used_columns(dataset).into_iter();
        columns.map(|column| column.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("a"), ["email", "phone", "tier", "agreed"]);
    assert_eq!(names("b"), ["phone", "agreed"]);
}

/// Of `a` and `b` a joined pair would find people by their e-mail first; a union goes by the kind that its job names.
#[test]
fn of_datasets_that_are_counted_together_no_match_key_is_unused() {
    let contract = parse(&with("[\"a\", \"b\"]")).unwrap();
    assert!(contract.unused_match_keys("overlap").is_empty());
}

#[test]
fn refuses_lists_that_nobody_could_ask_of() {
    let line = "datasets = ";
    let short = |found| Flaw::TooFew { what: "dataset to compare", found, least: 2 };
    refused(&with("[]"), line, &short(0));
    refused(&with("[\"a\"]"), line, &short(1));
    refused(&with("[\"a\", \"a\"]"), line, &duplicate("a", "a"));
    refused(
        &with("[\"a\", \"payroll\"]"),
        line,
        &no_such("dataset", "payroll", &["a", "b", "c", "d", "e", "exposures", "sales"]),
    );
    // Neither of the others has a kind of match key that it has; `b` and `c` have none in common, but `a` has both.
    refused(&with("[\"a\", \"c\", \"d\"]"), line, &Flaw::NoCommonKey);
    refused(&with("[\"b\", \"c\"]"), line, &Flaw::NoCommonKey);
    refused_by_toml(&with("\"a\""), line, "expected a list of texts in quotes");
    let error = parse(&with("[\"a\", \"e\"]")).unwrap_err();
    let (dataset, purpose) = ("e".to_owned(), "measurement".to_owned());
    assert_eq!(error.flaw, Flaw::NoBudget { dataset, purpose });
    let text = with("[\"a\", \"b\"]");
    let text = text.replacen("datasets = [\"a\", \"b\"]\n", "", 1);
    refused(&text, "name = \"overlap\"", &Flaw::Missing("dataset to compare"));
    let error = parse(&with("[\"a\"]")).unwrap_err().to_string();
    assert!(error.ends_with("1 dataset to compare is named, at least 2 are needed"), "{error}");
}

#[test]
fn refuses_more_datasets_than_a_question_can_read() {
    let third =
        with("[\"a\", \"c\"]").split_once("[[dataset]]\nname = \"c\"").unwrap().1.to_owned();
    let third = third.split_once("[[dataset]]").unwrap().0.to_owned();
    let more = (0..7).map(|at| format!("[[dataset]]\nname = \"more{at}\"{third}"));
    let names: Vec<_> = (0..7).map(|at| format!("\"more{at}\"")).collect();
    let text = |count: usize| {
        let text = with(&format!("[\"a\", \"c\", {}]", names[..count].join(", ")));
        text.replacen(
            "[[analysis]]",
            &format!("{}[[analysis]]", more.clone().collect::<String>()),
            1,
        )
    };
    assert_eq!(parse(&text(6)).unwrap().analyses["overlap"].datasets().count(), 8);
    let (what, found) = ("the number of datasets", "9".to_owned());
    let flaw = Flaw::Range { what, found, expected: "at most 8 in one analysis" };
    refused(&text(7), "datasets = [", &flaw);
}
