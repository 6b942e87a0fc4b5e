//! Datasets on their way into an enclave: the sealed file, what its owner signs, and the store.

pub mod manifest;
pub mod opt_outs;
pub mod sealed;
pub mod storage;
