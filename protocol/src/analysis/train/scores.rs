//! Bins of scores, in which people who are held out are counted: public, and chosen from public figures alone.
//!
//! Finer bins hide fewer differences between people, and each has noise of its own. So steps are a quarter, a half or 1, by how much
//! noise hides. They are finest where scores are dense: about the intercept of an additive model, which is the noisy rate of the label, and of a dense model,
//! whose rate nobody knows, where it says 0.7 to 88 %.

/// A step between edges, in units of 2⁻¹⁶, for a job of so many people of whom so many thousandths judge the model.
pub(super) fn step(people: u64, share: u32, rho: f64) -> i32 {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "at most 2^40")]
    let judges = people as f64 * f64::from(share) / 1000.0;
    // Judges for each deviation of the noise in a count, if one id of a person is counted.
    match judges * (2.0 * rho).sqrt() {
        1000.0.. => ONE / 4,
        250.0.. => ONE / 2,
        _ => ONE,
    }
}

/// Edges of bins with this step where scores are dense, and with twice and four times as much further out.
pub(super) fn edges(is_dense: bool, step: i32) -> Vec<i32> {
    let (fine, further, furthest) =
        if is_dense { ([-5, 2], [-7, 5], [-10, 8]) } else { ([-3, 3], [-5, 5], [-5, 5]) };
    let mut edges: Vec<i32> = spread(fine[0] * ONE, fine[1] * ONE, step).collect();
    for ([from, to], step) in [(further, 2 * step), (furthest, 4 * step)] {
        let (Some(lowest), Some(highest)) = (edges.first().copied(), edges.last().copied()) else {
            break;
        };
        edges.extend(spread(highest + step, to * ONE, step));
        edges.extend(spread(-(lowest - step), -from * ONE, step).map(|edge| -edge));
        edges.sort_unstable();
    }
    edges
}

fn spread(from: i32, to: i32, step: i32) -> impl Iterator<Item = i32> {
    std::iter::successors(Some(from), move |edge| Some(edge + step))
        .take_while(move |edge| *edge <= to)
}

/// A score of 1.
const ONE: i32 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_ascend_and_are_finest_where_scores_are_dense() {
        for is_dense in [false, true] {
            for step in [ONE / 4, ONE / 2, ONE] {
                let edges = edges(is_dense, step);
                assert!(edges.is_sorted_by(|a, b| a < b), "{edges:?}");
                assert!(edges.contains(&0) && edges.contains(&step) && edges.contains(&-step));
            }
        }
        // In whole scores: every one about the intercept, every second one further out.
        let whole: Vec<_> = edges(false, ONE).iter().map(|edge| edge / ONE).collect();
        assert_eq!(whole, [-5, -3, -2, -1, 0, 1, 2, 3, 5]);
        assert_eq!([edges(false, ONE / 4).len(), edges(true, ONE / 4).len()], [33, 45]);
    }

    #[test]
    fn the_more_noise_hides_the_wider_bins_are() {
        let of = |people, share, rho| step(people, share, rho);
        // A quarter of 31,500 people, at epsilon 2, 0.5 and 0.1 and delta 1e-6.
        assert_eq!(
            [0.065, 0.0044, 0.00018].map(|rho| of(31_500, 250, rho)),
            [ONE / 4, ONE / 2, ONE]
        );
    }
}
