use crate::{
    failure::Failure,
    files,
    profile::{self, RoomWord},
    say,
    version::named_by,
};
use client::{address::Address, store::Store};
use protocol::merkle::Root;
use sealing::read_keys;
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Upload a sealed file to the room's host, continuing where an earlier upload stopped
///
/// The host cannot read it.
#[derive(Debug, clap::Args)]
pub(crate) struct Upload {
    /// The room (its address, or its name in the party's folder; if left out, the usual room there), and the .sealed
    /// file
    #[arg(value_name = "[ROOM] FILE", num_args = 1..=2, required = true)]
    words: Vec<String>,

    /// The party's folder, which says which room is meant
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Its manifest [default: the .manifest beside it]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl Upload {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let (room, file) = match self.words.as_slice() {
            [file] => (None, Path::new(file)),
            [room, file] => (Some(room.parse().map_err(Failure::unclear)?), Path::new(file)),
            _ => return Err(Failure::unclear("expected a room and a file, or a file alone")),
        };
        refuse_keys(file)?;
        let path = self.manifest.clone().unwrap_or_else(|| file.with_extension("manifest"));
        if self.manifest.is_none() && !path.exists() {
            expect_sealed(file)?;
        }
        let address = self.address(room.as_ref())?;
        let signed = files::read(&path)?;
        let manifest = named_by(&signed, &path)?;
        let bar = say::bytes_bar(manifest.size);
        let mut store = Store::new(&address);
        let done = store.upload(file, manifest.root, |done, _| bar.set_position(done)).await;
        bar.finish_and_clear();
        done?;
        claim(&mut store, manifest.root, signed).await;
        say::result(format_args!("{}  {} bytes at the host", manifest.root, manifest.size))?;
        Ok(ExitCode::SUCCESS)
    }

    fn address(&self, room: Option<&RoomWord>) -> Result<Address, Failure> {
        let name = match room {
            Some(RoomWord::Address(address)) => return Ok(address.clone()),
            Some(RoomWord::Name(name)) => Some(name.as_str()),
            None => None,
        };
        Ok(profile::meant(&self.dir, name)?.address)
    }
}

/// Has the host write down whose the uploaded file is. Without that it can be granted, and not be deleted by its owner.
async fn claim(store: &mut Store, root: Root, signed: Vec<u8>) {
    if let Err(why) = store.claim(root, signed).await {
        say::note(format_args!(
            "The host has the file, and did not write down whose it is: `glovebox delete` will be refused. {why}"
        ));
    }
}

/// Refuses a file of column keys, whatever lies beside it.
fn refuse_keys(path: &Path) -> Result<(), Failure> {
    if path.extension().is_none_or(|end| end != "keys") && read_keys(path).is_err() {
        return Ok(());
    }
    Err(Failure::unclear(format!(
        "{} is a key file: it never leaves, and nothing of it was sent. Upload the .sealed file",
        path.display()
    )))
}

/// Refuses a file that has no manifest and does not begin as a sealed file does: it may be the
/// owner's table itself.
fn expect_sealed(path: &Path) -> Result<(), Failure> {
    let mut head = Vec::new();
    let most = u64::try_from(MAGIC.len()).unwrap_or(u64::MAX);
    File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut head))
        .map_err(Failure::reading(path))?;
    if head == MAGIC {
        return Ok(());
    }
    Err(Failure::unclear(format!(
        "{} is not a sealed file, and nothing of it was sent: run `glovebox seal` first, and upload the .sealed file \
         that it writes",
        path.display()
    )))
}

/// How a Parquet file begins whose footer is encrypted.
const MAGIC: &[u8] = b"PARE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_never_sent() {
        let refused = refuse_keys(Path::new("sales.keys")).unwrap_err().to_string();
        assert!(refused.contains("it never leaves"), "{refused}");
        refuse_keys(Path::new("sales.sealed")).unwrap();
    }

    #[test]
    fn a_table_is_not_a_sealed_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sales.csv");
        for (bytes, sealed) in [("email,spend\n", false), ("PAR", false), ("PARE....", true)] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(expect_sealed(&path).is_ok(), sealed, "{bytes}");
        }
    }
}
