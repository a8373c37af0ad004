//! Queries of security.md A2.2 that are stopped before they run: each costs its author an error, at once.

use std::time::{Duration, Instant};

use crate::support::{World, district, role, statement, texts};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_refused_quickly() {
    let world = World::new(&[]).await;
    let or: Vec<String> = (0..5_000).map(|i| format!("id={i}")).collect();
    let mut doubled = "WITH c0 AS (SELECT * FROM prova.persone)".to_owned();
    for i in 1..=15 {
        doubled += &format!(", c{i} AS (SELECT * FROM c{0} UNION ALL SELECT * FROM c{0})", i - 1);
    }
    let cases = [
        (format!("SELECT 1{}", "+1".repeat(2_000)), "limit.chain"),
        (format!("SELECT 1{}", "+1".repeat(20_000)), "limit.tokens"),
        (format!("SELECT 1 FROM prova.persone WHERE {}", or.join(" OR ")), "limit.tokens"),
        (vec!["SELECT 1"; 1_000].join(" UNION ALL "), "limit.sets"),
        (format!("SELECT {}1{}", "(".repeat(100), ")".repeat(100)), "limit.depth"),
        ("SELECT 1 FROM prova.persone GROUP BY CUBE(id,ambito,cf,posti,importo,nato,id+1,id+2,id+3)".into(), "limit.grouping"),
        (doubled + " SELECT count(*) FROM c15", "limit.plan"),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT count(*) FROM r".into(), "sql.recursive"),
        (format!("SELECT 1 FROM prova.persone WHERE ambito ~ '{}'", "a".repeat(300)), "limit.pattern"),
        ("SELECT 1 FROM prova.persone WHERE ambito ~ cf".into(), "sql.pattern"),
        ("SELECT regexp_replace(ambito, cf, '') FROM prova.persone".into(), "sql.pattern"),
        ("SELECT repeat('x', 1000000000)".into(), "sql.function"),
        ("SELECT lpad('x', 2147483647, 'y')".into(), "sql.function"),
        ("SELECT levenshtein('a', 'b')".into(), "sql.function"),
        ("SELECT generate_series(1, 9876543210)".into(), "sql.function"),
        ("SELECT random()".into(), "sql.function"),
        ("SELECT arrow_cast(cf, 'Int64') FROM prova.persone".into(), "sql.function"),
        ("SELECT array_transform([1, 2], x -> x)".into(), "sql.function"),
        ("SELECT * FROM '/etc/passwd'".into(), "table.unknown"),
        ("SELECT * FROM 's3://bucket/x.parquet'".into(), "table.unknown"),
    ];
    for (sql, code) in cases {
        let began = Instant::now();
        let answer = world.ask(&district(), &sql).await;
        let shown: String = sql.chars().take(80).collect();
        assert_eq!(answer, Err(code.into()), "{shown}");
        assert!(began.elapsed() < Duration::from_secs(3), "{shown} took {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_analysts_use_is_there() {
    let world = World::new(&[]).await;
    for sql in [
        "SELECT ambito, count(*), sum(importo), avg(posti), min(nato), max(nato), median(posti), stddev(posti), var(posti), corr(posti, id), approx_distinct(cf) FROM prova.persone GROUP BY 1 HAVING count(*) > 1",
        "SELECT id, rank() OVER (PARTITION BY ambito ORDER BY posti DESC), lag(posti) OVER (ORDER BY id), sum(posti) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM prova.persone",
        "SELECT upper(ambito), substring(ambito FROM 1 FOR 2), trim(ambito), position('1' IN ambito), split_part(ambito, ' ', 1), ambito || '-' || id, ambito ILIKE 'rm%', char_length(ambito) FROM prova.persone",
        "SELECT extract(year FROM nato), date_trunc('month', nato), to_char(nato, '%Y-%m'), nato + interval '1 day', current_date - nato, now() FROM prova.persone",
        "SELECT coalesce(posti, 0), nullif(posti, 0), greatest(posti, id), CASE WHEN posti > 3 THEN 'a' ELSE 'b' END, round(importo / 3, 2), abs(-posti), power(posti, 2), importo::double FROM prova.persone",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY posti), string_agg(cf, ',' ORDER BY id), array_agg(DISTINCT ambito), array_to_string(array_agg(id), '-') FROM prova.persone",
        "SELECT regexp_replace(ambito, '[0-9]+', 'x'), ambito ~ '^RM', ambito SIMILAR TO 'R%' FROM prova.persone",
        "SELECT ambito, posti, count(*) FROM prova.persone GROUP BY ROLLUP(ambito, posti)",
        "SELECT count(*) FILTER (WHERE posti > 5), bool_or(posti > 5) FROM prova.persone",
        "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(n, s) WHERE n IN (SELECT id FROM prova.persone) AND EXISTS (SELECT 1 FROM prova.persone p WHERE p.id = t.n)",
        "SELECT id FROM prova.persone UNION SELECT posti FROM prova.persone EXCEPT SELECT 5 ORDER BY 1 OFFSET 2 LIMIT 3",
        "SELECT DISTINCT ON (ambito) ambito, id FROM prova.persone ORDER BY ambito, id",
        "SELECT unnest(array_agg(id)) FROM prova.persone",
    ] {
        let session = world.warehouse.session(&district()).await.expect("session");
        let answer = match session.query(statement(sql)).await {
            Ok(rows) => texts(rows).await.map(drop),
            Err(error) => Err(error),
        };
        assert!(answer.is_ok(), "{sql}: {answer:?}");
    }
    assert!(world.ask(&role("regione"), &format!("SELECT count(*) FROM prova.persone WHERE id IN ({}0)", "1,".repeat(9_000))).await.is_ok());
}
