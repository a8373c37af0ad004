//! What is worked out once for many rows gives what it gives for each: the same questions over a text and over a word made of it, over a date and
//! over a moment, which go the engine's own way.

use crate::support::{Person, World, district, person, role};

async fn world() -> World {
    let others: Vec<Person> = (100..3_000).map(|id| Person { nato: (id * 37 % 20_000) as i32 - 4_000, ..person(id, "FR B") }).collect();
    let world = World::new(&others).await;
    world.registry(&[("A", "RM 1", 10), ("B", "FR B", 20), ("C", "FR B", 130), ("D", "VT 1", 9_000)]).await;
    world
}

/// `{ambito}` is a text that contracts call few, `{nato}` a date.
const QUESTIONS: [&str; 18] = [
    "SELECT {ambito}, count(*), count(*) FILTER (WHERE {ambito} = 'RM 1'), count(*) FILTER (WHERE {ambito} <> 'RM 1') FROM prova.persone p GROUP BY {ambito}",
    "SELECT count(*) FILTER (WHERE {ambito} = 'RM 1'), count(*) FILTER (WHERE {ambito} = 'nessuno') FROM prova.persone p WHERE {ambito} IS NOT NULL",
    "SELECT {ambito}, count(*), sum(posti), avg(importo) FROM prova.persone p GROUP BY {ambito}",
    "SELECT count(*), {ambito}, posti % 3 FROM prova.persone p GROUP BY posti % 3, {ambito} HAVING count(*) > 20",
    "SELECT {ambito}, r.codice, count(p.id) FROM prova.registro r LEFT JOIN prova.persone p ON p.id = r.posti GROUP BY {ambito}, r.codice",
    "SELECT {ambito} AS a, upper({ambito}) AS b, max(id) FROM prova.persone p GROUP BY {ambito} ORDER BY {ambito} DESC LIMIT 1",
    "SELECT count(DISTINCT {ambito}), count(DISTINCT id) FROM prova.registro r LEFT JOIN prova.persone p ON p.id = r.posti",
    "SELECT posti, count(DISTINCT {ambito}) FILTER (WHERE id % 2 = 0) FROM prova.persone p GROUP BY posti",
    "SELECT DISTINCT {ambito} FROM prova.registro r LEFT JOIN prova.persone p ON p.id = r.posti",
    "SELECT a, n, rank() OVER (ORDER BY n, a) FROM (SELECT {ambito} AS a, count(*) AS n FROM prova.persone p GROUP BY {ambito}) WHERE a LIKE 'R%' OR a LIKE '%B'",
    "SELECT x.a, y.n FROM (SELECT {ambito} AS a FROM prova.persone p GROUP BY 1) x JOIN (SELECT {ambito} AS a, count(*) AS n FROM prova.persone p GROUP BY 1) y ON x.a = y.a",
    "SELECT extract(year FROM {nato}) AS y, count(*), count(DISTINCT {ambito}), min(id), max(id), count(DISTINCT {ambito}) + 1 AS altri FROM prova.persone p GROUP BY 1",
    "SELECT r.codice, extract(month FROM {nato}) AS y, count(*) FILTER (WHERE id > 500), count(DISTINCT {ambito}) AS a, count({ambito}) FROM prova.registro r LEFT JOIN prova.persone p ON p.id > r.posti GROUP BY 1, 2 HAVING count(*) > 2",
    "SELECT count(*) AS n, count(DISTINCT {ambito}), max(id) FROM prova.persone p",
    "SELECT count(*) AS n, count(DISTINCT {ambito}), max(id) FROM prova.persone p WHERE id < 0",
    "SELECT date_trunc('month', {nato}) AS m, {ambito}, count(*) FROM prova.persone p GROUP BY 1, 2",
    "SELECT extract(year FROM {nato}), extract(dow FROM {nato}), date_part('week', {nato}), count(*) FROM prova.persone p GROUP BY 1, 2, 3",
    "SELECT id, date_trunc('quarter', {nato}), date_trunc('week', {nato}) FROM prova.persone p WHERE extract(month FROM {nato}) = 2",
];

fn filled(question: &str, ambito: &str, nato: &str) -> String {
    question.replace("{ambito}", ambito).replace("{nato}", nato)
}

#[tokio::test(flavor = "multi_thread")]
async fn once_gives_what_each_row_gives() {
    let world = world().await;
    for question in QUESTIONS {
        for who in [role("regione"), district()] {
            let plain = world.ask(&who, &filled(question, "nullif(p.ambito, '')", "CAST(CAST(p.nato AS text) AS timestamp)")).await;
            assert!(plain.as_ref().is_ok_and(|rows| !rows.is_empty()), "{question}: {plain:?}");
            assert_eq!(world.ask(&who, &filled(question, "p.ambito", "p.nato")).await, plain, "{question}");
        }
        let plan = world.ask(&role("amministratore"), &format!("EXPLAIN {}", filled(question, "p.ambito", "p.nato"))).await.expect("plan").join("\n");
        assert_eq!(plan.contains("coded("), question.contains("{ambito}"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn years_and_texts_that_are_counted_make_groups_by_number_too() {
    let world = world().await;
    for (question, says) in [
        ("SELECT date_trunc('month', nato), ambito, count(*) FROM prova.persone GROUP BY 1, 2", vec!["gby=[coded(", "decoded_1("]),
        ("SELECT extract(year FROM nato), count(*), count(DISTINCT ambito) FROM prova.persone GROUP BY 1", vec!["gby=[coded(", "parte 1"]),
    ] {
        let plan = world.ask(&role("amministratore"), &format!("EXPLAIN {question}")).await.expect("plan").join("\n");
        assert!(says.iter().all(|part| plan.contains(part)) && !plan.contains("DISTINCT coded("), "{plan}");
    }
}
