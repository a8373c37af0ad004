use datasets::model::Mode;
use warehouse::lake::{At, MaintainOptions};

use crate::support::*;

const ALL: &str = "SELECT mittente, codice, nome, posti, riga_consegna, id_consegna, registrato_dal, registrato_al FROM t ORDER BY 1, 2, 3, 4, 5, 6, 7, 8";

/// Twelve senders deliver three times; every third row changes each time.
async fn deliveries(lake: &warehouse::lake::Lake) {
    for round in 0..3u32 {
        for sender in 0..12 {
            let changed = |i: i64| if i % 3 == i64::from(round) { i64::from(round) + 100 } else { i };
            let rows: Vec<Row> = (0..30).map(|i| row(&format!("{sender:02}-{i:03}"), "nome", changed(i))).collect();
            let sender = format!("s{sender:02}");
            deliver(lake, load(&format!("{sender}-{round}"), &sender, &format!("2026-{:02}", round + 1), round * 60), &rows).await;
        }
    }
}

#[tokio::test]
async fn many_small_files_become_few_and_no_row_changes() {
    for mode in [Mode::Append, Mode::Versions, Mode::Replace] {
        let dir = tempfile::tempdir().unwrap();
        let lake = open(&dir, contract(mode)).await;
        deliveries(&lake).await;
        let before = lake.snapshot(&name()).unwrap();
        let rows = cells(&before, ALL).await;

        let done = lake.maintain(&MaintainOptions::default()).await.unwrap().remove(0);
        assert_eq!((done.files_before, done.dataset.as_str()), (before.files(), "prova.dati"));
        assert!(done.files_before > 12 && done.files_after <= 2, "{mode:?}: {done:?}");
        assert!(done.checkpoint);
        let after = lake.snapshot(&name()).unwrap();
        assert_eq!(cells(&after, ALL).await, rows, "{mode:?}");
        let open_rows = rows.iter().filter(|r| r[7] == "∅").count() as i64;
        assert!(after.current().unwrap().is_some(), "{mode:?}: whole files tell the current rows");
        assert_eq!(count(&after, "SELECT count(*) FROM t WHERE registrato_al IS NULL").await, open_rows);

        let again = lake.maintain(&MaintainOptions::default()).await.unwrap().remove(0);
        assert_eq!((again.version, again.checkpoint, again.files_removed), (done.version, false, 0), "{mode:?}");
        let earlier = lake.snapshot_at(&name(), At::Version(before.version)).await.unwrap();
        assert_eq!(cells(&earlier, ALL).await, rows, "{mode:?}: an earlier version stays readable");

        // Another process finds the same, and a delivery that was there is still known.
        let other = open(&dir, contract(mode)).await;
        assert_eq!(cells(&other.snapshot(&name()).unwrap(), ALL).await, rows, "{mode:?}");
        let repeated = deliver(&other, load("s03-2", "s03", "2026-03", 600), &[row("03-000", "nome", 1)]).await;
        assert!(repeated.already, "{mode:?}");
    }
}

#[tokio::test]
async fn deliveries_go_on_during_maintenance() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Versions)).await;
    deliveries(&lake).await;
    // Of another process: nothing but the log stands between the two.
    let other = open(&dir, contract(Mode::Versions)).await;
    let small = MaintainOptions { small: 8 << 20, group: 6_000 };
    let deliver_more = async {
        for i in 0..20u32 {
            deliver(&other, load(&format!("in-{i}"), "s00", "2026-04", 1_000 + i), &[row("00-000", "nome", 1_000 + i64::from(i))]).await;
        }
    };
    let (maintained, ()) = tokio::join!(lake.maintain(&small), deliver_more);
    maintained.unwrap();
    let now = lake.refresh(&name()).await.unwrap();
    assert_eq!(count(&now, "SELECT count(*) FROM t WHERE codice = '00-000' AND posti >= 1000").await, 20);
    assert_eq!(count(&now, "SELECT count(*) FROM t WHERE codice = '00-000' AND registrato_al IS NULL").await, 1);
    assert_eq!(count(&now, "SELECT count(*) FROM t WHERE registrato_al IS NULL").await, 12 * 30);
}
