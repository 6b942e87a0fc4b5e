use crate::{failure::Failure, files::Paper, people::PeopleArgs, say};
use client::{
    clock,
    custody::{Ledger, LedgerError},
    keys::Identity,
    people::{Sketch, Sketches},
    seal::{self, Count, Examine, Options},
};
use protocol::contract::Contract;
use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

/// Seal a table for the room: checked, hashed, shuffled, padded and encrypted on this machine
///
/// Reads CSV with a header, Parquet or Arrow IPC; writes STEM.sealed for the host, STEM.manifest
/// and STEM.keys for the grant. The keys stay here.
#[derive(Debug, clap::Args)]
pub(crate) struct Seal {
    /// The table; with --adopt, the .sealed file that pyarrow wrote
    input: PathBuf,

    /// The contract
    #[arg(long, value_name = "FILE")]
    contract: PathBuf,

    /// Which dataset of the contract it is
    #[arg(long, value_name = "NAME")]
    dataset: String,

    /// Directory with the owner's keys
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Version of the dataset, which must grow [default: seconds since 1970]
    #[arg(long, value_name = "N")]
    version: Option<u64>,

    /// Put bad rows here and seal the others; without it one bad row stops the sealing
    #[arg(long, value_name = "FILE", conflicts_with = "adopt")]
    reject_file: Option<PathBuf>,

    /// Stem of the files to write [default: the dataset's name]
    #[arg(short, long, value_name = "STEM", conflicts_with = "adopt")]
    output: Option<PathBuf>,

    /// Sign for a file that pyarrow has encrypted already, with these column keys
    #[arg(long, value_name = "KEYS")]
    adopt: Option<PathBuf>,

    #[command(flatten)]
    people: PeopleArgs,
}

impl Seal {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let contract = Paper::read(&self.contract)?.contract;
        let identity = Identity::load(&self.dir)?;
        identity.party_in(&contract)?;
        let key = identity.signing();
        let version = self.version.unwrap_or(clock::now().0 / 1000);
        let examined = self.examined(&identity, &contract)?;
        let sealed = if let Some(keys) = &self.adopt {
            seal::adopt(
                &self.input,
                keys,
                &contract,
                &self.dataset,
                key,
                version,
                &examined.options(None),
            )?
        } else {
            let stem = self.output.clone().unwrap_or_else(|| PathBuf::from(&self.dataset));
            let options = examined.options(self.reject_file.clone());
            let bar = say::share_bar();
            let sealed = seal::seal(
                &self.input,
                &contract,
                &self.dataset,
                key,
                version,
                &stem,
                &options,
                &mut |done, total| {
                    bar.set_length(total);
                    bar.set_position(done);
                },
            );
            bar.finish_and_clear();
            sealed?
        };
        examined.keep()?;
        tell(&sealed.count, sealed.padded);
        if let Some(rejects) = &sealed.files.rejects {
            say::note(format_args!("Bad rows are in {}.", rejects.display()));
        }
        say::result(format_args!(
            "{}  {}",
            sealed.manifest.digest(),
            sealed.files.manifest.display()
        ))?;
        say::result(format_args!(
            "{}  {}",
            sealed.manifest.manifest().root,
            sealed.files.sealed.display()
        ))?;
        say::note(format_args!("{} opens it: keep it here.", sealed.files.keys.display()));
        Ok(ExitCode::SUCCESS)
    }
}

impl Seal {
    /// Looks for the people of this file in what the party sealed before.
    fn examined(&self, identity: &Identity, contract: &Contract) -> Result<Examined, Failure> {
        let found = contract.datasets.get(&self.dataset);
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
        Ok(Examined {
            sketches: Arc::new(Sketches::open(identity.directory())?),
            ledger,
            people: self.people.clone(),
            dataset: self.dataset.clone(),
            lineage,
            seen: Arc::default(),
        })
    }
}

/// What is done with the people of a file while it is sealed.
struct Examined {
    sketches: Arc<Sketches>,
    ledger: Option<Arc<Mutex<Ledger>>>,
    people: PeopleArgs,
    dataset: String,
    lineage: String,
    seen: Arc<Mutex<Option<Sketch>>>,
}

impl Examined {
    fn options(&self, reject_file: Option<PathBuf>) -> Options {
        let mut options = reject_file.map_or_else(Options::default, Options::rejecting_into);
        let (sketches, ledger) = (Arc::clone(&self.sketches), self.ledger.clone());
        let (people, seen) = (self.people.clone(), Arc::clone(&self.seen));
        let (dataset, lineage) = (self.dataset.clone(), self.lineage.clone());
        let decide = move |sketch: &Sketch| {
            if let Some(ledger) = &ledger {
                let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                let overlaps =
                    sketches.overlaps(&lineage, sketch).map_err(|why| why.to_string())?;
                let examined = people.examine(&mut ledger, (&dataset, &lineage), &overlaps);
                examined.map_err(|why| why.to_string())?;
            }
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(sketch.clone());
            Ok(())
        };
        options.examine = Some(Examine::new(Arc::clone(&self.sketches), decide));
        options
    }

    /// Remembers the people of what was sealed, and whose they are if that was said.
    fn keep(&self) -> Result<(), Failure> {
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

fn tell(count: &Count, padded: u64) {
    let of = match count.people {
        people if people == 0 || people == count.rows => String::new(),
        people => format!(" of {people} people"),
    };
    say::note(format_args!("{} rows{of} sealed, padded to {padded}.", count.rows));
    if count.no_identifier > 0 {
        say::note(format_args!(
            "{} of them have no identifier and match nobody.",
            count.no_identifier
        ));
    }
    if count.rejected > 0 {
        say::note(format_args!("{} rows rejected, the first:", count.rejected));
        count.first.iter().for_each(|row| say::note(format_args!("  {row}")));
    }
}
