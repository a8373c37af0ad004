use std::sync::Arc;

use datasets::model::Mode;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use warehouse::error::Result;
use warehouse::inside::RULE_BYTES;
use warehouse::lake::faults::{Fault, Faulty};
use warehouse::lake::{Commit, Lake, Store, StoreOptions};

use crate::support::*;

const CURRENT: &str = "SELECT id_consegna, codice, nome FROM t WHERE registrato_al IS NULL ORDER BY 1, 2";

async fn lake_over(objects: Arc<dyn ObjectStore>, mode: Mode) -> Result<Lake> {
    Lake::open(Store::over(objects, "memory://faults").await?, catalog(contract(mode)), RULE_BYTES).await
}

/// A start, then a delivery: everything that can meet a fault.
async fn start_and_deliver(objects: Arc<dyn ObjectStore>, mode: Mode) -> Result<Commit> {
    let lake = lake_over(objects, mode).await?;
    try_deliver(&lake, load("d1", "s", "p", 2), &[row("a", "nuovo", 1), row("c", "tre", 3)]).await
}

fn lines(rows: &[[&str; 3]]) -> Vec<Vec<String>> {
    rows.iter().map(|r| r.iter().map(|c| (*c).to_owned()).collect()).collect()
}

/// Fails each call of the workflow in turn until none is left to fail.
async fn every_call(mode: Mode, fault: Fault, before: &[[&str; 3]], after: &[[&str; 3]]) -> usize {
    for call in 1.. {
        let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let lake = lake_over(inner.clone(), mode).await.unwrap();
        deliver(&lake, load("d0", "s", "p", 1), &[row("a", "uno", 1), row("b", "due", 2)]).await;
        let faulty = Faulty::new(inner.clone(), fault);
        faulty.arm(call);
        let outcome = start_and_deliver(Arc::new(faulty.clone()), mode).await;
        let made = faulty.calls();

        let seen = cells(&lake_over(inner.clone(), mode).await.unwrap().snapshot(&name()).unwrap(), CURRENT).await;
        let place = format!("{mode:?} {fault:?} at call {call}: {outcome:?}");
        assert!(seen == lines(before) || seen == lines(after), "{place}: half a delivery: {seen:?}");
        if outcome.is_ok() {
            assert_eq!(seen, lines(after), "{place}: acknowledged and not there");
        }
        start_and_deliver(inner.clone(), mode).await.unwrap();
        let seen = cells(&lake_over(inner, mode).await.unwrap().snapshot(&name()).unwrap(), CURRENT).await;
        assert_eq!(seen, lines(after), "{place}: the second attempt");
        if made < call {
            return call - 1;
        }
    }
    0
}

async fn every_fault(mode: Mode, after: &[[&str; 3]]) {
    let before = [["d0", "a", "uno"], ["d0", "b", "due"]];
    for fault in [Fault::Before, Fault::After, Fault::Slow, Fault::Partial] {
        let calls = every_call(mode, fault, &before, after).await;
        assert!(calls > 10, "{calls} calls were tried");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_survives_a_fault_at_any_call() {
    every_fault(Mode::Append, &[["d0", "a", "uno"], ["d0", "b", "due"], ["d1", "a", "nuovo"], ["d1", "c", "tre"]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_survives_a_fault_at_any_call() {
    every_fault(Mode::Replace, &[["d1", "a", "nuovo"], ["d1", "c", "tre"]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_survive_a_fault_at_any_call() {
    every_fault(Mode::Versions, &[["d0", "b", "due"], ["d1", "a", "nuovo"], ["d1", "c", "tre"]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_creation_of_a_table_survives_a_fault_at_any_call() {
    for fault in [Fault::Before, Fault::After, Fault::Partial] {
        for call in 1.. {
            let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let faulty = Faulty::new(inner.clone(), fault);
            faulty.arm(call);
            let outcome = start_and_deliver(Arc::new(faulty.clone()), Mode::Append).await;
            let again = start_and_deliver(inner.clone(), Mode::Append).await.unwrap();
            assert!(outcome.is_err() || again.already, "{fault:?} at call {call}");
            let lake = lake_over(inner, Mode::Append).await.unwrap();
            assert_eq!(count(&lake.snapshot(&name()).unwrap(), "SELECT count(*) FROM t").await, 2, "{fault:?} at call {call}");
            if faulty.calls() < call {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_the_condition_is_refused() {
    let inner = Arc::new(InMemory::new());
    let refused = Store::over(Arc::new(Faulty::new(inner.clone(), Fault::IgnoresCondition)), "memory://unsafe").await.err().unwrap();
    assert_eq!(refused.code, "store.unsafe");
    assert!(refused.message.contains("If-None-Match"), "{}", refused.message);
    let left: Vec<_> = futures::StreamExt::collect(inner.list(None)).await;
    assert!(left.is_empty(), "the probe is removed");
    inner.put(&"x".into(), "y".into()).await.unwrap();
}

#[tokio::test]
async fn a_process_that_only_reads_writes_no_probe() {
    let dir = tempfile::tempdir().unwrap();
    let open = |reads_only| {
        let folder = dir.path().to_str().unwrap().to_owned();
        async move { Store::open(&folder, &StoreOptions { reads_only, ..StoreOptions::default() }).await.unwrap() }
    };
    let things = || std::fs::read_dir(dir.path()).unwrap().count();
    open(true).await;
    assert_eq!(things(), 0);
    open(false).await;
    assert_eq!(things(), 1, "the folder of the probe, which is gone");
}
