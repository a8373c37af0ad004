//! Our own scan: what the log's statistics say is used where it is exact, and never where it is cut.

use std::path::PathBuf;

use chrono::Duration;
use datafusion::prelude::{ParquetReadOptions, SessionContext, col};
use datasets::model::Mode;

use crate::support::*;

fn data_files(dir: &tempfile::TempDir) -> Vec<PathBuf> {
    let files = std::fs::read_dir(dir.path().join("tables/prova/dati")).unwrap();
    files.map(|f| f.unwrap().path()).filter(|f| f.extension().is_some_and(|e| e == "parquet")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_extremes_are_answered_by_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    deliver(&lake, load("d1", "s", "p", 1), &[row("a", "uno", 1), row("b", "due", 2)]).await;
    deliver(&lake, load("d2", "s", "p", 2), &[row("c", "tre", 30), ("d".into(), None, None)]).await;
    let snapshot = lake.snapshot(&name()).unwrap();
    let count_all = "SELECT count(*), count(nome), min(riga_consegna), max(riga_consegna) FROM t";
    assert_eq!(cells(&snapshot, count_all).await, [["4", "3", "2", "3"]]);
    // With a limit or a filter, the rows are counted.
    assert_eq!(count(&snapshot, "SELECT count(*) FROM (SELECT * FROM t LIMIT 3)").await, 3);
    assert_eq!(count(&snapshot, "SELECT count(*) FROM (SELECT * FROM t WHERE posti > 1 LIMIT 3)").await, 2);
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t WHERE nome IS NULL").await, 1);
    assert_eq!(cells(&snapshot, "SELECT min(posti), max(posti), sum(posti) FROM t WHERE codice > 'a'").await, [["2", "30", "32"]]);
    assert_eq!(cells(&snapshot, "SELECT a.codice FROM t a JOIN t b ON a.posti = b.posti + 1 ORDER BY 1").await, [["b"]]);
    let without_rows = "SELECT max(posti) FROM t WHERE codice = 'zz'";
    assert_eq!(cells(&snapshot, without_rows).await, [["∅"]]);
    for file in data_files(&dir) {
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(cells(&snapshot, count_all).await, [["4", "3", "2", "3"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_a_wanted_row_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Versions)).await;
    deliver(&lake, load("d1", "s1", "p", 1), &[row("a", "uno", 1), row("b", "due", 2)]).await;
    let kept = data_files(&dir);
    deliver(&lake, load("d2", "s2", "p", 2), &[row("x", "dieci", 10)]).await;
    deliver(&lake, load("d3", "s2", "p", 3), &[row("x", "undici", 11)]).await;
    let snapshot = lake.snapshot(&name()).unwrap();
    assert_eq!(snapshot.files(), 3);
    for file in data_files(&dir).into_iter().filter(|file| !kept.contains(file)) {
        std::fs::remove_file(file).unwrap();
    }
    for rows in ["posti <= 2", "codice IN ('a', 'b')", "mittente = 's1'", "registrato_dal < '2026-10-01T00:00:02Z'", "posti < 5 AND registrato_al IS NULL"] {
        assert_eq!(count(&snapshot, &format!("SELECT sum(posti) FROM t WHERE {rows}")).await, 3, "{rows}");
    }
    // Of closed rows there is one file, of current ones two.
    let closed = SessionContext::new();
    closed.register_table("t", snapshot.provider()).unwrap();
    for (rows, missing) in [("registrato_al IS NOT NULL AND posti < 5", false), ("posti > 2", true)] {
        let read = closed.sql(&format!("SELECT sum(posti) FROM t WHERE {rows}")).await.unwrap().collect().await;
        assert_eq!(read.is_err(), missing, "{rows}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_between_milliseconds_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    let mut late = load("d1", "s", "p", 1);
    late.recorded = second(1) + Duration::microseconds(1_500);
    deliver(&lake, late, &[row("a", "uno", 1)]).await;
    let snapshot = lake.snapshot(&name()).unwrap();
    for found in
        ["registrato_dal = '2026-10-01T00:00:01.001500Z'", "registrato_dal > '2026-10-01T00:00:01.001Z'", "registrato_dal >= '2026-10-01T00:00:01.0015Z'"]
    {
        assert_eq!(count(&snapshot, &format!("SELECT count(*) FROM t WHERE {found}")).await, 1, "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_would_be_read_wrongly_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    let log = dir.path().join("tables/prova/dati/_delta_log");
    let created = std::fs::read_to_string(log.join("00000000000000000000.json")).unwrap();
    let metadata = created.lines().find(|line| line.contains("metaData")).unwrap();
    assert!(metadata.contains("\"partitionColumns\":[]"));
    let foreign = metadata.replace("\"partitionColumns\":[]", "\"partitionColumns\":[\"codice\"]");
    std::fs::write(log.join("00000000000000000001.json"), foreign).unwrap();
    let refused = lake.refresh(&name()).await.unwrap_err();
    assert_eq!(refused.code, "lake.foreign", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_reads_no_file_of_closed_rows() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Versions)).await;
    deliver(&lake, load("d1", "s", "p", 1), &[row("a", "uno", 1)]).await;
    deliver(&lake, load("d2", "s", "p", 2), &[row("a", "due", 2)]).await;
    let mut closed = 0;
    for file in data_files(&dir) {
        let rows = SessionContext::new().read_parquet(file.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
        if rows.filter(col("registrato_al").is_not_null()).unwrap().count().await.unwrap() > 0 {
            std::fs::remove_file(file).unwrap();
            closed += 1;
        }
    }
    assert_eq!(closed, 1);
    let done = deliver(&lake, load("d3", "s", "p", 3), &[row("a", "tre", 3)]).await;
    assert_eq!((done.added, done.closed), (1, 1));
}
