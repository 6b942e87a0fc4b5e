use crate::{failure::Failure, files, say};
use protocol::{contract::Contract, time::Time};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Write a contract for a lift room, to be edited and then signed
///
/// The first party owns who was sent what (the arms), the second what people did (the outcomes).
/// Columns, arms and budgets in the file are an example: edit them before anybody signs. How to add
/// an analysis of counts and sums by group: protocol/spec/job-v1.md, section 1.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// What people call it: a-z, 0-9, '-' and '_'
    #[arg(long)]
    name: String,

    /// party.toml of a party, as `glovebox init` wrote it; twice
    #[arg(long = "party", value_name = "FILE", required = true)]
    parties: Vec<PathBuf>,

    /// A register of the accepted build, such as 0=HEX; for 0, 1 and 2
    #[arg(long = "pcr", value_name = "N=HEX", conflicts_with = "pcrs")]
    pcr: Vec<String>,

    /// JSON with the registers of the accepted build: {"pcrs": {"0": HEX, "1": HEX, "2": HEX}}
    #[arg(long, value_name = "FILE")]
    pcrs: Option<PathBuf>,

    /// When it ends, such as 2027-12-31T00:00:00Z [default: in a year]
    #[arg(long, value_name = "TIME")]
    expires: Option<Time>,

    /// Where to write it
    #[arg(short, long, value_name = "FILE", default_value = "contract.toml")]
    output: PathBuf,
}

impl New {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let [publisher, retailer] = self.parties.as_slice() else {
            return Err(Failure::unclear(format!(
                "found {} --party, expected two",
                self.parties.len()
            )));
        };
        let (publisher, retailer) = (Snippet::read(publisher)?, Snippet::read(retailer)?);
        let pcrs = self.registers()?;
        let now = client::clock::now();
        let expires = self.expires.unwrap_or_else(|| now.plus_seconds(YEAR));
        if expires <= now {
            return Err(Failure::unclear(format!("--expires {expires} is past: it is {now} now")));
        }
        let text = TEMPLATE
            .replace("{NAME}", &self.name)
            .replace("{EXPIRES}", &expires.to_string())
            .replace("{PARTIES}", &format!("{}\n{}", publisher.text.trim(), retailer.text.trim()))
            .replace("{PUBLISHER}", &publisher.name)
            .replace("{RETAILER}", &retailer.name);
        let text = pcrs
            .iter()
            .fold(text, |text, (index, pcr)| text.replace(&format!("{{PCR{index}}}"), pcr));
        let contract = Contract::parse(text.as_bytes()).map_err(Failure::unclear)?;
        if self.output.exists() {
            let output = self.output.display();
            return Err(Failure::unclear(format!("{output} exists already: name another with -o")));
        }
        files::write(&self.output, text.as_bytes())?;
        say::result(format_args!("{}  {}", contract.digest, self.output.display()))?;
        say::note("Edit it until everybody agrees; then each party runs `glovebox contract sign`.");
        Ok(ExitCode::SUCCESS)
    }

    fn registers(&self) -> Result<BTreeMap<u8, String>, Failure> {
        let mut found = match &self.pcrs {
            Some(path) => files::registers(path)?,
            None => BTreeMap::new(),
        };
        for text in &self.pcr {
            let pair = text.split_once('=');
            let pair = pair.and_then(|(index, hex)| Some((index.parse().ok()?, hex.to_owned())));
            let (index, hex) =
                pair.ok_or_else(|| Failure::unclear(format!("--pcr {text}: expected N=HEX")))?;
            found.insert(index, hex);
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

/// One party's part of a contract, as that party wrote it.
struct Snippet {
    name: String,
    text: String,
}

impl Snippet {
    fn read(path: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct File {
            party: Vec<Party>,
        }
        #[derive(Deserialize)]
        struct Party {
            name: String,
        }
        let text = files::read_text(path)?;
        let unreadable = |why: &str| Failure::unclear(format!("{}: {why}", path.display()));
        let file: File = toml::from_str(&text).map_err(|e| unreadable(e.message()))?;
        match file.party.as_slice() {
            [Party { name }] => Ok(Self { name: name.clone(), text }),
            _ => Err(unreadable("expected one [[party]]")),
        }
    }
}

const YEAR: u64 = 365 * 86_400;
const TEMPLATE: &str = include_str!("template.toml");
