//! The service's own tables: batched writing.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datasets::model::DatasetName;
use warehouse::system::SystemLog;

use crate::support::{World, role};

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_durable_after_a_flush() {
    let world = World::new(&[]).await;
    let log = SystemLog::start(world.warehouse.clone());
    let table: DatasetName = "prova.riservata".parse().expect("name");
    let rows = |keys: &[&str]| RecordBatch::try_from_iter([("chiave", Arc::new(StringArray::from_iter_values(keys)) as ArrayRef)]).expect("batch");
    log.append(&table, rows(&["a", "b"])).expect("taken");
    log.append(&table, rows(&["c"])).expect("taken");
    log.flush().await.expect("written");
    assert_eq!(world.ask(&role("ispettore"), "SELECT chiave FROM prova.riservata").await, Ok(vec!["a".into(), "b".into(), "c".into()]));
    assert_eq!(log.append(&"prova.persone".parse().expect("name"), rows(&["x"])).expect_err("other columns").code, "system.columns");
    log.close().await.expect("closed");
}
