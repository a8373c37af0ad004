//! Who sees what: roles, facts, history, names.

use datasets::model::DatasetName;
use warehouse::error::Kind;
use warehouse::session::rows::{Filter, Operator, Page, Sort};

use crate::support::{World, district, person, role, statement, texts};

#[tokio::test(flavor = "multi_thread")]
async fn without_role_or_fact_there_is_no_session() {
    let world = World::new(&[]).await;
    let code = |who| {
        let world = &world;
        async move { world.warehouse.session(&who).await.map(|_| ()).expect_err("no session").code }
    };
    assert_eq!(code(role("distretto")).await, "session.fact");
    assert_eq!(code(role("distretto").with_fact("ambito", " ")).await, "session.fact");
    assert_eq!(code(role("inventato")).await, "session.role");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_values_never_sql() {
    let world = World::new(&[person(500, "FR B")]).await;
    for fact in ["' OR 'a'='a", "RM 1'; DROP TABLE x --", "$ambito", "NULL", "FR%"] {
        let who = role("distretto").with_fact("ambito", fact);
        assert_eq!(world.ask(&who, "SELECT count(*) FROM prova.persone").await, Ok(vec!["0".into()]), "{fact}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_see_their_rows_and_columns() {
    let world = World::new(&[person(500, "FR B")]).await;
    let count = "SELECT count(*), count(DISTINCT ambito) FROM prova.persone";
    assert_eq!(world.ask(&role("regione"), count).await, Ok(vec!["101|2".into()]));
    assert_eq!(world.ask(&district(), count).await, Ok(vec!["100|1".into()]));
    assert_eq!(world.ask(&role("distretto").with_fact("ambito", "FR B"), count).await, Ok(vec!["1|1".into()]));
    assert_eq!(world.ask(&role("regione"), "SELECT cf FROM prova.persone").await, Err("sql.column".into()));
    assert_eq!(world.ask(&role("ispettore"), "SELECT cf FROM prova.persone WHERE id = 7").await, Ok(vec!["CF000007".into()]));
    assert_eq!(world.ask(&role("anonimo"), "SELECT 1 FROM prova.persone").await, Err("table.unknown".into()));
    let session = world.warehouse.session(&district()).await.expect("session");
    let names: Vec<String> = session.datasets().iter().map(|v| v.name.to_string()).collect();
    assert_eq!(names, ["prova.aperta", "prova.persone", "prova.registro"]);
    let persone = &session.datasets()[1];
    assert_eq!(persone.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "ambito", "cf", "posti", "importo", "nato"]);
    assert_eq!(persone.masked, ["cf"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_named_with_their_area() {
    let world = World::new(&[]).await;
    assert!(world.ask(&district(), "SELECT 1 FROM prova.persone").await.is_ok());
    assert!(world.ask(&district(), "SELECT 1 FROM siss.prova.persone").await.is_ok());
    assert_eq!(world.ask(&district(), "SELECT 1 FROM persone").await, Err("table.unknown".into()));
    assert!(world.ask(&district(), "WITH persone AS (SELECT * FROM prova.persone) SELECT count(*) FROM persone p JOIN persone q USING (id)").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn history_shows_versions_and_the_table_current_rows() {
    let world = World::new(&[]).await;
    world.registry(&[("A", "RM 1", 10), ("B", "FR B", 20)]).await;
    world.registry(&[("A", "RM 1", 11)]).await;
    assert_eq!(world.ask(&role("regione"), "SELECT codice, posti FROM prova.registro").await, Ok(vec!["A|11".into(), "B|20".into()]));
    assert_eq!(world.ask(&district(), "SELECT posti FROM prova.registro").await, Ok(vec!["11".into()]));
    let history = "SELECT posti, registrato_al IS NULL FROM prova.registro_storia";
    assert_eq!(world.ask(&district(), history).await, Ok(vec!["10|false".into(), "11|true".into()]));
    // A closed version is no row of the current table: it raises no error there.
    assert_eq!(world.ask(&role("regione"), "SELECT count(*) FROM prova.registro WHERE 1/(posti-10) < 9").await, Ok(vec!["2".into()]));
    assert_eq!(world.ask(&role("regione"), "SELECT registrato_dal FROM prova.registro").await, Err("sql.column".into()));
    assert_eq!(world.ask(&district(), "SELECT mittente FROM prova.registro_storia").await, Err("sql.column".into()));
    assert!(world.ask(&role("amministratore"), "SELECT mittente, periodo, id_consegna FROM prova.registro_storia").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_query_filters_sorts_and_pages() {
    let world = World::new(&[person(500, "FR B")]).await;
    let session = world.warehouse.session(&district()).await.expect("session");
    let name: DatasetName = "prova.persone".parse().expect("name");
    let filter = |column: &str, operator, value: &str| Filter { column: column.into(), operator, value: Some(value.into()) };
    let page = Page {
        columns: vec!["id".into(), "importo".into()],
        filters: vec![filter("nato", Operator::Ge, "1970-01-11"), filter("ambito", Operator::Prefix, "RM"), filter("importo", Operator::Lt, "25.00")],
        sort: vec![Sort { column: "id".into(), descending: true }],
        limit: Some(3),
        offset: 1,
        history: false,
        at: None,
    };
    let rows = session.rows(&name, page.clone()).await.expect("rows");
    assert_eq!(rows.snapshot.len(), 1);
    assert_eq!(texts(rows).await.expect("texts"), ["16|20.00", "17|21.25", "18|22.50"]);
    let code = |page: Page| {
        let (session, name) = (&session, &name);
        async move { session.rows(name, page).await.map(|_| ()).expect_err("refused").code }
    };
    assert_eq!(code(Page { filters: vec![filter("diagnosi", Operator::Eq, "D1")], ..Page::default() }).await, "sql.column");
    assert_eq!(code(Page { filters: vec![filter("id", Operator::Eq, "uno")], ..Page::default() }).await, "filter.value");
    assert_eq!(code(Page { history: true, ..Page::default() }).await, "table.unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_take_the_type_of_their_place() {
    let world = World::new(&[]).await;
    let session = world.warehouse.session(&district()).await.expect("session");
    let mut ask = statement("SELECT id FROM prova.persone WHERE id = $1 AND ambito = $2 AND nato < $3");
    let described = session.describe(&ask).await.expect("described");
    assert_eq!(described.parameters.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Int64", "Utf8", "Date32"]);
    ask.parameters = vec![Some("7".into()), Some("RM 1".into()), Some("2020-01-01".into())];
    assert_eq!(texts(session.query(ask.clone()).await.expect("rows")).await.expect("texts"), ["7"]);
    ask.parameters[0] = Some("sette".into());
    let error = session.query(ask.clone()).await.map(|_| ()).expect_err("does not fit");
    assert_eq!((error.kind, error.code), (Kind::Data, "data.parameter"));
    ask.parameters.pop();
    assert_eq!(session.query(ask).await.map(|_| ()).expect_err("too few").code, "sql.parameters");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_stand_where_clients_put_them() {
    let world = World::new(&[]).await;
    let session = world.warehouse.session(&district()).await.expect("session");
    for (sql, values, expected) in [
        ("SELECT id FROM prova.persone ORDER BY id LIMIT $1 OFFSET $2", ["2", "3"], "3,4"),
        ("SELECT id FROM prova.persone WHERE id IN ($1, $2)", ["1", "2"], "1,2"),
        ("SELECT id FROM prova.persone WHERE id BETWEEN $1 AND $2", ["1", "2"], "1,2"),
        ("SELECT id FROM prova.persone WHERE ambito LIKE $1 AND id = $2", ["RM%", "2"], "2"),
        ("SELECT id FROM prova.persone WHERE id = $1::bigint + $2::int", ["1", "2"], "3"),
        ("SELECT $1 || 'b', $2::text", ["a", "c"], "ab|c"),
        ("SELECT id FROM prova.persone WHERE importo = $1 OR nato = $2", ["2.50", "1970-01-06"], "2,5"),
    ] {
        let mut ask = statement(sql);
        ask.parameters = values.iter().map(|v| Some((*v).to_owned())).collect();
        let answer = match session.query(ask).await {
            Ok(rows) => texts(rows).await,
            Err(error) => Err(error),
        };
        assert_eq!(answer.map_err(|e| format!("{e:?}")).as_ref().map(|rows| rows.join(",")), Ok(expected.to_owned()), "{sql}");
    }
}
