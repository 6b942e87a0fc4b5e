//! Floors of columns, and sensitive columns.

use super::{table::with_table, *};

/// The sample, with `more` below the name of a column and `keys` in the analysis "reach".
fn text(column: &str, more: &str, keys: &str) -> String {
    let text = with_table();
    let name = format!("name = \"{column}\"\n");
    let analysis = "kind = \"table\"\n";
    assert!(text.contains(&name) && text.contains(analysis));
    let text = text.replacen(&name, &format!("{name}{more}"), 1);
    text.replacen(analysis, &format!("{analysis}{keys}"), 1)
}

fn read(text: &str) -> Contract {
    parse(text).unwrap()
}

#[test]
fn a_column_has_a_floor_above_the_contracts() {
    let contract = read(&text("store", "min_cell = 200\n", ""));
    let [store, arm] =
        [("sales", "store"), ("exposures", "arm")].map(|(of, name)| ColumnRef::new(of, name));
    assert_eq!(contract.column(&store).unwrap().min_cell, Some(200));
    let floor = |read: &[&ColumnRef]| {
        let read = read.iter().map(|named| (*named).clone()).collect();
        contract.floor(&contract.analyses["reach"], &read)
    };
    assert_eq!([floor(&[]), floor(&[&arm]), floor(&[&arm, &store])], [50, 50, 200]);
    for found in ["50", "20", "-1", "1000001"] {
        let error = parse(&text("store", &format!("min_cell = {found}\n"), "")).unwrap_err();
        assert!(matches!(error.flaw, Flaw::Range { what: "min_cell", .. }), "{error}");
        assert!(error.to_string().contains("more than the contract's own"), "{error}");
    }
}

#[test]
fn columns_have_a_floor_together() {
    let together = "min_cells = [{ columns = [\"exposures.arm\", \"sales.store\"], min_cell = 200 }, { columns = \
                    [\"sales.spend\"], min_cell = 60 }]\n";
    let contract = read(&text("store", "", together));
    let floors = &contract.analyses["reach"].floors;
    assert_eq!(floors.iter().map(|floor| floor.people).collect::<Vec<_>>(), [200, 60]);
    assert!(contract.analyses["lift"].floors.is_empty());
    for (floor, words) in [
        (
            "{ columns = [\"exposures.arm\", \"sales.stores\"], min_cell = 200 }",
            "lists no column \"sales.stores\"",
        ),
        (
            "{ columns = [\"exposures.email\"], min_cell = 200 }",
            "lists no column \"exposures.email\"",
        ),
        ("{ columns = [], min_cell = 200 }", "no column is named"),
        ("{ columns = [\"sales.store\", \"sales.store\"], min_cell = 200 }", "already used"),
        ("{ columns = [\"sales.store\"], min_cell = 50 }", "min_cell is 50, expected more"),
        ("{ columns = [\"sales.store\"], people = 60 }", "unknown field `people`"),
        ("{ columns = [\"sales.store\"] }", "missing field `min_cell`"),
    ] {
        let error = parse(&text("store", "", &format!("min_cells = [{floor}]\n"))).unwrap_err();
        assert!(error.to_string().contains(words), "{floor}: {error}");
    }
}

#[test]
fn a_sensitive_column_is_named_twice() {
    let sensitive = "sensitive = true\n";
    let named = "sensitive = [\"sales.store\"]\n";
    let contract = read(&text("store", sensitive, named));
    assert_eq!(contract.analyses["reach"].sensitive, [ColumnRef::new("sales", "store")]);
    let error = parse(&text("store", sensitive, "")).unwrap_err();
    let (column, key) = ("sales.store".to_owned(), "group_by".to_owned());
    assert_eq!(error.flaw, Flaw::Sensitive { column, key });
    assert!(error.to_string().contains("sensitive = [\"sales.store\"]"), "{error}");
    // Whoever says so of another column knows something that the owner of the column does not.
    let error = parse(&text("store", "", named)).unwrap_err();
    assert_eq!(error.flaw, Flaw::NotSensitive("sales.store".to_owned()));
    // What no analysis lists needs no word of one.
    let history = "[[dataset.column]]\nname = \"history\"";
    let town = "[[dataset.column]]\nname = \"town\"\nrole = \"label\"\nsensitive = true\n";
    let unlisted = with_table().replacen(history, &format!("{town}{history}"), 1);
    let columns = read(&unlisted).datasets.into_values().flat_map(|dataset| dataset.columns);
    assert_eq!(columns.filter(|column| column.is_sensitive).count(), 1);
    for (column, more) in [("email", "sensitive = true\n"), ("email", "min_cell = 200\n")] {
        let error = parse(&text(column, more, "")).unwrap_err();
        assert!(error.to_string().contains("only a group, label, measure or date"), "{error}");
    }
}
