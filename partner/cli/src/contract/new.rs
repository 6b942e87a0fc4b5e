use super::{facts::compared, header, rebuilt, snippet::Snippet, successor::Successor};
use crate::{document, failure::Failure, files, salt, say};
use attestation_verifier::{InvalidPcr, Pcr, registers};
use client::{keys, salts};
use protocol::{
    analysis,
    contract::{Contract, Terms, draft},
    page::danger,
    salt::{BucketSalt, SealedSalts},
    text,
    time::Time,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Write a contract for one kind of analysis, to be edited and then signed
///
/// With --from a dataset's section is printed instead, made from the header of its table; no row is read.
///
/// With --supersedes the contract that is replaced is taken over, text and comments: only name, end and
/// predecessor are others, and the parties and the build that are given. What both say differently is
/// printed.
///
/// Datasets belong to the parties in turn: of a lift, the first party owns who was sent what (the
/// arms), the second what people did (the outcomes). Columns, arms and budgets in the file are an
/// example: edit them before anybody signs. To add analyses of another kind, see
/// protocol/src/analysis/KIND/README.md. FILE.salts, beside the contract, has its bucket salt, sealed
/// to each party: send it along, `glovebox contract sign` takes it from there.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Name of the contract: a-z, 0-9, '-' and '_'
    #[arg(long, required_unless_present = "from")]
    name: Option<String>,

    /// Print the section of a dataset, with a role guessed for each column of this table: CSV with a header, or Parquet
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "kind", "parties", "supersedes", "pcr", "pcrs", "expires"])]
    from: Option<PathBuf>,

    /// With --from, the dataset's name [default: the file's]
    #[arg(long, value_name = "NAME", requires = "from")]
    dataset: Option<String>,

    /// With --from, the dataset's owner
    #[arg(long, value_name = "PARTY", requires = "from")]
    owner: Option<String>,

    /// The kind of analysis, whose example is made from what it reads [default: a worked example of a lift,
    /// or the contract that is replaced]
    #[arg(long)]
    kind: Option<String>,

    /// party.toml of a party, as `glovebox init` wrote it; once for each party. With --supersedes, only of
    /// parties that are new or have new keys
    #[arg(long = "party", value_name = "FILE", required_unless_present_any = ["supersedes", "from"])]
    parties: Vec<PathBuf>,

    /// A register of the accepted build, such as 0=HEX; give it for 0, 1 and 2. With --supersedes, builds
    /// are kept if none is given
    #[arg(long = "pcr", value_name = "N=HEX", conflicts_with = "pcrs")]
    pcr: Vec<String>,

    /// JSON with the registers of the accepted build: a build manifest, or what `nitro-cli
    /// build-enclave` prints
    #[arg(long, value_name = "FILE")]
    pcrs: Option<PathBuf>,

    /// When the contract ends, such as 2027-12-31T00:00:00Z [default: in a year]
    #[arg(long, value_name = "TIME")]
    expires: Option<Time>,

    /// The signed contract that this one replaces; its bucket salt is kept
    #[arg(long, value_name = "FILE")]
    supersedes: Option<PathBuf>,

    /// Directory of the party that writes the contract; it has the bucket salt of the contract that
    /// is replaced
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Where to write the contract
    #[arg(short, long, value_name = "FILE", default_value = "contract.toml")]
    output: PathBuf,
}

impl New {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        if let Some(path) = &self.from {
            header::print(path, self.dataset.as_deref(), self.owner.as_deref())?;
            return Ok(ExitCode::SUCCESS);
        }
        self.write()
    }

    fn write(&self) -> Result<ExitCode, Failure> {
        let name = self.name.as_deref().unwrap_or_default();
        keys::check_words(name, None).map_err(|why| Failure::unclear(format!("--name: {why}")))?;
        let parties = self.parties.iter().map(|path| Snippet::read(path));
        let parties = parties.collect::<Result<Vec<_>, _>>()?;
        let now = client::clock::now();
        let expires = self.expires.unwrap_or_else(|| now.plus_seconds(YEAR));
        if expires <= now {
            return Err(Failure::unclear(format!("--expires {expires} is past: it is {now} now")));
        }
        let (salt, replaced) = self.salt()?;
        let filled = match (&self.supersedes, &replaced) {
            (Some(path), Some(replaced)) if self.kind.is_none() => {
                self.successor(path, name, replaced, expires, &parties)?
            }
            _ if parties.is_empty() => {
                return Err(Failure::unclear(
                    "--kind writes an example anew: give --party for each party, or leave --kind out to take the text of \
                     the contract that is replaced",
                ));
            }
            _ => {
                let head = Head { name, expires, salt: &salt, replaced: replaced.as_ref() };
                head.contract(self.kind.as_deref(), &parties, &self.registers()?)?
            }
        };
        let contract = Contract::parse(filled.as_bytes()).map_err(Failure::unclear)?;
        if self.output.exists() {
            let output = self.output.display();
            return Err(Failure::unclear(format!("{output} exists already: name another with -o")));
        }
        let beside = salt::beside(&self.output);
        let keys =
            contract.parties.iter().map(|(name, party)| (name.as_str(), &party.recipient_key));
        let sealed = SealedSalts::seal(&salt, keys, &mut keys::generator()?);
        files::write(&beside, &sealed.map_err(Failure::unclear)?.to_vec())?;
        files::write(&self.output, filled.as_bytes())?;
        document::fields(&serde_json::json!({
            "contract": contract.digest, "file": self.output, "salts_file": beside,
        }))?;
        say::result(format_args!("{}  {}", contract.digest, self.output.display()))?;
        for change in replaced.iter().flat_map(|before| compared(before, &contract)) {
            say::note(change);
        }
        for analysis in contract.analyses.keys() {
            for danger in danger::dangers(&contract, analysis) {
                say::note(danger);
            }
        }
        for dataset in contract.datasets.keys() {
            if let Some(danger) = danger::several_identifiers(&contract, dataset) {
                say::note(format_args!("dataset \"{dataset}\": {danger}"));
            }
        }
        let has_arms = |terms: &Terms| terms.section().uses.iter().any(|used| used.key == ARM);
        if contract.analyses.values().any(has_arms) {
            say::note(
                "If people may refuse, the consent column belongs in the data that assigns them to arms: \
                 asked in the outcomes alone, it is known only of people who have one.",
            );
        }
        say::note(format_args!(
            "Edit it until everybody agrees; then each party runs `glovebox contract sign`, with {} beside the \
             contract.",
            beside.display()
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// The bucket salt, and the contract that is replaced. The salt is new, unless that contract
    /// has one.
    fn salt(&self) -> Result<(BucketSalt, Option<Contract>), Failure> {
        let Some(path) = &self.supersedes else {
            return Ok((salts::fresh()?, None));
        };
        let replaced = files::signed_contract(path)?;
        Ok((salts::named_by(&self.dir, &replaced).map_err(Failure::no)?, Some(replaced)))
    }

    /// The text of the contract that is replaced, with what was given here in place of what it says.
    fn successor(
        &self,
        path: &Path,
        name: &str,
        replaced: &Contract,
        expires: Time,
        parties: &[Snippet],
    ) -> Result<String, Failure> {
        let (text, _) = files::contract_text(path)?;
        let text = String::from_utf8(text).map_err(Failure::unclear)?;
        let has_build = !self.pcr.is_empty() || self.pcrs.is_some();
        let pcrs = if has_build { self.registers()? } else { BTreeMap::new() };
        let supersedes = replaced.digest;
        let manifest = self.pcrs.as_deref().map(rebuilt::digest).transpose()?.flatten();
        let successor = Successor { name, expires, supersedes, parties, pcrs: &pcrs, manifest };
        successor.text(&text)
    }

    fn registers(&self) -> Result<BTreeMap<u8, Pcr>, Failure> {
        let mut found = match &self.pcrs {
            Some(path) => files::registers(path)?,
            None => BTreeMap::new(),
        };
        for text in &self.pcr {
            let unclear = |why: &str| Failure::unclear(format!("--pcr {text}: {why}"));
            let (index, hex) = text.split_once('=').ok_or_else(|| unclear("expected N=HEX"))?;
            let index = registers::index(index).ok_or_else(|| unclear("N is 0 to 31"))?;
            let pcr = hex.parse().map_err(|why: InvalidPcr| unclear(&why.to_string()))?;
            found.insert(index, pcr);
        }
        match (0..3).find(|index| !found.contains_key(index)) {
            Some(index) => Err(Failure::unclear(format!(
                "PCR {index} of the build is not given: name it with --pcr {index}=HEX, or all of \
                 them with --pcrs FILE"
            ))),
            None => Ok(found),
        }
    }
}

/// The part of a contract that stands before its parties.
struct Head<'a> {
    name: &'a str,
    expires: Time,
    salt: &'a BucketSalt,
    replaced: Option<&'a Contract>,
}

impl Head<'_> {
    /// The whole contract: the worked example, or one made from what a kind of analysis declares that it reads.
    fn contract(
        &self,
        kind: Option<&str>,
        parties: &[Snippet],
        pcrs: &BTreeMap<u8, Pcr>,
    ) -> Result<String, Failure> {
        let names: Vec<&str> = parties.iter().map(|party| party.name.as_str()).collect();
        let tables: Vec<_> = parties.iter().map(|party| party.table().trim().to_owned()).collect();
        let text = match kind {
            None => TEMPLATE.to_owned(),
            Some(kind) => {
                let section = analysis::section(kind).ok_or_else(|| no_such_kind(kind))?;
                GENERATED.replace("{EXAMPLE}", &draft::example(section, &names, "measurement"))
            }
        };
        let owners: Vec<&str> = names.iter().copied().cycle().take(2).collect();
        let replaced = self
            .replaced
            .map_or(String::new(), |contract| format!("supersedes = \"{}\"\n", contract.digest));
        let filled = text
            .replace("{NAME}", self.name)
            .replace("{EXPIRES}", &self.expires.to_string())
            .replace("{BUCKET_SALT}", &self.salt.digest().to_string())
            .replace("{SUPERSEDES}\n", &replaced)
            .replace("{PARTIES}", &tables.join("\n\n"))
            .replace("{EVERYBODY}", &format!("{names:?}"))
            .replace("{PUBLISHER}", owners.first().copied().unwrap_or_default())
            .replace("{RETAILER}", owners.last().copied().unwrap_or_default());
        Ok(pcrs.iter().fold(filled, |page, (index, pcr)| {
            page.replace(&format!("{{PCR{index}}}"), &pcr.to_string())
        }))
    }
}

fn no_such_kind(kind: &str) -> Failure {
    if let Some(other) = analysis::asked_under(kind) {
        return Failure::unclear(format!("a {kind} is asked under a {other}: --kind {other}"));
    }
    let known: Vec<_> = analysis::sections().map(|section| section.kind).collect();
    Failure::unclear(format!(
        "--kind {}: there is no such kind of analysis, expected one of {}",
        text::beginning(kind),
        known.join(", ")
    ))
}

/// The key of a contract under which people's arms are listed.
const ARM: &str = "arm";
const YEAR: u64 = 365 * 86_400;
const TEMPLATE: &str = include_str!("template.toml");
const GENERATED: &str = include_str!("generated.toml");
