use crate::{common_args::CommonArgs, document, failure::Failure, files, say, version::named_by};
use client::{clock, keys::Identity, store::Store};
use protocol::deletion::Deletion;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Have the room's host delete a sealed file that this party uploaded
///
/// The host deletes it for its owner alone, and nobody can see whether it did: to keep the file unreadable, destroy its keys
/// file, too. An enclave that was granted the file keeps what it has until the grant ends: `glovebox grant --revoke` first.
#[derive(Debug, clap::Args)]
pub(crate) struct Delete {
    /// The room (its address, or its name in the party's folder; if left out, the usual room there), and the .sealed file;
    /// it may be gone here, if its manifest is not
    #[arg(value_name = "[ROOM] FILE", num_args = 1..=2, required = true)]
    words: Vec<String>,

    #[command(flatten)]
    common: CommonArgs,

    /// Its manifest [default: the .manifest beside it]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl Delete {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let (room, file) = match self.words.as_slice() {
            [file] => (None, Path::new(file)),
            [room, file] => (Some(room.parse().map_err(Failure::unclear)?), Path::new(file)),
            _ => return Err(Failure::unclear("expected a room and a file, or a file alone")),
        };
        let common = self.common.of(room.as_ref())?;
        let contract = common.contract()?;
        let path = self.manifest.clone().unwrap_or_else(|| file.with_extension("manifest"));
        let root = named_by(&files::read(&path)?, &path)?.root;
        let identity = Identity::load(&common.dir)?;
        identity.party_in(&contract)?;
        let deletion = Deletion { contract: contract.digest, root, time: clock::now() };
        let signed = identity.service()?.sign(&deletion);
        Store::new(common.address()?).delete(root, signed).await?;
        document::fields(&serde_json::json!({"root": root.to_string()}))?;
        say::result(format_args!("{root}  the host says that it has deleted it"))?;
        Ok(ExitCode::SUCCESS)
    }
}
