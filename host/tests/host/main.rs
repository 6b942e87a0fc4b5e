//! The host as its three neighbours see it: parties over TCP, the enclave over a socket, the operator.

// `cfg(test)` is always true here; clippy.toml's leave for tests hangs on it.
#[cfg(test)]
mod alone;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod ec2;
#[cfg(test)]
mod enclave_side;
#[cfg(test)]
mod monitoring;
#[cfg(test)]
mod nitro;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod pipes;
#[cfg(test)]
mod qemu;
#[cfg(test)]
mod support;
#[cfg(test)]
mod uploads;
