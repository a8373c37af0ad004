//! One version of one table, held in memory.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datasets::model::DatasetName;
use deltalake::DeltaTable;
use deltalake::table::state::DeltaTableState;

use crate::error::{Error, Kind, Result};
use crate::lake::scan::Scan;

/// Which version of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    Version(u64),
    /// The version that was current then.
    Time(DateTime<Utc>),
}

/// `v12`, a moment (`2026-10-01T12:00:00+02:00`), or a date, which means its end in UTC: the table as that day left it.
impl FromStr for At {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(version) = text.strip_prefix('v').and_then(|digits| digits.parse().ok()) {
            return Ok(Self::Version(version));
        }
        let end = |day: NaiveDate| day.checked_add_days(Days::new(1)).map(|next| next.and_time(NaiveTime::MIN).and_utc() - chrono::TimeDelta::microseconds(1));
        let moment = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        let time = moment.or_else(|| text.parse().ok().and_then(end));
        let wrong = || Error::new(Kind::Invalid, "table.version", "a version is a number, `v12`, a date, `2026-10-01`, or a moment, `2026-10-01T12:00:00Z`");
        time.map(Self::Time).ok_or_else(wrong)
    }
}

/// A table as it stood after one commit. Cloning is cheap; later commits do not change it.
#[derive(Clone)]
pub struct Snapshot {
    pub dataset: DatasetName,
    pub version: u64,
    pub(super) table: Arc<DeltaTable>,
    pub(super) scan: Scan,
    /// Found when first asked for, see `current`.
    pub(super) current: Arc<OnceLock<Option<Arc<dyn TableProvider>>>>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}", self.dataset, self.version)
    }
}

impl Snapshot {
    pub(super) fn new(dataset: DatasetName, table: DeltaTable) -> Result<Self> {
        let version = table.version().ok_or_else(|| Error::internal("lake.snapshot", "the table is not loaded"))?;
        let table = Arc::new(table);
        Ok(Self { dataset, version, scan: Scan::new(table.clone())?, table, current: Arc::default() })
    }

    /// All stored rows with the system columns: closed versions of a row and rows of every sender included.
    /// It scans in any session; every filter that is pushed down is also kept in the plan.
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        Arc::new(self.scan.clone())
    }

    /// The stored schema of this version.
    pub fn schema(&self) -> SchemaRef {
        self.scan.schema()
    }

    /// Data files of this version.
    pub fn files(&self) -> usize {
        self.state().map_or(0, |s| s.log_data().num_files())
    }

    /// Stored rows, earlier ones of mode `versions` included, where the log tells their number.
    pub fn rows(&self) -> Result<Option<usize>> {
        Ok(self.scan.listing()?.statistics().num_rows.get_value().copied())
    }

    pub(super) fn state(&self) -> Result<&DeltaTableState> {
        self.table.snapshot().map_err(|e| Error::internal("lake.snapshot", e))
    }
}
