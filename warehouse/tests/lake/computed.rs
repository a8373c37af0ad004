//! A computation says all there is to say: what it does not give is closed, what it does not change leaves no trace.

use std::collections::{BTreeMap, BTreeSet};

use datasets::model::Mode;
use warehouse::lake::{Changed, Commit, Computed, Lake, MaintainOptions, Origin, RefusedLines};

use crate::support::*;

fn origin(version: u64) -> Origin {
    Origin { definition: "d".into(), inputs: BTreeMap::from([("prova.fonte".to_owned(), version)]) }
}

async fn compute(lake: &Lake, second: u32, seen: u64, rows: &[Row]) -> warehouse::error::Result<Commit> {
    let computed = Computed { origin: origin(second.into()), districts: None, uncompared: vec!["nome".into()], seen };
    let mut writer = lake.compute(&name(), load(&format!("c{second}"), "lazio", "2026", second), computed).await?;
    writer.write(batch(rows, 1)).await?;
    writer.commit(&RefusedLines::none()).await
}

#[tokio::test]
async fn what_is_not_given_is_closed_and_what_is_equal_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Versions)).await;
    assert_eq!(lake.origin(&name()).await.unwrap(), None);
    let first = compute(&lake, 1, 0, &[row("a", "x", 1), row("b", "x", 2)]).await.unwrap();
    assert_eq!((first.version, first.added, first.closed), (1, 2, 0));
    assert_eq!(lake.origin(&name()).await.unwrap(), Some(origin(1)));
    // A difference in a column that is not compared is none: nothing is committed.
    let same = compute(&lake, 2, 1, &[row("a", "y", 1), row("b", "y", 2)]).await.unwrap();
    assert_eq!((same.version, same.added, same.closed, same.unchanged), (1, 0, 0, 2));
    let third = compute(&lake, 3, 1, &[row("b", "y", 3), row("c", "y", 4)]).await.unwrap();
    assert_eq!((third.version, third.added, third.closed), (2, 2, 2));
    let snapshot = lake.snapshot(&name()).unwrap();
    let current = cells(&snapshot, "SELECT codice, nome, posti FROM t WHERE registrato_al IS NULL ORDER BY 1").await;
    assert_eq!(current, [["b", "y", "3"], ["c", "y", "4"]]);
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t WHERE codice = 'a' AND registrato_al IS NOT NULL").await, 1);
}

#[tokio::test]
async fn the_log_tells_whose_rows_changed() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Versions)).await;
    for (n, sender) in [(1, "058091"), (2, "058120"), (3, "058120")] {
        // The third delivery repeats the second's rows: it leaves its mark and changes nothing.
        deliver(&lake, load(&format!("d{n}"), sender, "2026", n), &[row("a", sender, 1)]).await;
    }
    let by = |senders: &[&str]| Changed::By(senders.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>());
    assert_eq!(lake.changed(&name(), 0, 3).await.unwrap(), by(&["058091", "058120"]));
    assert_eq!(lake.changed(&name(), 1, 2).await.unwrap(), by(&["058120"]));
    assert_eq!(lake.changed(&name(), 2, 3).await.unwrap(), by(&[]));
    let options = MaintainOptions::default();
    let maintained = lake.maintain(&options).await.unwrap()[0].version;
    assert!(maintained > 3, "nothing was compacted");
    assert_eq!(lake.changed(&name(), 3, maintained).await.unwrap(), by(&[]));
    // Rows of the service's own say whom they are about.
    let mut writer = lake.writer(&name(), load("d4", "lazio", "2026", 4)).await.unwrap();
    writer.about(["058120".to_owned(), "RM 5.1".to_owned()].into());
    writer.write(batch(&[row("b", "x", 1)], 1)).await.unwrap();
    let about = writer.commit(&RefusedLines::none()).await.unwrap().version;
    assert_eq!(lake.changed(&name(), maintained, about).await.unwrap(), by(&["058120", "RM 5.1"]));
    // Beyond what the log holds nothing is known.
    assert_eq!(lake.changed(&name(), 3, about + 1).await.unwrap(), Changed::Perhaps);
}

#[tokio::test]
async fn a_table_that_moved_meanwhile_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Versions)).await;
    compute(&lake, 1, 0, &[row("a", "x", 1)]).await.unwrap();
    compute(&lake, 2, 1, &[row("a", "x", 2)]).await.unwrap();
    let late = compute(&lake, 3, 1, &[row("a", "x", 3)]).await.expect_err("computed from an older version");
    assert_eq!(late.code, "lake.moved");
}
