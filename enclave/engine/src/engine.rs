//! Runs a tally.

use arrow::array::RecordBatch;
use privacy::{Raw, Totals};
use protocol::contract::Contract;
use protocol::proof::Proven;
use protocol::tally::Tally;

use crate::fault::Fault;
use crate::groups;
use crate::table::Table;

/// Answers a proven tally from the tables of its datasets, in the tally's order, each in the layout of
/// [`protocol::sealed`] and of at least one batch. Needs a Tokio runtime.
///
/// `groups.rs` says who counts where. A tally without a proof does not get here:
///
/// ```compile_fail,E0308
/// # use arrow::array::RecordBatch;
/// async fn unproven(
///     tally: &protocol::tally::Tally,
///     contract: &protocol::contract::Contract,
///     rows: &[RecordBatch],
/// ) {
///     let _ = engine::run(tally, contract, &[rows]).await;
/// }
/// ```
///
/// # Privacy
///
/// The answer can be released and not read. No value of a row can make this fail, and the rows
/// of one id move no figure by more than the proof says.
///
/// # Errors
///
/// [`Fault`], from contract, tally, layout and public sizes; or if memory runs out.
pub async fn run(
    proven: &Proven,
    contract: &Contract,
    tables: &[&[RecordBatch]],
) -> Result<Raw, Fault> {
    let totals = totals(proven.tally(), contract, tables).await?;
    Ok(Raw::new(proven.clone(), totals))
}

pub(crate) async fn totals(
    tally: &Tally,
    contract: &Contract,
    tables: &[&[RecordBatch]],
) -> Result<Totals, Fault> {
    if tables.len() != tally.tables.len() {
        return Err(Fault::Tables);
    }
    let named = tally.sides().zip(tables);
    let tables = named.map(|((side, _), rows)| Table::new(tally, side, contract, rows));
    let tables = tables.collect::<Result<Vec<_>, Fault>>()?;
    let counted = tables.iter().take(tally.counted().len());
    check_range(tally, counted.fold(0, |sum, table| sum.saturating_add(table.rows.num_rows())))?;
    let tally = tally.clone();
    let counting = move || groups::totals(&tally, &tables);
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
