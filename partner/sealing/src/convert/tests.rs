use super::*;

fn converted(column: usize, reading: &Reading, cell: Cell<'_>) -> Result<Value, Reason> {
    let contract = crate::tests::contract();
    of(&Converter::new(&contract.datasets["sales"].columns[column], reading), cell)
}

fn of(converter: &Converter<'_>, cell: Cell<'_>) -> Result<Value, Reason> {
    let mut value = Value::NONE;
    converter.convert(cell, &mut value)?;
    Ok(value)
}

fn code(column: usize, reading: &Reading, cell: Cell<'_>) -> Result<i32, Reason> {
    match converted(column, reading, cell)? {
        Value::Code(code) => Ok(code),
        _ => panic!("expected a code"),
    }
}

#[test]
fn a_line_break_is_no_part_of_a_value() {
    for column in 0..7 {
        let reading = Reading::default();
        let converted = converted(column, &reading, Cell::Text("a@b.c\nd"));
        assert!(matches!(converted, Err(Reason::LineBreak)));
    }
}

#[test]
fn consent_is_read_in_the_usual_words_and_in_the_owners() {
    let usual = Reading::default();
    for text in ["Y", "yes", "T", "TRUE", "1", "1.0", "\u{feff}Yes", "'1"] {
        assert_eq!(code(6, &usual, Cell::Text(text)), Ok(1), "{text}");
    }
    for text in ["n", "No", "F", "false", "0", "0.0"] {
        assert_eq!(code(6, &usual, Cell::Text(text)), Ok(0), "{text}");
    }
    for text in ["", "NULL", "n/a", "\u{200b}"] {
        assert_eq!(code(6, &usual, Cell::Text(text)), Ok(MISSING), "{text}");
    }
    let cells =
        [Cell::Bool(true), Cell::Whole(1), Cell::Real(1.0), Cell::Decimal { units: 10, scale: 1 }];
    for cell in cells {
        assert_eq!(code(6, &usual, cell), Ok(1));
    }
    for cell in [Cell::Text("opt-in"), Cell::Whole(2), Cell::Real(0.5)] {
        assert!(code(6, &usual, cell).is_err());
    }
    let own =
        Reading { yes: vec!["opt-in".into()], no: vec!["opt-out".into()], ..Reading::default() };
    assert_eq!(code(6, &own, Cell::Text("Opt-In")), Ok(1));
    assert_eq!(code(6, &own, Cell::Text("opt-out")), Ok(0));
    assert_eq!(code(6, &own, Cell::Text("y")), Ok(1));
}

#[test]
fn values_of_a_group_are_found_whatever_their_case_if_it_is_one_value() {
    let reading = Reading::default();
    for text in ["gold", " Gold", "GOLD\u{200b}", "=\"gold\""] {
        assert_eq!(code(2, &reading, Cell::Text(text)), Ok(0), "{text}");
    }
    assert_eq!(code(2, &reading, Cell::Text("NULL")), Ok(MISSING));
    assert!(matches!(code(2, &reading, Cell::Text("go ld")), Err(Reason::NotInDomain { .. })));
    let mut contract = crate::tests::contract();
    let column = &mut contract.datasets.get_mut("sales").unwrap().columns[2];
    column.role = Role::Group(vec!["A".into(), "a".into(), "1".into(), "none".into()]);
    let converter = Converter::new(column, &reading);
    let code = |text| match of(&converter, Cell::Text(text)) {
        Ok(Value::Code(code)) => Some(code),
        _ => None,
    };
    assert_eq!(
        ["A", "a", "1.0", "None", "n/a"].map(code),
        [Some(0), Some(1), Some(2), Some(3), Some(MISSING)]
    );
    column.role = Role::Group(vec!["AB".into(), "ab".into()]);
    assert!(of(&Converter::new(column, &reading), Cell::Text("Ab")).is_err());
}

#[test]
fn a_value_is_the_same_in_every_type_of_a_warehouse() {
    let reading = Reading { country: Some("US".parse().unwrap()), ..Reading::default() };
    let phone = |cell| match converted(1, &reading, cell) {
        Ok(Value::Key(key)) => key,
        _ => panic!("expected a key"),
    };
    let text = phone(Cell::Text("+14155550123"));
    for cell in [
        Cell::Whole(14_155_550_123),
        Cell::Real(14_155_550_123.0),
        Cell::Decimal { units: 14_155_550_123, scale: 0 },
        Cell::Bytes(b"+1 415 555 0123"),
        Cell::Text("4155550123.0"),
    ] {
        assert_eq!(phone(cell), text);
    }
    let spend = |cell| match converted(3, &reading, cell) {
        Ok(Value::Number(number)) => Some(number),
        _ => None,
    };
    for cell in [
        Cell::Whole(3),
        Cell::Real32(3.0),
        Cell::Bytes(b"3.00"),
        Cell::Decimal { units: 3, scale: 0 },
    ] {
        assert_eq!(spend(cell), Some(300));
    }
    assert_eq!((spend(Cell::Bool(true)), spend(Cell::Real(f64::NAN))), (Some(100), None));
}

#[test]
fn an_empty_number_is_what_the_owner_says_it_is() {
    let mut reading = Reading::default();
    let spend = |reading: &Reading, cell| match converted(3, reading, cell) {
        Ok(Value::Number(number)) => Ok(number),
        Ok(_) => panic!("expected a number"),
        Err(reason) => Err(reason),
    };
    for cell in [Cell::Missing, Cell::Text("NULL"), Cell::Text(" "), Cell::Real(f64::NAN)] {
        assert_eq!(spend(&reading, cell), Err(Reason::Empty));
    }
    reading.empty.insert("spend".into(), "0".into());
    for cell in [Cell::Missing, Cell::Text("NULL"), Cell::Text(" "), Cell::Real(f64::NAN)] {
        assert_eq!(spend(&reading, cell), Ok(0));
    }
}
