//! A party's service: what it does unattended is in `service.toml` of the party's folder, and nothing else is done.

pub(crate) mod countersign;
mod decide;
mod fetch;
mod grants;
mod idle;
pub(crate) mod journal;
mod memory;
mod modes;
pub(crate) mod room;
pub(crate) mod rules;
pub(crate) mod stops;
mod teller;
pub(crate) mod watch;
mod words;
