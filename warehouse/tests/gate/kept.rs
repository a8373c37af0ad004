//! Pages of open rows that are held in memory are the pages that the engine finds.

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datasets::model::DatasetName;
use futures::TryStreamExt;
use warehouse::Warehouse;
use warehouse::config::Limits;
use warehouse::error::Error;
use warehouse::principal::Principal;
use warehouse::session::rows::{Filter, Operator, Page, Sort};

use crate::support::{World, open, opened, role};

fn name() -> DatasetName {
    "prova.aperta".parse().expect("name")
}

fn stranger() -> Principal {
    role("anonimo")
}

/// Columns and rows in their order; or the error's code.
async fn page(warehouse: &Warehouse, who: &Principal, page: &Page) -> Result<(SchemaRef, String), &'static str> {
    let rows = async {
        let rows = warehouse.session(who).await?.rows(&name(), page.clone()).await?;
        let (schema, versions) = (rows.schema.clone(), rows.snapshot.clone());
        let batches: Vec<_> = rows.batches.try_collect().await?;
        let text = arrow::util::pretty::pretty_format_batches_with_schema(schema.clone(), &batches).expect("text");
        Ok::<_, Error>((schema, format!("{versions:?}\n{text}")))
    };
    rows.await.map_err(|e| e.code)
}

fn filter(column: &str, operator: Operator, value: &str) -> Filter {
    Filter { column: column.into(), operator, value: (!value.is_empty()).then(|| value.into()) }
}

fn pages() -> Vec<Page> {
    use Operator::*;
    let filters: Vec<Vec<Filter>> = vec![
        vec![],
        vec![filter("tipo", Eq, "mensa_sociale")],
        vec![filter("tipo", Prefix, "mensa%")],
        vec![filter("tipo", Contains, "SA_SOC")],
        vec![filter("tipo", Contains, "a%S"), filter("posti", Lt, "50")],
        vec![filter("posti", Contains, "7")],
        vec![filter("tipo", Ne, "nido"), filter("codice", Gt, "C01500")],
        vec![filter("codice", Eq, "C00007")],
        vec![filter("codice", Le, "C00100"), filter("codice", Ge, "C00090")],
        vec![filter("codice", Lt, "C00020"), filter("anno", Ge, "2021")],
        vec![filter("codice", Gt, "D"), filter("posti", IsNull, "")],
        vec![filter("codice", Gt, "C02990"), filter("codice", Lt, "C00010")],
        vec![filter("posti", Gt, "70"), filter("dal", NotNull, "")],
        vec![filter("prezzo", Lt, "12.50")],
        vec![filter("dal", Ge, "1971-01-01")],
        vec![filter("via", Prefix, "Via s")],
        vec![filter("via", Prefix, "Via segreta 1")],
        vec![filter("anno", Eq, "duemila")],
        vec![filter("ambito", Eq, "RM 1")],
        vec![filter("posti", Prefix, "7")],
    ];
    let sort = |column: &str, descending| Sort { column: column.into(), descending };
    let sorts =
        [vec![], vec![sort("codice", false)], vec![sort("codice", false), sort("anno", false)], vec![sort("posti", true)], vec![sort("segreto", false)]];
    let columns: [&[&str]; 3] = [&[], &["posti", "codice"], &["nessuna"]];
    let mut pages = Vec::new();
    for (n, filters) in filters.iter().enumerate() {
        for (m, sort) in sorts.iter().enumerate() {
            for (offset, limit) in [(0, 5), (3, 40), (2_500, 100), (100_000, 7)] {
                let columns = columns[if (n + m + offset) % 5 == 4 { 2 } else { (n + m) % 2 }].iter().map(|c| (*c).to_owned()).collect();
                pages.push(Page { columns, filters: filters.clone(), sort: sort.clone(), limit: Some(limit), offset, ..Page::default() });
            }
        }
    }
    pages
}

async fn holding(bytes: usize) -> World {
    let world = World::new(&[]).await;
    let warehouse = opened(world.folder.path(), Limits::default(), bytes).await.expect("opens");
    World { warehouse, ..world }
}

/// Asks a few times, after which the rows are held or never: if they are, they need no file of the table.
async fn held(world: &World) -> bool {
    let first = Page { limit: Some(5), ..Page::default() };
    for _ in 0..5 {
        page(&world.warehouse, &stranger(), &first).await.expect("rows");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let files = world.folder.path().join("data/tables/prova/aperta");
    let aside = files.with_extension("aside");
    std::fs::rename(&files, &aside).expect("moved");
    let without = page(&world.warehouse, &stranger(), &first).await;
    std::fs::rename(&aside, &files).expect("moved back");
    without.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_from_memory_are_those_of_the_engine() {
    let world = holding(64 << 20).await;
    let engine = open(world.folder.path(), Limits::default()).await.expect("opens");
    world.open_rows(0..6_000).await;
    assert!(held(&world).await, "the rows are not held");
    let mut answered = 0;
    for asked in pages() {
        let expected = page(&engine, &stranger(), &asked).await;
        answered += usize::from(expected.is_ok());
        assert_eq!(page(&world.warehouse, &stranger(), &asked).await, expected, "{asked:?}");
    }
    assert!(answered > 150, "{answered}");

    // Who signed in and has no right of their own sees the same; who has one is not answered from here.
    let all = Page { limit: Some(10_000), ..Page::default() };
    assert_eq!(page(&world.warehouse, &role("ispettore"), &all).await, page(&engine, &stranger(), &all).await);

    // A commit, here or elsewhere, is seen at once.
    world.open_rows(6_000..6_100).await;
    let more = page(&world.warehouse, &stranger(), &all).await.expect("rows");
    assert_eq!(Ok(&more), page(&engine, &stranger(), &all).await.as_ref());
    assert!(!more.1.contains("segreta"));
    assert!(held(&world).await, "the rows of the new version are not held");
    assert_eq!(page(&world.warehouse, &stranger(), &all).await, Ok(more));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_not_held() {
    let world = holding(64 << 10).await;
    world.open_rows(0..6_000).await;
    assert!(!held(&world).await);
}
