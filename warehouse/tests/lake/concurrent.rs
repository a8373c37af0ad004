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

/// Those who ask while a look-up is under way share the next one, and still see whatever was committed before they asked.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_after_a_commit_sees_it_however_many_ask() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, reader) = (open(&dir, contract(Mode::Append)).await, open(&dir, contract(Mode::Append)).await);
    let asking = || {
        let one = || {
            tokio::spawn({
                let reader = reader.clone();
                async move { reader.refresh(&name()).await.unwrap().version }
            })
        };
        (0..20).map(|_| one()).collect::<Vec<_>>()
    };
    for n in 1..=10 {
        let before = asking();
        let done = deliver(&writer, load(&format!("d{n}"), "s", "p", n), &[row("k", "x", n.into())]).await;
        for one in asking() {
            assert!(one.await.unwrap() >= done.version);
        }
        for one in before {
            one.await.unwrap();
        }
    }
}
