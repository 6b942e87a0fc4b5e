use crate::{
    document,
    failure::Failure,
    files,
    profile::{self, RoomProfile, RoomWord},
    say,
    version::{self, VersionFiles, named_by},
};
use client::{address::Address, store::Store};
use protocol::{
    manifest::{self, Manifest},
    merkle::Root,
    text::in_shell,
};
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
        refuse_manifest(file)?;
        let path = self.manifest.clone().unwrap_or_else(|| file.with_extension("manifest"));
        if self.manifest.is_none() && !path.exists() {
            expect_sealed(file)?;
        }
        let (address, known) = self.room(room.as_ref())?;
        let signed = files::read(&path)?;
        let manifest = named_by(&signed, &path)?;
        let bar = say::bytes_bar(manifest.size);
        let mut store = Store::new(&address);
        let done = store.upload(file, manifest.root, |done, _| bar.set_position(done)).await;
        bar.finish_and_clear();
        done?;
        let claimed = claim(&mut store, manifest.root, signed).await;
        document::fields(&serde_json::json!({
            "root": manifest.root.to_string(), "bytes": manifest.size, "claimed": claimed,
            "version": manifest.version, "manifest": manifest.digest(),
        }))?;
        say::result(format_args!("{}  {} bytes at the host", manifest.root, manifest.size))?;
        if let Some(room) = known {
            self.tell_what_is_granted(&manifest, &path, &room);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The room's address, and the room of the folder that has it.
    fn room(&self, room: Option<&RoomWord>) -> Result<(Address, Option<RoomProfile>), Failure> {
        let name = match room {
            Some(RoomWord::Address(address)) => {
                return Ok((address.clone(), profile::at(&self.dir, address)?));
            }
            Some(RoomWord::Name(name)) => Some(name.as_str()),
            None => None,
        };
        let room = profile::meant(&self.dir, name)?;
        Ok((room.address.clone(), Some(room)))
    }

    /// Says that the room cannot read the file yet, and by which command it may. A grant hands over the version that lies where the
    /// room's file says, and not what was uploaded last.
    fn tell_what_is_granted(&self, manifest: &Manifest, path: &Path, room: &RoomProfile) {
        let Ok(contract) = files::signed_contract(&room.contract) else { return };
        let mut of = contract.datasets.iter().filter(|(_, found)| manifest.check(found).is_ok());
        let Some((dataset, _)) = of.next() else {
            say::note(
                "No dataset of the room's contract has these columns: it cannot be granted there.",
            );
            return;
        };
        let usual = room.stem(dataset);
        let usual_path = VersionFiles::of(&usual).manifest;
        let granted =
            files::read(&usual_path).ok().and_then(|bytes| named_by(&bytes, &usual_path).ok());
        let is_usual = granted.as_ref().is_some_and(|usual| usual.digest() == manifest.digest());
        let stem = path.with_extension("");
        let command = version::grant_command(dataset, (!is_usual).then_some(&stem), &self.dir);
        say::note(format_args!(
            "The host has {}; the room reads it once it is granted: `{command}`.{}",
            version::in_words(manifest),
            match granted {
                Some(other) if !is_usual => format!(
                    " Without --manifest and --keys, {} is granted: {}.",
                    usual.display(),
                    version::in_words(&other)
                ),
                _ => String::new(),
            }
        ));
    }
}

/// Has the host write down whose the uploaded file is. Without that it can be granted, and not be deleted by its owner.
async fn claim(store: &mut Store, root: Root, signed: Vec<u8>) -> bool {
    let claimed = store.claim(root, signed).await;
    if let Err(why) = &claimed {
        say::note(format_args!(
            "The host has the file, and did not write down whose it is: `glovebox delete` will be refused. {why}"
        ));
    }
    claimed.is_ok()
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

/// Refuses the manifest of a sealed file, which is sent with the file.
fn refuse_manifest(path: &Path) -> Result<(), Failure> {
    let is_named_so = path.extension().is_some_and(|end| end == "manifest");
    let read = |path| files::read(path).ok().and_then(|bytes| manifest::digest_of(&bytes));
    if !is_named_so || read(path).is_none() {
        return Ok(());
    }
    let sealed = path.with_extension("sealed");
    Err(Failure::unclear(format!(
        "{} is the manifest of a sealed file, and is sent with it: upload {}",
        path.display(),
        in_shell(&sealed.display().to_string())
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

    /// Whoever names the wrong one of three files is told the right one, and not to seal again.
    #[test]
    fn of_a_manifest_the_sealed_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sales.manifest");
        std::fs::write(&path, "no manifest").unwrap();
        refuse_manifest(&path).unwrap();
        let golden = "../../tests/vectors/messages-v1/sales.manifest";
        std::fs::copy(golden, &path).unwrap();
        let refused = refuse_manifest(&path).unwrap_err().to_string();
        assert!(refused.ends_with("sales.sealed"), "{refused}");
        refuse_manifest(&folder.path().join("sales.sealed")).unwrap();
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
