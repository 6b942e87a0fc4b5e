//! What theory allows an attacker, from the very totals of the worlds that it has to tell apart.
//!
//! Neighbours differ by one person, added or removed. A person who is known to be in the population is
//! never added nor removed: worlds that differ in *which cell* that person is in are two steps apart,
//! and two steps cost up to twice the loss.

use std::collections::BTreeMap;

use protocol::{
    accounting::{Mechanism, gaussian, pld},
    loss::Rho,
    proof::{Figure, Sigma},
};

use super::{data::Person, stage::Worked};

/// A world, and the jobs of the attack worked out over it.
pub(crate) type World<'w> = (&'w [Person], &'w [Worked]);

/// The most often that anybody is right who guesses which of `worlds` was asked about, all equally
/// likely, having seen every figure of every job, paid for with `budget`.
///
/// For any guess g and any world Q, the chance of being right is
/// Σ P_i\[g = i\] / n ≤ Σ (Q\[g = i\] + TV(P_i, Q)) / n ≤ 1/n + Σ TV(P_i, Q) / n, as the Q\[g = i\] add up
/// to at most 1. For two worlds and Q one of them it is ½ + TV/2, which the best attacker reaches.
pub(crate) fn best(worlds: &[World<'_>], reference: World<'_>, budget: Rho) -> f64 {
    let distances = worlds.iter().map(|(people, jobs)| {
        let steps = steps(people, reference.0);
        let (moves, delta) = apart(jobs, reference.1, steps);
        distance(&moves, f64::from(steps) * budget.value()) + delta
    });
    let n = f64::from(u32::try_from(worlds.len()).unwrap());
    1.0 / n + distances.sum::<f64>() / n
}

/// Through how many additions and removals of one person one world becomes the other.
fn steps(one: &[Person], other: &[Person]) -> u32 {
    let by_key = |people: &[Person]| -> BTreeMap<u32, Person> {
        people.iter().map(|it| (it.key, it.clone())).collect()
    };
    let (one, other) = (by_key(one), by_key(other));
    let keys = one.keys().chain(other.keys()).collect::<std::collections::BTreeSet<_>>();
    let differing: Vec<_> = keys.into_iter().filter(|key| one.get(key) != other.get(key)).collect();
    assert!(differing.len() <= 1, "worlds of one secret: {differing:?}");
    let counted = |world: &BTreeMap<u32, Person>| {
        let target = differing.first().and_then(|key| world.get(key));
        u32::from(target.is_some_and(|it| !it.exposures.is_empty()))
    };
    counted(&one) + counted(&other)
}

/// How many entries move, by noise (σ in units of 1/1024) and by how far.
pub(crate) type Moves = BTreeMap<(Sigma, u32), u64>;

/// What moves from one world to the other; and the δ of cells that only one of them has.
fn apart(one: &[Worked], other: &[Worked], steps: u32) -> (Moves, f64) {
    let (mut moves, mut delta) = (Moves::new(), 0.0);
    for (one, other) in one.iter().zip(other) {
        for (figure, moved) in moved(one, other) {
            for shift in allowed(&moved, figure, steps) {
                *moves.entry((figure.sigma, shift)).or_default() += 1;
            }
        }
        let fresh =
            |one: &Worked, other: &Worked| one.names.iter().any(|name| !other.names.contains(name));
        let selection = one.admitted.proven().proof().vectors().unwrap().selection;
        if let Some(selection) = selection.filter(|_| fresh(one, other) || fresh(other, one)) {
            let quadrillionths = u32::try_from(selection.delta).unwrap();
            delta += f64::from(steps) * f64::from(quadrillionths) / 1e15;
        }
    }
    (moves, delta)
}

/// Total variation distance of two worlds, rounded up: δ at ε = 0 of the noise on what moves. If that
/// loses more than `most`, it is that of a loss of `most`: noise that is too narrow for its price, or a
/// price that is not split over figures, makes the attacker better and not the bound looser.
pub(crate) fn distance(moves: &Moves, most: f64) -> f64 {
    let loss = |((sigma, shift), count): (&(Sigma, u32), &u64)| {
        let entries = f64::from(u32::try_from(*count).unwrap());
        entries * (f64::from(*shift) / sigma.value()).powi(2) / 2.0
    };
    if moves.is_empty() {
        return 0.0;
    }
    if moves.iter().map(loss).sum::<f64>() > most * (1.0 + 1e-9) {
        return gaussian::delta(1.0 / (2.0 * most).sqrt(), 0.0).unwrap();
    }
    let part = |((sigma, shift), count): (&(Sigma, u32), &u64)| {
        (Mechanism::discrete_gaussian(sigma.value(), *shift).unwrap(), *count)
    };
    pld::delta(&moves.iter().map(part).collect::<Vec<_>>(), 0.0).unwrap()
}

/// By how much each entry of each figure moves. A cell that only one world has does not: its figures are
/// not shown.
fn moved<'w>(one: &'w Worked, other: &'w Worked) -> Vec<(&'w Figure, Vec<i64>)> {
    let proof = one.admitted.proven().proof();
    assert_eq!(proof, other.admitted.proven().proof(), "the same question");
    let pairs: Vec<_> = pairs(one, other).collect();
    let column = |left: &[i64], right: &[i64]| {
        pairs.iter().map(|(a, b)| left[*a] - right[*b]).filter(|it| *it != 0).collect()
    };
    let mut all =
        vec![(&proof.vectors().unwrap().people, column(&one.totals.people, &other.totals.people))];
    let sums = one.totals.sums.iter().zip(&other.totals.sums);
    all.extend(
        proof.vectors().unwrap().sums.iter().zip(sums).map(|(it, (a, b))| (it, column(a, b))),
    );
    let products = one.totals.products.iter().zip(&other.totals.products);
    all.extend(
        proof
            .vectors()
            .unwrap()
            .products
            .iter()
            .zip(products)
            .map(|(it, (a, b))| (it, column(a, b))),
    );
    if let Some(selection) = &proof.vectors().unwrap().selection {
        let cells = |it: &Worked| i64::try_from(it.names.len()).unwrap();
        let apart = cells(one) - cells(other);
        all.push((&selection.withheld, if apart == 0 { vec![] } else { vec![apart] }));
    }
    all
}

/// Places of the cells that both worlds have.
pub(crate) fn pairs<'w>(
    one: &'w Worked,
    other: &'w Worked,
) -> impl Iterator<Item = (usize, usize)> + 'w {
    let place = |name| other.names.iter().position(|it| it == name);
    one.names.iter().enumerate().filter_map(move |(at, name)| Some((at, place(name)?)))
}

/// What moved, or, if that is more than so many steps allow (a clamp that does not hold), what they
/// allow: so a broken sensitivity makes the attacker better and not the bound looser.
fn allowed(moved: &[i64], figure: &Figure, steps: u32) -> Vec<u32> {
    let most = u128::from(steps) * u128::from(figure.cells) * u128::from(figure.linf).pow(2);
    let square = |it: &i64| u128::from(it.unsigned_abs()).saturating_mul(it.unsigned_abs().into());
    let found = moved.iter().map(square).fold(0, u128::saturating_add);
    if found <= most {
        return moved.iter().map(|it| u32::try_from(it.unsigned_abs()).unwrap()).collect();
    }
    let entries = usize::try_from(steps * figure.cells).unwrap();
    vec![u32::try_from(figure.linf).unwrap(); entries]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_is_known_to_be_there_is_two_steps_from_where_else_they_may_be() {
        let (customer, crowd) = (super::super::data::target(5), super::super::data::crowd());
        let mut other = customer.clone();
        other.sales.clear();
        let with = |it: &Person| [crowd.clone(), vec![it.clone()]].concat();
        assert_eq!(steps(&with(&customer), &with(&other)), 2);
        assert_eq!(steps(&with(&customer), &crowd), 1);
        assert_eq!(steps(&crowd, &crowd), 0);
    }

    #[test]
    fn no_bound_grows_with_a_clamp_that_does_not_hold() {
        let figure = Figure { cells: 1, linf: 20, rho: Rho(1), sigma: Sigma(1) };
        assert_eq!(allowed(&[20], &figure, 1), [20]);
        assert_eq!(allowed(&[20, -20], &figure, 2), [20, 20]);
        assert_eq!(allowed(&[20, -20], &figure, 1), [20]);
        assert_eq!(allowed(&[i64::MAX], &figure, 2), [20, 20]);
    }

    /// Of a discrete Gaussian with σ = 2 moved by one it is P\[0\] = 1 / (2√(2π)) = 0.199471, and of a
    /// Gaussian with ρ = 0.0676 it is 2Φ(√0.0338) - 1 = 0.145867.
    #[test]
    fn the_distance_is_that_of_the_noise_and_at_most_that_of_the_budget() {
        let moves = Moves::from([((Sigma(2048), 1), 1)]);
        let found = distance(&moves, 0.125);
        assert!((0.199_471..0.199_7).contains(&found), "{found}");
        let found = distance(&moves, 0.0676);
        assert!((found - 0.145_867).abs() < 1e-5, "{found}");
    }
}
