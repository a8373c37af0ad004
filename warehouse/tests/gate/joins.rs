//! Joins on inequalities: right where they fit into memory, refused where they do not.

use warehouse::config::Limits;

use crate::support::{Person, World, person, role};

const ROWS: i64 = 2_000;

async fn world(memory_bytes: usize) -> World {
    let others: Vec<Person> = (100..ROWS).map(|id| person(id, "FR B")).collect();
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
