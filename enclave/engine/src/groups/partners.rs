//! Who of the population is claimed by whom of the joined dataset.

use std::sync::Arc;

use protocol::identity::Identifier;
use protocol::tally::{Population, Side, Tally};

use crate::fault::Fault;
use crate::ordered::{Order, Ordered};

/// How the people of a joined dataset are found.
pub(crate) enum Partners {
    /// By equal ids.
    ById,
    /// By equal ids of this kind.
    ByIdOf(Identifier),
    /// Each person of the population by the place of the joined person; [`NOBODY`] for none.
    Claimed(Vec<u32>),
}

impl Partners {
    /// The people of a table, in the order whose places partners are named by. By any other order one person's rows would
    /// be taken for another's.
    pub(crate) fn order<'t>(
        tally: &Tally,
        which: Side,
        table: &'t Ordered,
    ) -> Result<&'t Order, Fault> {
        match tally.population {
            Population::First if which != Side::POPULATION => table.claiming(),
            population => table.order(population),
        }
    }

    /// Of each joined dataset of a tally; none of a union.
    pub(crate) fn all(tally: &Tally, tables: &[Arc<Ordered>]) -> Result<Vec<Self>, Fault> {
        match (tally.population, tables) {
            (Population::First, [population, joined @ ..]) => {
                joined.iter().map(|joined| Self::new(population, joined)).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The people of `population`, and who of `joined` claims them.
    ///
    /// Kinds are gone through in the order of the joined dataset's claims, keys of each from the least on. Nobody claims
    /// with two kinds, and no key of a kind is that of two people of the population; so a person of the joined dataset is
    /// found by one at most. Who accepted a claim of an earlier kind has no place for another.
    pub(crate) fn new(population: &Ordered, joined: &Ordered) -> Result<Self, Fault> {
        let claims = joined.claims();
        match claims {
            [] => return Ok(Self::ById),
            [only] if population.is_first(*only) && joined.is_first(*only) => {
                return Ok(Self::ByIdOf(*only));
            }
            _ => {}
        }
        let claiming = joined.claiming()?;
        let mut partners = vec![NOBODY; population.people()?];
        for kind in claims {
            let mut claimants = claiming.of_kind(*kind).peekable();
            for (key, person) in population.holders(*kind)? {
                while claimants.next_if(|(claim, _)| *claim < key).is_some() {}
                let Some((_, claimant)) = claimants.next_if(|(claim, _)| *claim == key) else {
                    continue;
                };
                let Some(partner) = partners.get_mut(person) else { continue };
                if *partner == NOBODY {
                    *partner = u32::try_from(claimant).unwrap_or(NOBODY);
                }
            }
        }
        Ok(Self::Claimed(partners))
    }
}

/// There are fewer people than this.
pub(super) const NOBODY: u32 = u32::MAX;
