//! The leaks of security.md A3.1, tried on a real Delta table: hidden rows must not show in rows, errors or plans.

use crate::support::{Person, World, district, person, role, statement, texts};

fn hidden() -> Vec<Person> {
    let mut rows: Vec<Person> = (500..600).map(|id| person(id, "FR B")).collect();
    rows[0].posti = Some(200);
    rows[0].cf = "CF-SECRET-0".into();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn predicates_that_raise_errors_see_permitted_rows_only() {
    let world = World::new(&hidden()).await;
    let ask = |sql: &'static str| {
        let world = &world;
        async move { world.ask(&district(), sql).await }
    };
    let hundred = Ok(vec!["100".to_owned()]);
    assert_eq!(ask("SELECT count(*) FROM prova.persone WHERE 10/(posti-200) < 100000").await, hundred);
    assert_eq!(ask("SELECT count(*) FROM prova.persone WHERE 10/(id-500) < 100000").await, hundred);
    assert_eq!(ask("SELECT count(*) FROM prova.persone WHERE 1/(posti-200) < 5 AND ambito = 'RM 1'").await, hundred);
    assert_eq!(ask("SELECT count(*) FROM prova.persone a JOIN prova.persone b ON 10/(a.id-500) = 10/(b.id-500)").await.map(|r| r.len()), Ok(1));
    assert_eq!(ask("SELECT id FROM prova.persone ORDER BY 1/(posti-200), id LIMIT 1").await.map(|r| r.len()), Ok(1));
    assert_eq!(ask("SELECT count(*) FROM prova.persone WHERE id = 500").await, Ok(vec!["0".into()]));
    assert_eq!(ask("SELECT count(*) FROM prova.persone").await, hundred);
    assert_eq!(ask("SELECT min(id), max(id), count(posti) FROM prova.persone").await, Ok(vec!["0|99|100".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_hold_no_value() {
    let world = World::new(&hidden()).await;
    let session = world.warehouse.session(&district()).await.expect("session");
    for sql in [
        "SELECT id FROM prova.persone WHERE cast(cf AS bigint) >= 0",
        "SELECT to_timestamp(cf) FROM prova.persone",
        "SELECT cast(ambito AS date) FROM prova.persone",
        "SELECT 1/posti FROM prova.persone",
    ] {
        let error = match session.query(statement(sql)).await {
            Ok(rows) => texts(rows).await.expect_err(sql),
            Err(error) => error,
        };
        assert!(error.code.starts_with("data."), "{sql}: {}", error.code);
        for word in ["SECRET", "CF", "RM 1", "FR B"] {
            assert!(!error.to_string().contains(word), "{sql}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_columns_show_the_mask_to_predicates_too() {
    let world = World::new(&hidden()).await;
    let ask = |sql: &'static str| {
        let world = &world;
        async move { world.ask(&district(), sql).await }
    };
    assert_eq!(ask("SELECT DISTINCT cf FROM prova.persone").await, Ok(vec!["CF0***".into()]));
    assert_eq!(ask("SELECT count(*) FROM prova.persone WHERE cf = 'CF000007'").await, Ok(vec!["0".into()]));
    assert_eq!(ask("SELECT count(*) FROM prova.persone WHERE cf = 'CF0***'").await, Ok(vec!["100".into()]));
    assert_eq!(ask("SELECT count(*) FROM prova.persone WHERE cf LIKE 'CF00000%'").await, Ok(vec!["0".into()]));
    assert_eq!(ask("SELECT min(cf), max(cf) FROM prova.persone").await, Ok(vec!["CF0***|CF0***".into()]));
    assert_eq!(ask("SELECT cf FROM prova.persone ORDER BY cf DESC LIMIT 1").await, Ok(vec!["CF0***".into()]));
    // A class that the role may not see does not exist for it.
    assert_eq!(ask("SELECT diagnosi FROM prova.persone").await, Err("sql.column".into()));
    assert_eq!(ask("SELECT mittente FROM prova.persone").await, Err("sql.column".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_is_null_hides_every_row() {
    let world = World::new(&hidden()).await;
    assert_eq!(world.ask(&role("spento"), "SELECT count(*) FROM prova.persone").await, Ok(vec!["0".into()]));
    assert_eq!(world.ask(&role("spento"), "SELECT id FROM prova.persone WHERE ambito = 'RM 1'").await, Ok(vec![]));
    // The trap itself, without a policy: a filter that became NULL must not vanish.
    assert_eq!(
        world.ask(&role("regione"), "SELECT count(*) FROM (SELECT ambito, CAST(NULL AS VARCHAR) AS r FROM prova.persone) WHERE r = 'x'").await,
        Ok(vec!["0".into()])
    );
    assert_eq!(world.ask(&role("regione"), "SELECT count(*) FROM prova.persone WHERE ambito = 'RM 1' AND NULL").await, Ok(vec!["0".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_and_hidden_tables_give_the_same_error() {
    let world = World::new(&hidden()).await;
    let session = world.warehouse.session(&district()).await.expect("session");
    let message = |table: &'static str| {
        let session = session.clone();
        async move { session.query(statement(&format!("SELECT * FROM {table}"))).await.map(|_| ()).expect_err(table).to_string().replace(table, "T") }
    };
    let absent = message("prova.inesiste").await;
    for hidden in [
        "prova.riservata",
        "siss.prova.riservata",
        "prova.persone_storia",
        "persone",
        "information_schema.tables",
        "altro.prova.persone",
        "datafusion.public.persone",
        "pg_catalog.pg_class",
    ] {
        assert_eq!(message(hidden).await, absent, "{hidden}");
    }
    assert!(absent.starts_with("table.unknown"), "{absent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_for_staff() {
    let world = World::new(&hidden()).await;
    for sql in ["EXPLAIN SELECT * FROM prova.persone", "EXPLAIN ANALYZE SELECT * FROM prova.persone WHERE id = 500", "SHOW TABLES", "DESCRIBE prova.persone"] {
        assert_eq!(world.ask(&district(), sql).await, Err("sql.statement".into()), "{sql}");
    }
    assert!(world.ask(&role("amministratore"), "EXPLAIN SELECT * FROM prova.persone").await.is_ok());
}
