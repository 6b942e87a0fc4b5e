//! Models of numbers in public ranges: linear ones, and networks with one or two hidden layers, by steps that each add up the
//! clipped gradients of a random few.
//!
//! Every number of a person is on a grid of 2⁻¹¹ within -1 and 1. A person's gradient is, for each layer, the product of
//! what goes into the layer and of what the layer should have said less of; both are rounded to whole numbers, scaled so that
//! the whole gradient's norm is at most [`CLIP`] quanta, and that is checked in whole numbers before it counts. So sums are exact, the
//! same in any order and on any threads, and one person moves one step by at most [`CLIP`] in L2, whatever the weights are: what the
//! others add is the same with and without that person, since it follows from each of them and the weights alone. No gradient of one person is ever written down: sums of products are taken over
//! many people at once ([`Adding`]). Everything else ([`Descent`]) is a function of sums that were released and of public figures.

mod adding;
mod descent;
mod kernel;
mod network;
mod people;
mod plan;
mod rule;

pub use adding::Adding;
pub use descent::{Descent, Model};
pub use network::Network;
pub use people::{People, extend, number};
pub use plan::Plan;
pub use rule::{Settings, rule};

/// The norm that a gradient is clipped to, in quanta.
pub const CLIP: u32 = 1 << 22;
/// Units of a number in 1.
pub const UNITS: i16 = 1 << 11;
/// The most numbers of one person.
pub const INPUTS: u32 = 512;
/// The most units of a hidden layer.
pub const WIDTH: u32 = 256;
/// The most hidden layers.
pub const LAYERS: usize = 2;
/// The most weights of all layers together.
pub const WEIGHTS: usize = 1 << 16;
/// A chance of 1, in units of a [`Plan`]'s.
pub const CERTAIN: u64 = 1 << 32;
