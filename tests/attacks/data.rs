//! Who is in the data, what the owners signed, and the files it all makes.

use std::sync::Arc;

use crate::room::{column, party, salt};
use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch};
use protocol::contract::draft;
use protocol::sealed::TAG_LEN;

/// A person, as both owners know it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Person {
    /// Identifies the person in both datasets.
    pub(crate) key: u32,
    /// Rows of the publisher: arm, town.
    pub(crate) exposures: Vec<(i32, i32)>,
    /// Rows of the retailer: spend, day, store.
    pub(crate) sales: Vec<(i64, i32, &'static str)>,
}

/// Two hundred ordinary people.
pub(crate) fn crowd() -> Vec<Person> {
    let person = |key: u32| {
        let at = i32::try_from(key).unwrap();
        let sales = if key.is_multiple_of(2) {
            vec![(i64::from(at % 20), at % 28, "main street")]
        } else {
            vec![]
        };
        Person { key, exposures: vec![(at % 2, at % 4)], sales }
    };
    (1..=200).map(person).collect()
}

/// The one the attacker wants to know about: in town 7, where nobody else is.
pub(crate) const TARGET: u32 = 4_000_000;

pub(crate) fn target(spend: i64) -> Person {
    Person { key: TARGET, exposures: vec![(0, 7)], sales: vec![(spend, 3, "clinic")] }
}

/// Both datasets, in the layout of sealed files, padded to one size.
pub(crate) fn tables(people: &[Person]) -> (RecordBatch, RecordBatch) {
    let exposures: Vec<_> =
        people.iter().flat_map(|it| it.exposures.iter().map(|row| (it.key, *row))).collect();
    let sales: Vec<_> =
        people.iter().flat_map(|it| it.sales.iter().map(|row| (it.key, *row))).collect();
    let codes = |codes: Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(codes)) };
    let tags = |tags: Vec<[u8; TAG_LEN]>| -> ArrayRef {
        let tags = tags.into_iter().map(Some);
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(tags, 16).unwrap())
    };
    let labels = |labels: Vec<[u8; 32]>| -> ArrayRef {
        let labels = labels.into_iter().map(Some);
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(labels, 32).unwrap())
    };
    let key = |key: &u32| {
        let mut bytes = [7; TAG_LEN];
        bytes[..4].copy_from_slice(&key.to_be_bytes());
        bytes
    };
    let label = |text: &str| {
        let mut bytes = [0; 32];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes
    };
    let exposures = RecordBatch::try_from_iter([
        ("email", tags(exposures.iter().map(|(it, _)| key(it)).collect())),
        ("arm", codes(exposures.iter().map(|(_, it)| it.0).collect())),
        ("town", codes(exposures.iter().map(|(_, it)| it.1).collect())),
    ]);
    let spends: ArrayRef = Arc::new(Int64Array::from_iter_values(sales.iter().map(|(_, it)| it.0)));
    let sales = RecordBatch::try_from_iter([
        ("email", tags(sales.iter().map(|(it, _)| key(it)).collect())),
        ("spend", spends),
        ("store", labels(sales.iter().map(|(_, it)| label(it.2)).collect())),
        ("illness", codes(vec![0; sales.len()])),
        ("bought", codes(sales.iter().map(|(_, it)| it.1).collect())),
    ]);
    (exposures.unwrap(), sales.unwrap())
}

/// So much ε a month; groups of ten people and more are shown.
pub(crate) fn contract(epsilon: f64) -> String {
    let email = column("email", "\"match_key\"\nkind = \"email\"");
    let budget = draft::Budget {
        purpose: "measurement",
        legal_basis: "consent",
        period: "month",
        epsilon,
        lifetime_epsilon: 20.0,
    };
    let budget = format!("{budget}selection_delta = 1e-6\n");
    let head = draft::Head {
        name: "room",
        expires: "2027-12-31T00:00:00Z",
        purposes: &["measurement"],
        bucket_salt: salt().digest(),
    };
    let towns: Vec<_> = (0..8).map(|town| format!("\"town-{town}\"")).collect();
    let pcr = "ab".repeat(48);
    [
        format!("{head}min_cell = 10\njobs_per_day = 10000\n"),
        party("publisher", 1),
        party("retailer", 2),
        "[[dataset]]\nname = \"exposures\"\nowner = \"publisher\"\n".to_owned(),
        email.clone(),
        column("arm", "\"group\"\ndomain = [\"test\", \"control\"]"),
        column("town", &format!("\"group\"\ndomain = [{}]", towns.join(", "))),
        budget.clone(),
        "[[dataset]]\nname = \"sales\"\nowner = \"retailer\"\n".to_owned(),
        email,
        column("spend", "\"measure\""),
        column("store", "\"label\""),
        column("illness", "\"group\"\ndomain = [\"none\", \"some\"]"),
        column("bought", "\"date\""),
        budget,
        "[[analysis]]\nname = \"lift\"\nkind = \"lift\"\npurpose = \"measurement\"\n".to_owned(),
        "assignment = \"exposures\"\narm = \"arm\"\noutcome = \"sales\"\n".to_owned(),
        "measures = [\"spend\"]\ndate = \"bought\"\n".to_owned(),
        "analysts = [\"publisher\", \"retailer\"]\nreceivers = [\"publisher\"]\n".to_owned(),
        "[[analysis]]\nname = \"reach\"\nkind = \"table\"\npurpose = \"measurement\"\n".to_owned(),
        "population = \"exposures\"\njoined = \"sales\"\n".to_owned(),
        "group_by = [\"exposures.arm\", \"exposures.town\", \"sales.store\"]\n".to_owned(),
        "filters = [\"exposures.arm\", \"exposures.town\", \"sales.bought\", \"sales.spend\"]\n"
            .to_owned(),
        "measures = [\"sales.spend\", \"sales.store\"]\ncells_per_person = 3\n".to_owned(),
        "analysts = [\"publisher\", \"retailer\"]\nreceivers = [\"publisher\"]\n".to_owned(),
        "[[analysis]]\nname = \"model\"\nkind = \"train\"\npurpose = \"measurement\"\n".to_owned(),
        "population = \"exposures\"\njoined = \"sales\"\n".to_owned(),
        "features = [\"exposures.town\", \"sales.spend\"]\n".to_owned(),
        "analysts = [\"publisher\", \"retailer\"]\nreceivers = [\"publisher\"]\n".to_owned(),
        draft::Build("b", [&pcr; 3]).to_string(),
    ]
    .concat()
}
