use crate::{failure::Failure, files, say};
use client::{address::Address, store::Store};
use protocol::{manifest::Manifest, sign::Envelope};
use std::{path::PathBuf, process::ExitCode};

/// Upload a sealed file to the room's host, continuing where an earlier upload stopped
///
/// The host cannot read it.
#[derive(Debug, clap::Args)]
pub(crate) struct Upload {
    /// Address of the room
    #[arg(value_name = "URL")]
    room: Address,

    /// The .sealed file
    file: PathBuf,

    /// Its manifest [default: the .manifest beside it]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl Upload {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let path = self.manifest.clone().unwrap_or_else(|| self.file.with_extension("manifest"));
        let signed = files::read(&path)?;
        let envelope = Envelope::parse(&signed);
        // Whose signature it is matters to the enclave; here it only says which file is meant.
        let manifest = envelope.and_then(|e| e.verify::<Manifest>(&e.claimed_signer()));
        let manifest = manifest.map_err(|why| Failure::no(format!("{}: {why}", path.display())))?;
        let bar = say::bytes_bar(manifest.size);
        let done = Store::new(&self.room)
            .upload(&self.file, manifest.root, |done, _| bar.set_position(done))
            .await;
        bar.finish_and_clear();
        done?;
        say::result(format_args!("{}  {} bytes at the host", manifest.root, manifest.size))?;
        Ok(ExitCode::SUCCESS)
    }
}
