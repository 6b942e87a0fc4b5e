//! Checks whether a program runs by itself: a static ELF for x86-64, which needs no interpreter.

/// Checks the header and the program headers.
///
/// # Errors
///
/// [`ElfError`] for anything that a bare x86-64 kernel would not start, or not without other files.
///
/// # Source
///
/// System V ABI, "ELF Header" and "Program Header"; the x86-64 psABI names machine 62.
pub fn check(program: &[u8]) -> Result<(), ElfError> {
    if !program.starts_with(b"\x7fELF") {
        return Err(ElfError::NotElf);
    }
    let (class, order) = (byte(program, 4)?, byte(program, 5)?);
    let machine = u16::from_le_bytes(field(program, 18)?);
    if (class, order, machine) != (CLASS_64, LITTLE_ENDIAN, X86_64) {
        return Err(ElfError::OtherMachine { class, order, machine });
    }
    let kind = u16::from_le_bytes(field(program, 16)?);
    if kind != EXECUTABLE && kind != POSITION_INDEPENDENT {
        return Err(ElfError::NotAProgram { kind });
    }
    let start = u64::from_le_bytes(field(program, 32)?);
    let size = u16::from_le_bytes(field(program, 54)?);
    if size != PROGRAM_HEADER_LEN {
        return Err(ElfError::Truncated);
    }
    let mut loads = false;
    for index in 0..u16::from_le_bytes(field(program, 56)?) {
        let at = start.saturating_add(u64::from(index) * u64::from(size));
        let at = usize::try_from(at).map_err(|_| ElfError::Truncated)?;
        match u32::from_le_bytes(field(program, at)?) {
            INTERPRETER => return Err(ElfError::Dynamic),
            LOAD => loads = true,
            _ => {}
        }
    }
    if loads { Ok(()) } else { Err(ElfError::Truncated) }
}

fn byte(program: &[u8], at: usize) -> Result<u8, ElfError> {
    field::<1>(program, at).map(|[byte]| byte)
}

fn field<const N: usize>(program: &[u8], at: usize) -> Result<[u8; N], ElfError> {
    let rest = program.get(at..).unwrap_or_default();
    rest.first_chunk().copied().ok_or(ElfError::Truncated)
}

/// Why a file is not a program for an image.
///
/// Remedy: build the program for x86_64-unknown-linux-musl, linked statically.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the text says it: found, expected")]
pub enum ElfError {
    #[error("not an ELF file")]
    NotElf,
    #[error(
        "found class {class}, byte order {order}, machine {machine}; expected 2, 1, 62 (x86-64)"
    )]
    OtherMachine { class: u8, order: u8, machine: u16 },
    #[error(
        "found an ELF file of kind {kind}, expected 2 (executable) or 3 (position independent)"
    )]
    NotAProgram { kind: u16 },
    #[error("dynamically linked: it asks for an interpreter that the image does not have")]
    Dynamic,
    #[error("the ELF file is cut off, or loads nothing")]
    Truncated,
}

const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const X86_64: u16 = 62;
const EXECUTABLE: u16 = 2;
const POSITION_INDEPENDENT: u16 = 3;
const PROGRAM_HEADER_LEN: u16 = 56;
const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A header, and program headers of these kinds; nothing that would run.
    pub(crate) fn program(kinds: &[u32]) -> Vec<u8> {
        let mut elf = vec![0; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[16..20].copy_from_slice(&[3, 0, 62, 0]);
        elf[32] = 64;
        elf[54] = 56;
        elf[56] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            elf.extend_from_slice(&kind.to_le_bytes());
            elf.extend_from_slice(&[0; 52]);
        }
        elf
    }

    #[test]
    fn accepts_a_program_that_needs_nothing() {
        assert_eq!(check(&program(&[LOAD, 2, LOAD])), Ok(()));
    }

    #[test]
    fn refuses_a_program_that_asks_for_an_interpreter() {
        assert_eq!(check(&program(&[LOAD, INTERPRETER])), Err(ElfError::Dynamic));
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(check(&own), Err(ElfError::Dynamic));
    }

    #[test]
    fn refuses_a_script_an_object_file_and_another_machine() {
        assert_eq!(check(b"#!/bin/sh\n"), Err(ElfError::NotElf));
        let mut object = program(&[LOAD]);
        object[16] = 1;
        assert_eq!(check(&object), Err(ElfError::NotAProgram { kind: 1 }));
        let mut arm = program(&[LOAD]);
        arm[18] = 183;
        let found = ElfError::OtherMachine { class: 2, order: 1, machine: 183 };
        assert_eq!(check(&arm), Err(found));
    }

    #[test]
    fn refuses_every_truncation_and_a_table_that_points_nowhere() {
        let whole = program(&[LOAD]);
        for length in 4..whole.len() - 52 {
            assert_eq!(check(&whole[..length]), Err(ElfError::Truncated), "{length} bytes");
        }
        let mut far = program(&[LOAD]);
        far[32..40].copy_from_slice(&[0xff; 8]);
        assert_eq!(check(&far), Err(ElfError::Truncated));
    }
}
