use std::collections::BTreeSet;

use datasets::model::Mode;

use crate::support::*;

/// Four processes' worth of writers: each has its own lake over the same folder and knows nothing of the others.
async fn four_writers(mode: Mode, deliveries: usize) -> (tempfile::TempDir, Vec<u64>) {
    let dir = tempfile::tempdir().unwrap();
    let mut writers = Vec::new();
    for w in 0..4 {
        let lake = open(&dir, contract(mode)).await;
        writers.push(tokio::spawn(async move {
            let mut versions = Vec::new();
            for d in 0..deliveries {
                let id = format!("w{w}-{d}");
                let rows = [row(&format!("k{d}"), &id, d as i64), row(&format!("z{w}"), &id, 0)];
                let done = deliver(&lake, load(&id, &format!("s{}", w % 2), "p", (w * deliveries + d + 1) as u32), &rows).await;
                assert!(!done.already);
                versions.push(done.version);
            }
            versions
        }));
    }
    let mut versions = Vec::new();
    for writer in writers {
        versions.extend(writer.await.unwrap());
    }
    (dir, versions)
}

#[tokio::test(flavor = "multi_thread")]
async fn four_writers_lose_nothing_and_store_nothing_twice() {
    let (dir, versions) = four_writers(Mode::Append, 8).await;
    assert_eq!(versions.iter().collect::<BTreeSet<_>>().len(), 32, "each delivery has a version of its own");
    let snapshot = open(&dir, contract(Mode::Append)).await.snapshot(&name()).unwrap();
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t").await, 64);
    assert_eq!(count(&snapshot, "SELECT count(DISTINCT id_consegna || codice) FROM t").await, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_writers_of_versions_leave_one_current_row_for_each_key() {
    let (dir, _) = four_writers(Mode::Versions, 4).await;
    let snapshot = open(&dir, contract(Mode::Versions)).await.snapshot(&name()).unwrap();
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t").await, 32, "every delivered row differs, so every one is stored");
    let twice = "SELECT count(*) FROM (SELECT mittente, codice FROM t WHERE registrato_al IS NULL GROUP BY 1, 2 HAVING count(*) > 1)";
    assert_eq!(count(&snapshot, twice).await, 0);
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t WHERE registrato_al IS NULL").await, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_writers_replacing_the_same_period_leave_one_delivery() {
    let (dir, _) = four_writers(Mode::Replace, 4).await;
    let snapshot = open(&dir, contract(Mode::Replace)).await.snapshot(&name()).unwrap();
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t").await, 4);
    assert_eq!(count(&snapshot, "SELECT count(DISTINCT id_consegna) FROM t").await, 2);
}
