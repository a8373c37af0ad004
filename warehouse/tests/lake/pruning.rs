use datasets::model::Mode;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_never_true_hides_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    deliver(&lake, load("d1", "s", "p", 1), &[row("a", "uno", 1), row("b", "due", 2)]).await;
    let snapshot = lake.snapshot(&name()).unwrap();
    for never in ["codice = NULL", "FALSE", "NULL", "codice = 'a' AND codice = NULL", "codice = 'a' AND NULL", "NULL = 'x'"] {
        assert_eq!(count(&snapshot, &format!("SELECT count(*) FROM t WHERE {never}")).await, 0, "{never}");
        let nested = format!("SELECT count(*) FROM (SELECT codice, CAST(NULL AS BOOLEAN) AS n FROM t WHERE {never}) WHERE n OR n IS NULL");
        assert_eq!(count(&snapshot, &nested).await, 0, "{never}");
    }
    let dropped = "SELECT count(*) FROM (SELECT codice, CAST(NULL AS VARCHAR) AS r FROM t) WHERE r = 'x'";
    assert_eq!(count(&snapshot, dropped).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn extreme_values_are_whole_though_statistics_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Append)).await;
    let long = |c: char| format!("{}{c}", "è".repeat(300));
    deliver(&lake, load("d1", "s", "p", 1), &[row("a", &long('b'), 1), row("b", &long('a'), 2)]).await;
    let lake = open(&dir, contract(Mode::Append)).await;
    let snapshot = lake.snapshot(&name()).unwrap();
    let expected = [[long('a'), long('b'), "1".into(), "2".into()]];
    assert_eq!(cells(&snapshot, "SELECT min(nome), max(nome), min(posti), max(posti) FROM t").await, expected);
    let by_value = format!("SELECT count(*) FROM t WHERE nome = '{}'", long('b'));
    assert_eq!(count(&snapshot, &by_value).await, 1);
}
