//! The one HTTP front of host, enclave, custody and a party's page: what stands between a port and whoever answers there.
//!
//! All are open to strangers, or to every program of a machine, so all have the same limits in the same code: places, which a
//! newcomer takes from whoever has waited longest ([`Places`]), time for a header and for a body, a length
//! of the body by route, and an end for whoever takes no answer ([`Moving`]).

mod connection;
mod moving;
mod places;

pub use connection::{Handler, Patience, body, connection, empty, serve, serve_greeted};
pub use moving::Moving;
pub use places::{Place, Places, Rules};
