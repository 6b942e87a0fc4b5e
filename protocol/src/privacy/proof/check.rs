//! Checks a proof in whole numbers.

use super::{Figure, Leaves, Proof, Proven, Vectors, tail::stays_below};
use crate::{
    canonical,
    digest::Digest,
    limits,
    loss::{Loss, Rho},
    tally::{
        COARSEST, Condition, Credit, Dimension, MAX_WEIGHT, Measure, Population, Product, Program,
        Quantity, Side, Tally,
    },
};
use std::collections::BTreeSet;

/// Checks that `proof` holds for `tally` whatever the data are, and that what it withholds is at least
/// what `min_cell` asks.
///
/// # Privacy
///
/// Costs nothing: reads no row.
///
/// # Errors
///
/// [`Flaw`]: the first thing that does not hold.
pub fn check(tally: Tally, proof: Proof, min_cell: u32) -> Result<Proven, Flaw> {
    shape(&tally)?;
    if proof.tally != Digest::of("glovebox tally v1", &canonical::to_vec(&tally)) {
        return Err(Flaw::OtherTally);
    }
    if proof.threshold < min_cell {
        return Err(Flaw::Threshold { found: proof.threshold, least: min_cell });
    }
    let least = match &proof.leaves {
        Leaves::Figures(vectors) => cost_of_vectors(&tally, vectors, proof.threshold)?,
        Leaves::Steps(steps) => steps.cost(&tally)?,
        Leaves::Place(choice) => Some(Loss::zcdp(choice.holds(&tally).ok_or(Flaw::Choice)?)),
    };
    if !least.is_some_and(|least| least.fits(&proof.cost)) {
        return Err(Flaw::Cost);
    }
    Ok(Proven { tally, proof })
}

/// The cost of all vectors together, if there is one for each figure of the tally and its noise
/// covers one person; `None` if the cost is too large to be counted.
fn cost_of_vectors(tally: &Tally, vectors: &Vectors, threshold: u32) -> Result<Option<Loss>, Flaw> {
    // Of a training nothing is counted in cells.
    if tally.program.is_some() {
        return Err(Flaw::Figures);
    }
    let figures = (tally.measures.len(), tally.products.len());
    let (contrasted, with_products) = tally.contrasted();
    let pooled = contrasted.len() + with_products.len();
    if (vectors.sums.len(), vectors.products.len()) != figures || vectors.pooled.len() != pooled {
        return Err(Flaw::Figures);
    }
    let cells = tally.cells_per_person;
    covers(&vectors.people, cells, tally.linf_of_people())?;
    // Credits of one person add up to what the clamp allows: all in one cell is the worst.
    let cells = tally.cells_of_amounts();
    for (at, figure) in vectors.sums.iter().enumerate() {
        covers(figure, cells, tally.linf_of_sum(at))?;
    }
    for (at, figure) in vectors.products.iter().enumerate() {
        covers(figure, cells, tally.linf_of_product(at))?;
    }
    // A person is in one arm, so both forms of a contrast are moved by as much.
    let of_sums = contrasted.iter().map(|at| tally.linf_of_sum(*at));
    let of_products = with_products.iter().map(|at| tally.linf_of_product(*at));
    for (figure, linf) in vectors.pooled.iter().zip(of_sums.chain(of_products)) {
        covers(figure, cells, linf)?;
    }
    match (&vectors.spread, tally.spread.is_empty()) {
        (None, true) => {}
        // Each id of a person is in one bin; all in one is the worst.
        (Some(spread), false) => covers(spread, 1, tally.linf_of_people())?,
        _ => return Err(Flaw::Figures),
    }
    let delta = selection(tally, vectors, threshold)?;
    let rho = vectors.all().try_fold(0_u64, |sum, figure| sum.checked_add(figure.rho.0));
    Ok(rho.map(|rho| Loss::zcdp(Rho(rho)).with_delta(delta)))
}

/// Δ₂²/(2σ²) <= ρ, exactly: cells · linf² · 1024² · 10¹² <= 2ρ · σ².
pub(super) fn covers(figure: &Figure, cells: u32, linf: Option<u64>) -> Result<(), Flaw> {
    if figure.cells < cells || linf.is_none_or(|least| figure.linf < least) {
        return Err(Flaw::Sensitivity { cells, linf: linf.unwrap_or(u64::MAX) });
    }
    let (linf, sigma) = (u128::from(figure.linf), u128::from(figure.sigma.0));
    let moved = (u128::from(figure.cells) * linf).checked_mul(1 << 20);
    let moved = moved.zip(linf.checked_mul(1_000_000_000_000)).map(|(a, b)| product(a, b));
    let noise = (2 * u128::from(figure.rho.0)).checked_mul(sigma).map(|a| product(a, sigma));
    match moved.zip(noise) {
        Some((moved, noise)) if moved <= noise => Ok(()),
        _ => Err(Flaw::Noise),
    }
}

/// The δ of selecting cells.
fn selection(tally: &Tally, vectors: &Vectors, shown_from: u32) -> Result<u64, Flaw> {
    let (selection, cells) = match (&vectors.selection, tally.is_named_by_data()) {
        (None, false) => return Ok(0),
        (Some(selection), true) => {
            (selection, u64::from(tally.cells_per_person) * u64::from(tally.ids_per_person))
        }
        _ => return Err(Flaw::Selection),
    };
    covers(&selection.withheld, 1, Some(cells))?;
    // Cells of one person alone have at most `linf` people in them. Noise must supply the rest.
    let noise = selection.threshold.checked_sub(vectors.people.linf);
    let holds =
        noise.is_some_and(|noise| stays_below(vectors.people.sigma, cells, selection.delta, noise));
    let shows_small = selection.threshold < u64::from(shown_from);
    if holds && !shows_small { Ok(selection.delta) } else { Err(Flaw::Selection) }
}

/// Checks that the tally itself makes sense.
fn shape(tally: &Tally) -> Result<(), Flaw> {
    if !(1..=MAX_CELLS_PER_PERSON).contains(&tally.cells_per_person) || tally.ids_per_person == 0 {
        return Err(Flaw::Shape("cells or ids of one person"));
    }
    if tally.public_cells().is_none_or(|cells| cells > MAX_CELLS) {
        return Err(Flaw::Shape("number of cells"));
    }
    let fine = tally.conditions().all(|(_, condition)| makes_sense(condition));
    if tally.conditions().count() > limits::CONDITIONS || !fine {
        return Err(Flaw::Shape("condition"));
    }
    if !tally.conditions().all(|(side, condition)| starts_elsewhere(tally, side, condition)) {
        return Err(Flaw::Shape("start"));
    }
    datasets(tally)?;
    credits(tally)?;
    if let Some(program) = &tally.program {
        return if is_training(tally, program) { Ok(()) } else { Err(Flaw::Shape("training")) };
    }
    let measures = u32::try_from(tally.measures.len()).unwrap_or(u32::MAX);
    let pair = |product: &Product| (product.one, product.other);
    let one = |product: &Product| {
        product.one <= product.other && product.other < measures && product.coarse <= COARSEST
    };
    let in_order = tally.products.is_sorted_by(|a, b| pair(a) < pair(b));
    if !tally.products.iter().all(one) || !in_order {
        return Err(Flaw::Shape("products"));
    }
    contrast(tally)?;
    spread(tally)?;
    if tally.dimensions.len() > limits::GROUP_BY {
        return Err(Flaw::Shape("dimension"));
    }
    let only_label =
        |dimension: &&Dimension| matches!(dimension, Dimension::Only { values: None, .. });
    let only_labels = tally.dimensions.iter().filter(only_label).count();
    let fine = tally.dimensions.iter().all(|dimension| match dimension {
        Dimension::Matched => tally.joined().is_some(),
        Dimension::MatchedWithConsent => tally.joined().is_some() && tally.compares_arms(),
        Dimension::Arm { test, control, .. } => {
            let both = || test.iter().chain(control);
            let different: BTreeSet<_> = both().collect();
            [test, control].iter().all(|arm| (1..=limits::VALUES).contains(&arm.len()))
                && different.len() == both().count()
        }
        Dimension::Group { values, .. } => *values > 0,
        Dimension::Creative { values, .. } => *values > 0 && tally.compares_arms(),
        Dimension::Only { values: Some(values), .. } => *values > 0,
        Dimension::Label { .. }
        | Dimension::Membership { .. }
        | Dimension::Known
        | Dimension::Credited(_) => true,
        Dimension::Earliest { edges, .. } | Dimension::Days { edges, .. } => are_edges(edges),
        // A cell has one number beside its labels; a place among private values is the largest part
        // of the cell's name.
        Dimension::Only { values: None, .. } => only_labels == 1,
        Dimension::Bins { measure, edges } | Dimension::BinsPerGroup { measure, edges } => {
            *measure < measures && are_edges(edges)
        }
    });
    if fine { Ok(()) } else { Err(Flaw::Shape("dimension")) }
}

/// Checks that a contrast is one of two arms, in one of which a person counts once, and that weights are of measures. A product of a
/// measure that leaves as a contrast with one that leaves cell by cell leaves cell by cell, and is covered as such.
fn contrast(tally: &Tally) -> Result<(), Flaw> {
    let fine = tally.contrast.as_ref().is_none_or(|contrast| {
        tally.compares_arms()
            && tally.creative_places().is_none()
            && tally.cells_per_person == 1
            && contrast.is_sound(tally.measures.len())
    });
    if !fine {
        return Err(Flaw::Shape("contrast"));
    }
    let is_weight = |weight: &u32| (1..=MAX_WEIGHT).contains(weight);
    let weighs_all = tally.weights.is_empty() || tally.weights.len() == tally.measures.len();
    let fine = weighs_all && tally.weights.iter().all(is_weight);
    if fine { Ok(()) } else { Err(Flaw::Shape("weights")) }
}

/// Checks that people who are counted by how many cells they would be in have cells of one dataset alone, so that these are
/// the rows' own.
fn spread(tally: &Tally) -> Result<(), Flaw> {
    let is_whole = tally.population == Population::First
        && tally.tables.len() == 1
        && !tally.is_named_by_data()
        && tally.credit().is_none();
    let are_edges = tally.spread.len() <= limits::SPREAD_EDGES
        && tally.spread.first().is_some_and(|edge| *edge > 0)
        && tally.spread.is_sorted_by(|a, b| a < b);
    let fine = tally.spread.is_empty() || (is_whole && are_edges);
    if fine { Ok(()) } else { Err(Flaw::Shape("spread")) }
}

/// Checks that a training has features and a label of datasets that are read, and no cells.
fn is_training(tally: &Tally, program: &Program) -> bool {
    let has_cells = !tally.dimensions.is_empty()
        || !tally.measures.is_empty()
        || !tally.products.is_empty()
        || tally.contrast.is_some()
        || !tally.weights.is_empty()
        || !tally.spread.is_empty()
        || tally.cells_per_person != 1;
    let mut sides = program.features.iter().map(|feature| feature.side);
    !has_cells
        && tally.population == Population::First
        && tally.conditions().next().is_none()
        && sides.all(|side| tally.table(side).is_some())
        && tally.table(program.label.side).is_some()
        && program.is_sound()
}

/// Whether bins may have these edges: each once, and in ascending order.
fn are_edges(edges: &[i64]) -> bool {
    (1..=limits::VALUES).contains(&edges.len()) && edges.is_sorted_by(|a, b| a < b)
}

/// Checks the datasets: a population with at most one other dataset, or a union of one or more. A
/// dataset that does not exist must not be named.
fn datasets(tally: &Tally) -> Result<(), Flaw> {
    let different: BTreeSet<_> = tally.datasets().collect();
    if different.len() != tally.tables.len() {
        return Err(Flaw::Shape("dataset joined with itself"));
    }
    let (several, union) = match tally.population {
        Population::First => (1..=2, None),
        Population::Union { .. } => (1..=limits::TABLES, u32::try_from(tally.tables.len()).ok()),
    };
    if !several.contains(&tally.tables.len()) {
        return Err(Flaw::Shape("number of datasets"));
    }
    let of_dimensions = tally.dimensions.iter().filter_map(|dimension| match dimension {
        Dimension::Group { side, .. }
        | Dimension::Label { side, .. }
        | Dimension::Only { side, .. }
        | Dimension::Earliest { side, .. }
        | Dimension::Days { side, .. } => Some(*side),
        Dimension::Matched
        | Dimension::MatchedWithConsent
        | Dimension::Membership { .. }
        | Dimension::Known
        | Dimension::Arm { .. }
        | Dimension::Creative { .. }
        | Dimension::Bins { .. }
        | Dimension::BinsPerGroup { .. }
        | Dimension::Credited(_) => None,
    });
    let mut sides = of_dimensions.chain(tally.measures.iter().map(|measure| measure.side));
    if !sides.all(|side| tally.table(side).is_some()) {
        return Err(Flaw::Shape("dataset that is not read"));
    }
    let of_all = |measure: &&Measure| measure.of == Quantity::RowsOfAll;
    let is_whole = |measure: &Measure| measure.side == Side::POPULATION && measure.rows.is_empty();
    if !tally.measures.iter().filter(of_all).all(|measure| union.is_some() && is_whole(measure)) {
        return Err(Flaw::Shape("rows of all datasets"));
    }
    let fits = tally.dimensions.iter().all(|dimension| match dimension {
        // In a union, the first dataset is not the one with the arms, and a second one is not the
        // joined one.
        Dimension::Matched
        | Dimension::MatchedWithConsent
        | Dimension::Arm { .. }
        | Dimension::Creative { .. }
        | Dimension::Credited(_) => union.is_none(),
        Dimension::Membership { datasets } => union == Some(*datasets),
        Dimension::Known => union.is_some(),
        Dimension::Group { .. }
        | Dimension::Label { .. }
        | Dimension::Only { .. }
        | Dimension::Earliest { .. }
        | Dimension::Days { .. }
        | Dimension::Bins { .. }
        | Dimension::BinsPerGroup { .. } => true,
    });
    if fits { Ok(()) } else { Err(Flaw::Shape("dimension")) }
}

/// Checks a tally that credits outcomes to exposures, or does not. Then all of its amounts are credits, none below 0, and nothing
/// else divides a person's rows: the credits of one person add up to what one clamp allows.
fn credits(tally: &Tally) -> Result<(), Flaw> {
    let is_credited = |dimension: &&Dimension| matches!(dimension, Dimension::Credited(_));
    let is_credit = |measure: &Measure| match measure.of {
        Quantity::Credit { parts, .. } => (1..=Credit::MOST_PARTS).contains(&parts),
        _ => false,
    };
    let Some(credit) = tally.credit() else {
        let none = !tally.measures.iter().any(is_credit);
        return if none { Ok(()) } else { Err(Flaw::Shape("credit of nothing")) };
    };
    let is_whole = |measure: &Measure| {
        measure.side == Side::JOINED && measure.rows.is_empty() && !measure.clamp.is_signed()
    };
    let fine = tally.joined().is_some()
        && credit.values > 0
        && credit.window <= MAX_WINDOW
        // One place for a value, and one for outcomes without an exposure.
        && tally.cells_per_person >= 2
        && tally.dimensions.iter().filter(is_credited).count() == 1
        && tally.dimensions.iter().all(|dimension| dimension.is_of_whole_people() || is_credited(&dimension))
        && !tally.dimensions.iter().any(|dimension| matches!(dimension, Dimension::Bins { .. }))
        && !tally.is_named_by_data()
        // Each rounded in its own place, they could add up to more than the product of two clamps.
        && tally.products.is_empty()
        && tally.measures.iter().all(|measure| is_credit(measure) && is_whole(measure));
    if fine { Ok(()) } else { Err(Flaw::Shape("credit")) }
}

fn makes_sense(condition: &Condition) -> bool {
    match condition {
        Condition::OneOf { codes, .. } => {
            (1..=limits::VALUES).contains(&codes.len()) && codes.is_sorted_by(|a, b| a < b)
        }
        Condition::Between { least, most, .. } => least <= most,
        Condition::SinceStart { first, last, .. } => first <= last,
    }
}

/// Checks that a start is read from another dataset, whose own rows depend on no start. Otherwise
/// the rows that count would depend on themselves.
fn starts_elsewhere(tally: &Tally, side: Side, condition: &Condition) -> bool {
    let Some((of, _)) = condition.start() else { return true };
    let table = tally.table(of);
    of != side && table.is_some_and(|table| table.rows.iter().all(|row| row.start().is_none()))
}

/// All 256 bits of a product: high, low.
pub(super) fn product(a: u128, b: u128) -> (u128, u128) {
    const HALF: u32 = 64;
    let split = |number: u128| (number >> HALF, number & u128::from(u64::MAX));
    let ((a1, a0), (b1, b0)) = (split(a), split(b));
    let low = a0 * b0;
    let (one, other) = (a1 * b0, a0 * b1);
    let middle = (low >> HALF) + split(one).1 + split(other).1;
    let high = a1 * b1 + split(one).0 + split(other).0 + split(middle).0;
    (high, (middle << HALF) | split(low).1)
}

/// Why a proof does not hold.
///
/// Remedy: ask again with a program of the instance's version; if it stays, the receipt or the program was tampered
/// with: believe neither.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The tally is malformed.
    #[error("the tally makes no sense: {0}")]
    Shape(&'static str),
    /// The proof is of another tally.
    #[error("the proof is for another tally")]
    OtherTally,
    /// A figure has no noise, or there is noise without a figure.
    #[error("the proof does not list exactly the figures of the tally")]
    Figures,
    /// A person can move a figure further than the proof says.
    #[error("a person can move {cells} cells by {linf}, which is more than the proof says")]
    Sensitivity {
        /// Number of cells that one person moves.
        cells: u32,
        /// How far one person moves each of them.
        linf: u64,
    },
    /// There is too little noise.
    #[error("the noise on a figure is too small for its share of the loss")]
    Noise,
    /// The parts cost more than the whole.
    #[error("the figures cost more than the proof says")]
    Cost,
    /// The proof shows smaller cells than it may.
    #[error("shows cells of {found} people, the contract wants at least {least}")]
    Threshold {
        /// The threshold in the proof.
        found: u32,
        /// The smallest threshold that the contract allows.
        least: u32,
    },
    /// The selection of cells is missing, needless or too easy to pass.
    #[error("the selection of cells that the data name is missing, needless or too easy to pass")]
    Selection,
    /// The tally does not offer the choice, or the choice has too little noise.
    #[error("the tally does not offer this choice, or its noise is too small")]
    Choice,
}

/// Longest window before an outcome, in days: ten years.
const MAX_WINDOW: u32 = 3_660;
/// Most cells that one person may count in.
const MAX_CELLS_PER_PERSON: u32 = 16;
/// Public cells of one tally, and public places beside labels.
const MAX_CELLS: u64 = 1 << 20;
