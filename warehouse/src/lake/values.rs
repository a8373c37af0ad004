//! Current values of a column, kept per table version: what references and look-ups of a delivery are checked with.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use datafusion::prelude::{SessionContext, col};
use datasets::system::RECORDED_TO;

use crate::error::{Error, Kind, Result};
use crate::lake::snapshot::Snapshot;
use crate::lake::table::Table;

type Set = Arc<HashSet<String>>;
type Map = Arc<HashMap<String, String>>;

/// Answers for one version; asking at another version starts anew.
#[derive(Default)]
pub struct Values {
    version: u64,
    sets: BTreeMap<String, Set>,
    maps: BTreeMap<(String, String), Map>,
}

impl Values {
    fn at(&mut self, version: u64) -> &mut Self {
        if self.version != version {
            *self = Self { version, ..Self::default() };
        }
        self
    }
}

/// Distinct values, as text, of `column` in rows that no later delivery replaced. Empty values are left out.
pub async fn distinct(table: &Table, column: &str) -> Result<Set> {
    let snapshot = table.current();
    if let Some(set) = table.values.lock().at(snapshot.version).sets.get(column) {
        return Ok(set.clone());
    }
    let mut set = HashSet::new();
    for batch in scan(&snapshot, &[column]).await? {
        let values = batch.column(0).as_string::<i32>();
        set.extend(values.iter().flatten().map(str::to_owned));
    }
    let set = Arc::new(set);
    table.values.lock().at(snapshot.version).sets.insert(column.to_owned(), set.clone());
    Ok(set)
}

/// `column` by `key`, both as text, in current rows. Of two rows with the same key the greater value counts.
pub async fn lookup(table: &Table, key: &str, column: &str) -> Result<Map> {
    let snapshot = table.current();
    let name = (key.to_owned(), column.to_owned());
    if let Some(map) = table.values.lock().at(snapshot.version).maps.get(&name) {
        return Ok(map.clone());
    }
    let mut map: HashMap<String, String> = HashMap::new();
    for batch in scan(&snapshot, &[key, column]).await? {
        let (keys, values) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        for row in (0..batch.num_rows()).filter(|&i| keys.is_valid(i) && values.is_valid(i)) {
            let value = values.value(row);
            let held = map.entry(keys.value(row).to_owned()).or_default();
            if held.as_str() < value {
                value.clone_into(held);
            }
        }
    }
    let map = Arc::new(map);
    table.values.lock().at(snapshot.version).maps.insert(name, map.clone());
    Ok(map)
}

/// Distinct combinations of columns of current rows, as text.
async fn scan(snapshot: &Snapshot, columns: &[&str]) -> Result<Vec<RecordBatch>> {
    let schema = snapshot.schema();
    if let Some(unknown) = columns.iter().find(|c| schema.column_with_name(c).is_none()) {
        let message = format!("{} has no column '{unknown}'", snapshot.dataset);
        return Err(Error::new(Kind::Invalid, "lake.column", message));
    }
    let failed = |e| Error::internal("lake.values", e);
    let text: Vec<_> = columns.iter().map(|c| datafusion::logical_expr::cast(col(*c), DataType::Utf8).alias(*c)).collect();
    let rows = SessionContext::new()
        .read_table(snapshot.provider())
        .and_then(|t| t.filter(col(RECORDED_TO).is_null()))
        .and_then(|t| t.select(text))
        .and_then(|t| t.distinct())
        .map_err(failed)?;
    rows.collect().await.map_err(failed)
}
