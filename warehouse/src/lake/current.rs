//! The current rows of a table in mode `versions`, as whole files where the log's statistics allow: a filter on
//! `registrato_al` would cost each query a column and the engine its statistics.

use std::sync::Arc;

use arrow::array::BooleanArray;
use datafusion::catalog::TableProvider;
use datasets::system::RECORDED_TO;

use crate::error::Result;
use crate::lake::listing::Listing;
use crate::lake::snapshot::Snapshot;

/// What a file holds, as the statistics tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    Current,
    Closed,
    Mixed,
}

impl Snapshot {
    /// A provider of exactly the current rows; `None` when some file holds closed rows beside current ones, or is not
    /// known not to: the rows must then be filtered. Worked out once per snapshot.
    pub fn current(&self) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(found) = self.current.get() {
            return Ok(found.clone());
        }
        let found = self.find_current()?;
        Ok(self.current.get_or_init(|| found).clone())
    }

    fn find_current(&self) -> Result<Option<Arc<dyn TableProvider>>> {
        let kinds = kinds(self.scan.listing()?.as_ref());
        if kinds.iter().any(|kind| matches!(kind, None | Some(Rows::Mixed))) {
            return Ok(None);
        }
        if kinds.iter().all(|kind| *kind == Some(Rows::Current)) {
            return Ok(Some(self.provider()));
        }
        let keep: BooleanArray = kinds.iter().map(|kind| Some(*kind == Some(Rows::Current))).collect();
        Ok(Some(Arc::new(self.scan.filter(&keep)?)))
    }
}

/// What each file holds; `None` where the log does not say.
pub fn kinds(listing: &Listing) -> Vec<Option<Rows>> {
    let (Some(rows), Some(open)) = (listing.rows(), listing.nulls(RECORDED_TO)) else { return vec![None; listing.files.len()] };
    let kind = |(rows, open): (Option<i64>, Option<i64>)| match (rows?, open?) {
        (rows, open) if rows == open => Some(Rows::Current),
        (_, 0) => Some(Rows::Closed),
        _ => Some(Rows::Mixed),
    };
    rows.iter().zip(open.iter()).map(kind).collect()
}
