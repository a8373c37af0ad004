//! What datasets there are for who asks, and what their columns mean.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use datasets::derive;
use datasets::model::{Column, Contract, DatasetName};
use http::header;
use serde_json::{Value, json};
use warehouse::principal::Principal;
use warehouse::session::Visible;

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};

/// `GET /api/v1/datasets`
pub async fn list(State(app): State<App>, who: Principal, question: Question) -> Result<Response> {
    let session = app.warehouse.session(&who).await?;
    let datasets: Vec<Value> = session.datasets().iter().map(summary).collect();
    Ok(question.answer(&app, &who, &BTreeMap::new(), Json(json!({ "datasets": datasets })).into_response()).await)
}

/// `GET /api/v1/datasets/{area}/{name}`
pub async fn dictionary(State(app): State<App>, who: Principal, Path(path): Path<(String, String)>, question: Question) -> Result<Response> {
    let session = app.warehouse.session(&who).await?;
    let name = named(path)?;
    let dataset = session.dataset(&name)?;
    let contract = dataset.contract;
    let mut body = summary(&dataset);
    body["legal_basis"] = json!(contract.legal_basis);
    body["key"] = json!(contract.key);
    body["provisional"] = json!(contract.provisional);
    body["feed"] = json!(contract.feed);
    body["publication"] = json!(contract.publication);
    body["columns"] = dataset.columns.iter().map(|column| column_of(column, &dataset)).collect();
    Ok(question.answer(&app, &who, &BTreeMap::new(), Json(body).into_response()).await)
}

/// `GET /api/v1/datasets/{area}/{name}/schema.json`
pub async fn json_schema(State(app): State<App>, who: Principal, Path(path): Path<(String, String)>) -> Result<Response> {
    let contract = seen(&app, &who, path).await?;
    Ok(typed("application/schema+json", derive::json_schema::json_schema(app.warehouse.catalog(), &contract).to_string()))
}

/// `GET /api/v1/datasets/{area}/{name}/template.csv`
pub async fn csv_template(State(app): State<App>, who: Principal, Path(path): Path<(String, String)>) -> Result<Response> {
    let contract = seen(&app, &who, path).await?;
    let mut response = typed("text/csv; charset=utf-8; header=present", derive::csv_template::csv_template(&contract));
    let file = format!("attachment; filename=\"{}.{}.csv\"", contract.name.area, contract.name.name);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, file.parse().map_err(|e| Problem::internal("http.header", e))?);
    Ok(response)
}

/// `GET /api/v1/datasets/{area}/{name}/odcs.yaml`
pub async fn odcs(State(app): State<App>, who: Principal, Path(path): Path<(String, String)>) -> Result<Response> {
    let contract = seen(&app, &who, path).await?;
    let yaml = derive::odcs::odcs(app.warehouse.catalog(), &contract).map_err(|e| Problem::internal("datasets.odcs", e))?;
    Ok(typed("application/yaml", yaml))
}

/// `GET /api/v1/datasets/{area}/{name}/datapackage.json`
pub async fn frictionless(State(app): State<App>, who: Principal, Path(path): Path<(String, String)>) -> Result<Json<Value>> {
    let contract = seen(&app, &who, path).await?;
    Ok(Json(derive::frictionless::frictionless(app.warehouse.catalog(), &contract)))
}

fn summary(dataset: &Visible<'_>) -> Value {
    let (name, contract) = (dataset.name, dataset.contract);
    let base = format!("/api/v1/datasets/{}/{}", name.area, name.name);
    let rows: serde_json::Map<String, Value> = Format::ALL.iter().map(|f| (f.extension().into(), format!("{base}/rows.{}", f.extension()).into())).collect();
    json!({
        "name": name.to_string(),
        "title": contract.title,
        "description": contract.description,
        "version": contract.version,
        "mode": contract.mode,
        "history": dataset.history,
        "links": {
            "self": base,
            "rows": rows,
            "schema": format!("{base}/schema.json"),
            "template": format!("{base}/template.csv"),
            "odcs": format!("{base}/odcs.yaml"),
            "datapackage": format!("{base}/datapackage.json"),
        },
    })
}

fn column_of(column: &Column, dataset: &Visible<'_>) -> Value {
    json!({
        "name": column.name,
        "type": String::from(column.r#type),
        "title": column.title,
        "description": column.description,
        "class": column.class,
        "required": column.required,
        "masked": dataset.masked.contains(&column.name.as_str()),
        "unit": column.unit,
        "code_list": column.code_list,
        "references": column.references,
        "example": column.example,
    })
}

fn named((area, name): (String, String)) -> Result<DatasetName> {
    format!("{area}.{name}").parse().map_err(|_| Problem::not_found())
}

/// The contract as the principal may know it: whole for who delivers, else without the columns that do not exist for it.
async fn seen(app: &App, who: &Principal, path: (String, String)) -> Result<Contract> {
    let session = app.warehouse.session(who).await?;
    let name = named(path)?;
    let dataset = session.dataset(&name)?;
    let mut contract = dataset.contract.clone();
    let delivers = app.warehouse.catalog().roles.get(&who.role).is_some_and(|role| role.deliver.is_some());
    if delivers {
        return Ok(contract);
    }
    let hidden: Vec<String> = contract.columns.iter().filter(|c| !dataset.columns.iter().any(|v| v.name == c.name)).map(|c| c.name.clone()).collect();
    contract.columns.retain(|c| !hidden.contains(&c.name));
    contract.key.retain(|k| !hidden.contains(k));
    contract.sort.retain(|k| !hidden.contains(k));
    contract.rules.retain(|rule| !hidden.iter().any(|h| rule.sql.contains(h.as_str())));
    Ok(contract)
}

fn typed(media: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, media)], body).into_response()
}
