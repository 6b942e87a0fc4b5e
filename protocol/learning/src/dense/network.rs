//! Weights as a step scores people by, and scores.

use super::{
    UNITS,
    kernel::{GROUP, LANES, product, tile, whole},
    people::{CONSTANT, People},
    plan::{Plan, narrow},
};
use std::ops::Range;

/// A network with certain weights.
#[derive(Clone, Debug)]
pub struct Network {
    pub(super) hidden: Vec<Layer>,
    /// Of the output: a weight for each number of the last hidden layer, or of the inputs, and last of the constant.
    pub(super) output: Vec<f32>,
}

/// A hidden layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) ins: usize,
    pub(super) outs: usize,
    /// For each eight outputs, a lane of weights for each number that goes in, and last for the constant.
    forward: Vec<Vec<[f32; LANES]>>,
    /// For each eight numbers that go in, a lane of weights for each output.
    backward: Vec<Vec<[f32; LANES]>>,
}

impl Network {
    /// The network of a plan with these weights, in the plan's order.
    #[must_use]
    pub fn new(plan: &Plan, weights: &[f64]) -> Self {
        let weights: Vec<f32> = weights.iter().map(|weight| narrow(*weight)).collect();
        let (mut rest, mut hidden, mut output) = (weights.as_slice(), Vec::new(), Vec::new());
        let layers = plan.hidden.len();
        for (at, (ins, outs)) in plan.layers().enumerate() {
            let (own, others) = rest.split_at_checked((ins + 1) * outs).unwrap_or((rest, &[]));
            rest = others;
            if at < layers {
                hidden.push(Layer::new(ins, outs, own));
            } else {
                output = own.to_vec();
            }
        }
        Self { hidden, output }
    }

    /// The score of somebody with these numbers ([`number`](super::number)); those that are missing are 0.
    #[must_use]
    pub fn score(&self, numbers: &[i16]) -> f32 {
        let mut inside = Inside::new(self, GROUP);
        let inputs = inside.values.first().map_or(0, |values| values.whole.row(0).len());
        let mut person = vec![0; inputs.saturating_sub(1)];
        for (slot, number) in person.iter_mut().zip(numbers) {
            *slot = (*number).clamp(-UNITS, UNITS);
        }
        person.push(CONSTANT);
        inside.enter(0, &person);
        inside.forward(self, 1);
        inside.score(self, 0)
    }

    /// Tells the score of each person at these places and the label in quanta, in the order of people.
    pub fn scores(&self, people: &People, places: Range<u32>, tell: &mut dyn FnMut(f32, i16)) {
        let mut inside = Inside::new(self, GROUP);
        let (mut label, end) = (Vec::with_capacity(GROUP), places.end);
        for start in places.step_by(GROUP) {
            label.clear();
            for (at, place) in (start..end).take(GROUP).enumerate() {
                let Some((numbers, of_person)) = people.person(place) else { continue };
                inside.enter(at, numbers);
                label.push(of_person);
            }
            inside.forward(self, label.len());
            for (at, label) in label.iter().enumerate() {
                tell(inside.score(self, at), *label);
            }
        }
    }
}

impl Layer {
    fn new(ins: usize, outs: usize, weights: &[f32]) -> Self {
        let weight = |output: usize, at: usize| {
            weights.get(output * (ins + 1) + at).filter(|_| at <= ins).copied().unwrap_or(0.0)
        };
        let lanes = |start: usize, of: &dyn Fn(usize) -> f32| {
            let mut lane = [0.0; LANES];
            lane.iter_mut().zip(start..).for_each(|(slot, at)| *slot = of(at));
            lane
        };
        let forward = (0..outs)
            .step_by(LANES)
            .map(|start| (0..=ins).map(|at| lanes(start, &|output| weight(output, at))).collect());
        let backward = (0..ins)
            .step_by(LANES)
            .map(|start| (0..outs).map(|output| lanes(start, &|at| weight(output, at))).collect());
        Self { ins, outs, forward: forward.collect(), backward: backward.collect() }
    }
}

/// What goes into each layer and what each should have said less of, of a few people at a time.
#[derive(Debug)]
pub(super) struct Inside {
    /// Before the first layer and after each hidden one.
    pub(super) values: Vec<Values>,
    /// After each hidden layer.
    pub(super) deltas: Vec<Matrix<f32>>,
}

/// What goes into a layer, with the constant.
#[derive(Debug)]
pub(super) struct Values {
    /// In units.
    pub(super) whole: Matrix<i16>,
    real: Matrix<f32>,
}

/// A row for each person.
#[derive(Debug)]
pub(super) struct Matrix<T> {
    width: usize,
    all: Vec<T>,
}

impl<T: Copy> Matrix<T> {
    fn of(rows: usize, width: usize, fill: T) -> Self {
        Self { width, all: vec![fill; rows * width] }
    }

    #[inline]
    pub(super) fn row(&self, at: usize) -> &[T] {
        self.all.get(at * self.width..(at + 1) * self.width).unwrap_or_default()
    }

    #[inline]
    pub(super) fn row_mut(&mut self, at: usize) -> &mut [T] {
        self.all.get_mut(at * self.width..(at + 1) * self.width).unwrap_or_default()
    }

    fn group(&self, start: usize) -> [&[T]; GROUP] {
        std::array::from_fn(|at| self.row(start + at))
    }
}

impl Inside {
    /// For so many people, a multiple of four.
    pub(super) fn new(network: &Network, people: usize) -> Self {
        let ins = network.hidden.first().map_or(network.output.len(), |layer| layer.ins + 1);
        let widths = network.hidden.iter().map(|layer| layer.outs);
        let values = std::iter::once(ins).chain(widths.clone().map(|width| width + 1));
        let values = values.map(|width| Values {
            whole: Matrix::of(people, width, CONSTANT),
            real: Matrix::of(people, width, f32::from(CONSTANT) * UNIT),
        });
        let deltas = widths.map(|width| Matrix::of(people, width, 0.0));
        Self { values: values.collect(), deltas: deltas.collect() }
    }

    /// The numbers of a person, with the constant. No more is done here, so that several people are fetched at a time:
    /// those of a batch lie far apart.
    #[inline]
    pub(super) fn enter(&mut self, at: usize, numbers: &[i16]) {
        let Some(values) = self.values.first_mut() else { return };
        let row = values.whole.row_mut(at);
        // Nothing stays of whoever had this row before, even if this person has fewer numbers than the network sees.
        let (own, rest) = row.split_at_mut(numbers.len().min(row.len()));
        own.iter_mut().zip(numbers).for_each(|(slot, number)| *slot = *number);
        rest.fill(0);
    }

    /// What the hidden layers say of the first so many people: nothing below 0 and at most 8, rounded to units.
    pub(super) fn forward(&mut self, network: &Network, people: usize) {
        if let Some(Values { whole, real }) = self.values.first_mut() {
            for at in 0..people {
                let slots = real.row_mut(at).iter_mut().zip(whole.row(at));
                slots.for_each(|(slot, number)| *slot = f32::from(*number) * UNIT);
            }
        }
        for (at, layer) in network.hidden.iter().enumerate() {
            let (before, after) = self.values.split_at_mut(at + 1);
            let (Some(from), Some(to)) = (before.last(), after.first_mut()) else { return };
            for start in (0..people).step_by(GROUP) {
                let rows = from.real.group(start);
                for (lane, weights) in layer.forward.iter().enumerate() {
                    for (own, sums) in tile(rows, weights).iter().enumerate() {
                        to.set(start + own, lane * LANES, layer.outs, sums);
                    }
                }
            }
        }
    }

    /// The score of a person.
    #[inline]
    pub(super) fn score(&self, network: &Network, at: usize) -> f32 {
        self.values.last().map_or(0.0, |values| product(values.real.row(at), &network.output))
    }

    /// Deltas of the hidden layers, from how far scores are too high. An output at an end of its range has none.
    pub(super) fn backward(&mut self, network: &Network, residuals: &[f32]) {
        let Self { values, deltas } = self;
        if let (Some(deltas), Some(values)) = (deltas.last_mut(), values.last()) {
            for (at, residual) in residuals.iter().enumerate() {
                let own = deltas.row_mut(at).iter_mut().zip(values.whole.row(at));
                for ((delta, value), weight) in own.zip(&network.output) {
                    *delta = if is_between(*value) { residual * weight } else { 0.0 };
                }
            }
        }
        // Only a second layer has one before it.
        let [first, second] = deltas.as_mut_slice() else { return };
        let (Some(layer), Some(values)) = (network.hidden.get(1), values.get(1)) else { return };
        for start in (0..residuals.len()).step_by(GROUP) {
            let rows = second.group(start);
            for (lane, weights) in layer.backward.iter().enumerate() {
                for (own, sums) in tile(rows, weights).iter().enumerate() {
                    let (own, skipped) = (start + own, lane * LANES);
                    let slots = first.row_mut(own).iter_mut().zip(values.whole.row(own));
                    for ((delta, value), sum) in slots.skip(skipped).zip(sums) {
                        *delta = if is_between(*value) { *sum } else { 0.0 };
                    }
                }
            }
        }
    }
}

impl Values {
    #[inline]
    fn set(&mut self, row: usize, start: usize, width: usize, sums: &[f32; LANES]) {
        let end = width.min(start + LANES);
        let units = sums.map(|sum| whole(sum.clamp(0.0, MOST) * f32::from(UNITS)));
        if let Some(slots) = self.whole.row_mut(row).get_mut(start..end) {
            slots.iter_mut().zip(units).for_each(|(slot, units)| *slot = units);
        }
        if let Some(slots) = self.real.row_mut(row).get_mut(start..end) {
            slots.iter_mut().zip(units).for_each(|(slot, units)| *slot = f32::from(units) * UNIT);
        }
    }
}

/// Whether an output of a hidden layer is between its ends.
#[inline]
fn is_between(value: i16) -> bool {
    (1..UNITS * ENDS).contains(&value)
}

/// One unit of a number.
const UNIT: f32 = 1.0 / 2048.0;
/// The most that an output of a hidden layer is.
const MOST: f32 = 8.0;
/// The same in whole numbers.
const ENDS: i16 = 8;
const _: () = assert!(UNITS == 1 << 11);
