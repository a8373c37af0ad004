//! A small lake with contracts of its own, in a folder that goes away with the test.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::Utc;
use datasets::model::DatasetName;
use futures::TryStreamExt;
use tempfile::TempDir;
use warehouse::Warehouse;
use warehouse::config::{Config, Limits};
use warehouse::error::Result;
use warehouse::inside::RULE_BYTES;
use warehouse::lake::{Load, RefusedLines, StoreOptions};
use warehouse::principal::Principal;
use warehouse::statement::{Rows, Statement};

const ROLES: &str = r#"
[anonimo]
title = { it = "Chiunque", en = "Anyone" }
[regione]
title = { it = "Regione", en = "Region" }
[ispettore]
title = { it = "Ispettore", en = "Inspector" }
[distretto]
title = { it = "Distretto", en = "District" }
facts = ["ambito"]
[spento]
title = { it = "Condizione mai vera", en = "Condition never true" }
[amministratore]
title = { it = "Amministratore", en = "Administrator" }
staff = true
"#;

const HEAD: &str = r#"
version = "1.0.0"
title = { it = "Prova", en = "Trial" }
description = { it = "Tabella di prova.", en = "Trial table." }
legal_basis = [{ it = "nessuna", en = "none" }]
publication = { open = false, licence = "CC-BY-4.0", theme = "SOCI" }
"#;

const FEED: &str = r#"
[feed]
subsystem = "SISS"
senders = "regione"
frequency = "monthly"
due_days = 0
"#;

const PERSONE_ACCESS: &str = r#"
[[access]]
roles = ["regione", "amministratore"]
rows = "true"
classes = ["public", "internal"]
[[access]]
roles = ["ispettore"]
rows = "true"
classes = ["public", "internal", "personal"]
[[access]]
roles = ["distretto"]
rows = "ambito = $ambito"
classes = ["public", "internal"]
mask = { cf = "substr(cf, 1, 3) || '***'" }
[[access]]
roles = ["spento"]
rows = "ambito = 'RM 1' AND ambito = NULL"
classes = ["public", "internal", "personal"]
"#;

const REGISTRO_ACCESS: &str = r#"
[[access]]
roles = ["regione"]
rows = "true"
classes = ["public"]
[[access]]
roles = ["amministratore"]
rows = "true"
classes = ["public"]
[[access]]
roles = ["distretto"]
rows = "ambito = $ambito"
classes = ["public"]
"#;

fn column(name: &str, of: &str, class: &str) -> String {
    let required = matches!(name, "id" | "codice" | "chiave" | "anno");
    format!(
        "[[column]]\nrequired = {required}\nname = \"{name}\"\ntype = \"{of}\"\ntitle = {{ it = \"{name}\", en = \"{name}\" }}\ndescription = {{ it = \"{name}\", en = \"{name}\" }}\nclass = \"{class}\"\n"
    )
}

fn contracts(dir: &Path) {
    let write = |name: &str, text: String| std::fs::write(dir.join(name), text).expect("contract written");
    std::fs::create_dir_all(dir.join("prova")).expect("folder");
    std::fs::create_dir_all(dir.join("code_lists")).expect("folder");
    write("roles.toml", ROLES.into());
    let persone: String = [
        ("id", "integer", "public"),
        ("ambito", "text", "public"),
        ("cf", "text", "personal"),
        ("posti", "integer", "internal"),
        ("importo", "decimal(12,2)", "internal"),
        ("nato", "date", "internal"),
        ("diagnosi", "text", "special"),
    ]
    .map(|(n, t, c)| column(n, t, c) + if n == "ambito" { "code_list = \"ambiti\"\n" } else { "" })
    .concat();
    write("code_lists/ambiti.csv", "# title_it: Ambiti\n# title_en: Districts\n# provisional: true\ncode,it,en,valido_dal,valido_al\nRM 1,Roma 1,Rome 1,2020-01-01,\nFR B,Frosinone B,Frosinone B,2020-01-01,\n".into());
    write("prova/persone.toml", format!("{HEAD}mode = \"append\"\nkey = [\"id\"]\nsort = [\"ambito\"]\n{FEED}{PERSONE_ACCESS}{persone}"));
    let registro: String =
        [("codice", "text", "public"), ("ambito", "text", "public"), ("posti", "integer", "public")].map(|(n, t, c)| column(n, t, c)).concat();
    write("prova/registro.toml", format!("{HEAD}mode = \"versions\"\nkey = [\"codice\"]\n{FEED}{REGISTRO_ACCESS}{registro}"));
    let aperta: String = [
        ("codice", "text", "public"),
        ("anno", "integer", "public"),
        ("tipo", "text", "public"),
        ("posti", "integer", "public"),
        ("prezzo", "decimal(12,2)", "public"),
        ("dal", "date", "public"),
        ("via", "text", "internal"),
    ]
    .map(|(n, t, c)| column(n, t, c))
    .concat();
    let access = "[[access]]\nroles = [\"anonimo\"]\nrows = \"posti < 80 OR posti IS NULL\"\nclasses = [\"public\"]\nmask = { via = \"substr(via, 1, 5)\" }\n";
    write("prova/aperta.toml", format!("{HEAD}mode = \"versions\"\nkey = [\"codice\", \"anno\"]\n{FEED}{access}{aperta}"));
    let riservata = column("chiave", "text", "public");
    let access = "[[access]]\nroles = [\"ispettore\"]\nrows = \"true\"\nclasses = [\"public\"]\n";
    write("prova/riservata.toml", format!("{HEAD}mode = \"append\"\nkey = [\"chiave\"]\n{FEED}{access}{riservata}"));
}

/// One row of `prova.persone`.
#[derive(Clone)]
pub struct Person {
    pub id: i64,
    pub ambito: &'static str,
    pub cf: String,
    pub posti: Option<i64>,
    pub importo: i128,
    pub nato: i32,
    pub diagnosi: String,
}

pub fn person(id: i64, ambito: &'static str) -> Person {
    Person { id, ambito, cf: format!("CF{id:06}"), posti: Some(id % 90), importo: i128::from(id) * 125, nato: id as i32, diagnosi: format!("D{id}") }
}

pub struct World {
    pub warehouse: Warehouse,
    pub folder: TempDir,
}

impl World {
    /// Rows 0..100 of district RM 1 and `hidden`, in one file: no pruning helps to hide them.
    pub async fn new(hidden: &[Person]) -> Self {
        Self::with_limits(hidden, Limits::default()).await
    }

    pub async fn with_limits(hidden: &[Person], limits: Limits) -> Self {
        let folder = TempDir::new().expect("folder");
        contracts(&folder.path().join("contracts"));
        let warehouse = open(folder.path(), limits).await.expect("opens");
        let world = Self { warehouse, folder };
        let rows: Vec<Person> = (0..100).map(|id| person(id, "RM 1")).chain(hidden.iter().cloned()).collect();
        world.persons(&rows).await;
        world
    }

    pub async fn persons(&self, rows: &[Person]) {
        let text = |f: fn(&Person) -> String| Arc::new(StringArray::from_iter_values(rows.iter().map(f))) as ArrayRef;
        let importo = Decimal128Array::from_iter_values(rows.iter().map(|r| r.importo)).with_precision_and_scale(12, 2).expect("decimal");
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.id))) as ArrayRef, true),
            ("ambito", text(|r| r.ambito.to_owned()), true),
            ("cf", text(|r| r.cf.clone()), true),
            ("posti", Arc::new(Int64Array::from_iter(rows.iter().map(|r| r.posti))), true),
            ("importo", Arc::new(importo), true),
            ("nato", Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| r.nato))), true),
            ("diagnosi", text(|r| r.diagnosi.clone()), true),
        ]);
        self.load("prova.persone", batch.expect("batch")).await;
    }

    /// Rows of `prova.registro`: code, district, places.
    pub async fn registry(&self, rows: &[(&str, &str, i64)]) {
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("codice", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0))) as ArrayRef, true),
            ("ambito", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1))), true),
            ("posti", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2))), true),
        ]);
        self.load("prova.registro", batch.expect("batch")).await;
    }

    /// Rows of `prova.aperta`, which strangers see: for each number a code of a few years.
    pub async fn open_rows(&self, numbers: impl Iterator<Item = i64> + Clone) {
        let texts = |f: &dyn Fn(i64) -> Option<String>| Arc::new(StringArray::from_iter(numbers.clone().map(f))) as ArrayRef;
        let prices = numbers.clone().map(|n| (n % 11 > 0).then_some(i128::from(n * 37 % 5_000)));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("codice", texts(&|n| Some(format!("C{:05}", n * 7_919 % 3_001))), true),
            ("anno", Arc::new(Int64Array::from_iter_values(numbers.clone().map(|n| 2020 + n / 3_001))) as ArrayRef, true),
            ("tipo", texts(&|n| (n % 7 > 0).then(|| ["nido", "mensa_sociale", "mensa%sociale"][(n % 3) as usize].to_owned())), true),
            ("posti", Arc::new(Int64Array::from_iter(numbers.clone().map(|n| (n % 13 > 0).then_some(n % 100)))), true),
            ("prezzo", Arc::new(Decimal128Array::from_iter(prices).with_precision_and_scale(12, 2).expect("decimal")), true),
            ("dal", Arc::new(Date32Array::from_iter(numbers.clone().map(|n| (n % 5 > 0).then_some((n % 900) as i32)))), true),
            ("via", texts(&|n| Some(format!("Via segreta {n}"))), true),
        ]);
        self.load("prova.aperta", batch.expect("batch")).await;
    }

    async fn load(&self, name: &str, batch: RecordBatch) {
        let name: DatasetName = name.parse().expect("name");
        let load = Load {
            delivery: uuid::Uuid::new_v4().to_string(),
            sender: "lazio".into(),
            period: "2026-10".into(),
            account: "prova".into(),
            recorded: Utc::now(),
            content_hash: String::new(),
            contract_version: "1.0.0".into(),
        };
        let mut columns: Vec<(String, ArrayRef, bool)> =
            batch.schema().fields().iter().zip(batch.columns()).map(|(f, c)| (f.name().clone(), c.clone(), true)).collect();
        columns.push(("riga_consegna".into(), Arc::new(Int64Array::from_iter_values(2..batch.num_rows() as i64 + 2)), true));
        let mut writer = self.warehouse.lake().writer(&name, load).await.expect("writer");
        writer.write(RecordBatch::try_from_iter_with_nullable(columns).expect("batch")).await.expect("rows");
        writer.commit(&RefusedLines::none()).await.expect("commit");
    }

    /// Rows as sorted text, or the error's code.
    pub async fn ask(&self, who: &Principal, sql: &str) -> std::result::Result<Vec<String>, String> {
        let rows = async { self.warehouse.session(who).await?.query(statement(sql)).await };
        match rows.await {
            Ok(rows) => texts(rows).await.map_err(|e| e.code.to_owned()),
            Err(e) => Err(e.code.to_owned()),
        }
    }
}

pub async fn open(folder: &Path, limits: Limits) -> Result<Warehouse> {
    opened(folder, limits, 0).await
}

/// The same, with so much memory for open rows.
pub async fn opened(folder: &Path, limits: Limits, kept_bytes: usize) -> Result<Warehouse> {
    let data = folder.join("data");
    let config = Config {
        data: data.to_string_lossy().into_owned(),
        contracts: folder.join("contracts"),
        store: StoreOptions::default(),
        limits,
        kept_bytes,
        rule_bytes: RULE_BYTES,
    };
    Warehouse::open(config).await
}

pub fn statement(sql: &str) -> Statement {
    Statement { sql: sql.into(), ..Statement::default() }
}

pub fn role(name: &str) -> Principal {
    Principal::new(format!("prova_{name}"), name)
}

pub fn district() -> Principal {
    role("distretto").with_fact("ambito", "RM 1")
}

/// One text per row, sorted.
/// Rows as texts, in the order of texts.
pub async fn texts(rows: Rows) -> Result<Vec<String>> {
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await?;
    let mut lines = lines(&batches);
    lines.sort();
    Ok(lines)
}

/// Rows as texts, in their own order.
pub fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in batches {
        let options = FormatOptions::default().with_null("∅");
        let columns: Vec<_> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).expect("formats")).collect();
        lines.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|")));
    }
    lines
}
