//! Packs, measures and compares enclave images: the file that Nitro boots, and its registers.
//!
//! Trusted by nobody: whoever doubts an image rebuilds it and compares. A builder and a reader of
//! the enclave image format, version 4, written from the description in AWS's
//! `aws-nitro-enclaves-image-format` and checked against images that it made (`tests/vectors`).

pub mod compare;
pub mod cpio;
pub mod digest;
pub mod elf;
pub mod forbidden;
pub mod image;
pub mod kernel;
pub mod layout;
pub mod manifest;
pub mod measure;
pub mod measured;
pub mod pack;
pub mod parse;
pub mod ramdisk;
pub mod signature;
mod unpacked;

pub use digest::sha384;
pub use layout::Section;
pub use measure::Registers;
pub use measured::Measured;
pub use parse::{Eif, ParseError};
