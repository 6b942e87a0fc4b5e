//! Options that say what to expect.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use attestation_verifier::{Expected, Pcr, Region, Root, danger, registers};

use crate::{failure::Failure, input, report};

/// Where trust begins, and which build is expected.
#[derive(Debug, clap::Args)]
pub(crate) struct Expectation {
    #[command(flatten)]
    pub(crate) trust: Trust,

    /// A register and the value it must have; repeat for more
    #[arg(long, value_name = "N=HEX", value_parser = pcr)]
    pcr: Vec<(u8, Pcr)>,

    /// JSON that names the registers: a build manifest, or what `nitro-cli build-enclave` prints
    #[arg(long, value_name = "MANIFEST")]
    build: Option<PathBuf>,

    /// A region of AWS that the enclave may run in, such as eu-central-1; repeat for more. Without any, every region is
    /// accepted
    #[arg(long, value_name = "NAME")]
    region: Vec<Region>,

    /// Accept an enclave in debug mode, whose operator sees everything in it
    #[arg(long)]
    pub(crate) allow_debug: bool,
}

impl Expectation {
    /// What is expected, under a root that was read before: a pipe can be read only once.
    pub(crate) fn expected(&self, root: &Root) -> Result<Expected, Failure> {
        let mut pcrs = BTreeMap::new();
        let manifest = self.build.as_deref().map(build).transpose()?.unwrap_or_default();
        for (index, value) in manifest.into_iter().chain(self.pcr.iter().copied()) {
            if pcrs.insert(index, value).is_some_and(|before| before != value) {
                return Err(Failure::PcrTwice { index });
            }
        }
        let regions = self.region.iter().copied();
        let expected = Expected::build(pcrs).root(root.clone()).regions(regions);
        if expected.is_empty() {
            return Err(Failure::NothingExpected);
        }
        Ok(if self.allow_debug { expected.allow_debug() } else { expected })
    }
}

/// Where trust begins.
#[derive(Debug, clap::Args)]
pub(crate) struct Trust {
    /// Partition of AWS whose root is trusted; only that of aws is built in, others: --danger-root
    #[arg(long, value_enum, default_value_t = Partition::Aws)]
    root: Partition,

    /// Trust this root instead: whoever has its key can pretend to be any enclave
    #[arg(long, value_name = "PEM|DER", conflicts_with = "root")]
    danger_root: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Partition {
    Aws,
    AwsCn,
    AwsUsGov,
}

impl Trust {
    pub(crate) fn root(&self) -> Result<Root, Failure> {
        let Some(path) = &self.danger_root else {
            return match self.root {
                Partition::Aws => Ok(Root::AWS),
                Partition::AwsCn => Err(Failure::UnknownRoot { name: "aws-cn" }),
                Partition::AwsUsGov => Err(Failure::UnknownRoot { name: "aws-us-gov" }),
            };
        };
        let bytes = input::read_raw(path, LONGEST_FILE)?;
        // Certificates begin with a sequence; text that begins with its tag, a zero, is no PEM.
        match bytes.first() {
            Some(0x30) => danger::root_from_der(&bytes),
            _ => danger::root_from_pem(&String::from_utf8_lossy(&bytes)),
        }
        .map_err(|flaw| Failure::Root { path: path.clone(), flaw })
    }

    /// The option to repeat in a command line.
    pub(crate) fn option(&self) -> String {
        let option = |path: &PathBuf| format!(" --danger-root {}", report::quoted(path));
        self.danger_root.as_ref().map(option).unwrap_or_default()
    }
}

/// The registers that a file names, each once.
fn build(path: &Path) -> Result<BTreeMap<u8, Pcr>, Failure> {
    let bytes = input::read_raw(path, LONGEST_FILE)?;
    registers::parse(&bytes).map_err(|cause| Failure::Manifest { path: path.to_owned(), cause })
}

fn pcr(text: &str) -> Result<(u8, Pcr), String> {
    let (index, value) = text.split_once('=').ok_or("expected N=HEX")?;
    let index = registers::index(index).ok_or("N is 0 to 31")?;
    Ok((index, value.parse().map_err(|error| format!("{error}"))?))
}

const LONGEST_FILE: u64 = 1 << 20;
