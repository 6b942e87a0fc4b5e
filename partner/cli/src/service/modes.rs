//! Who may write what decides in a party's folder: its owner alone.
//!
//! `rooms/NAME.toml` names the root that is believed and the room that is asked, the lists say what is withdrawn and stopped, and
//! the service's own files say where keys are and which file a person accepted. Whoever may write one of them, or put another in
//! its place, has keys handed out as whoever may write the rules does.

use super::{folder, stops::STOPPED};
use crate::{failure::Failure, profile};
use client::withdrawn::WITHDRAWN;
use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Refuses a folder in which others may write the `rules`, or what decides in each of its rooms.
pub(super) fn check(dir: &Path, rules: &Path) -> Result<(), Failure> {
    let service = folder(dir);
    for path in
        [dir, rules, &dir.join(WITHDRAWN), &dir.join(STOPPED), &dir.join(profile::ROOMS), &service]
    {
        check_one(path)?;
    }
    for path in entries(&service)? {
        check_one(&path)?;
    }
    Ok(())
}

/// Refuses a room whose file others may write, or the root that it names.
pub(super) fn check_room(dir: &Path, name: &str) -> Result<(), Failure> {
    let file = profile::room_file(dir, name);
    if !profile::is_name(name) || !file.exists() {
        // That there is no such room is said where it is looked for.
        return Ok(());
    }
    check_one(&file)?;
    match profile::named(dir, name)?.danger_root {
        Some(root) => check_one(&root),
        None => Ok(()),
    }
}

/// Refuses a file or folder that others may write. What is not there decides nothing.
fn check_one(path: &Path) -> Result<(), Failure> {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(Failure::reading(path)(cause)),
    };
    let mode = found.permissions().mode() & 0o777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(Failure::unclear(format!(
        "{} may be written by others (mode {mode:o}), who could have keys handed out: chmod go-w it",
        path.display()
    )))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(Failure::reading(folder)(cause)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<Result<_, _>>().map_err(Failure::reading(folder))
}

/// Group and others may write.
const OTHERS: u32 = 0o022;

#[cfg(test)]
mod tests {
    use crate::service::rules::{Rules, SERVICE};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn nothing_that_decides_may_be_written_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["rooms", "service"] {
            fs::create_dir(at(name)).unwrap();
        }
        let rules = format!("[[room]]\nname = \"spring\"\ncontract = \"{}\"\n", "ab".repeat(48));
        let room = "url = \"https://room.example:7443\"\ncontract = \"spring.signed\"\ndanger_root = \"ca.der\"\n";
        for (name, text) in [
            (SERVICE, rules.as_str()),
            ("rooms/spring.toml", room),
            ("ca.der", ""),
            ("withdrawn.json", ""),
            ("stopped.json", ""),
            ("service/spring.json", ""),
            ("service/sales.accepted", ""),
            ("incoming.csv", ""),
        ] {
            fs::write(at(name), text).unwrap();
            fs::set_permissions(at(name), Permissions::from_mode(0o644)).unwrap();
        }
        for name in ["", "rooms", "service"] {
            fs::set_permissions(at(name), Permissions::from_mode(0o755)).unwrap();
        }
        let read = || Rules::read(folder.path());
        assert!(read().unwrap().is_some());
        for name in [
            "",
            SERVICE,
            "rooms",
            "rooms/spring.toml",
            "ca.der",
            "withdrawn.json",
            "stopped.json",
            "service",
            "service/spring.json",
            "service/sales.accepted",
        ] {
            let honest = fs::metadata(at(name)).unwrap().permissions();
            for others in [0o020, 0o002] {
                let mode = Permissions::from_mode(honest.mode() | others);
                fs::set_permissions(at(name), mode).unwrap();
                let refused = read().unwrap_err().to_string();
                assert!(refused.contains("may be written by others"), "{name}: {refused}");
                assert!(refused.contains(name), "{name}: {refused}");
            }
            fs::set_permissions(at(name), honest).unwrap();
        }
        // A table comes from whoever writes tables.
        fs::set_permissions(at("incoming.csv"), Permissions::from_mode(0o666)).unwrap();
        assert!(read().unwrap().is_some());
    }
}
