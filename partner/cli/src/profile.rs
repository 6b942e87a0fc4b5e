//! A party's profile: what its daily commands need not be told, in `glovebox.toml` and `rooms/NAME.toml` of its folder.
//!
//! A profile says which room is meant and where its contract is. It permits nothing: what a party agrees to is in the
//! contract and, for its service, in `service.toml`.

use crate::{failure::Failure, files, say};
use client::address::{Address, InvalidAddress};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A room as a command names it: by its address, or by its name in the party's folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum RoomWord {
    /// `https://host:port`.
    Address(Address),
    /// `NAME` of `rooms/NAME.toml`.
    Name(String),
}

impl FromStr for RoomWord {
    type Err = NoRoomWord;

    fn from_str(text: &str) -> Result<Self, NoRoomWord> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) if is_name(text) => Ok(Self::Name(text.to_owned())),
            Err(why) => Err(NoRoomWord(why)),
        }
    }
}

impl fmt::Display for RoomWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The word is neither an address nor a name.
///
/// Remedy: give a room's address, or the name of a room that `glovebox party join` added.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}, or the name of a room in the party's folder: a-z first, then a-z, 0-9, '-' or '_'")]
pub(crate) struct NoRoomWord(InvalidAddress);

/// Whether `text` can be the name of a room: it becomes the name of a file.
pub(crate) fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.len() <= 32
        && text.bytes().all(allowed)
}

/// One room of a party's folder. All paths are whole: in the files they are seen from the party's folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RoomProfile {
    pub(crate) name: String,
    pub(crate) address: Address,
    pub(crate) contract: PathBuf,
    pub(crate) danger_root: Option<PathBuf>,
    /// Where the sealed files of datasets are, without their ends.
    datasets: BTreeMap<String, PathBuf>,
    folder: PathBuf,
}

impl RoomProfile {
    /// Where the files of a dataset are: `STEM.sealed`, `STEM.manifest` and `STEM.keys`.
    pub(crate) fn stem(&self, dataset: &str) -> PathBuf {
        let usual = || files::in_folder(&self.folder, dataset);
        self.datasets.get(dataset).cloned().unwrap_or_else(usual)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomFile {
    url: String,
    contract: PathBuf,
    danger_root: Option<PathBuf>,
    #[serde(default)]
    datasets: BTreeMap<String, PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    room: Option<String>,
}

/// The room called `name` in the folder `dir`.
pub(crate) fn named(dir: &Path, name: &str) -> Result<RoomProfile, Failure> {
    let path = room_file(dir, name);
    if is_name(name) && path.exists() {
        return read_room(dir, name);
    }
    let known = names(dir)?;
    let there_are = match known.as_slice() {
        [] => "no room at all (`glovebox party join` adds one)".to_owned(),
        known => format!("the rooms {}", known.join(", ")),
    };
    Err(Failure::unclear(format!(
        "there is no room \"{}\": the folder {} has {there_are}",
        say::name(name),
        dir.display()
    )))
}

/// The room that commands mean which name none: the one in `glovebox.toml`, or the only one there is.
pub(crate) fn usual(dir: &Path) -> Result<Option<RoomProfile>, Failure> {
    let path = dir.join(PROFILE);
    if path.exists() {
        let profile: ProfileFile = read_toml(&path)?;
        if let Some(name) = profile.room {
            return named(dir, &name).map(Some);
        }
    }
    match names(dir)?.as_slice() {
        [] => Ok(None),
        [only] => read_room(dir, only).map(Some),
        several => Err(Failure::unclear(format!(
            "which room is meant? The folder {} has {}: name one, or write `room = \"{}\"` into {}",
            dir.display(),
            several.join(" and "),
            several.first().map_or("", String::as_str),
            dir.join(PROFILE).display()
        ))),
    }
}

/// The room that a command means: the one that it names, or the usual one.
pub(crate) fn meant(dir: &Path, name: Option<&str>) -> Result<RoomProfile, Failure> {
    let meant = match name {
        Some(name) => Some(named(dir, name)?),
        None => usual(dir)?,
    };
    meant.ok_or_else(|| {
        Failure::unclear(format!(
            "which room is meant? {} has none: name the party's folder with --dir (`glovebox party join` adds a room)",
            dir.display()
        ))
    })
}

/// The room at `address`, if the folder has one.
pub(crate) fn at(dir: &Path, address: &Address) -> Result<Option<RoomProfile>, Failure> {
    let mut found: Vec<RoomProfile> = Vec::new();
    for name in names(dir)? {
        found.extend(Some(read_room(dir, &name)?).filter(|room| room.address == *address));
    }
    match found.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        several => {
            let names: Vec<&str> = several.iter().map(|room| room.name.as_str()).collect();
            Err(Failure::unclear(format!(
                "{address} is the address of several rooms of {}: name {}",
                dir.display(),
                names.join(" or ")
            )))
        }
    }
}

/// Where the rooms of a folder except `name` say that sealed files of theirs are. A room that cannot be read says nothing.
pub(crate) fn stems_of_others(dir: &Path, name: &str) -> Vec<PathBuf> {
    let others = names(dir).unwrap_or_default().into_iter().filter(|other| other != name);
    let rooms = others.filter_map(|other| read_room(dir, &other).ok());
    rooms.flat_map(|room| room.datasets.into_values()).collect()
}

/// The contract that a command means: the one it was given, or that of the usual room.
pub(crate) fn contract(dir: &Path, given: Option<&Path>) -> Result<PathBuf, Failure> {
    match given {
        Some(path) => Ok(path.to_owned()),
        None => usual(dir)?.map(|room| room.contract).ok_or_else(|| no_contract(dir)),
    }
}

/// No contract was named, and the folder has no room that names one.
pub(crate) fn no_contract(dir: &Path) -> Failure {
    Failure::unclear(format!(
        "which contract is meant? Name it with --contract, or name the party's folder with --dir: {} has no room \
         (`glovebox party join` adds one)",
        dir.display()
    ))
}

/// The names of all rooms of a folder, in order.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>, Failure> {
    let folder = dir.join(ROOMS);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(Failure::reading(&folder)(cause)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let file = entry.map_err(Failure::reading(&folder))?.file_name();
        let Some(name) = file.to_str().and_then(|file| file.strip_suffix(".toml")) else {
            continue;
        };
        if !is_name(name) {
            return Err(Failure::unclear(format!(
                "{}: the name of a room has a-z first, then a-z, 0-9, '-' or '_': rename the file",
                say::name(folder.join(&file).display())
            )));
        }
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

fn read_room(dir: &Path, name: &str) -> Result<RoomProfile, Failure> {
    let path = room_file(dir, name);
    let file: RoomFile = read_toml(&path)?;
    let address = file.url.parse().map_err(|why: InvalidAddress| {
        Failure::unclear(format!("{}: url: {why}", path.display()))
    })?;
    // A path that is whole already stays as it is.
    let inside = |path: PathBuf| dir.join(path);
    Ok(RoomProfile {
        name: name.to_owned(),
        address,
        contract: inside(file.contract),
        danger_root: file.danger_root.map(inside),
        datasets: file.datasets.into_iter().map(|(name, path)| (name, inside(path))).collect(),
        folder: dir.to_owned(),
    })
}

/// Where the room `name` is written down.
pub(crate) fn room_file(dir: &Path, name: &str) -> PathBuf {
    files::in_folder(dir, ROOMS).join(format!("{name}.toml"))
}

/// Reads a file of TOML, whose every key is known.
pub(crate) fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = files::read_text(path)?;
    toml::from_str(&text)
        .map_err(|why| Failure::unclear(format!("{}: {}", path.display(), why.to_string().trim())))
}

/// What a party's commands mean when they are not told.
pub(crate) const PROFILE: &str = "glovebox.toml";
/// The folder with one file for each room.
pub(crate) const ROOMS: &str = "rooms";

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(rooms: &[(&str, &str)], profile: Option<&str>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(ROOMS)).unwrap();
        for (name, text) in rooms {
            fs::write(room_file(dir.path(), name), text).unwrap();
        }
        if let Some(text) = profile {
            fs::write(dir.path().join(PROFILE), text).unwrap();
        }
        dir
    }

    const SPRING: &str =
        "url = \"https://room.example:7443\"\ncontract = \"rooms/spring.signed\"\n";
    const AUTUMN: &str = "url = \"https://room.example:7444\"\ncontract = \"/etc/autumn.signed\"\n\
                          [datasets]\nsales = \"sealed/sales\"\n";

    #[test]
    fn the_only_room_is_meant_and_of_several_the_one_in_the_profile() {
        let one = folder(&[("spring", SPRING)], None);
        let room = usual(one.path()).unwrap().unwrap();
        assert_eq!(room.contract, one.path().join("rooms/spring.signed"));
        assert_eq!(room.stem("sales"), one.path().join("sales"));
        let both = [("spring", SPRING), ("autumn", AUTUMN)];
        let said = folder(&both, Some("room = \"autumn\""));
        let room = usual(said.path()).unwrap().unwrap();
        assert_eq!(room.contract, Path::new("/etc/autumn.signed"));
        assert_eq!(room.stem("sales"), said.path().join("sealed/sales"));
        assert_eq!(meant(said.path(), Some("spring")).unwrap().name, "spring");
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(usual(empty.path()).unwrap(), None);
        let asked = meant(empty.path(), None).unwrap_err().to_string();
        assert!(asked.contains("which room is meant?") && asked.contains("--dir"), "{asked}");
    }

    #[test]
    fn which_of_several_rooms_is_meant_is_asked_and_never_guessed() {
        let both = folder(&[("spring", SPRING), ("autumn", AUTUMN)], None);
        let asked = usual(both.path()).unwrap_err().to_string();
        assert!(
            asked.contains("which room is meant?") && asked.contains("autumn and spring"),
            "{asked}"
        );
        let twice = folder(&[("spring", SPRING), ("summer", SPRING)], None);
        let asked =
            at(twice.path(), &"room.example:7443".parse().unwrap()).unwrap_err().to_string();
        assert!(asked.contains("name spring or summer"), "{asked}");
    }

    #[test]
    fn a_room_that_is_not_there_is_refused_with_those_that_are() {
        let both = folder(&[("spring", SPRING), ("autumn", AUTUMN)], Some("room = \"winter\""));
        for refused in [usual(both.path()).unwrap_err(), named(both.path(), "winter").unwrap_err()]
        {
            let refused = refused.to_string();
            assert!(
                refused.contains("no room \"winter\"") && refused.contains("autumn, spring"),
                "{refused}"
            );
        }
        let none = folder(&[], None);
        assert!(named(none.path(), "spring").unwrap_err().to_string().contains("party join"));
        // No name leads out of the folder.
        named(both.path(), "../spring").unwrap_err();
    }

    #[test]
    fn a_key_that_nobody_knows_is_refused_by_name() {
        let more = format!("{SPRING}trust = \"anybody\"\n");
        let strange = folder(&[("spring", &more)], None);
        let refused = usual(strange.path()).unwrap_err().to_string();
        assert!(refused.contains("trust") && refused.contains("spring.toml"), "{refused}");
    }

    #[test]
    fn a_word_is_an_address_or_a_name() {
        assert!(matches!("spring".parse(), Ok(RoomWord::Name(_))));
        assert!(matches!("https://room.example:7443".parse(), Ok(RoomWord::Address(_))));
        for text in ["room.example", "Spring", "../spring", ""] {
            let refused = text.parse::<RoomWord>().unwrap_err().to_string();
            assert!(
                refused.contains("the address of a room") && refused.contains("the name of a room"),
                "{refused}"
            );
        }
    }
}
