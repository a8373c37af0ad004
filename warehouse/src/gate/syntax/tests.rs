use super::*;

fn code(sql: &str) -> &'static str {
    parse(sql, &Limits::default(), false).map_or_else(|e| e.code, |_| "ok")
}

#[test]
fn only_one_query_passes() {
    for sql in ["SELECT 1", "WITH a AS (SELECT 1) SELECT * FROM a", "VALUES (1)", "(SELECT 1) UNION ALL (SELECT 2);"] {
        assert_eq!(code(sql), "ok", "{sql}");
    }
    for sql in [
        "INSERT INTO a VALUES (1)",
        "UPDATE a SET b = 1",
        "DELETE FROM a",
        "DROP TABLE a",
        "CREATE TABLE a (b int)",
        "CREATE TABLE a AS SELECT 1",
        "CREATE VIEW a AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/x'",
        "SHOW ALL",
        "SHOW TABLES",
        "DESCRIBE a",
        "SET datafusion.runtime.memory_limit='100G'",
        "RESET datafusion.runtime.memory_limit",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE p",
        "BEGIN",
        "COMMIT",
        "TRUNCATE TABLE a",
        "SELECT 1 INTO b",
        "SELECT * FROM a FOR UPDATE",
        "GRANT ALL ON a TO b",
        "ANALYZE TABLE a",
    ] {
        assert_ne!(code(sql), "ok", "{sql}");
    }
    assert_eq!(code("SELECT 1; SELECT 2"), "sql.many");
    assert_eq!(code("SELEC 1"), "sql.syntax");
}

#[test]
fn staff_may_explain_queries_only() {
    let staff = |sql: &str| parse(sql, &Limits::default(), true).map_or_else(|e| e.code, |_| "ok");
    assert_eq!(staff("EXPLAIN SELECT 1"), "ok");
    assert_eq!(staff("EXPLAIN ANALYZE SELECT 1"), "ok");
    assert_eq!(staff("EXPLAIN COPY (SELECT 1) TO '/tmp/x'"), "sql.statement");
    assert_eq!(staff("EXPLAIN ANALYZE INSERT INTO a SELECT 1"), "sql.statement");
    assert_eq!(staff("SHOW ALL"), "sql.statement");
}

/// Runs on a big stack as in the gate: debug frames are large.
fn on_big_stack(check: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(64 << 20).spawn(check).expect("thread").join().expect("checks");
}

#[test]
fn long_chains_and_wide_queries_are_refused() {
    on_big_stack(|| {
        assert_eq!(code(&format!("SELECT 1{}", "+1".repeat(2_000))), "limit.chain");
        assert_eq!(code(&format!("SELECT 1{}", "+1".repeat(250))), "ok");
        let or: Vec<String> = (0..600).map(|i| format!("id = {i}")).collect();
        assert_eq!(code(&format!("SELECT 1 FROM a.b WHERE {}", or.join(" OR "))), "limit.chain");
        assert_eq!(code(&vec!["SELECT 1"; 200].join(" UNION ALL ")), "limit.sets");
        assert_eq!(code("SELECT 1 FROM a GROUP BY CUBE(a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t)"), "limit.grouping");
        assert_eq!(code("SELECT 1 FROM a GROUP BY CUBE(a,b,c)"), "ok");
        assert_eq!(code(&format!("SELECT {}1{}", "(".repeat(60), ")".repeat(60))), "limit.depth");
        assert_eq!(code("WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM a) SELECT * FROM a"), "sql.recursive");
        assert_eq!(code(&format!("SELECT a IN ({}0)", "1,".repeat(11_000))), "limit.list");
        assert_eq!(code(&format!("SELECT 1 FROM {}", vec!["a.b"; 200].join(","))), "limit.joins");
    });
}

#[test]
fn unknown_tables_are_pointed_at() {
    let parsed = parse("SELECT *\nFROM assa.niente", &Limits::default(), false).expect("parses");
    assert_eq!(place(&parsed, "assa.niente"), " at line 2, column 6");
}
