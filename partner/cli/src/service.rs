//! A party's service: what it does unattended is in `service.toml` of the party's folder, and nothing else is done.

pub(crate) mod countersign;
mod decide;
mod fetch;
mod grants;
pub(crate) mod held;
mod idle;
pub(crate) mod journal;
pub(crate) mod lock;
pub(crate) mod memory;
mod modes;
mod orders;
pub(crate) mod room;
pub(crate) mod rules;
pub(crate) mod stops;
mod teller;
pub(crate) mod watch;
mod words;

use std::path::{Path, PathBuf};

/// Where the service of the party's folder `dir` keeps what it knows: nobody else writes there.
fn folder(dir: &Path) -> PathBuf {
    dir.join(FOLDER)
}

/// What it keeps there under `name`.
fn kept(dir: &Path, name: &str) -> PathBuf {
    folder(dir).join(name)
}

/// The folder, inside of the party's.
const FOLDER: &str = "service";
