//! What an owner is asked about the people of its datasets.

use client::people::{Overlap, OverlapReason};
use protocol::contract::Period;

/// What a ledger meets for the first time.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Novelty {
    /// The lineage is new.
    Lineage,
    /// The purpose is new; the lineage is known.
    Purpose(String),
    /// The period is new; the purpose is known.
    Period {
        /// The purpose.
        purpose: String,
        /// How often its budget is filled now.
        period: Period,
    },
}

/// Says what is new, and what the owner has to answer.
pub(super) fn question(dataset: &str, lineage: &str, what: &Novelty, most: &str) -> String {
    let again = format!(
        "The people of a lineage stay the same whatever it is for: to go on with their sum, say \
         --same-people {lineage}"
    );
    match what {
        Novelty::Lineage => format!(
            "whose people are in \"{dataset}\"? Its lineage \"{lineage}\" is new to this party's ledger, \
             and people of the party have lost budget before. Say --same-people LINEAGE if they are \
             those of an earlier lineage (what both have lost is then one sum; most was lost through \
             \"{most}\"), or --new-people if nobody of them is in what this party sealed before"
        ),
        Novelty::Purpose(purpose) => format!(
            "whose people are in \"{dataset}\"? Nothing was ever handed out of lineage \"{lineage}\" for \
             \"{purpose}\", and people of the party have lost budget for other purposes, which this \
             one does not count. {again}"
        ),
        Novelty::Period { purpose, period } => format!(
            "whose people are in \"{dataset}\"? The budget of lineage \"{lineage}\" for \"{purpose}\" was \
             filled at another pace than by the {period}, and what was used of it would not count in \
             the new period. {again}",
            period = name_of(*period)
        ),
    }
}

/// Says which people two lineages share, and what the owner has to answer.
pub(super) fn shared(
    dataset: &str,
    lineage: &str,
    overlap: &Overlap,
    why: OverlapReason,
) -> String {
    let Overlap { lineage: other, of_file, of_lineage, .. } = overlap;
    let in_all = match why {
        OverlapReason::FileInAll(percent) => format!(
            " That is little; but over all lineages that were taken for others {percent} % of the people \
             in \"{dataset}\" are known, each counted once for each lineage: the same people may come in \
             again and again."
        ),
        OverlapReason::LineageInAll(percent) => format!(
            " That is little; but with what is in other lineages {percent} % of the people known of \
             \"{other}\" have come in again under names that were taken for other people."
        ),
        _ => String::new(),
    };
    format!(
        "{of_file} % of the people in \"{dataset}\" (lineage \"{lineage}\") are in lineage \"{other}\", and \
         {of_lineage} % of the people known of lineage \"{other}\" are in \"{dataset}\".{in_all} This party's \
         ledger takes them for other people: whoever is in both could lose the budget of each, so nothing \
         is handed out. If they are the same people, or some of them are, say --same-people \
         {dataset}={other}: what is lost under either name is then one sum. Two large lists of customers \
         may share people by chance: if they are to be counted as others nevertheless, say --new-people \
         --although-they-overlap, and whoever is in both can lose the budget of each"
    )
}

/// The ledger's name for how often a budget is filled.
pub(super) fn name_of(period: Period) -> &'static str {
    match period {
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
        _ => "contract",
    }
}
