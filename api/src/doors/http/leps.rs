//! The indicators of the essential levels: what they are, and their values by place and year, as they are or as they were known on a day.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use chrono::{Days, NaiveDate, NaiveTime};
use datasets::indicator::{AREA, Indicator};
use datasets::model::DatasetName;
use datasets::system::{RECORDED_FROM, RECORDED_TO};
use futures::{StreamExt, TryStreamExt};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::principal::Principal;
use warehouse::session::Session;
use warehouse::session::rows::{Filter, Operator, Page, Sort};
use warehouse::statement::Rows;

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::encode::{self, Wanted};
use crate::doors::http::figures::{CODE, YEARS};
use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};

/// Which values; all of them where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    livello: Option<String>,
    codice: Option<String>,
    anno: Option<i64>,
    /// Values as the warehouse knew them at the end of this day (UTC).
    as_of: Option<NaiveDate>,
}

/// `GET /api/v1/leps`
pub async fn list(State(app): State<App>, who: Principal, question: Question) -> Result<Response> {
    let session = app.warehouse.session(&who).await?;
    let catalog = app.warehouse.catalog();
    let mut indicators: Vec<&Indicator> = catalog.indicators.values().filter(|indicator| session.dataset(&indicator.name).is_ok()).collect();
    indicators.sort_by(|a, b| a.id.cmp(&b.id));
    let names: Vec<&DatasetName> = indicators.iter().map(|indicator| &indicator.name).collect();
    if let Some(unchanged) = question.unchanged(&app, &who, &names).await? {
        return Ok(unchanged);
    }
    let mut snapshot = BTreeMap::new();
    let mut all = Vec::with_capacity(indicators.len());
    for indicator in indicators {
        let mut one = definition(indicator);
        one["region"] = latest(&session, indicator, &mut snapshot).await?;
        all.push(one);
    }
    Ok(question.answer(&app, &who, &snapshot, Json(json!({ "indicators": all })).into_response()).await)
}

/// `GET /api/v1/leps/{name}`
pub async fn values(
    State(app): State<App>,
    who: Principal,
    Path(name): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    question: Question,
    headers: HeaderMap,
) -> Result<Response> {
    let Ok(Query(asked)) = asked else {
        return Err(Problem::invalid("query.parameter", "the parameters are livello, codice, anno (a whole number) and as_of (a day such as 2026-10-31)"));
    };
    let name: DatasetName = format!("{AREA}.{name}").parse().map_err(|_| Problem::not_found())?;
    let indicator = app.warehouse.catalog().indicators.get(&name).ok_or_else(Problem::not_found)?;
    let session = app.warehouse.session(&who).await?;
    session.dataset(&name)?;
    let long = asked.codice.as_ref().is_some_and(|code| code.chars().count() > CODE);
    if long || asked.anno.is_some_and(|year| !YEARS.contains(&year)) {
        return Err(Problem::invalid(
            "query.parameter",
            format!("'codice' has {CODE} characters at most, 'anno' is a year from {} to {}", YEARS.start(), YEARS.end()),
        )
        .with("detail_it", format!("«codice» ha al più {CODE} caratteri, «anno» è un anno dal {} al {}.", YEARS.start(), YEARS.end())));
    }
    if let Some(level) = &asked.livello
        && !indicator.levels.iter().any(|there| there.code() == level)
    {
        return Err(Problem::none_of("livello", &indicator.levels.iter().map(|level| level.code()).collect::<Vec<_>>()));
    }
    if let Some(unchanged) = question.unchanged(&app, &who, &[&name]).await? {
        return Ok(unchanged);
    }
    let rows = match asked.as_of {
        None => session.rows(&name, page(&asked)).await?,
        Some(day) => as_of(&session, &name, &asked, day).await?,
    };
    let format = Format::of("", &headers)?;
    let file = (format != Format::Json).then(|| name.to_string());
    let snapshot = rows.snapshot.clone();
    let response = encode::answer(rows, Wanted { format, raw: false, file, page: None, patience: app.warehouse.limits().reader }).await?;
    Ok(question.answer(&app, &who, &snapshot, response).await)
}

fn page(asked: &Asked) -> Page {
    let filter = |column: &str, value: &Option<String>| value.as_ref().map(|value| Filter::eq(column, value));
    let filters = [filter("livello", &asked.livello), filter("codice", &asked.codice), filter("anno", &asked.anno.map(|year| year.to_string()))];
    let sort = ["livello", "codice", "anno"].map(|column| Sort { column: column.into(), descending: false });
    Page { filters: filters.into_iter().flatten().collect(), sort: sort.into(), ..Page::default() }
}

/// The versions of the rows that were current at the end of a day. An indicator has few rows: they are gathered.
async fn as_of(session: &Session, name: &DatasetName, asked: &Asked, day: NaiveDate) -> Result<Rows> {
    let next = day.checked_add_days(Days::new(1)).ok_or_else(|| Problem::invalid("query.parameter", "as_of is out of range"))?;
    let end = next.and_time(NaiveTime::MIN).and_utc();
    let mut page = page(asked);
    let visible = session.dataset(name)?;
    page.columns = visible.columns.iter().map(|column| column.name.clone()).chain([RECORDED_FROM.to_owned(), RECORDED_TO.to_owned()]).collect();
    page.history = true;
    page.filters.push(Filter { column: RECORDED_FROM.into(), operator: Operator::Lt, value: Some(end.format("%Y-%m-%dT%H:%M:%SZ").to_string()) });
    let Rows { schema, batches, snapshot } = session.rows(name, page).await?;
    let gathered: Vec<RecordBatch> = batches.try_collect().await?;
    let whole = concat_batches(&schema, &gathered).map_err(|e| Problem::internal("leps.batch", e))?;
    let until = whole.column_by_name(RECORDED_TO).ok_or_else(|| Problem::internal("leps.history", "no end of validity"))?;
    let until = until.as_primitive::<TimestampMicrosecondType>();
    let known: BooleanArray = (0..until.len()).map(|row| Some(until.is_null(row) || until.value(row) >= end.timestamp_micros())).collect();
    let kept = filter_record_batch(&whole, &known).map_err(|e| Problem::internal("leps.filter", e))?;
    Ok(Rows { schema, batches: futures::stream::iter([Ok(kept)]).boxed(), snapshot })
}

/// Year, value, target and state of the whole region in the last year that has a row.
async fn latest(session: &Session, indicator: &Indicator, snapshot: &mut BTreeMap<String, u64>) -> Result<Value> {
    let asked = Asked { livello: Some("regione".into()), ..Asked::default() };
    let columns = ["anno", "riferimento", "numeratore", "denominatore", "valore", "bersaglio", "stato", "completezza", "provvisorio"];
    let sort = vec![Sort { column: "anno".into(), descending: true }];
    let page = Page { columns: columns.map(String::from).into(), sort, limit: Some(1), ..page(&asked) };
    let rows = session.rows(&indicator.name, page).await?;
    snapshot.extend(rows.snapshot.clone());
    let found = encode::gathered(rows).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

fn definition(indicator: &Indicator) -> Value {
    let name = &indicator.name.name;
    let formulas = indicator.formulas.iter();
    json!({
        "id": indicator.id,
        "name": indicator.name.to_string(),
        "title": indicator.title,
        "description": indicator.description,
        "legal_basis": indicator.legal_basis,
        "kind": indicator.kind,
        "unit": indicator.unit,
        "factor": indicator.factor,
        "direction": indicator.direction,
        "base": indicator.base,
        "levels": indicator.levels,
        "inputs": indicator.inputs,
        "minimum": indicator.minimum,
        "completeness": indicator.completeness,
        "persons": indicator.persons,
        "provisional": indicator.provisional,
        "contribution": indicator.contribution,
        "formulas": formulas.map(|f| json!({ "version": f.version, "valid_from": f.valid_from, "valid_to": f.valid_to, "text": f.text, "sql": f.sql })).collect::<Vec<_>>(),
        "targets": indicator.targets,
        "links": { "self": format!("/api/v1/leps/{name}"), "dataset": format!("/api/v1/datasets/{AREA}/{name}") },
    })
}
