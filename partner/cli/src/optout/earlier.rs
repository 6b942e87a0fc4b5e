//! Whether a party's folder has the newest list of opt-outs: a list that is made without it brings back whoever is on that.

use crate::{failure::Failure, files, say, version::named_by};
use client::{keys::Identity, opt_outs::FOLDER};
use custody::{Ledger, LedgerError};
use protocol::{opt_outs::NamedOptOuts, page::number};
use std::path::Path;

/// The ledger beside the keys of `identity`, if there is one.
pub(super) fn ledger(identity: &Identity) -> Result<Option<Ledger>, Failure> {
    match Ledger::open(identity) {
        Ok(ledger) => Ok(Some(ledger)),
        Err(LedgerError::Missing { .. }) => Ok(None),
        Err(why) => Err(why.into()),
    }
}

/// Refuses to follow `newest`, the newest list in the folder `dir`, where a ledger or a manifest there names a newer one of
/// `lineage`. Without a ledger nobody knows whether there was a list before the first one there, so its owner has to say so (`is_first`).
pub(super) fn must_be_here(
    dir: &Path,
    ledger: Option<&Ledger>,
    (dataset, lineage): (&str, &str),
    newest: Option<&NamedOptOuts>,
    is_first: bool,
) -> Result<(), Failure> {
    let (folder, dataset) = (dir.join(FOLDER), say::name(dataset));
    let lacks = |named: &NamedOptOuts, who: &Path| {
        let is_here = newest.is_some_and(|newest| named.may_be_followed_by(Some(newest)));
        if is_here {
            return Ok(());
        }
        Err(Failure::no(format!(
            "{} names a list of opt-outs of {dataset} of {}, and {} does not have it: a list that is made without it would bring back \
             whoever is on it. No list was changed: bring the files there from the machine where the last one was made, and then do \
             this again",
            who.display(),
            number::moment(named.made()),
            folder.display()
        )))
    };
    if let Some(ledger) = ledger
        && let Some(named) = ledger.known_opt_outs(lineage)?
    {
        lacks(&named, &ledger.path())?;
    }
    for path in files::find(dir, "manifest")? {
        let manifest = files::read(&path).and_then(|signed| named_by(&signed, &path));
        let of_these = manifest.ok().filter(|manifest| manifest.lineage == lineage);
        if let Some(named) = of_these.and_then(|manifest| manifest.opt_outs) {
            lacks(&named, &path)?;
        }
    }
    if newest.is_some() || ledger.is_some() || is_first {
        return Ok(());
    }
    Err(Failure::no(format!(
        "{} has no list of opt-outs of {dataset}, and there is no ledger here that would know of one: a list that is made without an \
         earlier one would bring back whoever is on that. No list was changed: bring the files there from the machine where the last \
         one was made; only if there never was one, say --first",
        folder.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::digest::Digest;

    #[test]
    fn a_first_list_is_made_without_a_ledger_only_if_its_owner_says_that_it_is_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let check = |newest, is_first| {
            must_be_here(dir.path(), None, ("sales", "people"), newest, is_first)
        };
        let refused = check(None, false).unwrap_err().to_string();
        assert!(refused.contains("sales") && refused.contains("--first"), "{refused}");
        check(None, true).unwrap();
        let newest = NamedOptOuts { number: 5, places: 64, digest: Digest::of("test", b"list") };
        check(Some(&newest), false).unwrap();
    }
}
