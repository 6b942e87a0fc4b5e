//! Datasets on their way into an enclave: identifiers, the sealed file, what its owner signs, and the store.

pub mod identity;
pub mod manifest;
pub mod sealed;
pub mod storage;
