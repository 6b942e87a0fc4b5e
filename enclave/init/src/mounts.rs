//! The file systems that a program expects.

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
};

/// Mounts them all.
///
/// # Errors
///
/// [`MountError`] names the first that cannot be mounted.
pub(crate) fn mount_all() -> Result<(), MountError> {
    let inert = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let plain = inert | MsFlags::MS_NODEV;
    let table = [
        ("proc", "/proc", plain, ""),
        ("sysfs", "/sys", plain | MsFlags::MS_RDONLY, ""),
        ("devtmpfs", "/dev", inert, "mode=0755"),
        ("tmpfs", "/run", plain, "mode=0755"),
        ("tmpfs", "/tmp", plain, "mode=1777"),
    ];
    for (kind, target, flags, options) in table {
        mount(Some(kind), target, Some(kind), flags, Some(options))
            .map_err(|cause| MountError { kind, target, cause })?;
    }
    Ok(())
}

/// The kernel cannot mount a file system that the enclave needs.
///
/// Remedy: build the image with the kernel's configuration as it is (`make eif`).
#[derive(Debug, thiserror::Error)]
#[error("mounting {kind} on {target}: {cause}")]
pub(crate) struct MountError {
    kind: &'static str,
    target: &'static str,
    cause: Errno,
}
