//! A list of opt-outs, the manifest that names it, and the grant that hands it over.

use super::{Folder, room};
use crate::{
    delegation::Authority,
    identity::{Identifier, match_key},
    manifest::{Manifest, SignedManifest},
    opt_outs::OptOuts,
};

/// Two people took themselves out of `exposures`.
pub(super) fn list(lineage: &str) -> OptOuts {
    let people = [(Identifier::Email, "ann@example.com"), (Identifier::Phone, "+14155550123")];
    let keys = people.map(|(kind, text)| match_key(kind, text).unwrap()).into();
    OptOuts::new(lineage, 1_795_392_000, [6; OptOuts::NONCE], &keys).unwrap()
}

pub(super) fn write(folder: &mut Folder) {
    let (root, contract) = (room::publisher(), room::contract());
    let (mut manifest, owner) = room::manifest("exposures");
    let made = list(&manifest.lineage);
    let list = folder.file("exposures.optouts", &root.sign(&made));
    assert_eq!(OptOuts::open(&list, &root.public(), &manifest.lineage), Ok(made.clone()));

    manifest.opt_outs = Some(made.named());
    manifest.check(&contract.datasets["exposures"]).unwrap();
    let signed = folder.signed::<Manifest>("exposures-optouts.manifest", &manifest, &owner);
    let authority = Authority::at(&contract, room::NOW);
    let signed = SignedManifest::open(signed, &authority, "publisher").unwrap();

    let grant = room::grant_with(&signed, Some(&list));
    folder.value("grant-optouts.cbor", &grant);
    let public = root.public();
    let binding = room::binding(&public, &signed);
    let opened = binding.open(&room::instance_secret(), &grant.columns, true, &grant.keys).unwrap();
    assert_eq!((opened.keys, opened.salt), (room::column_keys(), room::salt()));
    assert_eq!(opened.opt_outs.unwrap().as_slice(), list);
}
