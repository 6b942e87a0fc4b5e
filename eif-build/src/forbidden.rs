//! What an image must not contain: a simulated module, which signs for anybody, a sampler without
//! noise, and the door through which tests put another tally into a room.

use memchr::memmem;

/// Refuses a program into which the simulated module, the zero-noise sampler or a door for tests was
/// linked.
///
/// It searches for strings that such a program must have in it. This catches a mistake (a feature
/// that leaked, the wrong file), not a builder who wants to deceive: rebuilding catches that one.
///
/// # Errors
///
/// [`Forbidden`] names the first that is found.
pub fn check(program: &[u8]) -> Result<(), Forbidden> {
    for (marker, what) in MARKERS {
        if memmem::find(program, marker.as_bytes()).is_some() {
            return Err(Forbidden { what, marker });
        }
    }
    Ok(())
}

/// The program must not be packed.
///
/// Remedy: build the enclave alone, without features that tests turn on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "it contains {what} (found {marker:?}); build it alone: cargo build -p enclave --bin glovebox-enclave"
)]
#[non_exhaustive]
pub struct Forbidden {
    /// What was linked in.
    pub what: &'static str,
    /// The string that says so.
    pub marker: &'static str,
}

/// Strings and what they stand for. The first three are put into the code for this purpose and kept
/// there by `black_box`; the others come along with what people read.
pub const MARKERS: &[(&str, &str)] = &[
    ("glovebox marker: simulated module, never in an image", SIMULATED),
    ("glovebox marker: zero-noise sampler, never in an image", SILENT),
    ("glovebox marker: another tally than the question's, never in an image", OTHER_TALLY),
    ("SIMULATED glovebox root", SIMULATED),
    ("enclave/nsm/src/simulated.rs", SIMULATED),
    ("the simulated CA's files", SIMULATED),
];

const SIMULATED: &str = "the simulated module";
const SILENT: &str = "the zero-noise sampler";
const OTHER_TALLY: &str = "a door for tests to another tally";

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn refuses_each_marker_wherever_it_stands() {
        for (marker, what) in MARKERS {
            let program = [b"\x7fELF...", marker.as_bytes(), b"\0..."].concat();
            assert_eq!(check(&program), Err(Forbidden { what, marker }));
        }
        assert_eq!(check(b"\x7fELF... an enclave that is none of these"), Ok(()));
    }

    #[test]
    fn the_code_that_must_not_be_packed_still_has_its_markers() {
        let simulated = include_str!("../../enclave/nsm/src/simulated.rs");
        for (marker, _) in MARKERS.iter().filter(|(_, what)| *what == SIMULATED) {
            let is_file =
                || Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(marker).is_file();
            assert!(simulated.contains(marker) || is_file(), "{marker}");
        }
        let silent = include_str!("../../partner/try/src/silent.rs");
        for (marker, _) in MARKERS.iter().filter(|(_, what)| *what == SILENT) {
            assert!(silent.contains(marker), "{marker}");
        }
    }
}
