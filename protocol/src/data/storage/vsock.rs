//! Where host and enclave meet on vsock, and how much may be under way there.
//!
//! Everything is a stream of bytes: parties' TLS as it is towards [`ENCLAVE_PORT`], frames of this
//! format towards [`STORE_PORT`]. `spec/storage-v1.md`, section 3.

/// Context id of the parent instance, as an enclave sees it (AWS Nitro Enclaves, "vsock").
pub const PARENT_CID: u32 = 3;
/// Port on which the enclave listens for parties' TLS, once it serves.
pub const ENCLAVE_PORT: u32 = 5000;
/// Port on which the host listens for the enclave's questions.
pub const STORE_PORT: u32 = 5001;
/// Port on which the starter of the enclave listens for [`HEARTBEAT`], to send it back.
pub const HEARTBEAT_PORT: u32 = 9000;
/// Says that the enclave has booted (Nitro's own init has the same port and byte).
pub const HEARTBEAT: u8 = 0xb7;
/// Most connections of parties at one time; further ones wait at the host.
///
/// A virtio-vsock driver stops reading once as many replies wait to be sent as its ring has places
/// (128 in QEMU). If that happens at both ends at once, neither reads again. One reply can wait per
/// connection, so half a ring of connections keeps either end reading.
pub const MAX_CONNECTIONS: usize = crate::limits::INSTANCE_PLACES;
/// Seconds after which a connection ends if its other end takes no byte.
pub const STALLED_SECONDS: u64 = 30;
