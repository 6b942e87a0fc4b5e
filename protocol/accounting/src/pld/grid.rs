//! A privacy loss distribution on a grid, pessimistic: no ε of any composition gets smaller by it.

use super::super::{
    AccountingError, Mechanism,
    mechanism::{Kind, at_log_ratio, log_ratio},
    normal,
};

/// Who of the two neighbours holds the person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Direction {
    /// The loss of the results with the person against those without.
    Remove,
    /// The loss of the results without the person against those with.
    Add,
}

/// Loss k·step has the (k - first)-th of `masses`, and what is left out counts as infinite loss.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) step: f64,
    pub(super) first: i64,
    pub(super) masses: Vec<f64>,
    pub(super) infinite: f64,
    /// Losses below count as this.
    start: i64,
    /// Losses from here on are split between here and infinity.
    last: i64,
    /// 1 - exp(-step).
    rise: f64,
}

/// Losses between `low` and `high`, outside of which each tail weighs less than `tail`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Support {
    low: f64,
    high: f64,
    reach: f64,
    tail: f64,
}

impl Support {
    pub(super) fn of(mechanism: &Mechanism, direction: Direction, tail: f64) -> Self {
        let reach = normal::beyond(tail);
        let (low, high) = match mechanism.0 {
            Kind::SubsampledGaussian { sigma, rate } => {
                let loss = |z| log_ratio(sigma, rate, z);
                match direction {
                    Direction::Remove => (loss(-reach), loss(reach + 1.0 / sigma)),
                    Direction::Add => (-loss(reach), -loss(-reach)),
                }
            }
            Kind::DiscreteGaussian { sigma, sensitivity } => {
                let most = (reach * sigma).ceil() + 1.0;
                let loss = |x| sensitivity * (sensitivity - 2.0 * x) / (2.0 * sigma * sigma);
                (loss(most), loss(-most))
            }
            Kind::Laplace { scale } => (-1.0 / scale, 1.0 / scale),
            Kind::DiscreteLaplace { scale, sensitivity } => {
                (-f64::from(sensitivity) / scale, f64::from(sensitivity) / scale)
            }
        };
        Self { low, high, reach, tail }
    }

    /// Grid points around all of it.
    pub(super) fn ends(&self, step: f64) -> Ends {
        Ends {
            first: index((self.low / step).floor()) - 1,
            last: index((self.high / step).ceil()) + 1,
        }
    }

    /// The highest loss.
    pub(super) fn high(&self) -> f64 {
        self.high
    }

    /// From its lowest loss to its highest.
    pub(super) fn width(&self) -> f64 {
        self.high - self.low
    }
}

/// First and last point of a grid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ends {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Ends {
    pub(super) fn cells(self) -> f64 {
        position(self.last - self.first)
    }

    /// The same losses on a grid `times` as fine.
    pub(super) fn finer(self, times: i64) -> Self {
        Self { first: self.first * times, last: self.last * times }
    }
}

impl Grid {
    /// The mechanism's distribution on multiples of `step`.
    ///
    /// A loss between two grid points is split over them so that its probability under *both*
    /// neighbours stays. That dominates the true pair, and is the tightest such grid: the hockey-stick
    /// curve of the result joins the points of the true curve by straight lines in exp(ε).
    ///
    /// A loss above the last point is split likewise, between there and infinity, which changes the
    /// curve above that point only; a loss below the first counts as the first.
    ///
    /// # Source
    ///
    /// Doroshenko, Ghazi, Kamath, Kumar and Manurangsi 2022, *Connect the Dots*,
    /// <https://arxiv.org/abs/2207.04380>, Section 3.
    pub(super) fn new(
        mechanism: &Mechanism,
        direction: Direction,
        support: &Support,
        step: f64,
        Ends { first, last }: Ends,
    ) -> Result<Self, AccountingError> {
        let size = usize::try_from(last - first + 1).map_err(|_| AccountingError::Unresolved)?;
        let masses = vec![0.0; size];
        let mut grid =
            Self { step, first, masses, infinite: 0.0, start: first, last, rise: rise(step) };
        match mechanism.0 {
            Kind::SubsampledGaussian { sigma, rate } => {
                grid.subsampled(sigma, rate, direction, support);
            }
            Kind::DiscreteGaussian { sigma, sensitivity } => {
                grid.discrete_gaussian(sigma, sensitivity, support)?;
            }
            Kind::Laplace { scale } => grid.laplace(scale),
            Kind::DiscreteLaplace { scale, sensitivity } => {
                grid.discrete_laplace(scale, f64::from(sensitivity));
            }
        }
        grid.trim();
        grid.masses.iter_mut().for_each(|mass| *mass *= 1.0 + MARGIN);
        grid.infinite *= 1.0 + MARGIN;
        Ok(grid)
    }

    /// Where it was to begin and end.
    pub(super) fn ends(&self) -> Ends {
        Ends { first: self.start, last: self.last }
    }

    /// Takes next to impossible losses off both ends and counts them as infinite, so that moments
    /// of any order find something at the ends.
    fn trim(&mut self) {
        let negligible = |mass: &f64| *mass < NEGLIGIBLE;
        while let Some(mass) = self.masses.pop_if(|mass| negligible(mass)) {
            self.infinite += mass;
        }
        let leading = self.masses.iter().take_while(|mass| negligible(mass)).count();
        self.infinite += self.masses.drain(..leading).sum::<f64>();
        self.first += i64::try_from(leading).unwrap_or(0);
    }

    fn subsampled(&mut self, sigma: f64, rate: f64, direction: Direction, support: &Support) {
        self.infinite = 2.0 * support.tail;
        let steepness = f64::max(1.0, 1.0 / sigma);
        let piece = |z: f64| 0.05 / z.abs().max(steepness);
        match direction {
            Direction::Remove => self.spread(
                (-support.reach, support.reach + 1.0 / sigma),
                |loss| at_log_ratio(sigma, rate, loss),
                |z| {
                    let loss = log_ratio(sigma, rate, z);
                    // The mixture's density is the ratio times that of N(0, 1).
                    (loss, INVERSE_ROOT * libm::exp(loss - z * z / 2.0))
                },
                piece,
            ),
            // The loss rises with -z.
            Direction::Add => self.spread(
                (-support.reach, support.reach),
                |loss| -at_log_ratio(sigma, rate, -loss),
                |z| (-log_ratio(sigma, rate, -z), INVERSE_ROOT * libm::exp(-z * z / 2.0)),
                piece,
            ),
        }
    }

    /// Between the two means the loss is linear; beyond them it is ±1/scale.
    fn laplace(&mut self, scale: f64) {
        let most = 1.0 / scale;
        self.atom(most, 0.5);
        self.atom(-most, 0.5 * libm::exp(-most));
        self.spread(
            (-1.0, 0.0),
            |loss| (scale * loss - 1.0) / 2.0,
            |minus_x| ((1.0 + 2.0 * minus_x) / scale, libm::exp(minus_x / scale) / (2.0 * scale)),
            |_| 0.05 * scale.min(1.0),
        );
    }

    fn discrete_gaussian(
        &mut self,
        sigma: f64,
        sensitivity: f64,
        support: &Support,
    ) -> Result<(), AccountingError> {
        // P[X ≥ m] ≤ P[N(0, σ²) ≥ m - 1]: Canonne, Kamath and Steinke 2020, Proposition 25.
        let most = (support.reach * sigma).ceil() + 1.0;
        if most > MOST_ATOMS {
            return Err(AccountingError::Unresolved);
        }
        self.infinite = 2.0 * support.tail;
        let weight = |x: f64| libm::exp(-x * x / (2.0 * sigma * sigma));
        // Leaving out the tails makes every probability larger.
        let total = 1.0 + 2.0 * whole_numbers(1.0, most).map(weight).sum::<f64>();
        for x in whole_numbers(-most, most) {
            let loss = sensitivity * (sensitivity - 2.0 * x) / (2.0 * sigma * sigma);
            self.atom(loss, weight(x) / total);
        }
        Ok(())
    }

    fn discrete_laplace(&mut self, scale: f64, sensitivity: f64) {
        let ratio = libm::exp(-1.0 / scale);
        let most = sensitivity / scale;
        self.atom(most, 1.0 / (1.0 + ratio));
        self.atom(-most, libm::exp(-most) / (1.0 + ratio));
        let share = -libm::expm1(-1.0 / scale) / (1.0 + ratio);
        for x in whole_numbers(1.0, sensitivity - 1.0) {
            self.atom((sensitivity - 2.0 * x) / scale, share * libm::exp(-x / scale));
        }
    }

    /// Adds a density over a parameter in which the loss never falls. `inverse` gives the parameter
    /// of a loss, `at` loss and density of a parameter, `piece` how long a piece may be for three
    /// Gauss-Legendre nodes to be exact to 10⁻¹⁴.
    fn spread(
        &mut self,
        (from, to): (f64, f64),
        inverse: impl Fn(f64) -> f64,
        at: impl Fn(f64) -> (f64, f64),
        piece: impl Fn(f64) -> f64,
    ) {
        let mut left = from;
        let (first, last) = (position(self.first), position(self.last));
        let mut next = f64::max((at(from).0 / self.step).floor(), first - 1.0);
        while left < to {
            // The grid points are where the share that is rounded up has a kink.
            next += 1.0;
            let bend = if next > last { to } else { inverse(next * self.step) };
            let right = if bend < to { bend } else { to };
            while left < right {
                let end = right.min(left + piece(left));
                let (middle, half) = ((left + end) / 2.0, (end - left) / 2.0);
                for (node, weight) in NODES {
                    let (loss, density) = at(middle + node * half);
                    self.atom(loss, weight * half * density);
                }
                left = if end > left { end } else { right };
            }
        }
    }

    /// Adds one loss, split over the grid points around it.
    fn atom(&mut self, loss: f64, mass: f64) {
        let below = (loss / self.step).floor();
        if below >= position(self.last) {
            let finite = mass * libm::exp(position(self.last) * self.step - loss).min(1.0);
            if let Some(last) = self.masses.last_mut() {
                *last += finite;
            }
            // More by what the difference may have lost.
            self.infinite += (mass - finite) + mass * f64::EPSILON;
            return;
        }
        let below = below.max(position(self.first));
        let loss = loss.max(below * self.step);
        let above_it = loss - below * self.step;
        let up = (rise(above_it) / self.rise).clamp(0.0, 1.0);
        let slot = usize::try_from(index(below) - self.first).unwrap_or(usize::MAX);
        match self.masses.get_mut(slot..) {
            Some([low, high, ..]) => {
                *low += mass * (1.0 - up);
                *high += mass * up;
            }
            // Never for less than it costs.
            _ => self.infinite += mass,
        }
    }
}

/// 1 - exp(-x), for small x by its series: this is evaluated millions of times.
fn rise(x: f64) -> f64 {
    if x < 1e-3 {
        x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0)))
    } else {
        -libm::expm1(-x)
    }
}

fn whole_numbers(from: f64, to: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(from), |x| Some(x + 1.0)).take_while(move |x| *x <= to)
}

/// A whole number as such.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "callers round first; losses over steps are far below 2^53, and the cast saturates"
)]
pub(super) fn index(whole: f64) -> i64 {
    whole as i64
}

/// As a real number.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "indices of grids are far below 2^53"
)]
pub(super) fn position(index: i64) -> f64 {
    index as f64
}

/// Nodes and weights on -1..1.
const NODES: [(f64, f64); 3] =
    [(-0.774_596_669_241_483_4, 5.0 / 9.0), (0.0, 8.0 / 9.0), (0.774_596_669_241_483_4, 5.0 / 9.0)];

/// 1/√(2π).
const INVERSE_ROOT: f64 = 0.398_942_280_401_432_7;

/// More than quadrature and rounding can take from a mass.
const MARGIN: f64 = 5e-13;

/// Far below any δ.
const NEGLIGIBLE: f64 = 1e-100;

/// Atoms on each side of a discrete Gaussian, for bounded work.
const MOST_ATOMS: f64 = 3e6;
