//! One program for all targets, so that what they share is built once: `GLOVEBOX_FUZZ` names the target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{
    panic::{catch_unwind, resume_unwind, set_hook, take_hook},
    sync::{LazyLock, Mutex, PoisonError},
    thread,
};

fuzz_target!(|bytes: &[u8]| {
    if let Err(panic) = catch_unwind(|| (CHECK)(bytes)) {
        eprintln!("{}", LAST.lock().unwrap_or_else(PoisonError::into_inner));
        resume_unwind(panic);
    }
});

static CHECK: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("GLOVEBOX_FUZZ").expect("GLOVEBOX_FUZZ names a target");
    let found = fuzz::TARGETS.iter().find(|target| target.name == name);
    let target = found.unwrap_or_else(|| panic!("{name} is not among the targets"));
    if target.name == CATCHES {
        let_caught_panics_pass();
    }
    target.check
});

/// Sealing makes an error of what arrow and parquet panic at.
const CATCHES: &str = "intake";

/// What the last panic on this thread said.
static LAST: Mutex<String> = Mutex::new(String::new());

/// libFuzzer's hook ends the program at any panic, one that the code under test makes an error of included. Here only
/// one that nothing catches does, and any on another thread.
fn let_caught_panics_pass() {
    let (end, here) = (take_hook(), thread::current().id());
    set_hook(Box::new(move |panic| {
        if thread::current().id() == here {
            *LAST.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
        } else {
            end(panic);
        }
    }));
}
