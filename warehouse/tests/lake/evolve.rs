use datasets::model::{Column, Contract, Mode, Type};
use warehouse::error::Kind;
use warehouse::inside::RULE_BYTES;
use warehouse::lake::{At, Lake, Store, StoreOptions};

use crate::support::*;

fn changed(version: &str, change: impl FnOnce(&mut Contract)) -> Contract {
    let mut contract = contract(Mode::Append);
    contract.version = version.into();
    change(&mut contract);
    contract
}

async fn reopened(dir: &tempfile::TempDir, contract: Contract) -> warehouse::error::Result<Lake> {
    Lake::open(Store::open(dir.path().to_str().unwrap(), &StoreOptions::default()).await?, catalog(contract), RULE_BYTES).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_followed_where_stored_values_keep_their_meaning() {
    let dir = tempfile::tempdir().unwrap();
    deliver(&open(&dir, contract(Mode::Append)).await, load("d1", "s", "p", 1), &[row("a", "uno", 7)]).await;

    let newer = changed("1.1.0", |c| {
        c.columns.push(column("nota", Type::Text, false));
        c.columns[0].title = text("Codice nuovo");
        c.columns[2].r#type = Type::Decimal(22, 2);
    });
    let lake = reopened(&dir, newer.clone()).await.unwrap();
    let snapshot = lake.snapshot(&name()).unwrap();
    assert_eq!(cells(&snapshot, "SELECT codice, posti, nota FROM t").await, [["a", "7.00", "∅"]]);
    assert_eq!(reopened(&dir, newer).await.unwrap().snapshot(&name()).unwrap().version, snapshot.version, "followed once");
    let done = deliver(&lake, load("d2", "s", "p", 2), &[row("b", "due", 8)]).await;
    assert_eq!(done.added, 1);
    assert_eq!(cells(&lake.snapshot(&name()).unwrap(), "SELECT sum(posti) FROM t").await, [["15.00"]]);
    let before = lake.snapshot_at(&name(), At::Version(1)).await.unwrap();
    assert_eq!(cells(&before, "SELECT codice, posti FROM t").await, [["a", "7"]], "an earlier version keeps its schema");

    let older = reopened(&dir, contract(Mode::Append)).await.err().unwrap();
    assert!(older.kind == Kind::Conflict && older.message.contains("later than 1.0.0"), "{older}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_column_comes_with_what_earlier_rows_have_in_it() {
    let dir = tempfile::tempdir().unwrap();
    deliver(&open(&dir, contract(Mode::Versions)).await, load("d1", "s", "p", 1), &[row("a", "uno", 7), row("b", "due", 8)]).await;
    let newer = |kind, before: &str| {
        let mut newer = contract(Mode::Versions);
        newer.version = "2.0.0".into();
        newer.columns.insert(1, Column { before: Some(before.into()), ..column("area", kind, true) });
        newer
    };
    let lake = reopened(&dir, newer(Type::Text, "tutti")).await.unwrap();
    let snapshot = lake.snapshot(&name()).unwrap();
    assert_eq!(cells(&snapshot, "SELECT codice, area, nome, posti FROM t ORDER BY codice").await, [["a", "tutti", "uno", "7"], ["b", "tutti", "due", "8"]]);
    assert_eq!(reopened(&dir, newer(Type::Text, "tutti")).await.unwrap().snapshot(&name()).unwrap().version, snapshot.version, "followed once");
    let written =
        [(Type::Integer, "12", "12"), (Type::Decimal(12, 2), "1.5", "1.50"), (Type::Boolean, "true", "true"), (Type::Date, "2024-02-29", "2024-02-29")];
    for (kind, before, shown) in written {
        let dir = tempfile::tempdir().unwrap();
        deliver(&open(&dir, contract(Mode::Versions)).await, load("d1", "s", "p", 1), &[row("a", "uno", 7)]).await;
        let lake = reopened(&dir, newer(kind, before)).await.unwrap();
        assert_eq!(cells(&lake.snapshot(&name()).unwrap(), "SELECT area FROM t").await, [[shown]]);
    }
    let before = lake.snapshot_at(&name(), At::Version(1)).await.unwrap();
    assert_eq!(cells(&before, "SELECT codice, posti FROM t ORDER BY codice").await, [["a", "7"], ["b", "8"]], "an earlier version keeps its schema");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_stored_rows_do_not_fit_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    deliver(&open(&dir, contract(Mode::Append)).await, load("d1", "s", "p", 1), &[row("a", "uno", 7)]).await;
    let refusals: [(&str, Contract); 5] = [
        ("column 'nome' is gone", changed("2.0.0", |c| drop(c.columns.remove(1)))),
        ("column 'nome' becomes required", changed("2.0.0", |c| c.columns[1].required = true)),
        ("new column 'altro' is required", changed("2.0.0", |c| c.columns.push(column("altro", Type::Text, true)))),
        ("column 'posti' changes", changed("2.0.0", |c| c.columns[2].r#type = Type::Double)),
        ("column 'posti' changes", changed("2.0.0", |c| c.columns[2].r#type = Type::Decimal(12, 2))),
    ];
    for (reason, contract) in refusals {
        let refused = reopened(&dir, contract).await.err().unwrap();
        assert!(refused.kind == Kind::Conflict && refused.message.contains(reason), "{refused}");
    }
    assert_eq!(open(&dir, contract(Mode::Append)).await.snapshot(&name()).unwrap().version, 1);
}
