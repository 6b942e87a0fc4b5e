//! Runs a tally.

use std::sync::Arc;

use privacy::{Raw, Totals};
use protocol::proof::Proven;
use protocol::tally::Tally;

use crate::fault::Fault;
use crate::groups::{self, Work};
use crate::ordered::{Ordered, cores};

/// Answers a proven tally from its datasets, in the tally's order. Needs a Tokio runtime.
///
/// `groups.rs` says who counts where. A tally without a proof does not get here:
///
/// ```compile_fail,E0308
/// # use std::sync::Arc;
/// async fn unproven(tally: &protocol::tally::Tally, tables: &[Arc<engine::Ordered>]) {
///     let _ = engine::run(tally, tables).await;
/// }
/// ```
///
/// # Privacy
///
/// The answer can be released and not read. No value of a row can make this fail, if there is the memory that
/// [`Need`](crate::Need) and [`need_of_cells`](crate::need_of_cells) say; and the rows of one id move no figure by
/// more than the proof says.
///
/// # Errors
///
/// [`Fault`], from tally, datasets and public sizes; or if memory runs out.
pub async fn run(proven: &Proven, tables: &[Arc<Ordered>]) -> Result<Raw, Fault> {
    let totals = totals(proven.tally(), tables, cores(), None).await?;
    Ok(Raw::new(proven.clone(), totals))
}

/// On so many threads, of which each takes one range of keys after another: of `parts`, or as many as fit the rows.
pub(crate) async fn totals(
    tally: &Tally,
    tables: &[Arc<Ordered>],
    threads: usize,
    parts: Option<usize>,
) -> Result<Totals, Fault> {
    let mut named = tally.datasets().zip(tables);
    if tables.len() != tally.tables.len() || named.any(|(name, table)| table.name() != name) {
        return Err(Fault::Tables);
    }
    let rows = |tables: &[Arc<Ordered>]| {
        tables.iter().fold(0_usize, |sum, table| sum.saturating_add(table.rows()))
    };
    check_range(tally, rows(tables.get(..tally.counted().len()).unwrap_or_default()))?;
    let work = Work { threads, parts: parts.unwrap_or(rows(tables) / ROWS_OF_A_PART) };
    let (tally, tables) = (tally.clone(), tables.to_vec());
    let counting = move || groups::totals(&tally, &tables, work);
    tokio::task::spawn_blocking(counting).await.map_err(|_| Fault::Engine)?
}

/// Sums and products are exact: there are at most as many people as rows.
fn check_range(tally: &Tally, rows: usize) -> Result<(), Fault> {
    let sums = tally.measures.iter().map(|measure| Some(measure.clamp.reach()));
    let products = tally.products.iter().map(|product| product.reach(&tally.measures));
    for reach in sums.chain(products) {
        let most = reach.and_then(|reach| u64::try_from(rows).ok()?.checked_mul(reach));
        if most.is_none_or(|most| i64::try_from(most).is_err()) {
            return Err(Fault::Range { clamp: reach.unwrap_or(u64::MAX), rows });
        }
    }
    Ok(())
}

/// So many that going from one range of keys to the next costs nothing that could be measured, and so few that no
/// core waits long for another.
const ROWS_OF_A_PART: usize = 1 << 17;
