use std::collections::BTreeMap;

use datasets::model::Mode;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::*;

type Stored = (String, String, Option<String>, Option<i64>, u32, Option<u32>);

/// What the table must hold, by the plainest means.
#[derive(Default)]
struct Model(Vec<Stored>);

impl Model {
    /// (added, closed, unchanged)
    fn versions(&mut self, sender: &str, recorded: u32, rows: &[Row]) -> (u64, u64, u64) {
        let (mut added, mut closed, mut unchanged) = (0, 0, 0);
        for (key, name, posti) in rows {
            let current = self.0.iter_mut().find(|s| s.0 == *sender && s.1 == *key && s.5.is_none() && s.4 < recorded);
            match current {
                Some(s) if (&s.2, &s.3) == (name, posti) => {
                    unchanged += 1;
                    continue;
                }
                Some(s) => {
                    s.5 = Some(recorded);
                    closed += 1;
                }
                None => {}
            }
            added += 1;
            self.0.push((sender.into(), key.clone(), name.clone(), *posti, recorded, None));
        }
        (added, closed, unchanged)
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let mut lines: Vec<Vec<String>> = self
            .0
            .iter()
            .map(|(sender, key, name, posti, from, to)| {
                let time = |n: u32| second(n).format("%Y-%m-%dT%H:%M:%SZ").to_string();
                let none = || "∅".to_owned();
                vec![
                    sender.clone(),
                    key.clone(),
                    name.clone().unwrap_or_else(none),
                    posti.map_or_else(none, |p| p.to_string()),
                    time(*from),
                    to.map_or_else(none, time),
                ]
            })
            .collect();
        lines.sort();
        lines
    }
}

const ALL: &str = "SELECT mittente, codice, nome, posti, registrato_dal, registrato_al FROM t";

#[tokio::test(flavor = "multi_thread")]
async fn versions_follow_the_model() {
    for seed in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let lake = open(&dir, contract(Mode::Versions)).await;
        let mut random = StdRng::seed_from_u64(seed);
        let mut model = Model::default();
        for n in 1..14 {
            let sender = ["058091", "à %/", ""][random.random_range(0..3)];
            let mut rows: BTreeMap<String, Row> = BTreeMap::new();
            for _ in 0..random.random_range(0..12) {
                let key = format!("k{}", random.random_range(0..9));
                let nome = [None, Some("uno".to_owned()), Some(String::new())][random.random_range(0..3)].clone();
                rows.insert(key.clone(), (key, nome, [None, Some(1), Some(2)][random.random_range(0..3)]));
            }
            let rows: Vec<Row> = rows.into_values().rev().collect();
            let done = deliver(&lake, load(&format!("d{n}"), sender, "p", n), &rows).await;
            let expected = model.versions(sender, n, &rows);
            assert_eq!((done.added, done.closed, done.unchanged), expected, "seed {seed} delivery {n}");
            let mut stored = cells(&lake.snapshot(&name()).unwrap(), ALL).await;
            stored.sort();
            assert_eq!(stored, model.lines(), "seed {seed} delivery {n}");
        }
    }
}

/// Rows beyond what a writer holds in memory: new ones keep the files they were staged in, known ones are compared.
#[tokio::test(flavor = "multi_thread")]
async fn large_deliveries_are_staged_and_compared() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Versions)).await;
    let many = |prefix: &str, nome: &str| (0..40_000).map(|i| row(&format!("{prefix}{i:05}"), &format!("{nome}{i:01000}"), i)).collect::<Vec<_>>();
    let first = deliver(&lake, load("d1", "s", "p", 1), &many("a", "x")).await;
    assert_eq!((first.added, first.closed, first.unchanged), (40_000, 0, 0));
    // With nothing to compare it with, what was still in memory follows the rest.
    assert_eq!(lake.snapshot(&name()).unwrap().files(), 1);
    let others = deliver(&lake, load("d2", "s", "p", 2), &many("b", "x")).await;
    assert_eq!((others.added, others.closed, others.unchanged), (40_000, 0, 0));
    let mut again = many("a", "x");
    again[7].2 = None;
    let again = deliver(&lake, load("d3", "s", "p", 3), &again).await;
    assert_eq!((again.added, again.closed, again.unchanged), (1, 1, 39_999));
    let snapshot = lake.snapshot(&name()).unwrap();
    assert_eq!(count(&snapshot, "SELECT count(DISTINCT codice) FROM t WHERE registrato_al IS NULL").await, 80_000);
    assert_eq!(count(&snapshot, "SELECT count(*) FROM t").await, 80_001);
    let stored = std::fs::read_dir(dir.path().join("tables/prova/dati")).unwrap().flatten();
    let parquet = stored.filter(|e| e.path().extension().is_some_and(|e| e == "parquet")).count();
    // Left over is only the file of the first delivery that the third one wrote anew.
    assert_eq!(parquet, snapshot.files() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_twice_in_one_delivery_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(&dir, contract(Mode::Versions)).await;
    let failed = try_deliver(&lake, load("d1", "s", "p", 1), &[row("a", "uno", 1), row("a", "due", 2)]).await.unwrap_err();
    assert_eq!(failed.code, "lake.duplicate_key");
    assert_eq!(lake.refresh(&name()).await.unwrap().version, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_follows_the_model() {
    for seed in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let lake = open(&dir, contract(Mode::Replace)).await;
        let mut random = StdRng::seed_from_u64(seed);
        let mut model: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
        for n in 1..14 {
            let sender = ["058091", "058092", "à %/"][random.random_range(0..3)].to_owned();
            let period = ["2026-09", "2026-10", ""][random.random_range(0..3)].to_owned();
            let rows: Vec<Row> = (0..random.random_range(0..6)).map(|i| row(&format!("k{i}"), &n.to_string(), i)).collect();
            let done = deliver(&lake, load(&format!("d{n}"), &sender, &period, n), &rows).await;
            let before = model.insert((sender, period), rows.clone()).map_or(0, |r| r.len());
            assert_eq!((done.added, done.replaced), (rows.len() as u64, before as u64), "seed {seed} delivery {n}");
            let mut expected: Vec<Vec<String>> = model
                .iter()
                .flat_map(|((s, p), rows)| rows.iter().map(move |r| vec![s.clone(), p.clone(), r.0.clone(), r.1.clone().unwrap(), r.2.unwrap().to_string()]))
                .collect();
            expected.sort();
            let mut stored = cells(&lake.snapshot(&name()).unwrap(), "SELECT mittente, periodo, codice, nome, posti FROM t").await;
            stored.sort();
            assert_eq!(stored, expected, "seed {seed} delivery {n}");
        }
    }
}
