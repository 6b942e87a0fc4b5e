//! `glovebox room export`: what a party has of a room, in one folder, without the power to grant.

use super::contents::{CLOSINGS, CONTRACT, DOCUMENTS, LEDGER, LIST, LOGS, RESULTS, Writer};
use crate::{
    audit,
    common_args::{Common, CommonArgs},
    document,
    failure::Failure,
    files,
    profile::RoomWord,
    result::given::{Given, GivenFiles, Unbelieved},
    result_files, say,
    words::counted,
};
use attestation_verifier::receipt::VerifyAttestedError;
use client::{
    audit::{AuditError, KeptLog},
    clock,
    close::{CloseError, Closing},
    keys::Identity,
    saved::{SavedDocument, SavedError},
    trust::Trust,
};
use custody::{Ledger, LedgerError};
use protocol::contract::Contract;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Put what this party has of a room into one folder, for an auditor or to take along
///
/// Contract, results with their receipts and released figures, this party's view of the audit log, closings, and its ledger for
/// reading, signed as a whole. No key, no salt, no sealed file and nobody's rows: whoever has the folder can check everything in it and
/// grant nothing. Everything is checked first; what does not hold is left out and named, and the exit code is then 1. Nothing is asked of
/// the room: `audit list` gets the newest entries of its log, and what killed instances left at the host.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The room, by its name in the party's folder [default: the usual room there]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,

    /// Folder to write, which must not be there
    #[arg(short, long, value_name = "DIR", default_value = "export")]
    output: PathBuf,

    /// Where else results were opened; those in the party's folder are found
    #[arg(long, value_name = "DIR")]
    results: Vec<PathBuf>,
}

/// Something of the room that does not hold, and so is not in the export.
#[derive(Serialize)]
struct LeftOut {
    item: PathBuf,
    why: String,
}

/// What is gathered into an export.
struct Gathering<'a> {
    common: &'a Common,
    contract: Contract,
    trust: Trust,
    writer: Writer,
    left_out: Vec<LeftOut>,
}

impl Export {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let identity = Identity::load(&common.dir)?;
        let party = identity.party_in(&contract)?.to_owned();
        let found = self.find_results(&common.dir)?;
        let writer = Writer::begin(&self.output)?;
        let left_out = Vec::new();
        let mut all = Gathering { common: &common, contract, trust, writer, left_out };
        all.writer.add(CONTRACT, &files::read_contract(&common.contract)?)?;
        let results = all.results(&found)?;
        let logs = all.logs(&party)?;
        let closings = all.closings()?;
        let documents = all.documents()?;
        let ledger = all.ledger(&identity, &party)?;
        let about = about(&party, &all.contract, all.trust.is_simulated());
        all.writer.add(README, about.as_bytes())?;
        let Gathering { contract, trust, writer, left_out, .. } = all;
        let (count, signed) = writer.finish(&contract, (&party, clock::now()), &identity)?;
        document::fields(&serde_json::json!({
            "folder": self.output, "party": party, "contract": contract.digest, "simulated": trust.is_simulated(),
            "files": count, "signed": signed, "results": results, "logs": logs, "closings": closings,
            "documents": documents, "slices": ledger, "left_out": left_out,
        }))?;
        say::result(self.output.display())?;
        let slices = match ledger {
            Some(slices) => format!("its ledger ({})", counted(slices, "slice", "slices")),
            None => "no ledger".to_owned(),
        };
        say::note(format_args!(
            "What {party} has of \"{}\": the contract, {}, {}, {} and {slices}. No key is in it.",
            say::name(&contract.name),
            counted(results, "result with its receipt", "results with their receipts"),
            counted(logs, "audit log", "audit logs"),
            counted(closings, "closing", "closings"),
        ));
        if !signed {
            say::note(
                "It is not signed: this folder has neither a service nor an analyst key. Nothing shows that its ledger is this party's.",
            );
        }
        say::note(format_args!(
            "To check it anywhere, without a network: glovebox room check {}{}",
            protocol::text::in_shell(&self.output.display().to_string()),
            if trust.is_simulated() { " --danger-root FILE" } else { "" }
        ));
        for LeftOut { item, why } in &left_out {
            say::note(format_args!("NOT IN IT: {}: {}", say::name(item.display()), say::name(why)));
        }
        Ok(if left_out.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The folders with receipts in the party's folder, and in those that were named.
    fn find_results(&self, dir: &Path) -> Result<BTreeSet<PathBuf>, Failure> {
        let mut found = result_files::folders(dir)?;
        for folder in &self.results {
            found.extend(result_files::folders(folder)?);
        }
        Ok(found)
    }
}

impl Gathering<'_> {
    fn leave_out(&mut self, item: &Path, why: impl std::fmt::Display) {
        self.left_out.push(LeftOut { item: item.to_owned(), why: why.to_string() });
    }

    /// Results of this contract, each under the name of its job, once.
    fn results(&mut self, folders: &BTreeSet<PathBuf>) -> Result<usize, Failure> {
        let mut taken = BTreeSet::new();
        for folder in folders {
            let given = GivenFiles::of(folder);
            let checked = match Given::believed(&given, self.common, &self.trust) {
                Ok(believed) => believed.checked,
                Err(Unbelieved::Receipt(why)) if why.is_of_another_contract() => continue,
                Err(Unbelieved::Receipt(why)) => {
                    self.leave_out(folder, why);
                    continue;
                }
                Err(Unbelieved::Other(why)) => {
                    self.leave_out(folder, why);
                    continue;
                }
            };
            let job = checked.job.name();
            if !taken.insert(job) {
                continue;
            }
            let beside = [
                ("result.json", Some(&given.result)),
                ("receipt.cbor", Some(&given.receipt)),
                ("released.cbor", given.released.as_ref()),
            ];
            for (name, path) in beside {
                if let Some(path) = path {
                    self.writer.add(&format!("{RESULTS}/{job}/{name}"), &files::read(path)?)?;
                }
            }
        }
        Ok(taken.len())
    }

    /// The party's view of the log of each instance. What others kept is in their exports.
    fn logs(&mut self, party: &str) -> Result<usize, Failure> {
        let mut taken = BTreeSet::new();
        for path in files::find(&self.common.dir.join(audit::FOLDER), "audit")? {
            let bytes = files::read(&path)?;
            match KeptLog::from_bytes(&bytes, &self.contract) {
                Ok(log) if log.party() != party || !taken.insert(log.instance()) => {}
                Ok(log) => {
                    self.writer.add(&format!("{LOGS}/{}.audit", log.instance()), &bytes)?;
                }
                Err(AuditError::OtherContract { .. }) => {}
                Err(why) => self.leave_out(&path, why),
            }
        }
        Ok(taken.len())
    }

    fn closings(&mut self) -> Result<usize, Failure> {
        let mut taken = BTreeSet::new();
        for path in files::find(&self.common.dir.join(CLOSINGS), "closing")? {
            let bytes = files::read(&path)?;
            match Closing::verify(&bytes, &self.contract, &self.trust, None) {
                Ok(closing) if !taken.insert(closing.body().instance) => {}
                Ok(closing) => {
                    let instance = closing.body().instance;
                    self.writer.add(&format!("{CLOSINGS}/{instance}.closing"), &bytes)?;
                }
                Err(CloseError::NotBelieved(VerifyAttestedError::StatementContract)) => {}
                Err(why) => self.leave_out(&path, why),
            }
        }
        Ok(taken.len())
    }

    /// The documents for which the party believed instances.
    fn documents(&mut self) -> Result<usize, Failure> {
        let mut taken = BTreeSet::new();
        for path in files::find(&self.common.dir.join(DOCUMENTS), "document")? {
            let bytes = files::read(&path)?;
            match SavedDocument::verify(&bytes, &self.contract, &self.trust) {
                Ok(saved) => {
                    let name = format!("{}-{}", saved.instance.digest(), saved.time.0);
                    if taken.insert(name.clone()) {
                        self.writer.add(&format!("{DOCUMENTS}/{name}.document"), &bytes)?;
                    }
                }
                Err(SavedError::OtherContract { .. }) => {}
                Err(why) => self.leave_out(&path, why),
            }
        }
        Ok(taken.len())
    }

    /// The ledger for reading; `None` for a folder without one. Returns how many slices it has.
    fn ledger(&mut self, identity: &Identity, party: &str) -> Result<Option<usize>, Failure> {
        let ledger = match Ledger::open(identity) {
            Err(LedgerError::Missing { .. }) => return Ok(None),
            ledger => ledger?,
        };
        let record = ledger.record(&self.contract, party)?;
        self.writer.add(LEDGER, lines(&record)?.as_bytes())?;
        Ok(Some(record.slices.len()))
    }
}

/// An object in JSON with each of its fields, and each item of a list, on a line of its own.
fn lines(value: &impl Serialize) -> Result<String, Failure> {
    let value = serde_json::to_value(value).map_err(Failure::unclear)?;
    let fields = value.as_object().into_iter().flatten().map(|(name, value)| match value {
        serde_json::Value::Array(items) if !items.is_empty() => {
            let items: Vec<_> = items.iter().map(|item| format!("  {item}")).collect();
            format!("\"{name}\": [\n{}\n]", items.join(",\n"))
        }
        value => format!("\"{name}\": {value}"),
    });
    Ok(format!("{{\n{}\n}}\n", fields.collect::<Vec<_>>().join(",\n")))
}

/// What a stranger reads first.
fn about(party: &str, contract: &Contract, simulated: bool) -> String {
    let root = if simulated { " --danger-root FILE" } else { "" };
    let owned = contract.datasets.iter().filter(|(_, dataset)| dataset.owner == party);
    let owned: Vec<&str> = owned.map(|(name, _)| name.as_str()).collect();
    let ledger = if owned.is_empty() {
        format!("{party} owns no dataset of it, so no ledger of {party}'s says what was asked.")
    } else {
        format!(
            "{LEDGER} is complete for what {party} owns ({}): nothing that costs budget runs without an entry there.\n\
             The other owners' ledgers are in their exports.",
            owned.join(", ")
        )
    };
    let files = [
        (CONTRACT, "what all parties signed".to_owned()),
        (
            "results/JOB/",
            "each answer, its receipt, and the released figures from which it is derived again"
                .to_owned(),
        ),
        ("audit/", format!("what each instance decided, as {party} may read it")),
        ("closings/", "what each closed instance spent, in its own attested words".to_owned()),
        (
            "documents/",
            format!("why {party} believed an instance: attestation documents that it kept"),
        ),
        (
            LEDGER,
            format!("what was handed out of {party}'s budgets: every paid question about its data"),
        ),
        (LIST, "all of these files with their SHA-256, signed in export.signature".to_owned()),
    ];
    let files: Vec<_> = files.iter().map(|(file, what)| format!("  {file:<16}  {what}")).collect();
    format!(
        "What {party} has of the room \"{}\", contract\n{}.\n\n\
         To check all of it, on any machine, without a network and without keys:\n\n    \
         glovebox room check THIS-FOLDER --contract YOUR-OWN-COPY{root}\n\n\
         Give several exports of the room to compare them. Without a copy of the contract, the one in here is the\n\
         word of whoever wrote the folder.\n\n{}\n\n{ledger}\n\n\
         There is no key, no salt, no sealed file and no row in it: it grants nothing and opens nothing. That\n\
         {party} keeps no other copy of anything cannot be proven.\n",
        contract.name,
        contract.digest,
        files.join("\n")
    )
}

const README: &str = "README.txt";
