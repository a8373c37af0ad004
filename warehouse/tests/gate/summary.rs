//! Summaries: groups, a column across, rights, refusals, and several questions at one moment.

use datasets::model::DatasetName;
use warehouse::error::Result;
use warehouse::principal::Principal;
use warehouse::session::rows::{Filter, Operator};
use warehouse::session::summary::{Function, Key, Order, Part, Summary};

use crate::support::{World, district, person, role, statement, texts};

fn name() -> DatasetName {
    "prova.persone".parse().expect("a name")
}

fn key(column: &str) -> Key {
    Key { column: column.into(), part: None }
}

fn of(function: Function, column: &str) -> Summary {
    let column = (!column.is_empty()).then(|| column.to_owned());
    Summary { group: vec![key("ambito")], across: None, function, column, filters: Vec::new(), order: Order::Group, limit: None }
}

async fn ask(world: &World, who: &Principal, summary: &Summary) -> Result<Vec<String>, &'static str> {
    let rows = world.warehouse.session(who).await.expect("session").summary(&name(), summary).await.map_err(|e| e.code)?;
    texts(rows).await.map_err(|e| e.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_measure_is_that_of_sql() {
    let world = World::new(&[person(500, "FR B")]).await;
    let who = role("regione");
    for (summary, sql) in [
        (of(Function::Count, ""), "count(*)"),
        (of(Function::Count, "posti"), "count(posti)"),
        (of(Function::Distinct, "posti"), "count(DISTINCT posti)"),
        (of(Function::Sum, "importo"), "sum(importo)"),
        (of(Function::Avg, "posti"), "avg(posti)"),
        (of(Function::Min, "nato"), "min(nato)"),
        (of(Function::Max, "importo"), "max(importo)"),
    ] {
        let expected = world.ask(&who, &format!("SELECT ambito, {sql} FROM prova.persone GROUP BY ambito")).await.expect("rows");
        assert_eq!(ask(&world, &who, &summary).await, Ok(expected), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_rows_and_columns_of_who_asks_are_measured() {
    let world = World::new(&[person(500, "FR B")]).await;
    assert_eq!(ask(&world, &district(), &of(Function::Count, "")).await, Ok(vec!["RM 1|100".into()]));
    assert_eq!(ask(&world, &role("regione"), &of(Function::Distinct, "cf")).await, Err("summary.column"));
    let hidden = Filter { column: "diagnosi".into(), operator: Operator::Eq, value: Some("D7".into()) };
    assert_eq!(ask(&world, &role("regione"), &Summary { filters: vec![hidden], ..of(Function::Count, "") }).await, Err("summary.column"));
    assert_eq!(ask(&world, &role("anonimo"), &of(Function::Count, "")).await, Err("table.unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_across_becomes_columns_with_all_at_the_end() {
    let world = World::new(&[person(500, "FR B")]).await;
    let few = Filter { column: "posti".into(), operator: Operator::Lt, value: Some("2".into()) };
    let across = Summary { across: Some(key("posti")), filters: vec![few], ..of(Function::Count, "") };
    let rows = world.warehouse.session(&role("regione")).await.expect("session").summary(&name(), &across).await.expect("rows");
    let names: Vec<&str> = rows.schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["ambito", "0", "1", "tutti"]);
    // posti is the id modulo 90: 0 and 90 have none, 1 and 91 one.
    assert_eq!(texts(rows).await.expect("texts"), ["RM 1|2|2|4"]);
    let many = Summary { across: Some(key("id")), ..of(Function::Count, "") };
    assert_eq!(ask(&world, &role("regione"), &many).await, Err("summary.across"));
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_are_grouped_by_year_and_month() {
    let world = World::new(&[person(500, "FR B")]).await;
    let by = |part| Summary { group: vec![Key { column: "nato".into(), part: Some(part) }], ..of(Function::Count, "") };
    // Day 500 after 1970-01-01 is in May 1971; days 0 to 99 are January to April 1970.
    assert_eq!(ask(&world, &role("regione"), &by(Part::Year)).await, Ok(vec!["1970|100".into(), "1971|1".into()]));
    let months = ask(&world, &role("regione"), &by(Part::Month)).await.expect("months");
    assert_eq!(months, ["1970-01|31", "1970-02|28", "1970-03|31", "1970-04|10", "1971-05|1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greatest_come_first_and_a_limit_cuts() {
    let world = World::new(&[person(500, "FR B")]).await;
    let first = Summary { order: Order::Value, limit: Some(1), ..of(Function::Count, "") };
    assert_eq!(ask(&world, &role("regione"), &first).await, Ok(vec!["RM 1|100".into()]));
    let session = world.warehouse.session(&role("regione")).await.expect("session");
    assert_eq!(session.summary_size(&name(), &first).await.expect("a size"), 2);
    assert_eq!(session.summary_size(&name(), &Summary { group: Vec::new(), ..first }).await.expect("a size"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_moment_holds_whatever_is_committed_after_it() {
    let world = World::new(&[]).await;
    world.registry(&[("A", "RM 1", 10)]).await;
    let registro: DatasetName = "prova.registro".parse().expect("a name");
    let moment = world.warehouse.moment([name(), registro.clone()]).await.expect("moment");
    let before = world.warehouse.session(&role("regione")).await.expect("session").at(&moment);
    world.persons(&[person(900, "FR B")]).await;
    let count = |session: warehouse::session::Session| async move {
        texts(session.query(statement("SELECT count(*) FROM prova.persone")).await.expect("rows")).await.expect("texts")
    };
    assert_eq!(count(before.clone()).await, ["100"]);
    assert_eq!(count(world.warehouse.session(&role("regione")).await.expect("session")).await, ["101"]);
    assert_eq!(texts(before.summary(&name(), &of(Function::Count, "")).await.expect("rows")).await.expect("texts"), ["RM 1|100"]);
    let versions: Vec<(&DatasetName, u64)> = moment.versions().collect();
    assert_eq!(versions.len(), 2);
    // What was not taken is not read at another moment, and what is hidden stays hidden.
    let only = world.warehouse.moment([name()]).await.expect("moment");
    let one = world.warehouse.session(&role("regione")).await.expect("session").at(&only);
    assert_eq!(one.rows(&registro, Default::default()).await.err().map(|e| e.code), Some("session.moment"));
    let none = world.warehouse.session(&role("anonimo")).await.expect("session").at(&only);
    assert_eq!(none.rows(&name(), Default::default()).await.err().map(|e| e.code), Some("table.unknown"));
}
