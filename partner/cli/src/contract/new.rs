use crate::{failure::Failure, files, say};
use attestation_verifier::{InvalidPcr, Pcr, registers};
use client::keys;
use protocol::{
    contract::Contract, hpke::RecipientKey, page::danger, sign::PublicKey, text, time::Time,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt::Display,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Write a contract for a lift room, to be edited and then signed
///
/// The first party owns who was sent what (the arms), the second what people did (the outcomes).
/// Columns, arms and budgets in the file are an example: edit them before anybody signs. Analyses of
/// another kind to add: protocol/src/analysis/KIND/README.md.
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

    /// JSON with the registers of the accepted build: a build manifest, or what `nitro-cli
    /// build-enclave` prints
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
                "found --party {}, expected it twice: first the party that owns who was sent what, then the one \
                 that owns what people did",
                match self.parties.len() {
                    1 => "once".to_owned(),
                    times => format!("{times} times"),
                }
            )));
        };
        let (publisher, retailer) = (Snippet::read(publisher)?, Snippet::read(retailer)?);
        let pcrs = self.registers()?;
        let now = client::clock::now();
        let expires = self.expires.unwrap_or_else(|| now.plus_seconds(YEAR));
        if expires <= now {
            return Err(Failure::unclear(format!("--expires {expires} is past: it is {now} now")));
        }
        let filled = TEMPLATE
            .replace("{NAME}", &self.name)
            .replace("{EXPIRES}", &expires.to_string())
            .replace(
                "{PARTIES}",
                &format!("{}\n{}", publisher.table().trim(), retailer.table().trim()),
            )
            .replace("{PUBLISHER}", &publisher.name)
            .replace("{RETAILER}", &retailer.name);
        let filled = pcrs.iter().fold(filled, |page, (index, pcr)| {
            page.replace(&format!("{{PCR{index}}}"), &pcr.to_string())
        });
        let contract = Contract::parse(filled.as_bytes()).map_err(Failure::unclear)?;
        if self.output.exists() {
            let output = self.output.display();
            return Err(Failure::unclear(format!("{output} exists already: name another with -o")));
        }
        files::write(&self.output, filled.as_bytes())?;
        say::result(format_args!("{}  {}", contract.digest, self.output.display()))?;
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
        say::note(
            "If people may refuse, the consent column belongs in the data that assigns them to arms: \
             asked in the outcomes alone, it is known only of people who have one.",
        );
        say::note("Edit it until everybody agrees; then each party runs `glovebox contract sign`.");
        Ok(ExitCode::SUCCESS)
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

/// One party's part of a contract.
///
/// What the other side sent is parsed and written anew: a contract is what its writer agreed to, and a
/// second table in that file, say of a build, is none of it.
struct Snippet {
    name: String,
    signing_key: PublicKey,
    recipient_key: RecipientKey,
    custody: Option<String>,
}

impl Snippet {
    fn read(path: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            party: Vec<Party>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Party {
            name: String,
            signing_key: String,
            recipient_key: String,
            custody: Option<String>,
        }
        let unreadable = |why: &str| {
            Failure::unclear(format!(
                "{}: {why}; expected party.toml as `glovebox init` writes it: one [[party]] with name, \
                 signing_key, recipient_key and perhaps custody, and nothing else",
                path.display()
            ))
        };
        let page = files::read_text_at_most(path, MOST_PARTY)?;
        let file: File =
            toml::from_str(&page).map_err(|e| unreadable(&text::plain_toml(e.message())))?;
        let Ok([party]) = <[Party; 1]>::try_from(file.party) else {
            return Err(unreadable("it does not have exactly one [[party]]"));
        };
        keys::check_words(&party.name, party.custody.as_deref())
            .map_err(|e| unreadable(&e.to_string()))?;
        let unreadable = |what, why: &dyn Display| unreadable(&format!("{what}: {why}"));
        Ok(Self {
            signing_key: party.signing_key.parse().map_err(|e| unreadable("signing_key", &e))?,
            recipient_key: party
                .recipient_key
                .parse()
                .map_err(|e| unreadable("recipient_key", &e))?,
            name: party.name,
            custody: party.custody,
        })
    }

    fn table(&self) -> String {
        keys::party_toml(
            &self.name,
            &self.signing_key,
            &self.recipient_key,
            self.custody.as_deref(),
        )
    }
}

/// Bytes of a party.toml: twenty times what its keys take.
const MOST_PARTY: u64 = 64 << 10;
const YEAR: u64 = 365 * 86_400;
const TEMPLATE: &str = include_str!("template.toml");
