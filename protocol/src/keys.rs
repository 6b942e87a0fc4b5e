//! Keys, and what is signed with them or sealed to them.

pub mod hpke;
pub mod key;
pub mod salt;
pub mod sign;
