//! Trimmed match: what an amount of cost brings, from differences within pairs of places, without the pairs that are farthest out.
//!
//! For each pair the difference in response less the return times the difference in cost should be nothing but chance, equally
//! often above as below 0. The estimate is the return at which the mean of these, without a share of the largest and of the
//! smallest, is 0. The interval has the returns at which that mean, beside its winsorised standard error, is not too far from 0.
//!
//! # Source
//!
//! Chen and Au 2022, *Robust causal inference for incremental return on ad spend with randomized paired geo experiments*,
//! Annals of Applied Statistics 16; formulas (5.7) and (8.2) of <https://research.google/pubs/pub48448/>, whose published
//! figures they give for a share that is left out. There the data choose that share, by the error that results, and of intervals at 90 %
//! fewer than 90 have the return; here it is a tenth at each end. There the interval has a normal quantile; the caller chooses, and for few pairs a quantile of Student's t
//! with one degree fewer than pairs that are kept is honest.

use super::count;

/// Differences within a pair: the treated place less the other.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "two numbers")]
pub struct Pair {
    /// In what is counted.
    pub response: f64,
    /// In what was spent.
    pub cost: f64,
}

/// A return estimated from pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Matched {
    /// What one unit of cost brings.
    pub estimate: f64,
    /// Its standard error.
    pub error: f64,
    /// How many pairs are left out at each end.
    pub trimmed: usize,
}

/// The estimate without one pair in ten at each end; `None` with fewer than three pairs, or if no cost differs.
///
/// What is left out is fixed by the number of pairs. Where the data choose it, by the error that results, that error is too small.
#[must_use]
pub fn estimate(pairs: &[Pair]) -> Option<Matched> {
    estimate_without(pairs, pairs.len() / 10)
}

/// The estimate without so many pairs at each end.
#[must_use]
pub fn estimate_without(pairs: &[Pair], trimmed: usize) -> Option<Matched> {
    if pairs.len() < 3 || pairs.len() < 2 * trimmed + 2 {
        return None;
    }
    let n = count(pairs.len());
    let root = |body: &[Pair]| {
        let sums = body.iter().fold((0.0, 0.0), |(response, cost), pair| {
            (response + pair.response, cost + pair.cost)
        });
        Some(sums.0 / sums.1).filter(|root| root.is_finite())
    };
    let roots = intervals(pairs).into_iter().filter_map(|[low, high]| {
        let body = Ordered::new(pairs, low, high);
        let found = root(body.body(trimmed)?)?;
        (low..=high).contains(&found).then_some(found)
    });
    // Of several the one around which those that are left are most symmetric.
    let apart = |root: &f64| {
        let left = Ordered::new(pairs, *root, *root).left(*root);
        let ends = left.iter().zip(left.iter().rev()).take(left.len() - trimmed).skip(trimmed);
        ends.map(|(low, high)| (low + high).abs()).sum::<f64>()
    };
    let estimate = roots.min_by(|one, other| apart(one).total_cmp(&apart(other)))?;
    let ordered = Ordered::new(pairs, estimate, estimate);
    let left = ordered.left(estimate);
    let cost = ordered.body(trimmed)?.iter().map(|pair| pair.cost).sum::<f64>() / n;
    let squares: f64 = winsorised(&left, trimmed)?.map(|left| left * left).sum();
    let error = (squares / (cost * cost) / n / n).sqrt();
    Some(Matched { estimate, error, trimmed }).filter(|found| found.error.is_finite())
}

/// The returns that are not rejected, from the smallest to the largest, where `quantile` is how far a mean may be from 0 beside its error; `None` for an end
/// that is infinite.
#[must_use]
pub fn ends(pairs: &[Pair], trimmed: usize, quantile: f64) -> [Option<f64>; 2] {
    let finite = |end: f64| Some(end).filter(|end| end.is_finite());
    not_rejected(pairs, trimmed, quantile).map_or([None, None], |ends| ends.map(finite))
}

/// The same, from the smallest to the largest, with infinite ends; `None` if there is none.
fn not_rejected(pairs: &[Pair], trimmed: usize, quantile: f64) -> Option<[f64; 2]> {
    let kept = count(pairs.len().saturating_sub(2 * trimmed));
    let factor = quantile * quantile * kept / (kept - 1.0);
    let mut found: Option<[f64; 2]> = None;
    for [low, high] in intervals(pairs) {
        let Some(quadratic) = Quadratic::of(&Ordered::new(pairs, low, high), trimmed, factor)
        else {
            continue;
        };
        for [from, to] in quadratic.within([low, high]) {
            let [least, most] = found.unwrap_or([from, to]);
            found = Some([least.min(from), most.max(to)]);
        }
    }
    found
}

/// Ranges of the return within which the order of what is left over stays the same.
fn intervals(pairs: &[Pair]) -> Vec<[f64; 2]> {
    let crossings = pairs.iter().enumerate().flat_map(|(at, pair)| {
        pairs
            .iter()
            .take(at)
            .map(|other| (pair.response - other.response) / (pair.cost - other.cost))
    });
    let mut ends: Vec<_> = crossings.filter(|crossing| crossing.is_finite()).collect();
    ends.extend([f64::NEG_INFINITY, f64::INFINITY]);
    ends.sort_by(f64::total_cmp);
    ends.dedup();
    ends.iter().zip(ends.iter().skip(1)).map(|(low, high)| [*low, *high]).collect()
}

/// Pairs in the order of what is left over at a return.
struct Ordered(Vec<Pair>);

impl Ordered {
    /// At any return between two ends.
    fn new(pairs: &[Pair], low: f64, high: f64) -> Self {
        let at = match (low.is_finite(), high.is_finite()) {
            (true, true) => low + (high - low) / 2.0,
            (true, false) => low + low.abs().max(1.0),
            (false, true) => high - high.abs().max(1.0),
            (false, false) => 0.0,
        };
        let mut all = pairs.to_vec();
        all.sort_by(|one, other| left(one, at).total_cmp(&left(other, at)));
        Self(all)
    }

    fn body(&self, trimmed: usize) -> Option<&[Pair]> {
        self.0.get(trimmed..self.0.len().checked_sub(trimmed)?)
    }

    fn left(&self, at: f64) -> Vec<f64> {
        self.0.iter().map(|pair| left(pair, at)).collect()
    }
}

fn left(pair: &Pair, at: f64) -> f64 {
    pair.response - at * pair.cost
}

/// Ordered numbers with those at each end replaced by the last that is kept.
fn winsorised(ordered: &[f64], trimmed: usize) -> Option<impl Iterator<Item = f64>> {
    let (low, high) =
        (*ordered.get(trimmed)?, *ordered.get(ordered.len().checked_sub(trimmed + 1)?)?);
    Some(ordered.iter().map(move |number| number.clamp(low, high)))
}

/// a·θ² - 2b·θ + c, at most 0 where the mean is not too far from 0.
struct Quadratic([f64; 3]);

impl Quadratic {
    fn of(ordered: &Ordered, trimmed: usize, factor: f64) -> Option<Self> {
        let n = count(ordered.0.len());
        let body = ordered.body(trimmed)?;
        let (first, last) = (body.first()?, body.last()?);
        let ends = [first, last].map(|pair| (*pair, count(trimmed)));
        let all = || body.iter().map(|pair| (*pair, 1.0)).chain(ends);
        let sum = |of: fn(&Pair) -> f64| body.iter().map(of).sum::<f64>();
        let winsorised =
            |of: fn(&Pair) -> f64| all().map(|(pair, times)| times * of(&pair)).sum::<f64>();
        let (cost, response) = (sum(|pair| pair.cost), sum(|pair| pair.response));
        let (costs, responses) = (winsorised(|pair| pair.cost), winsorised(|pair| pair.response));
        let [xx, xy, yy] = [
            winsorised(|pair| pair.cost * pair.cost) - costs * costs / n,
            winsorised(|pair| pair.cost * pair.response) - costs * responses / n,
            winsorised(|pair| pair.response * pair.response) - responses * responses / n,
        ];
        let terms = [
            cost * cost - factor * xx,
            cost * response - factor * xy,
            response * response - factor * yy,
        ];
        terms.iter().all(|term| term.is_finite()).then_some(Self(terms))
    }

    /// Where it is at most 0, within two ends.
    fn within(&self, [low, high]: [f64; 2]) -> Vec<[f64; 2]> {
        let Self([a, b, c]) = *self;
        let discriminant = b * b - a * c;
        let everywhere = vec![[f64::NEG_INFINITY, f64::INFINITY]];
        let parts = if a.abs() <= 0.0 {
            match (b > 0.0, b < 0.0) {
                (true, _) => vec![[c / (2.0 * b), f64::INFINITY]],
                (_, true) => vec![[f64::NEG_INFINITY, c / (2.0 * b)]],
                _ if c <= 0.0 => everywhere,
                _ => Vec::new(),
            }
        } else if discriminant < 0.0 {
            if a < 0.0 { everywhere } else { Vec::new() }
        } else {
            let root = discriminant.sqrt();
            let roots = [(b - root) / a, (b + root) / a];
            let [one, other] = [roots[0].min(roots[1]), roots[0].max(roots[1])];
            if a > 0.0 {
                vec![[one, other]]
            } else {
                vec![[f64::NEG_INFINITY, one], [other, f64::INFINITY]]
            }
        };
        let clipped = parts.into_iter().map(|[from, to]| [from.max(low), to.min(high)]);
        clipped.filter(|[from, to]| from <= to).collect()
    }
}
