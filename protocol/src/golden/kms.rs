//! Grants that AWS KMS hands over.

use super::{Folder, opt_outs, room};
use crate::{
    digest::Digest,
    key::DataKey,
    kms_grant::{KmsGrant, SealedFor, SealedGrant, Secrets, context},
    manifest::Manifest,
};

#[test]
fn a_grant_for_kms_has_the_bytes_it_had() {
    let mut folder = Folder::open("kms-v1");
    let contract = room::contract().digest;
    let secrets = Secrets { keys: room::column_keys(), salt: room::salt() };
    let (manifest, owner) = room::manifest("exposures");
    let grant = KmsGrant {
        contract,
        dataset: "exposures".to_owned(),
        builds: vec![[1, 2, 3].map(|byte| Digest::from([byte; Digest::LEN]))],
        manifest: owner.sign(&manifest),
        columns: secrets.keys.keys().cloned().collect(),
        secrets: secrets.digest(),
        until: room::NOW.plus_seconds(86_400),
    };
    let signed = folder.file("exposures.grant", &owner.sign(&grant));
    let data_key = || DataKey::take(&mut [6; DataKey::LEN]);
    let of = SealedFor { contract, dataset: "exposures" };
    let seal = |signed: &[u8], list| {
        let wrapped = ("alias/exposures", b"wrapped".to_vec());
        of.seal(&data_key(), wrapped, signed, &secrets, list).to_vec()
    };
    let sealed = seal(&signed, None);
    let sealed = folder.file("exposures.kms-grant", &sealed);
    let sealed = SealedGrant::parse(&sealed).unwrap();
    assert_eq!(**sealed.open_grant(&data_key(), of).unwrap(), signed);
    assert_eq!(sealed.open_secrets(&data_key(), of, &grant).unwrap(), secrets);
    assert_eq!(sealed.open_opt_outs(&data_key(), of), Ok(None));

    let list = opt_outs::list(&manifest.lineage);
    let named = Some(list.named());
    let list = room::publisher().sign(&list);
    let manifest = owner.sign(&Manifest { opt_outs: named, ..manifest });
    let signed = owner.sign(&KmsGrant { manifest, ..grant });
    let sealed = folder.file("exposures-optouts.kms-grant", &seal(&signed, Some(&list)));
    let sealed = SealedGrant::parse(&sealed).unwrap();
    assert_eq!(**sealed.open_opt_outs(&data_key(), of).unwrap().unwrap(), list);
    let context = serde_json::to_vec(&context(contract, "exposures")).unwrap();
    folder.file("context.json", &context);
    folder.finish();
}
