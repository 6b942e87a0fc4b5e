//! The kernel and its command line.

/// Checks that `kernel` is a bzImage: Nitro starts nothing else.
///
/// # Errors
///
/// [`NotABzImage`] otherwise.
///
/// # Source
///
/// The Linux/x86 boot protocol: `boot_flag` at 0x1fe, `header` at 0x202, `loadflags` at 0x211.
pub fn check(kernel: &[u8]) -> Result<(), NotABzImage> {
    let flag = kernel.get(0x1fe..0x200) == Some(&[0x55, 0xaa]);
    let header = kernel.get(0x202..0x206) == Some(b"HdrS");
    let loaded_high = kernel.get(0x211).is_some_and(|flags| flags & 1 == 1);
    if flag && header && loaded_high { Ok(()) } else { Err(NotABzImage) }
}

/// Checks that `line` reaches the kernel as it is.
///
/// # Errors
///
/// [`CommandLineError`] if it is longer than the kernel takes, or has other than printable ASCII.
pub fn check_command_line(line: &str) -> Result<(), CommandLineError> {
    if line.len() > LONGEST_COMMAND_LINE {
        return Err(CommandLineError::TooLong { found: line.len() });
    }
    match line.bytes().position(|byte| !(b' '..=b'~').contains(&byte)) {
        Some(position) => Err(CommandLineError::NotPrintable { position }),
        None => Ok(()),
    }
}

/// The kernel is in another format.
///
/// Remedy: give arch/x86/boot/bzImage of a kernel build.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the kernel is not a bzImage (arch/x86/boot/bzImage of a kernel build)")]
#[non_exhaustive]
pub struct NotABzImage;

/// The kernel would get another command line than this.
///
/// Remedy: shorten the kernel's command line, in printable ASCII.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the text says it: found, expected")]
pub enum CommandLineError {
    #[error("the command line has {found} bytes, expected at most {LONGEST_COMMAND_LINE}")]
    TooLong { found: usize },
    #[error("the command line has a character at byte {position} that is not printable ASCII")]
    NotPrintable { position: usize },
}

/// What `eif-build build` takes unless told otherwise.
///
/// - `console=ttyS0`: the console that Nitro shows in debug mode, and no other.
/// - `reboot=k panic=-1`: when the enclave ends, or the kernel fails, the machine ends at once.
/// - `rootfstype=ramfs`: a tmpfs would be capped at half the memory and overflow in silence.
/// - `random.trust_cpu=on`: RDRAND starts the generator; the NSM is mixed in before the enclave
///   starts, and the enclave's own generator takes from the NSM besides.
pub const COMMAND_LINE: &str =
    "console=ttyS0 reboot=k panic=-1 rootfstype=ramfs random.trust_cpu=on";

/// `COMMAND_LINE_SIZE` of x86 less the final zero.
const LONGEST_COMMAND_LINE: usize = 2047;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The header of a bzImage; nothing that would boot.
    pub(crate) fn bz_image() -> Vec<u8> {
        let mut kernel = vec![0; 0x212];
        kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x211] = 1;
        kernel
    }

    #[test]
    fn refuses_a_vmlinux_and_a_kernel_that_is_cut_off() {
        assert_eq!(check(&bz_image()), Ok(()));
        assert_eq!(check(&bz_image()[..0x211]), Err(NotABzImage));
        assert_eq!(check(b"\x7fELF"), Err(NotABzImage));
    }

    #[test]
    fn refuses_a_command_line_that_the_kernel_would_cut_or_break() {
        assert_eq!(check_command_line(COMMAND_LINE), Ok(()));
        let long = "x".repeat(2048);
        assert_eq!(check_command_line(&long), Err(CommandLineError::TooLong { found: 2048 }));
        let two = check_command_line("a\nb");
        assert_eq!(two, Err(CommandLineError::NotPrintable { position: 1 }));
    }
}
