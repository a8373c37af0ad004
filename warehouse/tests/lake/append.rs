use datasets::model::Mode;
use warehouse::error::Kind;
use warehouse::lake::{At, RefusedLines};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_becomes_one_version_and_survives_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    let rows = [row("b", "due", 2), row("a", "uno", 1), ("c".into(), None, None)];
    let done = deliver(&lake, load("d1", "058091", "2026-10", 1), &rows).await;
    assert_eq!((done.version, done.added, done.already), (1, 3, false));

    let expected = vec![vec!["a", "uno", "1", "d1", "3", "058091", "2026-10", "2026-10-01T00:00:01Z", "∅"]];
    let sql = "SELECT * FROM t WHERE codice = 'a'";
    assert_eq!(cells(&lake.snapshot(&name()).unwrap(), sql).await, expected);
    let again = open(&dir, contract(Mode::Append)).await;
    assert_eq!(cells(&again.snapshot(&name()).unwrap(), sql).await, expected);
    assert_eq!(again.snapshot(&name()).unwrap().version, 1, "reopening commits nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    let rows = [row("a", "uno", 1)];
    deliver(&lake, load("d1", "s", "p", 1), &rows).await;
    let second = deliver(&lake, load("d1", "s", "p", 1), &rows).await;
    assert!(second.already);

    // Both writers began before either had committed.
    let mut one = lake.writer(&name(), load("d2", "s", "p", 2)).await.unwrap();
    let mut two = open(&dir, contract(Mode::Append)).await.writer(&name(), load("d2", "s", "p", 2)).await.unwrap();
    one.write(batch(&rows, 2)).await.unwrap();
    two.write(batch(&rows, 2)).await.unwrap();
    let (one, two) = (one.commit(&RefusedLines::none()).await.unwrap(), two.commit(&RefusedLines::none()).await.unwrap());
    assert_eq!((one.already, two.already), (false, true));
    assert_eq!(count(&lake.refresh(&name()).await.unwrap(), "SELECT count(*) FROM t").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_lines_are_left_out_also_of_files_already_written() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    let mut writer = lake.writer(&name(), load("d1", "s", "p", 1)).await.unwrap();
    let long = "x".repeat(200);
    let rows: Vec<Row> = (0..8192).map(|i| row(&format!("{i:06}"), &long, i)).collect();
    for n in 0..20 {
        writer.write(batch(&rows, 2 + n * 8192)).await.unwrap();
    }
    let refused = RefusedLines::new(vec![2, 3, 100_000, 163_841]);
    let done = writer.commit(&refused).await.unwrap();
    assert_eq!(done.added, 20 * 8192 - 4);
    let snapshot = lake.snapshot(&name()).unwrap();
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t").await, 20 * 8192 - 4);
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t WHERE riga_consegna IN (2, 3, 100000, 163841)").await, 0);
    assert_eq!(count(&snapshot, "SELECT count(DISTINCT riga_consegna) FROM t").await, 20 * 8192 - 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_files_of_doubtful_rows_are_written_again() {
    for mode in [Mode::Append, Mode::Replace, Mode::Versions] {
        let dir = tempfile::tempdir().unwrap();
        let lake = open(&dir, contract(mode)).await;
        let mut writer = lake.writer(&name(), load("d1", "s", "p", 1)).await.unwrap();
        let long = "x".repeat(200);
        let rows = |from: i64, count: i64| (from..from + count).map(|i| row(&format!("{i:06}"), &long, i)).collect::<Vec<Row>>();
        for n in 0..20 {
            writer.write(batch(&rows(n * 8192, 8192), 2 + n * 8192)).await.unwrap();
        }
        writer.write_doubtful(batch(&rows(900_000, 3), 900_000)).await.unwrap();
        // Line 2 is none of the doubtful ones: that it stays shows that the files of the others were not looked at.
        let done = writer.commit(&RefusedLines::of_doubtful(vec![2, 900_001])).await.unwrap();
        assert_eq!(done.added, 20 * 8192 + 2, "{mode:?}");
        let snapshot = lake.snapshot(&name()).unwrap();
        assert_eq!(cells(&snapshot, "SELECT codice FROM t WHERE riga_consegna >= 900000 ORDER BY 1").await, [["900000"], ["900002"]], "{mode:?}");
        assert_eq!(count(&snapshot, "SELECT count(DISTINCT codice) FROM t").await, 20 * 8192 + 2, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_delivery_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    let mut writer = lake.writer(&name(), load("d1", "s", "p", 1)).await.unwrap();
    writer.write(batch(&[row("a", "uno", 1)], 2)).await.unwrap();
    writer.abort().await;
    assert_eq!(lake.refresh(&name()).await.unwrap().version, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_versions_stay_readable_by_number_and_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    deliver(&lake, load("d1", "s", "p", 1), &[row("a", "uno", 1)]).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let between = chrono::Utc::now();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    deliver(&lake, load("d2", "s", "p", 2), &[row("b", "due", 2)]).await;

    let sql = "SELECT count(*) FROM t";
    assert_eq!(count(&lake.snapshot_at(&name(), At::Version(1)).await.unwrap(), sql).await, 1);
    assert_eq!(count(&lake.snapshot_at(&name(), At::Time(between)).await.unwrap(), sql).await, 1);
    assert_eq!(count(&lake.snapshot_at(&name(), At::Time(chrono::Utc::now())).await.unwrap(), sql).await, 2);
    for missing in [At::Version(9), At::Time(second(1))] {
        assert_eq!(lake.snapshot_at(&name(), missing).await.unwrap_err().kind, Kind::NotFound, "{missing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_values_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    let strange = ["a b", "100%", "%20", "à", "a/b", "", "'", "\\", "x#1", "NULL", "a\nb"];
    for (i, value) in strange.iter().enumerate() {
        let rows = [(format!("k{value}"), Some((*value).to_owned()), None)];
        deliver(&lake, load(&format!("d/{i} %à"), value, value, 1), &rows).await;
    }
    let lake = open(&dir, contract(Mode::Append)).await;
    let snapshot = lake.snapshot(&name()).unwrap();
    for value in strange {
        let quoted = value.replace('\'', "''");
        let sql = format!("SELECT codice, nome, mittente, periodo FROM t WHERE mittente = '{quoted}' AND periodo = '{quoted}'");
        assert_eq!(cells(&snapshot, &sql).await, [[format!("k{value}"), value.into(), value.into(), value.into()]], "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_for_references_follow_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    deliver(&lake, load("d1", "s", "p", 1), &[row("a", "uno", 1), ("b".into(), None, None)]).await;
    assert_eq!(lake.distinct(&name(), "codice").await.unwrap().len(), 2);
    deliver(&lake, load("d2", "s", "p", 1), &[row("c", "tre", 3)]).await;
    assert!(lake.distinct(&name(), "codice").await.unwrap().contains("c"));
    let names = lake.lookup(&name(), "codice", "nome").await.unwrap();
    assert_eq!((names.len(), names.get("a").map(String::as_str)), (2, Some("uno")));
    assert!(lake.distinct(&name(), "posti").await.unwrap().contains("3"));
    assert_eq!(lake.distinct(&name(), "niente").await.unwrap_err().kind, Kind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_past_their_time_leave_and_the_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    deliver(&lake, load("d1", "s", "p", 1), &[row("a", "uno", 1), row("b", "due", 2)]).await;
    deliver(&lake, load("d2", "s", "p", 5), &[row("c", "tre", 3)]).await;
    let moment = "registrato_dal";
    assert_eq!(lake.expire(&name(), moment, second(1)).await.unwrap(), 0);
    assert_eq!(lake.snapshot(&name()).unwrap().version, 2, "nothing old, nothing written");
    assert_eq!(lake.expire(&name(), moment, second(5)).await.unwrap(), 2);
    assert_eq!(cells(&lake.snapshot(&name()).unwrap(), "SELECT codice FROM t").await, [["c"]]);
    assert_eq!(lake.expire(&name(), "nome", second(5)).await.unwrap_err().kind, Kind::Invalid);
    // The same delivery again is still known.
    assert!(deliver(&lake, load("d1", "s", "p", 1), &[row("a", "uno", 1)]).await.already);
}
