//! One step: what is added up over the people of a batch.

use super::{
    CLIP, LAYERS, UNITS,
    kernel::{BLOCK, add_times, dot, product, whole},
    network::{Inside, Network},
    people::People,
    plan::{Plan, narrow},
};
use crate::{Loss, QUANTA};
use std::hint::black_box;

/// One step: what is added up over people.
#[derive(Debug)]
pub struct Adding<'d> {
    plan: &'d Plan,
    network: &'d Network,
}

impl<'d> Adding<'d> {
    /// The step that scores people by these weights.
    #[must_use]
    pub fn new(plan: &'d Plan, network: &'d Network) -> Self {
        Self { plan, network }
    }

    /// The sums of the clipped gradients of these people, one for each weight in the plan's order and in quanta: exact, so
    /// that parts of a batch may be added up in any order.
    ///
    /// # Privacy
    ///
    /// Who is named once moves these sums by at most [`CLIP`] in L2, whatever weights and numbers are: the norm of each
    /// person's gradient is computed in whole numbers, and one above it counts as nothing.
    #[must_use]
    pub fn sums(&self, people: &People, batch: &[u32]) -> Vec<i64> {
        let mut block = Block::new(self.network);
        let mut all = vec![0; self.plan.weights()];
        for some in batch.chunks(BLOCK) {
            self.add(&mut block, people, some, &mut all);
        }
        all
    }

    fn add(&self, block: &mut Block, people: &People, places: &[u32], all: &mut [i64]) {
        let Block { inside, residuals, .. } = block;
        let found = || places.iter().filter_map(|place| people.person(*place));
        // People of a batch lie far apart. A look at each fetches many at a time, where reading one after another waits.
        let looked = found().flat_map(|(numbers, _)| numbers.iter().step_by(LINE));
        black_box(looked.fold(0, |all, number| all ^ number));
        residuals.clear();
        for (at, (numbers, label)) in found().enumerate() {
            inside.enter(at, numbers);
            residuals.push(-f32::from(label) / f32::from(QUANTA_OF_LABELS));
        }
        inside.forward(self.network, residuals.len());
        for (at, residual) in residuals.iter_mut().enumerate() {
            *residual += self.mean(inside.score(self.network, at));
        }
        inside.backward(self.network, residuals);
        for at in 0..block.residuals.len() {
            block.clip(at, self.scale());
        }
        block.add(all);
    }

    /// What a score says, as a share of the cap.
    fn mean(&self, score: f32) -> f32 {
        match self.plan.loss {
            Loss::Logistic => 1.0 / (1.0 + libm::expf(-score)),
            Loss::Squared => score,
            Loss::Poisson => {
                let cap = narrow(f64::from(self.plan.cap));
                libm::expf(score).min(cap) / cap
            }
        }
    }

    /// Quanta of a gradient of 1 in units of what goes into a layer.
    fn scale(&self) -> f32 {
        narrow(f64::from(CLIP) / (self.plan.clip * f64::from(UNITS)))
    }
}

/// A few people at a time.
#[derive(Debug)]
struct Block {
    inside: Inside,
    /// What goes into each hidden layer: a row for each number, of all people.
    values: Vec<Vec<[i16; BLOCK]>>,
    /// What each hidden layer should have said less, in quanta: a row for each output.
    hidden: Vec<Vec<[i16; BLOCK]>>,
    /// The same of the output.
    output: [i16; BLOCK],
    /// What each score says too much.
    residuals: Vec<f32>,
    /// Sums over the block for the weights of one output.
    sums: Vec<i32>,
    /// One person's deltas of hidden layers, in quanta.
    rounded: Vec<i16>,
}

impl Block {
    fn new(network: &Network) -> Self {
        let rows = |width: usize| vec![[0; BLOCK]; width];
        let layers = &network.hidden;
        Self {
            inside: Inside::new(network, BLOCK),
            values: layers.iter().map(|layer| rows(layer.ins + 1)).collect(),
            hidden: layers.iter().map(|layer| rows(layer.outs)).collect(),
            output: [0; BLOCK],
            residuals: Vec::with_capacity(BLOCK),
            sums: vec![0; network.output.len()],
            rounded: Vec::with_capacity(layers.iter().map(|layer| layer.outs).sum()),
        }
    }

    /// Scales one person's deltas such that the gradient has a norm of at most [`CLIP`], rounds them, and computes the norm
    /// again in whole numbers: a gradient that is beyond it after all counts as nothing.
    fn clip(&mut self, at: usize, scale: f32) {
        let Self { inside, residuals, .. } = self;
        let Some(residual) = residuals.get(at) else { return };
        let mut within = [0; LAYERS + 1];
        for (within, values) in within.iter_mut().zip(&inside.values) {
            *within = squared(values.whole.row(at));
        }
        let deltas = inside.deltas.iter().map(|deltas| deltas.row(at));
        let deltas = deltas.chain(std::iter::once(std::slice::from_ref(residual)));
        let (mut norm, mut rounding) = (0.0, 0.0);
        for (deltas, within) in deltas.zip(within) {
            let within = real(within);
            norm += product(deltas, deltas) * within;
            rounding += real_of(deltas.len()) * within;
        }
        // Rounding moves each delta by half a quantum at most.
        let most = (real(u64::from(CLIP)) * 0.9999 - 0.5 * rounding.sqrt()) / norm.sqrt();
        let factor = scale.min(most).max(0.0);
        self.rounded.clear();
        for deltas in &inside.deltas {
            self.rounded.extend(deltas.row(at).iter().map(|delta| whole(delta * factor)));
        }
        let mut output = whole(residual * factor);
        let mut rest = self.rounded.as_slice();
        let mut norm = 0_u64;
        for (layer, within) in within.iter().take(inside.values.len()).enumerate() {
            let own = match inside.deltas.get(layer) {
                None => squared(&[output]),
                Some(deltas) => {
                    let width = deltas.row(at).len();
                    let (own, others) = rest.split_at_checked(width).unwrap_or((rest, &[]));
                    rest = others;
                    squared(own)
                }
            };
            norm = norm.saturating_add(own.saturating_mul(*within));
        }
        if norm > u64::from(CLIP).pow(2) {
            self.rounded.fill(0);
            output = 0;
        }
        let slots = self.hidden.iter_mut().flatten().filter_map(|row| row.get_mut(at));
        slots.zip(&self.rounded).for_each(|(slot, delta)| *slot = *delta);
        if let Some(slot) = self.output.get_mut(at) {
            *slot = output;
        }
    }

    /// Adds the products of all people to the sums.
    fn add(&mut self, all: &mut [i64]) {
        let people = self.residuals.len();
        let Self { inside, values, hidden, output, sums, .. } = self;
        for rows in hidden.iter_mut().flatten() {
            rows.iter_mut().skip(people).for_each(|slot| *slot = 0);
        }
        let mut slots = all.iter_mut();
        for ((values, deltas), from) in values.iter_mut().zip(hidden).zip(&inside.values) {
            for at in 0..people {
                for (row, value) in values.iter_mut().zip(from.whole.row(at)) {
                    if let Some(slot) = row.get_mut(at) {
                        *slot = *value;
                    }
                }
            }
            for delta in deltas.iter() {
                for (value, slot) in values.iter().zip(slots.by_ref()) {
                    *slot += i64::from(dot(delta, value));
                }
            }
        }
        sums.fill(0);
        if let Some(last) = inside.values.last() {
            for (at, delta) in output.iter().enumerate().take(people) {
                add_times(sums, *delta, last.whole.row(at));
            }
        }
        slots.zip(sums).for_each(|(slot, sum)| *slot += i64::from(*sum));
    }
}

/// The sum of squares.
#[inline]
fn squared(numbers: &[i16]) -> u64 {
    numbers.iter().map(|number| u64::from(u32::from(number.unsigned_abs()).pow(2))).sum()
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a norm is checked in whole numbers after"
)]
fn real(number: u64) -> f32 {
    number as f32
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "at most 2^10")]
fn real_of(number: usize) -> f32 {
    number as f32
}

/// [`QUANTA`], which labels are counted in.
const QUANTA_OF_LABELS: u16 = 1 << 12;
const _: () = assert!(QUANTA == 1 << 12);
/// Numbers in what a processor fetches at a time.
const LINE: usize = 32;
