//! Non-interference: replacing hidden rows by others changes neither rows nor errors, for random queries.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::support::{Person, World, district, person};

const QUERIES: usize = 120;

/// Hidden rows with values that many predicates trip over.
fn other_hidden(seed: u64) -> Vec<Person> {
    let mut random = StdRng::seed_from_u64(seed);
    (1_000..1_000 + random.random_range(30..200))
        .map(|id| {
            let mut row = person(id, "FR B");
            row.posti = [None, Some(0), Some(50), Some(200), Some(i64::MAX)].choose(&mut random).copied().flatten();
            row.importo = random.random_range(-1_000_000..1_000_000);
            row.cf = ["x", "12", "CF000007", ""].choose(&mut random).copied().unwrap_or_default().to_owned();
            row.id = random.random_range(-50..400);
            row
        })
        .collect()
}

fn value(random: &mut StdRng) -> String {
    let shapes = [
        "id",
        "posti",
        "posti - 50",
        "100 / (posti - 200)",
        "100 / posti",
        "cast(cf AS bigint)",
        "cast(substr(cf, 4, 1) AS bigint)",
        "length(ambito)",
        "id * id",
        "cast(importo AS bigint)",
        "date_part('year', nato)",
    ];
    shapes.choose(random).map_or_else(String::new, |s| (*s).to_owned())
}

fn predicate(random: &mut StdRng, depth: usize) -> String {
    if depth > 0 && random.random_bool(0.5) {
        let operator = ["AND", "OR"].choose(random).copied().unwrap_or("AND");
        return format!("({} {operator} {})", predicate(random, depth - 1), predicate(random, depth - 1));
    }
    let n = random.random_range(-10..300);
    match random.random_range(0..7) {
        0 => format!("{} = {n}", value(random)),
        1 => format!("{} < {n}", value(random)),
        2 => format!("id IN ({n}, {}, 3)", n + 1),
        3 => format!("posti BETWEEN {n} AND {}", n + 40),
        4 => "ambito LIKE 'F%'".into(),
        5 => format!("nato > date '1970-01-01' + interval '{} days'", n.max(1)),
        _ => format!("NOT ({} >= {n})", value(random)),
    }
}

fn query(random: &mut StdRng) -> String {
    let filter = predicate(random, 3);
    match random.random_range(0..6) {
        0 => format!("SELECT count(*) FROM prova.persone WHERE {filter}"),
        1 => format!("SELECT id, cf FROM prova.persone WHERE {filter}"),
        2 => format!("SELECT ambito, sum(posti), max(cf) FROM prova.persone WHERE {filter} GROUP BY ambito"),
        3 => format!("SELECT id FROM prova.persone WHERE {filter} ORDER BY {}, id LIMIT 5", value(random)),
        4 => {
            format!("SELECT a.id FROM prova.persone a JOIN prova.persone b ON {} = b.id WHERE a.id IN (SELECT id FROM prova.persone WHERE {filter})", "a.posti")
        }
        _ => format!("SELECT id, row_number() OVER (ORDER BY {}, id) FROM prova.persone WHERE {filter}", value(random)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_rows_change_neither_rows_nor_errors() {
    let none = World::new(&[]).await;
    let some = World::new(&other_hidden(1)).await;
    let others = World::new(&other_hidden(2)).await;
    let mut random = StdRng::seed_from_u64(2026);
    let mut answered = 0;
    for _ in 0..QUERIES {
        let sql = query(&mut random);
        let expected = none.ask(&district(), &sql).await;
        answered += usize::from(expected.is_ok());
        assert_eq!(some.ask(&district(), &sql).await, expected, "{sql}");
        assert_eq!(others.ask(&district(), &sql).await, expected, "{sql}");
    }
    // Both outcomes must occur, else the test shows nothing.
    assert!((QUERIES / 5..QUERIES).contains(&answered), "{answered} of {QUERIES} queries were answered");
}
