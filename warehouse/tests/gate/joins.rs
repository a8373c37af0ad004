//! Joins: the small side is held in memory; those on inequalities are right where they fit, refused where they do not.

use warehouse::config::Limits;

use crate::support::{Person, World, person, role};

const ROWS: i64 = 2_000;

async fn world(memory_bytes: usize) -> World {
    world_of(ROWS, memory_bytes).await
}

async fn world_of(rows: i64, memory_bytes: usize) -> World {
    let others: Vec<Person> = (100..rows).map(|id| person(id, "FR B")).collect();
    let world = World::with_limits(&others, Limits { memory_bytes, threads: 2, ..Limits::default() }).await;
    world.registry(&[("A", "RM 1", 10), ("B", "FR B", 20), ("C", "FR B", 30)]).await;
    world
}

/// The left side of the outer join is the inner one, which is read through a repartition.
const THREE: &str = "SELECT count(*) FROM prova.persone a, prova.persone b, prova.registro c WHERE a.id < b.id AND c.posti <> a.id";

/// Whose rows of the left side would come once for each partition of the right one.
const LEFT: &str = "WITH l AS (SELECT a.id + b.id AS n FROM prova.persone a, prova.persone b WHERE a.id < b.id)
    SELECT count(*) FROM l LEFT JOIN prova.persone r ON l.n < r.id AND l.n > r.posti";

#[tokio::test(flavor = "multi_thread")]
async fn nested_loops_that_fit_are_answered() {
    let world = world(256 << 20).await;
    let pairs = ROWS * (ROWS - 1) / 2;
    let equal: i64 = [10, 20, 30].map(|posti| ROWS - 1 - posti).iter().sum();
    assert_eq!(world.ask(&role("regione"), THREE).await, Ok(vec![(3 * pairs - equal).to_string()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_loops_that_do_not_fit_are_refused_whole() {
    let world = world(4 << 20).await;
    for sql in [THREE, LEFT] {
        assert_eq!(world.ask(&role("regione"), sql).await, Err("limit.memory".into()), "{sql}");
    }
}

/// Rows looked up in one register and then in sums of another, none of which knows how many distinct keys it has.
const LOOK_UPS: &str = "SELECT c.codice, r.posti, count(*) FROM prova.persone p JOIN prova.registro c ON c.ambito = p.ambito
    JOIN (SELECT ambito, sum(posti) AS posti FROM prova.registro GROUP BY ambito) r ON r.ambito = p.ambito GROUP BY c.codice, r.posti";

#[tokio::test(flavor = "multi_thread")]
async fn the_larger_side_of_a_join_is_never_held() {
    let world = world_of(300_000, 8 << 20).await;
    let found = world.ask(&role("regione"), LOOK_UPS).await.unwrap();
    assert!(found.len() >= 2 && found.iter().any(|row| row.starts_with('B')), "{found:?}");
}
