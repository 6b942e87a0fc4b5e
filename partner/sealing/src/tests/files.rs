//! Files as they come: separators, encodings, archives, folders, types.

use super::*;
use arrow::{array::*, datatypes::*};
use arrow_ipc::writer;

const ROW_A: &str = "a@example.com,,gold,5,1,2024-01-01,1,";

/// The sealed columns that say all of a one-row table.
fn sealed(desk: &Desk, path: &Path) -> (i32, i64, i32, i32) {
    let columns = desk.open(&desk.in_memory(path).unwrap());
    let at = real(&columns)[0];
    let code = |name: &str| codes(&columns[name])[at];
    (code("tier"), numbers(&columns["spend"])[at], code("day"), code("agreed"))
}

fn write(desk: &Desk, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = desk.path(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn text_is_read_whatever_its_separator_encoding_and_archive() {
    use flate2::{Compression, write::GzEncoder};
    let desk = Desk::new();
    let text = format!("{HEADER}{ROW_A}\n");
    let expected = (0, 500, 19_723, 1);
    for separator in [",", ";", "\t", "|"] {
        let other = text.replace(',', separator);
        assert_eq!(sealed(&desk, &write(&desk, "a.csv", &other)), expected, "{separator:?}");
        let hinted = format!("\u{feff}sep={separator}\r\n{other}");
        assert_eq!(sealed(&desk, &write(&desk, "b.csv", hinted)), expected, "sep={separator:?}");
    }
    for mark in ["", "\u{feff}"] {
        let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for bytes in [little, big] {
            assert_eq!(sealed(&desk, &write(&desk, "c.csv", bytes)), expected, "{mark:?}");
        }
    }
    let mut archive = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut archive, text.as_bytes()).unwrap();
    assert_eq!(sealed(&desk, &write(&desk, "d.csv.gz", archive.finish().unwrap())), expected);
    // The lines of bad rows are those of the file, behind a hint too.
    let bad = write(&desk, "e.csv", format!("sep=,\n{HEADER}b@,,gold,1,1,,1,\n"));
    let error = desk.in_memory(&bad).unwrap_err();
    assert!(error.to_string().contains("line 3, email"), "{error}");
    let latin = [HEADER.as_bytes(), b"a@example.com,,g\xf6ld,1,1,,1,\n"].concat();
    let error = desk.in_memory(&write(&desk, "f.csv", latin)).unwrap_err();
    assert!(error.to_string().contains("perhaps Windows-1252"), "{error}");
}

#[test]
fn a_folder_of_parts_is_one_table() {
    let desk = Desk::new();
    let folder = desk.path("sales");
    fs::create_dir(&folder).unwrap();
    let part = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    part("_SUCCESS", "");
    part(".part-0.crc", "x");
    assert!(matches!(desk.in_memory(&folder), Err(SealError::NoParts { .. })));
    part("part-1.csv", &format!("{HEADER}b@example.com,,gold,2,1,,1,\n"));
    part("part-0.csv", &format!("{HEADER}{ROW_A}\n"));
    let sealed = desk.in_memory(&folder).unwrap();
    let columns = desk.open(&sealed);
    assert_eq!((sealed.count.rows, numbers(&columns["spend"]).iter().sum::<i64>()), (2, 700));
    part("part-2.csv", &format!("{HEADER}b@,,gold,2,1,,1,\n"));
    let error = desk.in_memory(&folder).unwrap_err();
    assert!(error.to_string().contains("part-2.csv, line 2, email: "), "{error}");
    part("part-2.csv", "phone,email,tier,spend,recency,day,agreed,note\n");
    let error = desk.in_memory(&folder).unwrap_err();
    assert!(
        matches!(&error, SealError::OtherColumns { path, .. } if path.ends_with("part-2.csv")),
        "{error}"
    );
    let words = error.to_string();
    assert!(
        words.contains("part-2.csv has other columns than ") && words.contains("part-0.csv"),
        "{words}"
    );
    assert!(words.contains("found phone, email, tier, spend"), "{words}");
    assert!(words.contains("expected email, phone, tier, spend"), "{words}");
    part("part-2.csv", "email,phone,tier,spend,recency,day,income,note\n");
    let words = desk.in_memory(&folder).unwrap_err().to_string();
    assert!(
        words.contains("part-2.csv: the table's columns are not the contract's: missing: agreed"),
        "{words}"
    );
    assert!(words.contains("part-0.csv has the columns email, phone, tier"), "{words}");
    part("part-2.csv", "PAR1");
    let error = desk.in_memory(&folder).unwrap_err();
    assert!(matches!(&error, SealError::Mixed { path } if path.ends_with("part-2.csv")), "{error}");
    part("part-2.csv", "");
    assert!(matches!(desk.in_memory(&folder), Err(SealError::Format { .. })));
    fs::remove_file(folder.join("part-2.csv")).unwrap();
    fs::create_dir(folder.join("day=2024-01-01")).unwrap();
    assert!(matches!(desk.in_memory(&folder), Err(SealError::FolderInFolder { .. })));
}

fn arrow(desk: &Desk, name: &str, column: &str, values: ArrayRef) -> PathBuf {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let columns = [
        ("email", text("a@example.com")),
        ("phone", text("")),
        ("tier", text("gold")),
        ("spend", text("5")),
        ("recency", text("1")),
        ("day", text("2024-01-01")),
        ("agreed", text("1")),
    ];
    let columns = columns
        .map(|(name, array)| (name, if name == column { values.clone() } else { array }, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let path = desk.path(name);
    let compressed = writer::IpcWriteOptions::default()
        .try_with_compression(Some(arrow_ipc::CompressionType::LZ4_FRAME))
        .unwrap();
    let file = fs::File::create(&path).unwrap();
    let mut file =
        writer::FileWriter::try_new_with_options(file, &batch.schema(), compressed).unwrap();
    file.write(&batch).and_then(|()| file.finish()).unwrap();
    path
}

#[test]
fn every_type_that_a_warehouse_exports_is_the_same_value() {
    let desk = Desk::new();
    let midnight = 19_723_i64 * 86_400;
    let days: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![19_723])),
        Arc::new(Date64Array::from(vec![midnight * 1_000])),
        Arc::new(TimestampSecondArray::from(vec![midnight])),
        Arc::new(TimestampMillisecondArray::from(vec![midnight * 1_000])),
        Arc::new(TimestampMicrosecondArray::from(vec![midnight * 1_000_000])),
        Arc::new(TimestampNanosecondArray::from(vec![midnight * 1_000_000_000])),
        Arc::new(StringViewArray::from(vec!["2024-01-01"])),
        Arc::new(BinaryArray::from(vec![b"2024-01-01".as_slice()])),
    ];
    let spends: Vec<ArrayRef> = vec![
        Arc::new(Float16Array::from(vec![half(5)])),
        Arc::new(Float32Array::from(vec![5.0])),
        Arc::new(Float64Array::from(vec![5.000_000_000_000_1])),
        Arc::new(UInt64Array::from(vec![5])),
        Arc::new(Int8Array::from(vec![5])),
        Arc::new(Decimal128Array::from(vec![500_000]).with_precision_and_scale(38, 5).unwrap()),
        Arc::new(
            Decimal256Array::from(vec![i256::from_i128(500_000)])
                .with_precision_and_scale(76, 5)
                .unwrap(),
        ),
        Arc::new(LargeStringArray::from(vec!["5e0"])),
    ];
    let consents: Vec<ArrayRef> = vec![
        Arc::new(BooleanArray::from(vec![true])),
        Arc::new(Int64Array::from(vec![1])),
        Arc::new(Float64Array::from(vec![1.0])),
        Arc::new(Decimal128Array::from(vec![1]).with_precision_and_scale(38, 0).unwrap()),
        Arc::new([Some("Y")].into_iter().collect::<DictionaryArray<Int32Type>>()),
    ];
    let columns = [("day", days), ("spend", spends), ("agreed", consents)];
    for (column, arrays) in columns {
        for array in arrays {
            let kind = array.data_type().clone();
            let path = arrow(&desk, "a.arrow", column, array);
            assert_eq!(sealed(&desk, &path), (0, 500, 19_723, 1), "{column}: {kind}");
        }
    }
}

fn half(whole: u8) -> <Float16Type as ArrowPrimitiveType>::Native {
    <Float16Type as ArrowPrimitiveType>::Native::from(whole)
}

#[test]
fn what_is_no_midnight_and_what_is_no_number_is_refused_by_row() {
    let desk = Desk::new();
    let cases: [(&str, ArrayRef, &str); 5] = [
        (
            "day",
            Arc::new(TimestampSecondArray::from(vec![19_723 * 86_400 + 1])),
            "row 1, day: a time other than midnight",
        ),
        ("spend", Arc::new(UInt64Array::from(vec![u64::MAX])), "row 1, spend: too large"),
        ("spend", Arc::new(Float64Array::from(vec![f64::NAN])), "row 1, spend: empty"),
        ("spend", Arc::new(Float32Array::from(vec![0.001])), "row 1, spend: more than 2 decimals"),
        ("agreed", Arc::new(Int64Array::from(vec![2])), "row 1, agreed: neither yes nor no"),
    ];
    for (column, array, reason) in cases {
        let error = desk.in_memory(&arrow(&desk, "a.arrow", column, array)).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn columns_are_renamed_in_either_direction_if_only_one_makes_sense() {
    let desk = Desk::new();
    let path =
        write(&desk, "a.csv", format!("{}{ROW_A}\n", HEADER.replace("email", "E-Mail=Main")));
    let seal = |map: &str| {
        let mut options = Options::default();
        options.reading.map = vec![map.to_owned()];
        desk.in_memory_with(&path, &options)
    };
    for map in ["E-Mail=Main=email", "email=E-Mail=Main"] {
        assert_eq!(seal(map).unwrap().count.rows, 1, "{map}");
    }
    for (map, words) in [
        ("phone=tier", "can be read in both directions"),
        ("Mail=email", "the file has no column \"Mail\", but column 1 (not shown"),
        ("email=Mail", "the file has no column \"Mail\""),
        (
            "phone=fone",
            "the contract has no column \"fone\" in this dataset, but email, phone, tier",
        ),
        ("a=b", "the file has no column \"a\""),
        ("E-Mail", "expected FILE=CONTRACT"),
    ] {
        let error = seal(map).unwrap_err();
        assert!(matches!(&error, SealError::Map { .. }), "{error}");
        assert!(error.to_string().starts_with(&format!("\"{map}\": {words}")), "{error}");
    }
    // In a part it is said in which, and what the others have.
    let folder = desk.path("parts");
    fs::create_dir(&folder).unwrap();
    fs::copy(&path, folder.join("a.csv")).unwrap();
    fs::write(folder.join("b.csv"), format!("{HEADER}{ROW_A}\n")).unwrap();
    let mut options = Options::default();
    options.reading.map = vec!["E-Mail=Main=email".to_owned()];
    let error = desk.in_memory_with(&folder, &options).unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("b.csv: \"E-Mail=Main=email\": the file has no column \"E-Mail"),
        "{words}"
    );
    assert!(words.contains("a.csv has the columns email, phone"), "{words}");
    let mut options = Options::default();
    options.reading.ignore = vec!["spend".to_owned()];
    let error = desk.in_memory_with(&path, &options);
    assert!(matches!(error, Err(SealError::Map { flaw: MapFlaw::Sealed, .. })));
}

#[test]
fn a_folder_that_is_not_there_is_named_before_the_data_is_read() {
    let desk = Desk::new();
    let input = desk.table("not one field like another\n");
    let stem = desk.path("out/sales");
    let options = Options::default();
    let error = desk.seal_to(&input, &stem, &options);
    assert!(matches!(error, Err(SealError::NoFolder { path }) if path == desk.path("out")));
    assert_eq!(desk.names(), ["sales.csv"]);
}
