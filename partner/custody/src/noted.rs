//! What a ledger is told of lists of opt-outs, and tells of them.

use super::{error::LedgerError, ledger::Ledger, opt_outs};
use protocol::{contract::Contract, opt_outs::NamedOptOuts, refusal::Refusal, time::Time};

impl Ledger {
    /// The newest list of opt-outs of `lineage` that the ledger knows.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the ledger cannot be read.
    pub fn known_opt_outs(&self, lineage: &str) -> Result<Option<NamedOptOuts>, LedgerError> {
        opt_outs::known(self.db(), lineage)
    }

    /// Notes that the party's `dataset` has the list `named` from now on, none if it has none: whoever makes a list, or grants
    /// the dataset with one, says so here first. Refuses an older list than the ledger knows, or than lies in its folder.
    ///
    /// # Errors
    ///
    /// [`LedgerError::OlderOptOuts`], [`LedgerError::FutureOptOuts`], or if the ledger cannot be read or written.
    pub fn note_opt_outs(
        &mut self,
        contract: &Contract,
        dataset: &str,
        named: Option<&NamedOptOuts>,
        now: Time,
    ) -> Result<(), LedgerError> {
        let directory = self.directory();
        let named = named.map(|named| (dataset.to_owned(), *named)).into_iter().collect();
        let noted = self.beside_the_accounts(|tx| {
            opt_outs::note(tx, &directory, contract, ([dataset].as_slice(), &named), now)
        });
        noted.map_err(|error| match error {
            LedgerError::Refused(why) if matches!(*why, Refusal::OlderOptOuts { .. }) => {
                let folder = directory.join(client::opt_outs::FOLDER);
                LedgerError::OlderOptOuts { dataset: dataset.to_owned(), folder }
            }
            other => other,
        })
    }
}
