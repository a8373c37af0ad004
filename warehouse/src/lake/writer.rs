//! Takes a delivery's rows and makes them one commit.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datasets::model::Mode;
use deltalake::kernel::Add;
use futures::FutureExt;
use parking_lot::Mutex;

use crate::error::Result;
use crate::lake::commit::{self, Mark, Plan};
use crate::lake::load::{Commit, Computed, Load, RefusedLines};
use crate::lake::stage::{Stage, Staged};
use crate::lake::table::Table;
use crate::lake::{Lake, evolve, files, replace, together, versions};

/// Rows of one delivery into one table. Nothing is visible before `commit`; dropping it leaves files for vacuum to find.
pub struct Writer {
    table: Arc<Table>,
    load: Load,
    computed: Option<Arc<Computed>>,
    about: Option<BTreeSet<String>>,
    /// None when the delivery is there already: rows are then let go unread.
    stages: Option<Stages>,
}

/// Doubtful rows have files of their own: those that are refused in the end are taken out of few.
struct Stages {
    sure: Stage,
    doubtful: Stage,
}

impl Writer {
    pub(super) async fn new(table: Arc<Table>, load: Load, computed: Option<Computed>) -> Result<Self> {
        table.refresh().await?;
        evolve::follow(&table).await?;
        let base = table.current();
        let stages = if commit::holds(&table, &base, &load.delivery).await? {
            None
        } else {
            let stage = || Stage::new(load.clone(), table.clone(), base.clone());
            Some(Stages { sure: stage(), doubtful: stage() })
        };
        Ok(Self { table, load, computed: computed.map(Arc::new), about: None, stages })
    }

    /// Says which bodies the rows are about: they are the service's own, and what follows from them is computed for these alone.
    pub fn about(&mut self, bodies: BTreeSet<String>) {
        self.about = Some(bodies);
    }

    /// Takes rows: the contract's columns and `riga_consegna`, by name. Memory stays flat whatever their number.
    /// Errors: `Invalid` when a required column is missing or empty.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        match &mut self.stages {
            Some(stages) => stages.sure.write(&batch).await,
            None => Ok(()),
        }
    }

    /// As [`Self::write`] for rows that may well be among those refused when all are there.
    pub async fn write_doubtful(&mut self, batch: RecordBatch) -> Result<()> {
        match &mut self.stages {
            Some(stages) => stages.doubtful.write(&batch).await,
            None => Ok(()),
        }
    }

    /// For each query of a contract's set rules the lines of delivered rows that break it; rows of `refused` count as not delivered.
    pub async fn judge(&mut self, lake: &Lake, queries: &[&str], refused: &RefusedLines) -> Result<Vec<Vec<i64>>> {
        match &mut self.stages {
            Some(stages) if !queries.is_empty() => {
                let pending = stages.sure.pending().await?.and(stages.doubtful.pending().await?);
                together::judge(lake, &self.table, &self.load, pending, refused, queries).await
            }
            _ => Ok(vec![Vec::new(); queries.len()]),
        }
    }

    /// Makes the delivery visible as one version of the table, leaving out `refused`. Committing a delivery twice writes once.
    /// After an `Internal` error with code `lake.outcome_unknown` or `lake.commit`, deliver again with the same identifier.
    pub async fn commit(self, refused: &RefusedLines) -> Result<Commit> {
        let Self { table, load, computed, about, stages } = self;
        let mark = Mark::delivery(&load, computed.as_deref());
        let mark = about.iter().fold(mark, Mark::about);
        let mode = table.contract.mode;
        let staged = match stages {
            Some(Stages { sure, doubtful }) => {
                // Rows in memory are compared with the sender's own. Where it has none, they follow those that were written already.
                let hold = mode == Mode::Versions && !(sure.spilled() && versions::is_first(&table.current(), &load)?);
                sure.finish(&refused.of_sure(), hold).await?.and(doubtful.finish(refused, hold).await?)
            }
            None => Staged::default(),
        };
        let (table, load, staged, computed) = (&*table, &load, &staged, computed.as_deref());
        // Staged files that became part of the table as they are.
        let used = &Mutex::new(HashSet::new());
        let done = commit::commit(table, &mark, true, |base| {
            async move {
                match mode {
                    Mode::Append => Ok(with_files(Plan::default(), &staged.files)),
                    Mode::Replace => Ok(with_files(replace::plan(table, &base, load).await?, &staged.files)),
                    Mode::Versions => {
                        let plan = versions::plan(table, &base, load, staged, computed).await?;
                        *used.lock() = plan.adds.iter().map(|add| add.path.clone()).collect();
                        Ok(plan)
                    }
                }
            }
            .boxed()
        })
        .await?;
        if mode == Mode::Versions {
            let spare = |add: &&Add| done.already || !used.lock().contains(&add.path);
            let spare: Vec<Add> = staged.files.iter().filter(spare).cloned().collect();
            files::discard(table.objects().as_ref(), &spare).await;
        }
        Ok(done)
    }

    /// Lets the delivery go; its files are removed.
    pub async fn abort(self) {
        if let Some(Stages { sure, doubtful }) = self.stages {
            sure.abort().await;
            doubtful.abort().await;
        }
    }
}

/// `plan` with the delivery's own files.
fn with_files(mut plan: Plan, adds: &[Add]) -> Plan {
    plan.counts.added = adds.iter().map(files::rows).sum();
    plan.adds.extend_from_slice(adds);
    plan
}
