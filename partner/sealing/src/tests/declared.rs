//! What an owner declares of the size of a table: it is what the file shows, and it is held to.

use super::*;

fn options(rows: Option<u64>, rows_per_person: Option<u64>) -> Options {
    Options { rows, rows_per_person, ..Options::default() }
}

/// So many rows of person `n`, of whom each spent another sum.
fn rows_of(n: usize, rows: usize) -> String {
    (0..rows).map(|spend| format!("p{n}@example.com,,gold,{spend},0,,1,\n")).collect()
}

fn declared(sealed: &InMemory) -> Declared {
    sealed.manifest.manifest().declared
}

#[test]
fn a_row_more_or_less_changes_nothing_of_what_was_declared() {
    let desk = Desk::new();
    let sealed = |people: std::ops::Range<usize>, declared: Option<u64>| {
        let table: String = people.map(|n| rows_of(n, 1)).collect();
        desk.in_memory_with(&desk.table(&table), &options(declared, None)).unwrap()
    };
    let [at, over] = [1024, 1025].map(|people| sealed(0..people, None));
    assert_eq!((at.padded, over.padded), (1024, 1280), "a step of the grid");
    let [at, over] = [1024, 1025].map(|people| sealed(0..people, Some(1500)));
    assert_eq!((declared(&at).rows, at.padded, over.padded), (1536, 1536, 1536));
    let shown =
        |sealed: &InMemory| (sealed.file.len(), declared(sealed), sealed.manifest.as_bytes().len());
    assert_eq!(shown(&at), shown(&over));
}

#[test]
fn rows_that_do_not_fit_are_refused_with_the_declaration_that_fits() {
    let desk = Desk::new();
    let table: String = (0..1100).map(|n| rows_of(n, 1)).collect();
    let input = desk.table(&table);
    let error = desk.in_memory_with(&input, &options(Some(1024), None)).unwrap_err();
    let words = error.to_string();
    assert!(words.contains("1,100 rows do not fit into a file that declares 1,024"), "{words}");
    assert!(words.ends_with("seal with --rows 1280, which has room for them"), "{words}");
    assert_eq!(desk.in_memory_with(&input, &options(Some(1280), None)).unwrap().padded, 1280);
}

#[test]
fn a_person_with_more_rows_than_declared_is_refused_and_named_by_number_alone() {
    let desk = Desk::new();
    let input = desk.table(&(rows_of(1, 100) + &rows_of(2, 70) + &rows_of(3, 64)));
    let error = desk.in_memory(&input).unwrap_err();
    let words = error.to_string();
    assert_eq!(
        words,
        "2 people have more rows than the 64 that are declared for one person, the most 100: seal with \
         --rows-per-person 128, which has room for them; or seal with --cut-rows, which leaves out what is beyond, \
         chosen by a person's own rows"
    );
    let sealed = desk.in_memory_with(&input, &options(None, Some(100))).unwrap();
    assert_eq!((declared(&sealed).rows_per_person, sealed.count.most_rows), (128, 100));
}

/// Neither the order of the table nor another person changes which rows of a person are kept.
#[test]
fn which_rows_are_cut_depends_on_a_persons_own_rows_alone() {
    let desk = Desk::new();
    let options = Options { cut_rows: true, ..options(None, Some(8)) };
    let kept = |table: &str| {
        let sealed = desk.in_memory_with(&desk.table(table), &options).unwrap();
        let columns = desk.open(&sealed);
        let mut kept: Vec<i64> = real(&columns)
            .into_iter()
            .filter(|row| tags(&columns["email"])[*row] == tag(Identifier::Email, "p1@example.com"))
            .map(|row| numbers(&columns["spend"])[row])
            .collect();
        kept.sort_unstable();
        (kept, sealed.count)
    };
    let own = rows_of(1, 30);
    let (kept_rows, count) = kept(&own);
    assert_eq!(kept_rows.len(), 8);
    assert_eq!((count.rows, count.cut_rows, count.cut_people), (8, 22, 1));
    assert_ne!(kept_rows, (0..8).map(|n| n * 100).collect::<Vec<_>>(), "not the first ones");
    let reversed: Vec<_> = own.lines().rev().collect();
    assert_eq!(kept(&(reversed.join("\n") + "\n")).0, kept_rows);
    let (among, count) = kept(&(rows_of(2, 9) + &own + &rows_of(3, 5)));
    assert_eq!(among, kept_rows);
    assert_eq!((count.rows, count.cut_rows, count.cut_people, count.people), (21, 23, 2, 3));
}

#[test]
fn a_large_declaration_has_buckets_in_the_order_of_tags() {
    let desk = Desk::new();
    let table: String = (0..500).map(|n| rows_of(n, 2)).collect();
    let sealed = desk.in_memory_with(&desk.table(&table), &options(Some(300_000), None)).unwrap();
    let shape = sealed.manifest.manifest().shape();
    assert_eq!((shape.bits(), shape.capacity(), sealed.padded), (1, 183_360, 366_720));
    let dataset = &desk.contract.datasets["sales"];
    let manifest = sealed.manifest.manifest();
    let reader = sealed::Reader::open(&sealed.file, manifest, dataset, &sealed.keys).unwrap();
    let mut people = Vec::new();
    for number in 0..2 {
        let mut bucket = reader.bucket(number).unwrap();
        let before = bucket.clone();
        let arranged = sealed::arrange(&mut bucket, dataset, shape, number);
        assert_eq!((arranged.strays, arranged.sorted, arranged.most), (0, false, 2));
        assert_eq!(bucket, before);
        let rows = real(&bucket);
        assert_eq!(rows, (0..rows.len()).collect::<Vec<_>>(), "padding stands behind");
        people.extend(rows.iter().map(|row| tags(&bucket["email"])[*row]));
    }
    assert!(people.len() == 1000 && people.is_sorted());
}

#[test]
fn another_rooms_salt_is_refused() {
    let desk = Desk::new();
    let input = desk.table(&rows_of(1, 1));
    let (owner, other) = (service(2), BucketSalt::take(&mut [1; BucketSalt::LEN]));
    let version = desk.version(&owner, &other);
    let error = in_memory(&input, &version, &Options::default(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, SealError::Salt), "{error}");
    desk.in_memory(&input).unwrap();
}
