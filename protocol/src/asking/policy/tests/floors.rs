//! Floors of columns hold for whatever reads the columns, in whichever way.

use super::*;

/// The contract, whose own floor is 50, with floors of columns and of columns together.
fn with_floors() -> Contract {
    let text = with_table();
    let floor = |text: String, name: &str, people: u32| {
        let column = format!("name = \"{name}\"\n");
        assert!(text.contains(&column), "no {name}");
        text.replacen(&column, &format!("{column}min_cell = {people}\n"), 1)
    };
    let text = floor(floor(floor(text, "store", 120), "bought", 90), "spend", 70);
    let together =
        "min_cells = [{ columns = [\"exposures.arm\", \"sales.store\"], min_cell = 300 }]\n";
    let analysis = "kind = \"table\"\n";
    Contract::parse(text.replacen(analysis, &format!("{analysis}{together}"), 1).as_bytes())
        .unwrap()
}

/// The smallest cell that is shown of a table with these lines.
fn threshold(lines: &str, privacy: &str) -> u32 {
    let contract = with_floors();
    let text = format!("[table]\n{lines}\n[table.privacy]\nepsilon = 1\ndelta = 1e-6\n{privacy}");
    let (name, question) = question_from_toml(&text, &contract).unwrap();
    price(&contract, &name, &question).unwrap().proof().threshold
}

#[test]
fn a_question_has_the_largest_floor_of_the_columns_that_it_reads() {
    let selected = "selection_delta = 1e-8\n";
    let by_arm = "group_by = [\"exposures.arm\"]";
    assert_eq!(threshold(by_arm, ""), 50);
    assert_eq!(threshold("group_by = [\"sales.store\"]", selected), 120);
    // Together they have more than each alone.
    assert_eq!(threshold("group_by = [\"exposures.arm\", \"sales.store\"]", selected), 300);
    // Not only what divides people tells them apart: so does a choice of rows, for all of an answer or for one figure, and a sum.
    let bought =
        "[[table.where]]\ncolumn = \"sales.bought\"\nfirst = \"2026-10-01\"\nlast = \"2026-10-31\"";
    assert_eq!(threshold(&format!("{by_arm}\n{bought}"), ""), 90);
    let spent = "[[table.measure]]\nname = \"spent\"\ncolumn = \"sales.spend\"\nstatistic = \"sum\"\ncap_per_user = 9";
    assert_eq!(threshold(&format!("{by_arm}\n{spent}"), ""), 70);
    let stores = "[[table.measure]]\nname = \"stores\"\ncolumn = \"sales.store\"\nstatistic = \"distinct\"\ncap_per_user = 9";
    assert_eq!(threshold(&format!("{by_arm}\n{stores}"), ""), 300);
    // What a job asks for beyond that holds, and less does not.
    assert_eq!(threshold(by_arm, "min_cell = 500"), 500);
    assert_eq!(threshold(&format!("{by_arm}\n{spent}"), "min_cell = 10"), 70);
}

#[test]
fn no_proof_with_less_than_the_floor_of_its_columns_holds() {
    let contract = with_floors();
    let text = "[table]\ngroup_by = [\"sales.store\"]\n[table.privacy]\nepsilon = 1\ndelta = 1e-6\nselection_delta = 1e-8\n";
    let (_, question) = question_from_toml(text, &contract).unwrap();
    let Permitted { tally, floor } = permitted_as_is(&contract, "reach", &question).unwrap();
    let lower = prove(&question, Permitted { tally: tally.clone(), floor: 50 }, 1).unwrap();
    let (flaw, proof) = (proof::Flaw::Threshold { found: 50, least: 120 }, lower.proof().clone());
    assert_eq!((floor, proof::check(tally, proof, floor).unwrap_err()), (120, flaw));
}

#[test]
fn a_question_without_head_counts_reads_no_column_with_a_floor() {
    let contract = with_floors();
    let ask = |lines: &str| {
        let text = format!(
            "[job]\nanalysis = \"reach\"\n[choice]\n{lines}\n[choice.privacy]\nepsilon = 1\ndelta = 1e-6\n"
        );
        let (name, question) = question_from_toml(&text, &contract).unwrap();
        price(&contract, &name, &question).map(drop)
    };
    assert_eq!(ask("of = \"fullest\"\ngroup_by = \"exposures.arm\"\ncells_per_person = 2"), Ok(()));
    let floor = |name: &str| not_permitted(Asked::Floor, name, Some("retailer".to_owned()));
    let bought = "[[choice.where]]\ncolumn = \"sales.bought\"\nfirst = \"2026-10-01\"\nlast = \"2026-10-31\"";
    let refused = ask(&format!(
        "of = \"fullest\"\ngroup_by = \"exposures.arm\"\ncells_per_person = 2\n{bought}"
    ));
    assert_eq!(refused, Err(floor("sales.bought")));
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("ask for a table") && words.contains("a rule of retailer"), "{words}");
}
