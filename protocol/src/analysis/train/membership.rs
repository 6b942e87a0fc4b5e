//! Whether a model betrays that somebody was trained on: what theory allows, and what was measured.

use crate::page::{Block, Section, Text, Topic, number::fixed};
use statistics::special::normal_sf;

/// How often membership inference on trained models was right: attack A1 of ATTACKS.md, of people who are alone in their bins and
/// whose residuals are clamped in most trainings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// ε of the models that were attacked, at δ = 10⁻⁶.
    pub epsilon: f64,
    /// How many models.
    pub models: u32,
    /// Right in so many of 100 cases, by all sums that lie beside the receipt.
    pub by_sums: f64,
    /// The same by the model and its card alone.
    pub by_card: f64,
    /// What theory allows at this ε.
    pub allowed: f64,
}

/// As `tests/attacks.rs` measures it; a test holds this to what it finds.
pub const MEASURED: Measured =
    Measured { epsilon: 2.0, models: 25_000, by_sums: 58.2, by_card: 57.6, allowed: 58.3 };

/// In how many of 100 cases somebody who knows everything else, and has all that left, is right at most about whether one
/// person was trained on: two worlds as likely, under normal noise of a loss ρ.
///
/// # Source
///
/// Half more than half the total variation distance, which is 2Φ(√(ρ/2)) - 1: Dong, Roth and Su 2022,
/// <https://arxiv.org/abs/1905.02383>, for μ = √(2ρ).
#[must_use]
pub fn most_right(rho: f64) -> f64 {
    100.0 * (1.0 - normal_sf((rho / 2.0).sqrt()))
}

/// The same whatever the noise and its steps are, if they lose at most ρ at every order but for δ.
///
/// # Source
///
/// Pinsker's inequality: the total variation distance is at most √(D/2), D the divergence at order 1, which is at most that at the least
/// order of a ledger, 1.25.
#[must_use]
pub fn most_right_by_orders(rho: f64, delta: f64) -> f64 {
    (50.0 + 50.0 * ((1.25 * rho / 2.0).sqrt() + delta)).min(100.0)
}

/// What the card says of it; of a dense model δ is that of its cap.
pub(super) fn section(rho: f64, dense: Option<f64>) -> Section {
    let most = dense.map_or_else(|| most_right(rho), |delta| most_right_by_orders(rho, delta));
    let allowed = format!(
        "Somebody who knows everything else, has all that left and guesses whether one person was trained on, is right in at \
         most {} of 100 cases at this price; chance is 50.",
        // Up: it is a bound.
        fixed((most * 10.0).ceil() / 10.0, 1)
    );
    let section = Section::new(Topic::People, "Who was trained on".into())
        .with(Block::Paragraph(Text::fixed(allowed)));
    if dense.is_some() {
        let note = "No attack on dense models was measured; how far audits of their steps see, PROOFS.md says.";
        return section.with(Block::Note(note.into()));
    }
    let Measured { epsilon, models, by_sums, by_card, allowed: most } = MEASURED;
    let measured = format!(
        "Measured in Glovebox's own tests (attack A1 of ATTACKS.md, {models} models at \u{3b5} = {epsilon}, of a person whom hardly \
         anybody is more exposed than): right in {} of 100 cases by all sums, in {} by model and card alone, of {} that theory allows. That is an \
         advantage of {} over an attacker without a model.",
        fixed(by_sums, 1),
        fixed(by_card, 1),
        fixed(most, 1),
        fixed((by_sums - 50.0) / 50.0, 3)
    );
    section.with(Block::Note(Text::fixed(measured)))
}
