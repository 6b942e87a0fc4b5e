//! The bucket salt of a contract: kept in a party's folder once it has signed, and before that sealed to it in a file
//! beside the contract.

use crate::{failure::Failure, files};
use client::{keys::Identity, salts};
use protocol::{
    contract::Contract,
    hpke::OpenError,
    salt::{BucketSalt, SealedSalts},
};
use std::path::{Path, PathBuf};

/// The file beside a contract, signed or not, that has its bucket salts.
pub(crate) fn beside(contract: &Path) -> PathBuf {
    let mut name = match contract.extension() {
        Some(extension) if extension == "signed" => contract.with_extension("").into_os_string(),
        _ => contract.as_os_str().to_owned(),
    };
    name.push(".salts");
    PathBuf::from(name)
}

/// The salt of `contract`, which is in `file` and which the party may not have signed yet.
pub(crate) fn of(
    identity: &Identity,
    contract: &Contract,
    file: &Path,
) -> Result<BucketSalt, Failure> {
    let dir = identity.directory();
    if let Some(salt) = salts::find(dir, &contract.bucket_salt).map_err(Failure::no)? {
        return Ok(salt);
    }
    let path = beside(file);
    if path.exists() {
        return opened(identity, contract, &path);
    }
    salts::named_by(dir, contract).map_err(Failure::no)
}

/// The salt of `contract` that is sealed to the party in the file at `path`.
pub(crate) fn opened(
    identity: &Identity,
    contract: &Contract,
    path: &Path,
) -> Result<BucketSalt, Failure> {
    let party = identity.party_in(contract)?;
    let recipient = identity.recipient()?;
    let sealed = SealedSalts::parse(&files::read(path)?);
    let opened = sealed.and_then(|sealed| sealed.open(&contract.bucket_salt, party, recipient));
    opened.map_err(|why| match why {
        OpenError::NotForThis => Failure::no(format!(
            "{} does not have the bucket salt of this contract for {party}: it is the .salts of another \
             contract: the one written beside this contract is needed",
            path.display()
        )),
        why => files::named(path, format_args!("the bucket salts: {why}")),
    })
}
