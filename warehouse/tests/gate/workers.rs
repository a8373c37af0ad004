//! Workers: answers as in-process, limits that hold, ends that cost nobody else anything.
//! A worker is this test program again, told by an argument to serve instead of testing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use parking_lot::Mutex;
use warehouse::config::Limits;
use warehouse::principal::Principal;
use warehouse::statement::Door;
use warehouse::worker::{Pool, PoolConfig, QueryRecord, serve};

use crate::support::{World, district, open, role, statement, texts};

/// Argument by which the test program knows that it is a worker; `--skip` takes any text.
const MARK: &str = "siss-worker-data=";

#[test]
fn worker_process() {
    let Some(folder) = std::env::args().find_map(|a| a.strip_prefix(MARK).map(str::to_owned)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    runtime.block_on(async {
        let warehouse = open(Path::new(&folder), Limits::default()).await.expect("opens");
        serve(warehouse).await.expect("serves");
    });
    std::process::exit(0);
}

struct Service {
    pool: Pool,
    world: World,
    records: Arc<Mutex<Vec<QueryRecord>>>,
}

impl Service {
    async fn new(limits: Limits) -> Self {
        let world = World::new(&[]).await;
        let program = std::env::current_exe().expect("program").to_string_lossy().into_owned();
        let mark = format!("{MARK}{}", world.folder.path().display());
        let command = [program, "workers::worker_process".into(), "--exact".into(), "--nocapture".into(), "--skip".into(), mark];
        let records = Arc::new(Mutex::new(Vec::new()));
        let log = records.clone();
        let config = PoolConfig { command: command.to_vec(), limits, log: Arc::new(move |record| log.lock().push(record)), reads: None };
        Self { world, pool: Pool::start(config).await.expect("pool"), records }
    }

    async fn ask(&self, who: &Principal, sql: &str) -> Result<Vec<String>, String> {
        match self.pool.query(who, statement(sql), Door::Cli).await {
            Ok(rows) => texts(rows).await.map_err(|e| e.code.to_owned()),
            Err(e) => Err(e.code.to_owned()),
        }
    }

    async fn last_record(&self) -> QueryRecord {
        for _ in 0..200 {
            if let Some(record) = self.records.lock().last().cloned() {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no query was recorded");
    }
}

fn limits() -> Limits {
    Limits { workers: 2, threads: 2, time: Duration::from_secs(2), planning: Duration::from_secs(2), memory_bytes: 128 << 20, ..Limits::default() }
}

/// 10^10 rows, built so that the collected side of each join is small: it needs time and no memory.
const CROSS: &str = "SELECT count(*) FROM prova.persone a CROSS JOIN (SELECT b.id FROM prova.persone b CROSS JOIN (SELECT c.id FROM prova.persone c CROSS JOIN (SELECT d.id FROM prova.persone d CROSS JOIN prova.persone e) x) y) z WHERE a.id + z.id <> 7";

impl Service {
    /// Folders under `/proc` of this service's workers.
    fn workers(&self) -> Vec<std::path::PathBuf> {
        let mark = format!("{MARK}{}", self.world.folder.path().display());
        let all = std::fs::read_dir("/proc").expect("proc").flatten().map(|e| e.path());
        all.filter(|p| std::fs::read_to_string(p.join("cmdline")).is_ok_and(|c| c.contains(&mark))).collect()
    }

    /// Processor time of the workers that run now, in clock ticks.
    fn cpu(&self) -> u64 {
        let ticks = |path: &std::path::PathBuf| {
            let stat = std::fs::read_to_string(path.join("stat")).ok()?;
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
        };
        self.workers().iter().filter_map(ticks).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_answers_like_a_session() {
    let service = Service::new(limits()).await;
    for sql in [
        "SELECT * FROM prova.persone ORDER BY id",
        "SELECT ambito, count(*) FROM prova.persone GROUP BY ambito",
        "SELECT 1 WHERE false",
        "SELECT nope FROM prova.persone",
        "SELECT 1 FROM prova.riservata",
        "SELECT 1/posti FROM prova.persone",
    ] {
        assert_eq!(service.ask(&district(), sql).await, service.world.ask(&district(), sql).await, "{sql}");
    }
    let rows = service.pool.query(&district(), statement("SELECT id FROM prova.persone WHERE cf = 'CF000001'"), Door::Rest).await.expect("rows");
    assert_eq!(rows.snapshot.keys().collect::<Vec<_>>(), ["prova.persone"]);
    assert_eq!(rows.schema.fields().len(), 1);
    let described = service.pool.describe(&district(), statement("SELECT id, cf FROM prova.persone WHERE nato = $1"), Door::Rest).await.expect("described");
    assert_eq!((described.schema.fields().len(), described.parameters.len()), (2, 1));
    let record = service.last_record().await;
    assert_eq!((record.account.as_str(), record.outcome.as_str()), ("prova_distretto", "ok"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_costs_no_worker() {
    // A worker of small means is replaced after most questions.
    let service = Service::new(Limits { memory_bytes: 768 << 20, ..limits() }).await;
    let who = district();
    let describe = || service.pool.describe(&who, statement("SELECT id FROM prova.persone WHERE nato = $1"), Door::Postgres);
    describe().await.expect("described");
    let before = service.workers();
    for _ in 0..6 {
        describe().await.expect("described");
    }
    let after = service.workers();
    assert!(!before.is_empty() && before.iter().all(|worker| after.contains(worker)), "{before:?} became {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_commits_are_seen() {
    let service = Service::new(limits()).await;
    assert_eq!(service.ask(&role("regione"), "SELECT count(*) FROM prova.registro").await, Ok(vec!["0".into()]));
    service.world.registry(&[("A", "RM 1", 10)]).await;
    assert_eq!(service.ask(&role("regione"), "SELECT count(*) FROM prova.registro").await, Ok(vec!["1".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_hold_shapes_and_tables() {
    let service = Service::new(limits()).await;
    service.ask(&district(), "SELECT id FROM prova.persone WHERE cf = 'RSSMRA'").await.expect("rows");
    let record = service.last_record().await;
    assert_eq!(record.shape, "SELECT id FROM prova.persone WHERE cf = ?");
    assert_eq!(record.tables, ["prova.persone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_past_its_time_ends_and_the_processor_is_idle() {
    let service = Service::new(limits()).await;
    service.ask(&role("regione"), "SELECT 1").await.expect("warm");
    let began = Instant::now();
    assert_eq!(service.ask(&district(), CROSS).await, Err("limit.time".into()));
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = service.cpu();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A worker that is started anew uses some; a query that goes on would use 100 ticks or more.
    assert!(service.cpu().saturating_sub(before) < 50, "workers are still busy");
    assert_eq!(service.ask(&district(), "SELECT 1").await, Ok(vec!["1".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_rows_cancels() {
    let service = Service::new(Limits { time: Duration::from_secs(60), ..limits() }).await;
    let endless = CROSS.replace("count(*)", "a.id");
    let mut rows = service.pool.query(&district(), statement(&endless), Door::Cli).await.expect("begins");
    rows.batches.next().await.expect("a batch").expect("good");
    drop(rows);
    assert_eq!(service.last_record().await.outcome, "cancelled");
    let asking = tokio::spawn({
        let pool = service.pool.clone();
        async move { pool.query(&district(), statement(CROSS), Door::Cli).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    asking.abort();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(service.pool.load().running, 0);
    assert_eq!(service.ask(&district(), "SELECT 1").await, Ok(vec!["1".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded() {
    let service = Service::new(Limits { time: Duration::from_secs(60), ..limits() }).await;
    let hungry = "SELECT a.id, b.id, c.id, string_agg(d.cf, ',') FROM prova.persone a, prova.persone b, prova.persone c, prova.persone d GROUP BY 1, 2, 3";
    assert_eq!(service.ask(&district(), hungry).await, Err("limit.memory".into()));
    // Doubling a text does not ask the pool: the system's limit ends the worker.
    let text = (0..36).fold("SELECT cf AS t FROM prova.persone".to_owned(), |inner, _| format!("SELECT t || t AS t FROM ({inner})"));
    let answer = service.ask(&district(), &format!("SELECT max(length(t)) FROM ({text})")).await;
    assert!(
        matches!(answer.as_ref().map_err(String::as_str), Err("limit.memory" | "data.value" | "data.overflow" | "query.panic" | "query.run" | "limit.depth")),
        "{answer:?}"
    );
    assert_eq!(service.ask(&district(), "SELECT 1").await, Ok(vec!["1".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_take_turns_and_the_queue_is_bounded() {
    let service = Service::new(Limits { queue: 4, queue_time: Duration::from_secs(15), time: Duration::from_secs(3), ..limits() }).await;
    service.ask(&role("regione"), "SELECT 1").await.expect("warm");
    let mut greedy = Vec::new();
    for _ in 0..6 {
        let pool = service.pool.clone();
        greedy.push(tokio::spawn(async move { pool.query(&district(), statement(CROSS), Door::Cli).await.map(|_| ()).map_err(|e| e.code) }));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    // One account has only its share: another is answered while the first one's queries run and wait.
    let began = Instant::now();
    assert!(service.ask(&role("regione"), "SELECT 1").await.is_ok());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let mut codes = Vec::new();
    for one in greedy {
        codes.push(one.await.expect("task").err());
    }
    assert!(codes.contains(&Some("busy.queue")), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_an_error_and_another_takes_its_place() {
    let service = Service::new(Limits { workers: 1, time: Duration::from_secs(30), ..limits() }).await;
    let pool = service.pool.clone();
    let asking = tokio::spawn(async move { pool.query(&district(), statement(CROSS), Door::Cli).await.map(|r| r.batches) });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let workers = service.workers();
    let id: i32 = workers[0].file_name().expect("a process").to_string_lossy().parse().expect("a process id");
    // SAFETY: sends a signal to a process that this test started.
    unsafe { libc::kill(id, libc::SIGKILL) };
    let end = match asking.await.expect("task") {
        Ok(mut batches) => batches.next().await.expect("an end").map(|_| ()),
        Err(error) => Err(error),
    };
    assert_eq!(end.expect_err("the query is lost").code, "limit.memory");
    assert_eq!(service.ask(&district(), "SELECT 1").await, Ok(vec!["1".into()]));
}

/// Queries that pass the gate and would run for ever or eat everything: each costs its author an error and no other account
/// anything. The joins are those that no timeout inside the process stops.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_queries_cost_their_author_only() {
    let service = Service::new(limits()).await;
    let keyed = "prova.persone a JOIN prova.persone b ON a.ambito = b.ambito JOIN prova.persone c ON b.ambito = c.ambito \
                 JOIN prova.persone d ON c.ambito = d.ambito JOIN prova.persone e ON d.ambito = e.ambito";
    let cases = [
        CROSS.to_owned(),
        // Two more: what is counted before it is joined leaves the first five to be answered in time.
        format!("SELECT count(*) FROM {keyed} JOIN prova.persone f ON e.ambito = f.ambito JOIN prova.persone g ON f.ambito = g.ambito"),
        format!("SELECT a.id FROM {keyed} ORDER BY a.posti, b.posti, c.posti, d.id, e.id LIMIT 10"),
        format!("SELECT a.id, b.id, c.id, d.id, count(*), array_agg(e.cf) FROM {keyed} GROUP BY 1, 2, 3, 4"),
        format!("SELECT sum(a.id) OVER (ORDER BY b.id, c.id, d.id) FROM {keyed}"),
        format!("SELECT count(DISTINCT a.id::text || b.id || c.id || d.id || e.id) FROM {keyed}"),
    ];
    for sql in cases {
        let began = Instant::now();
        let (author, neighbour) = (district(), role("regione"));
        let (hostile, other) = tokio::join!(service.ask(&author, &sql), service.ask(&neighbour, "SELECT count(*) FROM prova.persone"));
        assert!(matches!(hostile.as_ref().map_err(String::as_str), Err("limit.time" | "limit.memory" | "limit.spill")), "{sql}: {hostile:?}");
        assert_eq!(other, Ok(vec!["100".into()]));
        assert!(began.elapsed() < Duration::from_secs(10), "{sql} took {:?}", began.elapsed());
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = service.cpu();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(service.cpu().saturating_sub(before) < 50, "workers are still busy");
}
