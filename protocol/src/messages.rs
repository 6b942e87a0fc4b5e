//! What parties and an instance send each other.

pub mod audit;
pub mod deletion;
pub mod grant;
pub mod kms_grant;
pub mod message;
pub mod receipt;
pub mod slice;
pub mod stored_log;
