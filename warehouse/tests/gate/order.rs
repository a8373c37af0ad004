//! Rows come in the order that is asked for, by the gate and in the service's own SQL. What is unique in groups may stand elsewhere after them, and
//! is no reason to leave a sort out: the engine takes it for one.

use std::cmp::Reverse;

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use warehouse::inside::Inside;

use crate::support::{Person, World, lines, person, role, statement};

/// Three columns first: a number, a number that descends, and a text.
const QUESTIONS: [&str; 3] = [
    "SELECT extract(year FROM nato) AS a, count(*) AS n, ambito, CAST(count(*) AS double precision) / sum(count(*)) OVER (PARTITION BY extract(year FROM nato)) AS q
       FROM prova.persone GROUP BY 1, 3 ORDER BY a, n DESC, ambito",
    "SELECT n, k, CAST(k AS text) AS t, CAST(n AS double precision) / sum(n) OVER (PARTITION BY n) AS q
       FROM (SELECT count(*) AS n, coalesce(id, 0) % 61 AS k FROM prova.persone WHERE id % 7 <> 0 GROUP BY coalesce(id, 0) % 61) x ORDER BY n, k DESC",
    "SELECT a, k, CAST(k AS text) AS t, 1 + sum(n) OVER (PARTITION BY a) AS q
       FROM (SELECT k / 9 AS a, k, n FROM (SELECT coalesce(id, 0) % 61 AS k, count(*) AS n FROM prova.persone GROUP BY coalesce(id, 0) % 61) y) x ORDER BY a, k DESC",
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_in_the_order_that_is_asked_for() {
    let places = ["FR B", "VT 1", "RM 5.1", "RI 1", "LT 2"];
    let others: Vec<Person> =
        (100..3_000_i64).map(|id| Person { nato: (id * id * 37 % 9_000) as i32, ..person(id, places[(id * id % 11 % 5) as usize]) }).collect();
    let world = World::new(&others).await;
    let session = world.warehouse.session(&role("regione")).await.expect("session");
    for question in QUESTIONS {
        let asked: Vec<RecordBatch> = session.query(statement(question)).await.expect("plan").batches.try_collect().await.expect("rows");
        let inside: Vec<RecordBatch> = {
            let mut inside = Inside::new(world.warehouse.lake()).expect("engine");
            inside.ask(question).await.expect("plan").try_collect().await.expect("rows")
        };
        for batches in [asked, inside] {
            let found: Vec<(i64, Reverse<i64>, String)> = lines(&batches).iter().map(|line| keys(line)).collect();
            assert!(found.len() > 20, "{question}: {} rows", found.len());
            let place = found.windows(2).position(|two| two[0] > two[1]);
            assert_eq!(place, None, "{question}: {:?}", &found[..20]);
        }
    }
}

fn keys(line: &str) -> (i64, Reverse<i64>, String) {
    let mut cells = line.split('|');
    let mut number = || cells.next().and_then(|cell| cell.parse().ok()).expect("a number");
    let (one, two) = (number(), Reverse(number()));
    (one, two, cells.next().expect("a text").to_owned())
}
