//! Contract, its digest and its signatures.

use super::{Folder, covers, kinds, room};
use crate::{
    contract::{Contract, OpenContractError, Period, Role, TAG},
    sign::Jointly,
};

kinds!(ROLES, role: Role {
    Role::MatchKey(_) => "match_key",
    Role::Group(_) => "group",
    Role::Label => "label",
    Role::Measure(_) => "measure",
    Role::Date => "date",
    Role::Feature(_) => "feature",
    Role::Consent => "consent",
    Role::Person => "person",
    Role::Never => "never",
});

kinds!(PERIODS, period: Period {
    Period::Day => "day",
    Period::Week => "week",
    Period::Month => "month",
    Period::Contract => "contract",
});

#[test]
fn a_contract_and_its_signatures_have_the_bytes_they_had() {
    let mut folder = Folder::open("contract-v2");
    let text = folder.by_hand("contract.toml");
    let contract = room::contract();
    let columns = contract.datasets.values().flat_map(|dataset| &dataset.columns);
    covers(ROLES, columns.map(|column| role(&column.role)));
    let budgets = contract.datasets.values().flat_map(|dataset| dataset.budgets.values());
    covers(PERIODS, budgets.map(|budget| period(&budget.period)));

    let mut joint = Jointly::unsigned(TAG, text.as_bytes());
    let unsigned = joint.to_vec();
    joint.add(&room::publisher());
    let by_one = joint.to_vec();
    joint.add(&room::retailer());
    let parties = ["publisher", "retailer"].map(str::to_owned);
    for (file, made, expected) in [
        ("unsigned.cose", unsigned, &parties[..]),
        ("signed-by-publisher.cose", by_one, &parties[1..]),
        ("contract.signed", joint.to_vec(), &[]),
    ] {
        let bytes = folder.file(file, &made);
        let read = Jointly::parse(TAG, &bytes).unwrap();
        assert_eq!((read.to_vec(), read.payload()), (made, text.as_bytes()), "{file}");
        match Contract::open(&bytes) {
            Ok(opened) => assert_eq!((opened.digest, expected), (contract.digest, &[][..])),
            Err(OpenContractError::Unsigned { missing }) => assert_eq!(missing, expected),
            Err(other) => panic!("{file}: {other}"),
        }
    }
    folder.digests(&[("contract.toml", contract.digest)]);
    folder.finish();
}
