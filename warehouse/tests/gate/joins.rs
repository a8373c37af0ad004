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

/// Counts of rows by what a register says of their code, each beside the same over a column that is never empty and has many values,
/// which is counted after the join.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_counted_before_a_join_are_all_counted() {
    let world = world(256 << 20).await;
    for (sql, first) in [
        ("SELECT c.codice, {count} FROM prova.persone p JOIN prova.registro c ON c.ambito = p.ambito GROUP BY c.codice ORDER BY 1", true),
        (
            "SELECT c.posti + 1, {count} FROM prova.registro c JOIN prova.persone p ON c.ambito = p.ambito WHERE p.ambito <> 'RM 1' GROUP BY c.posti + 1 ORDER BY 1",
            true,
        ),
        (
            "SELECT c.codice, {count} FILTER (WHERE p.ambito = 'RM 1'), {count} FROM prova.persone p LEFT JOIN prova.registro c ON c.ambito = p.ambito AND c.posti > 20 GROUP BY c.codice ORDER BY 1",
            true,
        ),
        ("SELECT {count} FROM prova.persone p JOIN prova.registro c ON c.ambito = p.ambito", true),
        ("SELECT {count} FROM prova.persone p JOIN prova.registro c ON c.ambito = p.ambito WHERE c.posti > 1000", true),
        (
            "SELECT c.codice, a.codice, {count} FROM prova.persone p JOIN prova.registro c ON c.ambito = p.ambito JOIN prova.registro a ON a.ambito = p.ambito AND a.posti <= c.posti GROUP BY c.codice, a.codice ORDER BY 1, 2",
            true,
        ),
        // More of the rows is needed than codes, or they are not all there.
        (
            "SELECT c.codice, {count} FROM prova.persone p JOIN prova.registro c ON c.ambito = p.ambito AND c.posti > p.posti GROUP BY c.codice ORDER BY 1",
            false,
        ),
        ("SELECT c.codice, {count} FROM prova.registro c LEFT JOIN prova.persone p ON c.ambito = p.ambito GROUP BY c.codice ORDER BY 1", false),
        ("SELECT p.ambito, {count} FROM prova.persone p GROUP BY p.ambito ORDER BY 1", false),
    ] {
        let rows = sql.replace("{count}", "count(*)");
        let plan = world.ask(&role("amministratore"), &format!("EXPLAIN {rows}")).await.expect("plan").join("\n");
        assert_eq!(plan.contains("righe contate"), first, "{rows}\n{plan}");
        for who in ["regione", "amministratore"] {
            let found = world.ask(&role(who), &rows).await.expect("rows");
            // Of a left join, the rows that are filled up count too.
            let other = if sql.contains("registro c LEFT") { "count(c.codice)" } else { "count(p.id)" };
            assert_eq!(found, world.ask(&role(who), &sql.replace("{count}", other)).await.expect("rows"), "{rows}");
            assert!(!found.is_empty());
        }
    }
}
