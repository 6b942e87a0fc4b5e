//! Whose people a file holds: compared while the file is sealed, remembered afterwards.

use crate::{failure::Failure, people::PeopleArgs, say};
use client::{
    keys::Identity,
    people::{Sketch, Sketches},
};
use custody::{Ledger, LedgerError};
use protocol::contract::Contract;
use sealing::{Examine, Options};
use std::sync::{Arc, Mutex, PoisonError};

/// The people of a file while it is sealed, and how they compare with those of earlier files.
pub(crate) struct Comparison {
    sketches: Arc<Sketches>,
    ledger: Option<Arc<Mutex<Ledger>>>,
    people: PeopleArgs,
    contract: Contract,
    dataset: String,
    lineage: String,
    seen: Arc<Mutex<Option<Sketch>>>,
}

impl Comparison {
    /// Compares the people of this file with those that the party sealed before.
    pub(crate) fn new(
        identity: &Identity,
        contract: &Contract,
        dataset: &str,
        people: &PeopleArgs,
    ) -> Result<Self, Failure> {
        let found = contract.datasets.get(dataset);
        let lineage = found.map(|found| found.lineage.clone()).unwrap_or_default();
        let ledger = match Ledger::open(identity) {
            Err(LedgerError::Missing { path }) => {
                say::note(format_args!(
                    "There is no {}: whether these people have lost budget under another name is not known.",
                    path.display()
                ));
                None
            }
            ledger => Some(Arc::new(Mutex::new(ledger?))),
        };
        Ok(Self {
            sketches: Arc::new(Sketches::open(identity.directory())?),
            ledger,
            people: people.clone(),
            contract: contract.clone(),
            dataset: dataset.to_owned(),
            lineage,
            seen: Arc::default(),
        })
    }

    /// The same options, with the comparison of people added.
    pub(crate) fn options(&self, mut options: Options) -> Options {
        let (sketches, ledger) = (Arc::clone(&self.sketches), self.ledger.clone());
        let (people, seen) = (self.people.clone(), Arc::clone(&self.seen));
        let (dataset, lineage) = (self.dataset.clone(), self.lineage.clone());
        let contract = self.contract.clone();
        let decide = move |sketch: &Sketch| {
            if let Some(ledger) = &ledger {
                let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                let overlaps =
                    sketches.overlaps(&lineage, sketch).map_err(|why| why.to_string())?;
                let what = (dataset.as_str(), lineage.as_str());
                let examined = people.examine(&mut ledger, &contract, what, &overlaps);
                examined.map_err(|why| why.to_string())?;
            }
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(sketch.clone().smallest());
            Ok(())
        };
        options.examine = Some(Examine::new(Arc::clone(&self.sketches), decide));
        options
    }

    /// Remembers the people of the sealed file, and the owner's answer on whose they are, if there
    /// is one.
    pub(crate) fn keep(&self) -> Result<(), Failure> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sketch) = seen.as_ref() {
            self.sketches.add(&self.lineage, sketch)?;
        }
        if let Some(ledger) = &self.ledger {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            self.people.join(&mut ledger, &self.dataset, &self.lineage)?;
        }
        Ok(())
    }
}
