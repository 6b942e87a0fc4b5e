//! One program for all targets, so that what they share is built once: `GLOVEBOX_FUZZ` names the target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

fuzz_target!(|bytes: &[u8]| (CHECK)(bytes));

static CHECK: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("GLOVEBOX_FUZZ").expect("GLOVEBOX_FUZZ names a target");
    let found = fuzz::TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("{name} is not among the targets")).check
});
