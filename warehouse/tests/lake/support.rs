//! Small contracts, deliveries and readings for the tests of the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use chrono::{DateTime, TimeZone, Utc};
use datafusion::prelude::SessionContext;
use datasets::catalog::Catalog;
use datasets::model::{Class, Column, Contract, DatasetName, Feed, Frequency, Mode, Sender, Text, Type};
use warehouse::inside::RULE_BYTES;
use warehouse::lake::{Commit, Lake, Load, RefusedLines, Snapshot, Store, StoreOptions};

pub fn text(s: &str) -> Text {
    Text { it: s.to_owned(), en: s.to_owned() }
}

pub fn column(name: &str, r#type: Type, required: bool) -> Column {
    Column {
        name: name.to_owned(),
        r#type,
        title: text(name),
        description: text(name),
        class: Class::Internal,
        required,
        pattern: None,
        min: None,
        max: None,
        max_length: None,
        code_list: None,
        references: None,
        lookup: None,
        identity: None,
        unit: None,
        example: None,
        before: None,
        aliases: Vec::new(),
    }
}

/// `prova.dati`: a key `codice`, a text `nome` and a number `posti`.
pub fn contract(mode: Mode) -> Contract {
    Contract {
        name: "prova.dati".parse().unwrap(),
        version: "1.0.0".into(),
        title: text("Prova"),
        description: text("Prova"),
        legal_basis: vec![text("nessuna")],
        mode,
        key: vec!["codice".into()],
        sort: vec!["codice".into()],
        provisional: None,
        feed: Feed { subsystem: "ASSA".into(), senders: Sender::Comune, frequency: Frequency::Monthly, due_days: 20, since: None, sender_column: None },
        derived: None,
        access: Vec::new(),
        publication: None,
        columns: vec![column("codice", Type::Text, true), column("nome", Type::Text, false), column("posti", Type::Integer, false)],
        rules: Vec::new(),
        set_rules: Vec::new(),
        form: None,
    }
}

pub fn catalog(contract: Contract) -> Arc<Catalog> {
    Arc::new(Catalog {
        contracts: BTreeMap::from([(contract.name.clone(), contract)]),
        roles: BTreeMap::new(),
        code_lists: BTreeMap::new(),
        indicators: BTreeMap::new(),
        questions: Vec::new(),
        workflows: BTreeMap::new(),
        dir: Default::default(),
    })
}

pub fn name() -> DatasetName {
    "prova.dati".parse().unwrap()
}

pub async fn open(dir: &tempfile::TempDir, contract: Contract) -> Lake {
    let store = Store::open(dir.path().to_str().unwrap(), &StoreOptions::default()).await.unwrap();
    Lake::open(store, catalog(contract), RULE_BYTES).await.unwrap()
}

/// The `n`-th second of a fixed day.
pub fn second(n: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 10, 1, 0, 0, 0).unwrap() + chrono::Duration::seconds(n.into())
}

pub fn load(delivery: &str, sender: &str, period: &str, recorded: u32) -> Load {
    Load {
        delivery: delivery.into(),
        sender: sender.into(),
        period: period.into(),
        account: "prova".into(),
        recorded: second(recorded),
        content_hash: "0".into(),
        contract_version: "1.0.0".into(),
    }
}

pub type Row = (String, Option<String>, Option<i64>);

pub fn row(codice: &str, nome: &str, posti: i64) -> Row {
    (codice.into(), Some(nome.into()), Some(posti))
}

/// Rows with lines from `first` on.
pub fn batch(rows: &[Row], first: i64) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("riga_consegna", DataType::Int64, false),
        Field::new("codice", DataType::Utf8, false),
        Field::new("nome", DataType::Utf8, true),
        Field::new("posti", DataType::Int64, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(first..first + rows.len() as i64)),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.0))),
        Arc::new(StringArray::from_iter(rows.iter().map(|r| r.1.as_deref()))),
        Arc::new(Int64Array::from_iter(rows.iter().map(|r| r.2))),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

pub async fn deliver(lake: &Lake, load: Load, rows: &[Row]) -> Commit {
    try_deliver(lake, load, rows).await.unwrap()
}

pub async fn try_deliver(lake: &Lake, load: Load, rows: &[Row]) -> warehouse::error::Result<Commit> {
    let mut writer = lake.writer(&name(), load).await?;
    writer.write(batch(rows, 2)).await?;
    writer.commit(&RefusedLines::none()).await
}

/// Runs `sql` over the snapshot as table `t`.
pub async fn query(snapshot: &Snapshot, sql: &str) -> Vec<RecordBatch> {
    let context = SessionContext::new();
    context.register_table("t", snapshot.provider()).unwrap();
    context.sql(sql).await.unwrap().collect().await.unwrap()
}

/// Every cell of `sql` as text, ∅ for null.
pub async fn cells(snapshot: &Snapshot, sql: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for batch in query(snapshot, sql).await {
        for i in 0..batch.num_rows() {
            let cell = |c: &ArrayRef| {
                if c.is_null(i) { "∅".into() } else { arrow::util::display::array_value_to_string(c, i).unwrap() }
            };
            rows.push(batch.columns().iter().map(cell).collect());
        }
    }
    rows
}

pub async fn count(snapshot: &Snapshot, sql: &str) -> i64 {
    query(snapshot, sql).await[0].column(0).as_primitive::<Int64Type>().value(0)
}
