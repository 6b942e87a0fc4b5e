//! Runs a tally.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use privacy::{Raw, Sums, Totals};
use protocol::contract::Contract;
use protocol::tally::{Cell, Tally};

use crate::plan;
use crate::table::Table;

/// The query engine of one instance.
pub struct Engine {
    session: SessionContext,
}

impl Engine {
    /// An engine that works within `memory_bytes`, beside the tables it is handed.
    ///
    /// A hash join in DataFusion 55 cannot spill, and an enclave has no disk to spill to: what does
    /// not fit is a fault. Two tables of 5 million rows take about 620 MB.
    ///
    /// # Errors
    ///
    /// [`Fault::Engine`] if DataFusion does not start.
    pub fn new(memory_bytes: usize) -> Result<Self, Fault> {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        // Tables come in as many partitions as there are.
        let config = SessionConfig::new()
            .with_target_partitions(PARTITIONS)
            .with_round_robin_repartition(false);
        // Nothing is looked up by name, so no function, format or table source is registered; and
        // the plan is the best one as it is written, so nothing rewrites it.
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_optimizer_rules(Vec::new())
            .build();
        Ok(Self { session: SessionContext::new_with_state(state) })
    }

    /// Answers `tally` from the tables of its population and its outcome dataset, each in the layout
    /// of [`protocol::sealed`] and of at least one batch.
    ///
    /// Every person of the population is counted in exactly one cell; `plan.rs` says which.
    ///
    /// # Privacy
    ///
    /// The answer can be released and not read. No value of a row can make this fail, and a row of
    /// one id moves no figure but that id's.
    ///
    /// # Errors
    ///
    /// [`Fault`], from contract, tally, layout and public sizes; or if memory runs out.
    pub async fn run(
        &self,
        tally: &Tally,
        contract: &Contract,
        population: &[RecordBatch],
        outcome: &[RecordBatch],
    ) -> Result<Raw, Fault> {
        let population = Table::population(tally, contract, population)?;
        let outcome = Table::outcome(tally, contract, outcome)?;
        check_range(tally, population.rows())?;
        let plan = plan::compile(&self.session, tally, population, outcome)?;
        let answer = plan.collect().await?;
        let totals = read(tally, &answer).ok_or(Fault::Engine)?;
        Ok(Raw::new(tally.clone(), totals))
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Engine(..)")
    }
}

/// What went wrong inside. Holds no text of DataFusion, which may quote values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The contract does not have what the tally names.
    #[error("the contract has no dataset \"{0}\"")]
    NoDataset(String),
    /// A table is not of the sealed layout.
    #[error("column \"{column}\" of \"{dataset}\" is missing or not of the sealed layout")]
    Layout {
        /// Dataset.
        dataset: String,
        /// Column.
        column: String,
    },
    /// Squares of a measure, added over so many people, could exceed 63 bits.
    #[error("a clamp of {clamp} over {rows} rows does not fit into 63 bits")]
    Range {
        /// Clamp.
        clamp: u32,
        /// Rows of the population, padding included.
        rows: usize,
    },
    /// The join does not fit into memory.
    #[error("the tables do not fit into the memory of the engine")]
    Memory,
    /// DataFusion failed otherwise.
    #[error("the query engine failed")]
    Engine,
}

impl From<DataFusionError> for Fault {
    fn from(cause: DataFusionError) -> Self {
        match cause.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Memory,
            _ => Self::Engine,
        }
    }
}

/// Sums of squares are exact: there are at most as many people as rows.
fn check_range(tally: &Tally, rows: usize) -> Result<(), Fault> {
    for measure in &tally.measures {
        let square = u64::from(measure.clamp).pow(2);
        let most = u64::try_from(rows).ok().and_then(|rows| rows.checked_mul(square));
        if most.is_none_or(|most| i64::try_from(most).is_err()) {
            return Err(Fault::Range { clamp: measure.clamp, rows });
        }
    }
    Ok(())
}

/// The columns of [`plan::compile`]: cell, people, then sum and sum of squares of each measure.
fn read(tally: &Tally, answer: &[RecordBatch]) -> Option<[Totals; Cell::ALL.len()]> {
    let none = Totals { n: 0, measures: vec![Sums::default(); tally.measures.len()] };
    let mut totals = [(); Cell::ALL.len()].map(|()| none.clone());
    for batch in answer {
        let cells = batch.columns().first()?.as_primitive_opt::<Int32Type>()?;
        let numbers = batch.columns().iter().skip(1).map(|it| it.as_primitive_opt::<Int64Type>());
        let numbers = numbers.collect::<Option<Vec<_>>>()?;
        for (row, cell) in cells.values().iter().enumerate() {
            let slot = totals.get_mut(usize::try_from(*cell).ok()?)?;
            let mut at = numbers.iter().map(|it| it.values().get(row).copied());
            slot.n = at.next()??;
            for measure in &mut slot.measures {
                measure.sum = at.next()??;
                measure.sum_sq = at.next()??;
            }
        }
    }
    Some(totals)
}

/// The cores that an enclave gets.
pub(crate) const PARTITIONS: usize = 2;
