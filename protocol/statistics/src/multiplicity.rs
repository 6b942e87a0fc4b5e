//! Many p-values read together: adjustments for having looked more than once.
//!
//! An absent p-value belongs to a comparison that was declared and could not be made. It still
//! counts as declared, so that its absence, which depends on rows, does not sharpen the others.

/// Holm's adjustment: a figure below α is wrong with probability at most α over the whole family.
///
/// # Source
///
/// Holm 1979; equals R's `p.adjust(method = "holm")` where none is absent.
#[must_use]
pub fn holm(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let declared = count(p.len());
    let mut largest = 0.0_f64;
    adjust(p, ascending(p), |rank, p| {
        largest = largest.max((declared - rank) * p).min(1.0);
        largest
    })
}

/// Benjamini and Hochberg's adjustment: of the figures below α at most a share α is wrong on
/// average, for independent or positively dependent tests.
///
/// # Source
///
/// Benjamini and Hochberg 1995; equals R's `p.adjust(method = "BH")` where none is absent.
#[must_use]
pub fn benjamini_hochberg(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let declared = count(p.len());
    let mut order = ascending(p);
    order.reverse();
    let present = count(order.len());
    let mut smallest = 1.0_f64;
    adjust(p, order, |rank, p| {
        smallest = smallest.min(declared / (present - rank) * p);
        smallest
    })
}

/// For each comparison the probability with which its interval may miss, such that it leaves out zero
/// exactly where Holm's adjusted p is below `alpha`.
///
/// All have Bonferroni's α/m, which together hold with probability 1 - α. Holm's test is sharper: where
/// it finds an effect that Bonferroni's interval would not, the interval is that of the step at which
/// Holm found it, α/(m - k) after k smaller p-values (Serlin 1993), and is not among those that hold together.
#[must_use]
pub fn holm_misses(p: &[Option<f64>], alpha: f64) -> Vec<f64> {
    let declared = count(p.len().max(1));
    let mut misses = vec![alpha / declared; p.len()];
    for (rank, (at, p)) in ascending(p).into_iter().enumerate() {
        let step = alpha / (declared - count(rank));
        // As the adjusted p is compared, so that both round alike.
        if (declared - count(rank)) * p >= alpha {
            break;
        }
        if let Some(miss) = misses.get_mut(at).filter(|_| declared * p >= alpha) {
            *miss = step;
        }
    }
    misses
}

/// The same for Benjamini and Hochberg's adjustment: Rα/m for all, where R effects are found (one, if
/// none is): of the intervals of the effects that are found, a share α misses on average.
///
/// # Source
///
/// Benjamini and Yekutieli 2005: the false coverage rate.
#[must_use]
pub fn benjamini_hochberg_misses(p: &[Option<f64>], alpha: f64) -> Vec<f64> {
    let adjusted = benjamini_hochberg(p);
    let found = adjusted.iter().flatten().filter(|p| **p < alpha).count();
    vec![alpha * count(found.max(1)) / count(p.len().max(1)); p.len()]
}

/// Present p-values with their positions, smallest first.
fn ascending(p: &[Option<f64>]) -> Vec<(usize, f64)> {
    let mut order: Vec<_> = p.iter().enumerate().filter_map(|(at, p)| p.map(|p| (at, p))).collect();
    order.sort_by(|left, right| left.1.total_cmp(&right.1));
    order
}

fn adjust(
    p: &[Option<f64>],
    order: Vec<(usize, f64)>,
    mut step: impl FnMut(f64, f64) -> f64,
) -> Vec<Option<f64>> {
    let mut adjusted = vec![None; p.len()];
    for (rank, (at, p)) in order.into_iter().enumerate() {
        if let Some(slot) = adjusted.get_mut(at) {
            *slot = Some(step(count(rank), p));
        }
    }
    adjusted
}

fn count(length: usize) -> f64 {
    f64::from(u32::try_from(length).unwrap_or(u32::MAX))
}
