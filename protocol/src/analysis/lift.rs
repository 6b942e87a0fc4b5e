//! Randomised lift, intention to treat: what did a campaign change?

pub mod uses;
